"""The report, the table and the card say what was measured, of the model that stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.system.digest import digest_file
from unit.repository import make_repository, write
from unit.steps.opened import SHA, configure, open_with

WORST = [{"row": 2, "truth": "a", "predicted": "b", "score": 0.25}]
TAKEN = {"seconds": 59.94, "processor_seconds": 3661.4, "peak_memory": 3 << 20}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose model was trained and evaluated."""
    root = make_repository(tmp_path / "small")
    write(root, "build/train/metrics.json", '{"accuracy": 0.9125}')
    evaluate(root)
    return root


def evaluate(root: Path, **measured: Any) -> None:
    document = {
        "verdict": {"checks": [], "baseline": "", "refusal": "", "outcome": ""},
        "baseline": {"version": "0.1.0", "metrics": {"accuracy": 0.95}},
        "measured": measured,
        "compared": {},
    }
    write(root, "build/evaluate/evaluation.json", json.dumps(document))


def page(root: Path, name: str = "report.html") -> str:
    open_with(root).step("report")
    return (root / "build/train" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "compares"), [("report.html", True), ("metrics.md", True), ("model_card.md", False)]
)
def test_each_page_tells_the_model_and_its_metric(root: Path, name: str, *, compares: bool) -> None:
    text = page(root, name)

    assert "small-model" in text
    assert "0.9125" in text
    # A card is read long after, when something else is published.
    assert ("0.1.0" in text) is compares


@pytest.mark.parametrize("name", ["report.html", "model_card.md"])
def test_training_is_told_with_its_data_and_parameters(root: Path, name: str) -> None:
    write(root, "build/train/params.json", '{"depth": 7}')
    write(root, "build/train/data.json", json.dumps({"wine": SHA}))

    text = page(root, name)

    for part in (
        "depth",
        "wine",
        SHA[:16],
        "data/rows.csv",
        digest_file(root / "data/rows.csv")[:16],
    ):
        assert part in text
    assert "small_training" in text


def test_what_training_took_is_told_as_people_read_it(root: Path) -> None:
    write(root, "build/train/training.json", json.dumps(TAKEN))

    text = page(root)

    assert "59.9 s" in text
    assert "1:01:01" in text
    assert "3.1 MB" in text
    assert "workers" not in text


@pytest.mark.parametrize(("lost", "told"), [(0, False), (1, True)])
def test_a_cluster_is_told_and_what_it_lost(root: Path, lost: int, *, told: bool) -> None:
    cluster = {"workers": 4, "lost_workers": lost, "repeated_tasks": 9}
    write(root, "build/train/training.json", json.dumps({**TAKEN, "cluster": cluster}))

    text = page(root)

    assert "4 workers at the start" in text
    assert ("1 lost, 9 tasks repeated" in text) is told


def test_a_model_that_carries_training_rows_is_warned_of(root: Path) -> None:
    assert "KNeighborsClassifier" not in page(root)

    facts = {"carries_training_rows": ["KNeighborsClassifier"]}
    write(root, "build/train/training.json", json.dumps(facts))

    assert "KNeighborsClassifier" in page(root)
    assert "KNeighborsClassifier" in page(root, "metrics.md")


@pytest.mark.parametrize("shows", [True, False])
def test_the_inputs_of_mistakes_are_shown_only_where_that_is_configured(
    root: Path, *, shows: bool
) -> None:
    configure(root, f"report.show-rows = {str(shows).lower()}")
    rows = "".join(f'{{"input": {{"name": "patient-{n}"}}, "truth": "a"}}\n' for n in (1, 2, 3))
    write(root, "build/train/holdout.jsonl", rows)
    evaluate(root, rows=3, positive="a", worst=WORST)

    text = page(root)

    assert "0.25" in text
    assert ("patient-2" in text) is shows
    assert "patient-1" not in text
    assert "patient-3" not in text


def repeatability(root: Path, artefact: str) -> None:
    repeat = {"engine": "local", "hash_seed": "1", "artefact": artefact, "difference": ""}
    document = {"schema": 1, "holds": "bytes", "artefact": artefact, "repeats": [repeat]}
    write(root, "build/train/repeatability.json", json.dumps(document))


def test_whether_training_repeats_is_told_of_the_model_that_stands(root: Path) -> None:
    repeatability(root, digest_file(root / "model/small_model/artefact/model.joblib"))
    assert "byte for byte" in page(root)

    repeatability(root, SHA)
    assert "byte for byte" not in page(root)


def test_pictures_are_named_for_whoever_cannot_see_them(root: Path) -> None:
    write(root, "build/evaluate/roc.svg", '<svg width="1"><svg height="2"></svg></svg>')
    write(root, "build/evaluate/unknown.svg", '<svg id="unknown"></svg>')

    text = page(root)

    assert text.count('<svg role="img" aria-label="ROC curve" width="1"><svg height="2">') == 1
    assert 'id="unknown"' not in text


def test_what_is_no_markup_is_none_on_the_page(root: Path) -> None:
    write(root, "build/train/params.json", '{"<script>": "</td>"}')

    assert "<script>" not in page(root)


@pytest.mark.parametrize(("named", "spoken"), [(["report"], True), (["test"], False)])
def test_who_asks_for_it_is_told_where_it_is(root: Path, named: list[str], *, spoken: bool) -> None:
    open_with(root).step("report")

    opened = open_with(root, named=named).step("report")

    assert ("build/train/report.html" in opened.said) is spoken
    assert "report" not in opened.run.made


@pytest.mark.parametrize(
    ("name", "text", "anew"),
    [
        ("build/train/metrics.json", '{"accuracy": 0.5}', True),
        ("build/train/repeatability.json", "{}", True),
        ("build/evaluate/roc.svg", "<svg >", True),
        ("build/train/report.html", "tampered", True),
        ("build/train/golden.jsonl", "{}", False),
        ("build/test/junit.xml", "", False),
    ],
)
def test_it_is_written_anew_for_what_it_tells(
    root: Path, name: str, text: str, *, anew: bool
) -> None:
    open_with(root).step("report")
    write(root, name, text)

    assert ("report" in open_with(root).step("report").run.made) is anew


def test_a_model_that_was_not_evaluated_has_no_report(root: Path) -> None:
    (root / "build/evaluate/evaluation.json").unlink()

    with pytest.raises(StepFailedError, match=r"evaluation\.json"):
        open_with(root, registered=frozenset({"evaluate", "report"})).step("report")

    assert not (root / "build/train/report.html").exists()
