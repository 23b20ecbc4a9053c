"""Report, table and model card show what is known of the current model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from trainwheel.errors import StepFailedError
from trainwheel.system.digest import digest_file
from unit.model_wheels import GOLDEN
from unit.recording_tools import Call
from unit.repository import make_repository, write, write_lock
from unit.steps.session import SHA, Session, configure, open_with

COSTS = {
    "packages": {"joblib": "1.6.7"}, "seconds": 59.94, "processor_seconds": 60,
    "peak_memory": 3 << 20,
}  # fmt: skip
EVALUATION = "build/evaluate/evaluation.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose model was trained and evaluated."""
    root = make_repository(tmp_path / "small")
    write_json(root, "metrics.json", {"accuracy": 0.9125})
    evaluate(root)
    return root


def write_json(root: Path, name: str, document: Any) -> None:
    write(root, f"build/train/{name}", json.dumps(document))


def evaluate(root: Path, source: str = "", **measured: Any) -> None:
    document = {
        **({"source": source} if source else {}),
        "verdict": {"checks": [], "baseline": "", "refusal": "", "outcome": ""},
        "baseline": {"version": "0.1.0", "metrics": {"accuracy": 0.95}},
        "measured": measured,
        "compared": {},
    }
    write(root, EVALUATION, json.dumps(document))


def report(root: Path, *named: str, **parts: Any) -> Session:
    return open_with(root, named=named, **parts).step("report")


def page(root: Path, name: str = "report.html", folder: str = "train") -> str:
    report(root)
    return (root / "build" / folder / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "compares", "describes"), [
    ("report.html", True, True), ("metrics.md", True, False), ("model_card.md", False, True),
])  # fmt: skip
def test_each_page_shows_its_part_of_model_metrics_data_and_parameters(
    root: Path, name: str, *, compares: bool, describes: bool
) -> None:
    write_json(root, "params.json", {"depth": 7})
    write_json(root, "data.json", {"wine": SHA})

    text = page(root, name)

    assert "small-model" in text
    assert "0.9125" in text
    # A card is read long after, when something else is published.
    assert ("0.1.0" in text) is compares
    digest = digest_file(root / "data/rows.csv")[:16]
    for part in ("depth", "wine", SHA[:16], "data/rows.csv", digest, "small_training"):
        assert (part in text) is describes


@pytest.mark.parametrize(("description", "sentence"), [
    ("Tells <b> apart", "Tells &lt;b&gt; apart."), ("Apart!", "Apart!"),
    ("", "A trained model in a wheel."),
])  # fmt: skip
def test_page_and_card_begin_with_what_the_model_does(
    root: Path, description: str, sentence: str
) -> None:
    report(root)
    setup_py = re.sub(r"description=.*?,\n", "", (root / "setup.py").read_text())
    write(root, "setup.py", setup_py.replace("setup(", f"setup(description={description!r}, ", 1))

    assert f"<h1>small-model</h1>\n<p>{sentence}</p>\n" in page(root)
    card = MarkdownIt("commonmark").render(page(root, "model_card.md"))
    assert card.startswith(f"<h1>small-model</h1>\n<p>{sentence}</p>\n")


@pytest.mark.parametrize("name", ["report.html", "model_card.md"])
def test_parameters_are_shown_as_a_person_would_write_them(root: Path, name: str) -> None:
    scores = {"linear": [0.9876543, 17], "dummy": 0.5}
    holdout = "a quarter of the rows"
    write_json(root, "params.json", {"scores": scores, "holdout": holdout, "seed": 20260101})

    text = page(root, name).replace("&#34;", '"')

    assert '{"linear": [0.9877, 17], "dummy": 0.5}' in text
    assert holdout in text
    assert f'"{holdout}"' not in text
    assert "20260101" in text


@pytest.mark.parametrize("name", ["report.html", "metrics.md", "model_card.md"])
def test_each_page_shows_the_classes_and_whose_predictions_were_measured(
    root: Path, name: str
) -> None:
    measured: dict[str, Any] = {"rows": 9, "classes": ["ill", "well"], "positive": "ill"}
    evaluate(root, **measured, confusion=[[3, 1], [0, 5]])
    by_training = page(root, name)

    evaluate(root, "entry point", **measured)

    assert "the predictions that training wrote; the positive class is ill." in by_training
    assert all(cell in by_training for cell in ("0.8571", "44.4 %"))
    text = page(root, name)
    assert "the answers of the function that ships; the positive class is ill." in text
    assert "precision" not in text


