"""Training: what is run, what is kept of it, what it must have made, and what comes after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwheel.engine.records import read_record
from trainwheel.errors import StepFailedError
from trainwheel.guest import TRAIN
from trainwheel.system.digest import digest_file
from trainwheel.system.secrets import SecretClass
from unit.recording_tools import Call
from unit.repository import make_repository, write
from unit.steps.opened import SHA, configure, fail, lock_more, open_with
from unit.steps.training import MEASURES, training

ARTEFACT = "model/small_model/artefact/model.joblib"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository, whose model stands but was never trained."""
    return make_repository(tmp_path / "small")


def read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def test_the_command_runs_inside_the_host_with_what_makes_it_repeat(root: Path) -> None:
    opened = open_with(root, training()).step("train")

    (call,) = opened.calls
    assert call.argv[:3] == ("python", "-P", str(TRAIN))
    assert call.argv[4:6] == ("-m", "small_training")
    assert call.env["PYTHONHASHSEED"] == "0"
    assert call.env["PYTHONPATH"] == str(root / "model")
    assert call.env["OMP_NUM_THREADS"] == call.env["OPENBLAS_NUM_THREADS"] == "1"
    assert Path(call.env["TRAINWHEEL_CHECKPOINTS"]).is_relative_to(root / ".trainwheel")
    # Nothing fetches the data before, so training may need what opens it.
    assert call.secrets == {SecretClass.DATA}


def test_training_on_data_that_was_fetched_sees_no_secret(root: Path) -> None:
    lock_more(root, "data", "dvc")
    write(root, "data.dvc", "outs: 1\n")

    assert open_with(root, training()).step("train").calls[0].secrets == frozenset()


def test_threads_are_left_alone_where_that_is_configured(root: Path) -> None:
    configure(root, "train.threads = 0")

    assert "OMP_NUM_THREADS" not in open_with(root, training()).step("train").calls[0].env


def test_what_training_made_is_placed_with_its_manifest_and_its_answers(root: Path) -> None:
    opened = open_with(root, training("new", {"metrics.json": '{"f1": 0.5}'})).step("train")

    artefact = root / ARTEFACT
    assert artefact.read_text() == "new"
    assert read_json(artefact.with_name("model.joblib.json"))["sha256"] == digest_file(artefact)
    assert read_json(root / "build/train/golden.jsonl") == {
        "input": {"x": 1},
        "prediction": {"x": 1},
    }
    taken = read_json(root / "build/train/training.json")
    assert taken == {**MEASURES, "carries_training_rows": []}
    record = read_record(root / "build/.trainwheel", "train")
    assert record is not None
    assert record.facts["model"] == digest_file(artefact)
    assert "trained, f1 0.500" in opened.said


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "trained, without metrics.json"),
        ({"metrics.json": '{"a": 0.1, "b": 0.2, "c": 0.3}'}, "trained, a 0.100, b 0.200  "),
        ({"metrics.json": '{"a": 0.1, "a_low": 0.0, "a_high": 0.2, "n": 7}'}, "trained, a 0.100  "),
    ],
)
def test_the_outcome_tells_two_metrics(root: Path, files: dict[str, str], told: str) -> None:
    assert told in open_with(root, training("new", files)).step("train").said


def test_training_without_golden_inputs_is_told_and_stands(root: Path) -> None:
    opened = open_with(root, training(golden=None)).step("train")

    assert "golden.jsonl" in opened.said
    assert (root / "build/train/golden.jsonl").read_text() == ""


BROKEN: dict[str, tuple[Callable[[Call], str], str]] = {
    "no model": (training(weights=None), "{model}"),
    "an empty model": (training(weights=""), "{model}"),
    "no digest": (training("new", {"data.json": '{"wine": "abc"}'}), "data.json"),
    "no metrics": (training("new", {"metrics.json": "[]"}), "metrics.json"),
    "another encoding": (training(golden='{"x": "é"}', encoding="latin-1"), "golden.jsonl line 1"),
    "no record": (training(golden="[1]\n"), "golden.jsonl line 1"),
    "a failure": (fail("training ended with exit code 1"), "exit code 1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_not_sound_leaves_the_model_that_stands(root: Path, case: str) -> None:
    answer, named = BROKEN[case]

    with pytest.raises(StepFailedError) as caught:
        open_with(root, answer).step("train")

    assert named in str(caught.value)
    assert (root / ARTEFACT).read_text() == "weights"
    assert not (root / "build/train").exists()
    assert read_record(root / "build/.trainwheel", "train") is None


def test_a_model_that_does_not_predict_is_refused_by_its_row(root: Path) -> None:
    write(root, "model/small_model/classifier.py", "def predict_record(record): return record['y']")

    with pytest.raises(StepFailedError, match=r"predict_record .*KeyError: 'y' \(row 1\)"):
        open_with(root, training()).step("train")


def test_a_refusal_of_the_cluster_stands_for_the_exit_code(root: Path) -> None:
    def answer(call: Call) -> str:
        refusal = read_json(Path(call.argv[3]))["refusal"]
        Path(refusal).write_text(json.dumps({"message": "two Pythons", "hint": "take one"}))
        return fail("exit code 2")(call)

    with pytest.raises(StepFailedError) as caught:
        open_with(root, answer).step("train")

    assert (caught.value.message, caught.value.hint) == ("two Pythons", "take one")


def test_data_of_no_file_is_kept_with_its_digest(root: Path) -> None:
    open_with(root, training("new", {"data.json": json.dumps({"wine": SHA})})).step("train")

    assert read_json(root / "build/train/data.json") == {"wine": SHA}


def test_checkpoints_outlive_a_failure_and_go_with_success_and_force(root: Path) -> None:
    def broken(call: Call) -> str:
        write(Path(call.env["TRAINWHEEL_CHECKPOINTS"]), "half", "")
        return fail("killed")(call)

    kept: list[bool] = []

    def look(call: Call) -> str:
        kept.append(Path(call.env["TRAINWHEEL_CHECKPOINTS"], "half").exists())
        return training()(call)

    for flags in ((), ("force",)):
        write(root, "data/rows.csv", str(flags))
        with pytest.raises(StepFailedError):
            open_with(root, broken).step("train")
        open_with(root, look, *flags, named=["train"]).step("train")

    assert kept == [True, False]
    assert not (root / ".trainwheel/checkpoints").exists()


@pytest.mark.parametrize(
    ("registered", "steps", "queue"),
    [
        ({"train", "evaluate", "report"}, {"train"}, ["evaluate", "report"]),
        ({"train", "evaluate", "report"}, {"train", "evaluate"}, ["report"]),
        ({"train", "evaluate", "report"}, {"train", "evaluate", "report"}, []),
        ({"train", "report"}, {"train"}, ["report"]),
        ({"train"}, {"train"}, []),
    ],
)
def test_what_follows_is_queued_unless_it_comes_anyway(
    root: Path, registered: set[str], steps: set[str], queue: list[str]
) -> None:
    parts: dict[str, Any] = {"registered": frozenset(registered), "steps": frozenset(steps)}

    assert open_with(root, training(), **parts).step("train").queue == queue
    # Also where nothing had to be trained: the files may have gone.
    assert open_with(root, training(), **parts).step("train").queue == queue


def test_nothing_is_queued_after_a_failure(root: Path) -> None:
    opened = open_with(root, fail("no"), registered=frozenset({"evaluate"}))

    with pytest.raises(StepFailedError):
        opened.step("train")

    assert opened.queue == []
