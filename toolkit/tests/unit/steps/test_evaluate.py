"""The gate: lenient where the report needs a verdict, strict where a model is to pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainwheel.engine.records import read_record
from trainwheel.errors import ConfigurationError, RefusedError, StepFailedError
from trainwheel.steps.evaluate import evaluate_model, pass_gate
from unit.repository import make_repository, write
from unit.steps.opened import Opened, configure, open_with, publish

DROP = "gate.accuracy.max-drop = 0.05"
REQUIRED = 'gate.baseline = "required"'
NO_INDEX = {"TRAINWHEEL_INDEX": "corporat"}
NO_SECRETS = {"NEXUS_LOCAL_REPO_URL": "https://nexus.invalid/models/", "NEXUS_PASSWORD": ""}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository with a trained model that says how good it is."""
    root = make_repository(tmp_path / "small")
    say(root, 0.9)
    return root


def say(root: Path, accuracy: float) -> None:
    write(root, "build/train/metrics.json", json.dumps({"accuracy": accuracy}))


def verdict(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((root / "build/evaluate/evaluation.json").read_bytes())
    return document


def refuse(opened: Opened, error: type[Exception] = RefusedError) -> str:
    with pytest.raises(error) as caught:
        pass_gate(opened.run)
    return str(caught.value)


@pytest.mark.parametrize(("named", "refuses"), [(["evaluate"], True), (["train"], False)])
def test_the_gate_refuses_where_it_was_asked_for_by_name(
    root: Path, named: list[str], *, refuses: bool
) -> None:
    configure(root, "gate.accuracy.min = 0.95")
    opened = open_with(root, named=named)

    if refuses:
        with pytest.raises(RefusedError, match=r"accuracy is 0\.9"):
            opened.step("evaluate")
    else:
        opened.step("evaluate")

    assert verdict(root)["verdict"]["outcome"] == "failed"
    assert (root / "build/train/report.html").is_file() is refuses


def test_a_refusal_names_the_first_failure_the_count_and_the_report(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.95", "gate.f1.min = 0.5")

    text = refuse(open_with(root))

    assert "accuracy is 0.9" in text
    assert "and 1 more" in text
    assert "build/train/report.html" in text


def test_without_a_model_there_is_nothing_to_evaluate(root: Path) -> None:
    (root / "model/small_model/artefact/model.joblib").unlink()

    with pytest.raises(StepFailedError, match=r"model\.joblib"):
        open_with(root).step("evaluate")


def test_without_a_gate_every_model_passes_in_silence(root: Path) -> None:
    opened = open_with(root)

    pass_gate(opened.run)

    assert "gate " not in opened.said
    assert verdict(root)["verdict"]["outcome"] == ""


def test_a_verdict_is_a_table_once_and_unchanged_after(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.8")
    first, second = open_with(root), open_with(root)

    pass_gate(first.run)
    pass_gate(second.run)

    assert "  passed  accuracy  0.9" in first.said
    assert second.said == "gate     passed, unchanged\n"


def test_a_failed_verdict_is_shown_whole_each_time(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.95")

    for opened in (open_with(root), open_with(root)):
        refuse(opened)
        assert "  failed  accuracy  0.9" in opened.said
        assert "unchanged" not in opened.said


@pytest.mark.parametrize("is_fresh", [True, False])
def test_what_was_published_meanwhile_counts_where_the_index_is_asked(
    root: Path, *, is_fresh: bool
) -> None:
    configure(root, DROP)
    evaluate_model(open_with(root).run, is_fresh=False)
    publish(root, "0.1.0", {"accuracy": 0.99})

    evaluation = evaluate_model(open_with(root).run, is_fresh=is_fresh)

    assert evaluation.baseline.version == ("0.1.0" if is_fresh else "")
    assert evaluation.verdict.outcome == ("failed" if is_fresh else "passed")


def test_the_index_is_asked_once_a_run(root: Path) -> None:
    configure(root, DROP)
    opened = open_with(root)
    pass_gate(opened.run)
    publish(root, "0.1.0", {"accuracy": 0.99})

    pass_gate(opened.run)

    refuse(open_with(root))


def test_the_gate_holds_a_model_to_what_is_published(root: Path) -> None:
    configure(root, DROP)
    publish(root, "0.1.0", {"accuracy": 0.95})
    pass_gate(open_with(root).run)
    say(root, 0.89)

    assert "0.95 of 0.1.0" in refuse(open_with(root))


def test_an_index_that_cannot_be_read_stops_only_who_needs_its_answer(root: Path) -> None:
    configure(root, DROP)
    lenient = open_with(root, variables=NO_INDEX)

    assert evaluate_model(lenient.run, is_fresh=False).verdict.outcome == "passed"
    assert "corporat" in lenient.said
    assert "the report has no comparison" in lenient.said

    strict = open_with(root, variables=NO_INDEX)
    assert "corporat" in refuse(strict, ConfigurationError)
    assert "the gate needs to compare" in strict.said


def test_a_gate_that_does_not_compare_needs_no_index(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.8")

    pass_gate(open_with(root, variables=NO_INDEX).run)


def test_an_index_that_cannot_be_read_is_a_refusal_where_a_baseline_is_demanded(root: Path) -> None:
    configure(root, DROP, REQUIRED)

    text = refuse(open_with(root, variables=NO_INDEX))

    assert "the index cannot be read" in text
    assert "corporat" in text


@pytest.mark.parametrize("variables", [{}, NO_SECRETS], ids=["nothing published", "no access"])
@pytest.mark.parametrize("by", ["key", "variable", ""])
def test_a_baseline_that_is_demanded_has_to_be_there(
    root: Path, variables: dict[str, str], by: str
) -> None:
    configure(root, DROP, *([REQUIRED] if by == "key" else []))
    demanded = {"TRAINWHEEL_GATE_BASELINE": "required"} if by == "variable" else {}
    opened = open_with(root, variables={**variables, **demanded})

    if by:
        assert "demanded" in refuse(opened)
    else:
        pass_gate(opened.run)
        assert verdict(root)["baseline"]["is_deferred"] is bool(variables)


def test_a_job_without_access_leaves_the_comparison_to_the_upload(root: Path) -> None:
    configure(root, DROP)
    opened = open_with(root, variables=NO_SECRETS)

    pass_gate(opened.run)

    assert [check["outcome"] for check in verdict(root)["verdict"]["checks"]] == ["deferred"]
    assert "deferred" in opened.said


def test_the_index_that_was_asked_for_is_the_one_that_counts(root: Path) -> None:
    configure(root, DROP)

    assert "other" in refuse(open_with(root, lambda _: "", "to=other"), ConfigurationError)


def test_it_is_measured_again_by_force_and_for_another_gate(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.8")
    open_with(root).step("evaluate")
    same, forced = open_with(root), open_with(root, lambda _: "", "force", named=["evaluate"])
    assert "evaluate" not in same.step("evaluate").run.made
    assert "evaluate" in forced.step("evaluate").run.made

    configure(root, "gate.accuracy.min = 0.7")

    assert "evaluate" in open_with(root).step("evaluate").run.made


def test_a_verdict_that_was_tampered_with_is_made_again(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.95")
    open_with(root).step("evaluate")
    path = root / "build/evaluate/evaluation.json"
    path.write_text(path.read_text().replace('"failed"', '"passed"'))

    refuse(open_with(root))


def test_metrics_that_cannot_be_read_leave_no_verdict(root: Path) -> None:
    open_with(root).step("evaluate")
    write(root, "build/train/metrics.json", '{"accuracy": NaN}')

    with pytest.raises(StepFailedError, match="accuracy"):
        open_with(root).step("evaluate")

    write(root, "build/train/metrics.json", "{}")
    assert "evaluate" in open_with(root).step("evaluate").run.made
    assert read_record(root / "build/.trainwheel", "evaluate") is not None