def test_the_page_for_a_strict_server_differs_by_its_style_sheet_alone(root: Path) -> None:
    write(root, "build/evaluate/roc.svg", '<svg width="1"></svg>')
    strict, one_file = page(root, "index.html", "report"), page(root)
    sheet = page(root, "report.css", "report")

    assert not re.search(r"<style|<script|\bstyle=|\bon\w+=|\bdata:", strict)
    assert re.findall(r'\b(?:href|src)="([^"]*)"', strict) == ["report.css"]
    inline = f'<link rel="icon" href="data:,">\n<style>\n{sheet}</style>\n'
    assert one_file.replace(inline, '<link rel="stylesheet" href="report.css">\n') == strict
    assert {path.name for path in (root / "build/report").iterdir()} == {"index.html", "report.css"}


def test_page_and_card_show_what_the_model_is_for(root: Path) -> None:
    assert not any("Limits" in page(root, name) for name in ("report.html", "model_card.md"))

    limits = "Größe <b>*ab* 3|4\n- Kinder & `x`\n\n# Später"
    configure(root, f"card.limits = {json.dumps(limits)}", 'card.data-licence = "CC-BY-4.0"')

    lines = "<p>Größe &lt;b&gt;*ab* 3|4<br>- Kinder &amp; `x`</p><p># Später</p>"
    assert f"<dt>Limits</dt><dd>{lines}</dd>" in page(root)
    assert "<dt>Data licence</dt><dd><p>CC-BY-4.0</p></dd>" in page(root)
    card = MarkdownIt("commonmark").render(page(root, "model_card.md"))
    lines = "<p>Größe &lt;b&gt;*ab* 3|4<br />\n- Kinder &amp; `x`</p>\n<p># Später</p>"
    assert f"<h2>Limits</h2>\n{lines}\n<h2>Data licence</h2>" in card


ENTRY = "entry_points={'trainwheel.models': ['small = small_model:Classifier [x]']},"


@pytest.mark.parametrize(("entry", "is_kept_up", "lines"), [
    (ENTRY, True, ["from small_model import Classifier", "", "model = Classifier()",
                   "model.predict({", "    'x': 2.0,", "})"]),
    *((entry, is_kept_up, ["from small_model.classifier import predict_record", "",
                           "predict_record({", "    'x': 2.0,", "})"])
      for entry, is_kept_up in (
          (ENTRY, False), ("", True), (ENTRY.replace("Classifier", "predict"), True),
      )),
])  # fmt: skip
def test_the_card_shows_how_to_ask_the_model_with_what_is_kept_up(
    root: Path, entry: str, lines: list[str], *, is_kept_up: bool
) -> None:
    write(root, "build/train/golden.jsonl", GOLDEN)
    setup_py = (root / "setup.py").read_text()
    write(root, "setup.py", setup_py.replace("setup(", f"setup({entry}", 1))
    if is_kept_up:
        write(root, "model/small_model/serving.py", "")

    card = page(root, "model_card.md")

    start = "# small-model\n\nA trained model in a wheel.\n\n## How to use it\n\n"
    code = "\n".join(lines)
    install = "```console\npip install small-model\n```\n\n"
    assert card.startswith(f"{start}{install}```python\n{code}\n```\n\n## How good it is\n")


def test_the_card_of_a_portable_model_says_what_each_form_needs(root: Path) -> None:
    write(root, "build/train/golden.jsonl", GOLDEN)
    write_lock(root, engine=("joblib",))
    configure(root, 'portable = "default"', 'sync.extras = { sklearn = "engine" }')
    manifest = root / "model/small_model/artefact/model.joblib.json"
    write(manifest.parent, "model.npz", "arrays")
    cards = []
    for form in ({}, {"portable": {"file": "model.npz", "is_default": True}}):
        write(manifest.parent, manifest.name, json.dumps(form))
        cards.append(page(root, "model_card.md"))

    extra = 'pip install "small-model[sklearn]"\n```\n\n```python\n'
    assert [card.count(extra) for card in cards] == [0, 1]
    assert [card.count("numpy alone") for card in cards] == [0, 1]


