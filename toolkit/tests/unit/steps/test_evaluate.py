"""The gate: lenient where only the report needs a verdict, strict where a model has to pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import ConfigurationError, RefusedError, StepFailedError
from trainwheel.steps.evaluate import evaluate_model, pass_gate
from unit.model_wheels import PREDICT
from unit.repository import make_repository, write, write_lock
from unit.steps.session import Session, configure, fail, open_with, publish, publish_own
from unit.steps.shared.measured import hold_out, host

DROP, LOW, HIGH = (
    f"gate.accuracy.{rule}" for rule in ("max-drop = 0.05", "min = 0.8", "min = 0.95")
)
REQUIRED = 'gate.baseline = "required"'
NO_INDEX = {"TRAINWHEEL_INDEX": "corporat"}
NO_SECRETS = {"NEXUS_USERNAME": "", "NEXUS_PASSWORD": ""}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository with a trained model whose accuracy is 0.9."""
    root = make_repository(tmp_path / "small")
    set_accuracy(root, 0.9)
    return root


def set_accuracy(root: Path, accuracy: float) -> None:
    write(root, "build/train/metrics.json", json.dumps({"accuracy": accuracy}))


def results(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((root / "build/evaluate/evaluation.json").read_bytes())
    return document


def refuse(session: Session, error: type[Exception] = RefusedError) -> str:
    with pytest.raises(error) as caught:
        pass_gate(session.run)
    return str(caught.value)


@pytest.mark.parametrize(("step", "refuses"), [("evaluate", True), ("train", False)])
def test_the_gate_refuses_where_the_session_was_requested_by_name(
    root: Path, step: str, *, refuses: bool, sentence: Callable[[object], None]
) -> None:
    configure(root, HIGH, "gate.f1.min = 0.5")
    session = open_with(root, named=[step])

    if refuses:
        with pytest.raises(RefusedError, match=r"accuracy is 0\.9") as caught:
            session.step("evaluate")
        sentence(caught.value)
    else:
        session.step("evaluate")

    assert results(root)["verdict"]["outcome"] == "failed"
    assert (root / "build/train/report.html").is_file() is refuses


def test_without_a_model_there_is_nothing_to_evaluate(root: Path) -> None:
    (root / "model/small_model/artefact/model.joblib").unlink()

    with pytest.raises(StepFailedError, match=r"model\.joblib"):
        open_with(root).step("evaluate")


def test_without_a_gate_every_model_passes_silently(root: Path) -> None:
    session = open_with(root)

    pass_gate(session.run)

    assert "gate " not in session.output
    assert results(root)["verdict"]["outcome"] == ""


def test_a_verdict_is_a_table_once_and_unchanged_after(root: Path) -> None:
    configure(root, LOW)
    first, second = open_with(root), open_with(root)

    pass_gate(first.run)
    pass_gate(second.run)

    assert "  passed  accuracy  0.9" in first.output
    assert second.output == "gate     passed, unchanged\n"


def test_a_failed_verdict_is_a_table_each_time(root: Path) -> None:
    configure(root, HIGH)

    for session in (open_with(root), open_with(root)):
        refuse(session)
        assert "  failed  accuracy  0.9" in session.output
        assert "unchanged" not in session.output


@pytest.mark.parametrize("is_fresh", [True, False])
def test_a_newer_release_counts_if_the_index_is_asked(root: Path, *, is_fresh: bool) -> None:
    configure(root, DROP)
    evaluate_model(open_with(root).run, is_fresh=False)
    publish(root, "0.1.0", {"accuracy": 0.99})

    evaluation = evaluate_model(open_with(root).run, is_fresh=is_fresh)

    assert evaluation.baseline.version == ("0.1.0" if is_fresh else "")
    assert evaluation.verdict.outcome == ("failed" if is_fresh else "passed")


def test_the_index_is_asked_once_per_run(root: Path) -> None:
    configure(root, DROP)
    session = open_with(root)
    pass_gate(session.run)
    publish(root, "0.1.0", {"accuracy": 0.99})

    pass_gate(session.run)
    session.step("version")

    assert "the first release" in session.output
    assert "0.99 of 0.1.0" in refuse(open_with(root))


def test_an_index_that_cannot_be_read_stops_only_a_gate_that_compares(root: Path) -> None:
    configure(root, LOW)
    pass_gate(open_with(root, variables=NO_INDEX).run)

    configure(root, DROP)
    lenient, strict = (open_with(root, variables=NO_INDEX) for _ in range(2))
    assert evaluate_model(lenient.run, is_fresh=False).verdict.outcome == "passed"
    assert "corporat" in lenient.output
    assert "the report has no comparison" in lenient.output
    assert "corporat" in refuse(strict, ConfigurationError)
    assert "the gate needs the baseline" in strict.output

    configure(root, DROP, REQUIRED)
    assert "corporat" in refuse(open_with(root, variables=NO_INDEX))


@pytest.mark.parametrize("variables", [{}, NO_SECRETS], ids=["nothing published", "no access"])
@pytest.mark.parametrize("by", ["key", "variable", ""])
def test_a_required_baseline_must_exist(root: Path, variables: dict[str, str], by: str) -> None:
    configure(root, DROP, *([REQUIRED] if by == "key" else []))
    required = {"TRAINWHEEL_GATE_BASELINE": "required"} if by == "variable" else {}
    session = open_with(root, variables={**variables, **required})

    if by:
        assert "requires a baseline" in refuse(session)
    else:
        pass_gate(session.run)
        assert results(root)["baseline"]["is_deferred"] is bool(variables)
        assert ("deferred" in session.output) is bool(variables)


def test_the_requested_index_is_the_one_to_compare_with(root: Path) -> None:
    configure(root, DROP)

    assert "other" in refuse(open_with(root, lambda _: "", "to=other"), ConfigurationError)


def test_it_is_measured_again_by_force_for_another_gate_and_after_tampering(root: Path) -> None:
    def evaluates(*flags: str) -> bool:
        session = open_with(root, lambda _: "", *flags, named=["evaluate"])
        evaluate_model(session.run, is_fresh=False)
        return "evaluate" in session.run.made

    configure(root, HIGH)
    assert [evaluates(), evaluates(), evaluates("force")] == [True, False, True]

    configure(root, LOW)
    assert evaluates()

    path = root / "build/evaluate/evaluation.json"
    path.write_text(path.read_text().replace('"passed"', '"failed"'))
    assert evaluates()
    assert results(root)["verdict"]["outcome"] == "passed"


def test_metrics_that_cannot_be_read_are_measured_once_they_can(root: Path) -> None:
    open_with(root).step("evaluate")
    write(root, "build/train/metrics.json", '{"accuracy": NaN}')

    with pytest.raises(StepFailedError, match="accuracy"):
        open_with(root).step("evaluate")

    set_accuracy(root, 0.8)
    assert "evaluate" in open_with(root).step("evaluate").run.made


def baseline_of(root: Path, files: Mapping[str, bytes | None] | None = None) -> str:
    """Evaluate, release the model with these files of another kind, and return the next baseline.

    It is empty where the first evaluation, which found nothing published, still holds.
    """
    configure(root, DROP)
    pass_gate(open_with(root).run)
    publish_own(root, files=files)
    pass_gate(open_with(root).run)
    return str(results(root)["baseline"]["version"])


def test_a_model_that_was_released_since_is_not_measured_again(root: Path) -> None:
    assert not baseline_of(root)

    for _ in range(2):
        session = open_with(root, fail("nothing is to be run"))
        pass_gate(session.run)
        assert session.output == "gate     passed, unchanged\n"


@pytest.mark.parametrize("files", [
    {"classifier.py": b"def predict_record(record): return 1\n"}, {"classifier.py": None},
    {"artefact/model.joblib": b"others"}, {"artefact/model.joblib.json": b"{ }"},
    {"artefact/model.joblib": None}, {"more.py": b""}, {"py.typed": b"partial"},
], ids=str)  # fmt: skip
def test_a_release_of_other_files_is_a_baseline(root: Path, files: dict[str, bytes | None]) -> None:
    assert baseline_of(root, files) == "0.1.0"


def test_a_file_of_data_that_the_wheel_does_not_ship_is_no_difference(root: Path) -> None:
    assert not baseline_of(root, {"py.typed": None})


def test_another_entry_point_or_another_runtime_package_is_another_model(root: Path) -> None:
    configure(root, DROP)
    write_lock(root, six="==1.17.0")
    pass_gate(open_with(root).run)

    for version, predict in (("0.1.0", PREDICT), ("0.1.1", "small_model.classifier:other")):
        publish_own(root, version, predict=predict)
        write_lock(root, six="==1.17.0" if predict == PREDICT else "==1.16.0")
        pass_gate(open_with(root).run)
        assert results(root)["baseline"]["version"] == version
        assert not results(root)["baseline"]["is_this_model"]


def test_only_the_newest_release_counts(root: Path) -> None:
    assert not baseline_of(root)
    publish(root, "0.1.1", {"accuracy": 0.99})

    assert "0.99 of 0.1.1" in refuse(open_with(root))
    for wheel in (root / ".trainwheel/index").iterdir():
        wheel.unlink()
    pass_gate(open_with(root).run)

    assert "nothing is published" in results(root)["baseline"]["reason"]


def test_what_failed_or_was_left_to_the_upload_is_evaluated_again(root: Path) -> None:
    configure(root, DROP)
    pass_gate(open_with(root, variables=NO_SECRETS).run)
    publish_own(root)
    pass_gate(open_with(root).run)
    assert results(root)["verdict"]["checks"][0]["told"] == "this model is 0.1.0"

    publish(root, "0.1.1", {"accuracy": 0.99})
    refuse(open_with(root))
    publish_own(root, "0.1.2")
    pass_gate(open_with(root).run)


def test_a_model_that_is_published_needs_no_second_environment(root: Path) -> None:
    configure(root, DROP, HIGH, "gate.f1.max-drop = 0.05")
    hold_out(root)
    publish_own(root)
    session = open_with(root, host())

    assert "0.95" in refuse(session)

    assert session.calls == []
    checks = results(root)["verdict"]["checks"]
    assert [(check["outcome"], check["told"]) for check in checks] == [
        ("failed", ""), ("passed", "this model is 0.1.0"),
        ("failed", "not in the metrics of this model, baseline 0.1.0"),
    ]  # fmt: skip
