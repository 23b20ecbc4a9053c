"""Training again, with other hash seeds and on the other engine: a difference is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from unit.recording_tools import Call
from unit.repository import write_lock
from unit.steps.session import Answer, Session, configure, fail, open_with
from unit.steps.training import GOLDEN, training

TRUTH = "y_true,y_pred\na,a\n"


def by_seed(*answers: Answer) -> Answer:
    """Return tools that train differently by the hash seed: 0, 1 and 2."""
    return lambda call: answers[int(call.env["PYTHONHASHSEED"])](call)


def predicting(text: str, encoding: str = "utf-8") -> Answer:
    return training(files={"predictions.csv": text}, encoding=encoding)


def results(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((root / "build/train/repeatability.json").read_bytes())
    return document


def check(root: Path, answer: Answer, *, refusal: str = "") -> Session:
    session = open_with(root, answer, "check-repeatable", named=["train"])
    if refusal:
        with pytest.raises(StepFailedError) as caught:
            session.step("train")
        assert refusal in caught.value.message
    else:
        session.step("train")
    return session


def test_it_trains_twice_more_with_other_hash_seeds_and_shows_no_output(root: Path) -> None:
    session = check(root, training(prints="epoch 1"))

    assert [call.env["PYTHONHASHSEED"] for call in session.calls] == ["0", "1", "2"]
    assert len({call.env["TRAINWHEEL_CHECKPOINTS"] for call in session.calls}) == 3
    assert results(root)["holds"] == "bytes"
    assert [row["engine"] for row in results(root)["repeats"]] == ["local", "local"]
    assert session.output.count("same bytes") == 2
    assert session.output.count("epoch 1") == 1
    assert "no cluster is configured" in session.output


def test_a_current_model_is_only_repeated_and_only_with_the_flag(root: Path) -> None:
    assert len(open_with(root, training(), named=["train"]).step("train").calls) == 1
    assert not (root / "build/train/repeatability.json").exists()

    assert [call.env["PYTHONHASHSEED"] for call in check(root, training()).calls] == ["1", "2"]


def test_other_bytes_with_the_same_predictions_pass(root: Path) -> None:
    session = check(root, by_seed(training(), training(), training("other")))

    assert results(root)["holds"] == "predictions"
    assert (session.output.count("same bytes"), session.output.count("same predictions")) == (1, 1)
    assert (root / "model/small_model/artefact/model.joblib").read_text() == "weights"


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (training(), training(golden='{"x": 2}\n'), "golden.jsonl"),
        (training(), training(golden=GOLDEN * 2), "golden.jsonl"),
        (predicting(TRUTH), predicting(TRUTH.replace("a\n", "b\n")), "line 2"),
        (predicting(TRUTH), predicting(TRUTH + "a,a\n"), "line 3"),
        (training(), predicting(TRUTH), "predictions.csv"),
        (predicting(TRUTH), training(), "predictions.csv"),
    ],
    ids=["other inputs", "more inputs", "other answer", "more rows", "new file", "file missing"],
)
def test_other_predictions_are_refused_after_they_are_reported(
    root: Path, first: Answer, second: Answer, name: str
) -> None:
    session = check(root, by_seed(first, first, second), refusal="hash seed 2, local: ")

    assert [bool(row["difference"]) for row in results(root)["repeats"]] == [False, True]
    assert name in results(root)["repeats"][1]["difference"]
    assert results(root)["holds"] == ""
    assert "other predictions" in session.output
    assert "not at all" in (root / "build/train/report.html").read_text()


@pytest.mark.parametrize("answer", [
    predicting(f"{TRUTH}é,é\n", "latin-1"), predicting(f"{TRUTH}{'a' * 200_000},a\n"),
], ids=["another encoding", "a cell beyond the limit"])  # fmt: skip
def test_predictions_that_cannot_be_read_are_refused_in_one_line(
    root: Path, answer: Answer
) -> None:
    check(root, answer, refusal="predictions.csv cannot be read")


def test_a_number_may_differ_within_the_tolerance(root: Path) -> None:
    configure(root, "tolerance = 0.01")
    values = [predicting(f"y_true,y_pred\n1.0,{value}\n") for value in ("2.0", "2.01", "2.1")]

    check(root, by_seed(*values), refusal="hash seed 2")

    assert not results(root)["repeats"][0]["difference"]


def test_a_failure_leaves_no_results_and_no_scratch_folder(root: Path) -> None:
    check(root, by_seed(training(), fail("out of memory")), refusal="out of memory")

    assert not (root / "build/train/repeatability.json").exists()
    assert (root / "build/train/golden.jsonl").is_file()
    assert not [*(root / "build/.trainwheel/tmp").iterdir()]


@pytest.mark.parametrize(("engine", "other", "on_cluster"), [
    ("local", "dask", [False, False, False, True]), ("dask", "local", [True, True, True, False]),
])  # fmt: skip
def test_the_other_engine_trains_with_the_first_seed(
    root: Path, engine: str, other: str, on_cluster: list[bool]
) -> None:
    configure(root, 'train.dask.scheduler = "tcp://127.0.0.1:8786"', f'train.engine = "{engine}"')
    write_lock(root, engine=("distributed",))
    names: list[str] = []

    def answer(call: Call) -> str:
        cluster = json.loads(Path(call.argv[3]).read_bytes())["cluster"]
        names.append("" if cluster is None else cluster["name"])
        return training()(call)

    session = check(root, answer)

    assert names == ["small_model" * flag for flag in on_cluster]
    assert [call.env["PYTHONHASHSEED"] for call in session.calls] == ["0", "1", "2", "0"]
    assert [row["engine"] for row in results(root)["repeats"]] == [engine, engine, other]