def test_the_page_shows_which_columns_the_model_needs_or_why_not(root: Path) -> None:
    def answer(call: Call) -> str:
        Path(call.argv[-1]).write_text('"a"\n"b"\n' + '"b"\n"a"\n"a"\nnull\n', encoding="utf-8")
        return ""

    inputs = [{"<b>&\n\ud800": row, "x": 1} for row in range(2)]
    rows = ({"input": record, "truth": "ab"[number]} for number, record in enumerate(inputs))
    write(root, "build/train/holdout.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    evaluate(root, rows=2, kind="binary", positive=None)

    open_with(root, answer).step("report")

    text = page(root)
    row = '<tr><th scope="row">{}</th><td class="number">{}'
    assert row.format("&lt;b&gt;&amp;\\n\\ud800", "1 ± 0</td>") in text
    assert row.format("x", "not known") in text
    assert "the error rate rises" in text
    configure(root, "report.importance-calls = 5")
    assert "Skipped: 2 rows and 2 columns take 6 answers" in page(root)
    configure(root, "report.importance-calls = 0")
    assert "Which columns" not in page(root)


@pytest.mark.parametrize("losses", [None, 0, 1])
def test_costs_are_shown_in_readable_units_with_those_of_a_cluster(
    root: Path, losses: int | None
) -> None:
    cluster = {"workers": 4, "lost_workers": losses, "repeated_tasks": 9}
    write_json(
        root, "training.json", {**COSTS, **({"cluster": cluster} if losses is not None else {})}
    )

    text = page(root)

    assert all(part in text for part in ("59.9 s", "0:01:00", "3.1 MB", "1.6.7"))
    assert ("4 workers at the start" in text) is (losses is not None)
    assert ("1 lost, 9 tasks repeated" in text) is (losses == 1)


def test_estimators_that_contain_training_rows_are_named(root: Path) -> None:
    assert "KNeighborsClassifier" not in page(root)

    write_json(root, "training.json", {"carries_training_rows": ["KNeighborsClassifier"]})

    assert "KNeighborsClassifier" in page(root)
    assert "KNeighborsClassifier" in page(root, "metrics.md")


@pytest.mark.parametrize("shows", [True, False])
def test_the_inputs_of_mistakes_are_shown_only_if_configured(root: Path, *, shows: bool) -> None:
    configure(root, f"report.show-rows = {str(shows).lower()}", "report.importance-calls = 0")
    rows = "".join(f'{{"input": {{"name": "patient-{n}"}}, "truth": "a"}}\n' for n in (1, 2, 3))
    write(root, "build/train/holdout.jsonl", rows)
    mistake = {"row": 2, "truth": "a", "predicted": "b", "score": 0.25}
    evaluate(root, rows=3, positive="a", worst=[mistake])

    text = page(root)

    assert "0.25" in text
    assert ("patient-2" in text) is shows
    assert "patient-1" not in text
    assert "patient-3" not in text


@pytest.mark.parametrize("is_current", [True, False])
def test_repeatability_is_shown_of_the_current_model_only(root: Path, *, is_current: bool) -> None:
    manifest = root / "model/small_model/artefact/model.joblib.json"
    artefact = digest_file(manifest) if is_current else SHA
    repeat = {"engine": "local", "hash_seed": "1", "artefact": artefact, "difference": ""}
    document = {"schema": 1, "holds": "bytes", "artefact": artefact, "repeats": [repeat]}
    write_json(root, "repeatability.json", document)

    assert ("byte for byte" in page(root)) is is_current


def test_pictures_have_names_for_screen_readers_and_texts_are_escaped(root: Path) -> None:
    write(root, "build/evaluate/roc.svg", '<svg width="1"><svg height="2"></svg></svg>')
    write(root, "build/evaluate/unknown.svg", '<svg id="unknown"></svg>')
    write_json(root, "params.json", {"<script>": "</td>"})

    text = page(root)

    assert text.count('<svg role="img" aria-label="ROC curve" width="1"><svg height="2">') == 1
    assert 'id="unknown"' not in text
    assert "<script>" not in text


@pytest.mark.parametrize(("step", "prints"), [("report", True), ("test", False)])
def test_the_path_is_printed_if_the_session_was_requested(
    root: Path, step: str, *, prints: bool
) -> None:
    report(root)

    session = report(root, step)

    assert ("build/train/report.html" in session.output) is prints
    assert "report" not in session.run.made


@pytest.mark.parametrize(("name", "text", "is_stale"), [
    ("build/train/metrics.json", '{"accuracy": 0.5}', True),
    ("build/train/repeatability.json", "{}", True), ("build/evaluate/roc.svg", "<svg >", True),
    ("model/small_model/artefact/model.joblib", "other", True), ("setup.cfg", "", False),
    ("model/small_model/classifier.py", "", True), ("build/train/report.html", "tampered", True),
    ("build/report/report.css", "", True), ("build/report/rows.csv", "", True),
    ("build/train/golden.jsonl", GOLDEN, True),
    ("build/test/junit.xml", "", False),
])  # fmt: skip
def test_it_is_written_again_when_its_content_changes(
    root: Path, name: str, text: str, *, is_stale: bool
) -> None:
    report(root)
    write(root, name, text)

    assert ("report" in report(root).run.made) is is_stale


def test_a_model_that_was_not_evaluated_has_no_report(root: Path) -> None:
    (root / EVALUATION).unlink()

    assert "skipped" in report(root, registered=frozenset({"report"})).output
    with pytest.raises(StepFailedError, match=r"evaluation\.json"):
        report(root, registered=frozenset({"evaluate", "report"}))

    assert not (root / "build/train/report.html").exists()
