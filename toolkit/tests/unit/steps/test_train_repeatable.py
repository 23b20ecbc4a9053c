"""Training again, with other hash seeds and on the other engine: a difference is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from unit.recording_tools import Call
from unit.repository import write_lock
from unit.steps.opened import Opened, configure, fail, open_with
from unit.steps.training import GOLDEN, training

FLAG = "check-repeatable"
TRUTH = "y_true,y_pred\na,a\n"


def seeded(**by_seed: Callable[[Call], str]) -> Callable[[Call], str]:
    """Return tools that train in another way by the hash seed: ``seed_1=…``."""

    def answer(call: Call) -> str:
        return by_seed.get(f"seed_{call.env['PYTHONHASHSEED']}", training())(call)

    return answer


def told(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((root / "build/train/repeatability.json").read_bytes())
    return document


def check(root: Path, answer: Callable[[Call], str], *, refused: str = "") -> Opened:
    opened = open_with(root, answer, FLAG, named=["train"])
    if refused:
        with pytest.raises(StepFailedError) as caught:
            opened.step("train")
        assert refused in caught.value.message
    else:
        opened.step("train")
    return opened


def test_it_trains_twice_more_with_other_hash_seeds(root: Path) -> None:
    opened = check(root, training())

    calls = [call for call in opened.calls if call.step == "train"]
    assert [call.env["PYTHONHASHSEED"] for call in calls] == ["0", "1", "2"]
    assert len({call.env["TRAINWHEEL_CHECKPOINTS"] for call in calls}) == 3
    assert told(root)["holds"] == "bytes"
    assert [row["engine"] for row in told(root)["repeats"]] == ["local", "local"]
    assert opened.said.count("same bytes") == 2
    assert "no cluster is configured" in opened.said


def test_without_the_flag_it_trains_once(root: Path) -> None:
    opened = open_with(root, training(), named=["train"]).step("train")

    assert len(opened.calls) == 1
    assert not (root / "build/train/repeatability.json").exists()


def test_a_model_that_stands_is_only_repeated(root: Path) -> None:
    open_with(root, training()).step("train")

    seeds = [call.env.get("PYTHONHASHSEED") for call in check(root, training()).calls]

    assert seeds == ["1", "2"]


def test_other_bytes_with_the_same_answers_pass(root: Path) -> None:
    opened = check(root, seeded(seed_2=training("other")))

    assert told(root)["holds"] == "predictions"
    assert (opened.said.count("same bytes"), opened.said.count("same predictions")) == (1, 1)
    assert (root / "model/small_model/artefact/model.joblib").read_text() == "weights"


def with_predictions(text: str | None) -> Callable[[Call], str]:
    return training("weights", {} if text is None else {"predictions.csv": text})


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        (training(), training(golden='{"x": 2}\n'), "golden.jsonl"),
        (training(), training(golden=GOLDEN * 2), "golden.jsonl"),
        (with_predictions(TRUTH), with_predictions(TRUTH.replace("a\n", "b\n")), "line 2"),
        (with_predictions(TRUTH), with_predictions(TRUTH + "a,a\n"), "line 3"),
        (with_predictions(None), with_predictions(TRUTH), "predictions.csv"),
        (with_predictions(TRUTH), with_predictions(None), "predictions.csv"),
    ],
    ids=["other inputs", "more inputs", "other answer", "more rows", "new file", "file gone"],
)
def test_other_predictions_are_refused_by_the_training_that_made_them(
    root: Path, first: Callable[[Call], str], second: Callable[[Call], str], named: str
) -> None:
    answer = seeded(seed_0=first, seed_1=first, seed_2=second)

    opened = check(root, answer, refused="hash seed 2, local: ")

    assert named in told(root)["repeats"][1]["difference"]
    assert told(root)["repeats"][0]["difference"] == ""
    assert told(root)["holds"] == ""
    assert "other predictions" in opened.said
    # The report tells of what does not repeat before it is refused.
    assert "not at all" in (root / "build/train/report.html").read_text()


BROKEN = {
    "another encoding": training(
        "weights", {"predictions.csv": TRUTH + "é,é\n"}, encoding="latin-1"
    ),
    "a cell beyond the limit": with_predictions(f"{TRUTH}{'a' * 200_000},a\n"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_predictions_that_cannot_be_read_are_one_line(root: Path, case: str) -> None:
    check(root, BROKEN[case], refused="predictions.csv cannot be read")


def test_a_number_may_move_within_the_tolerance(root: Path) -> None:
    configure(root, "tolerance = 0.01")
    near = [with_predictions(f"y_true,y_pred\n1.0,{value}\n") for value in ("2.0", "2.01", "2.1")]

    check(root, seeded(seed_0=near[0], seed_1=near[1], seed_2=near[1]))
    check(root, seeded(seed_0=near[0], seed_1=near[1], seed_2=near[2]), refused="hash seed 2")


def test_what_repeats_leaves_no_scratch_and_a_failure_no_verdict(root: Path) -> None:
    check(root, seeded(seed_1=fail("out of memory")), refused="out of memory")

    assert not (root / "build/train/repeatability.json").exists()
    assert (root / "build/train/golden.jsonl").is_file()
    assert not [*(root / "build/.trainwheel/tmp").iterdir()]


def plans(answer: Callable[[Call], str], seen: list[Mapping[str, Any] | None]) -> Any:
    def look(call: Call) -> str:
        seen.append(json.loads(Path(call.argv[3]).read_bytes())["cluster"])
        return answer(call)

    return look


@pytest.mark.parametrize(
    ("engine", "clusters"),
    [("local", [False, False, False, True]), ("dask", [True, True, True, False])],
)
def test_the_other_engine_trains_with_the_first_seed(
    root: Path, engine: str, clusters: list[bool]
) -> None:
    configure(root, 'train.dask.scheduler = "tcp://127.0.0.1:8786"', f'train.engine = "{engine}"')
    write_lock(root, engine=("distributed",))
    seen: list[Mapping[str, Any] | None] = []

    opened = check(root, plans(training(), seen))

    assert [cluster is not None for cluster in seen] == clusters
    seeds = [call.env["PYTHONHASHSEED"] for call in opened.calls if call.step == "train"]
    assert seeds == ["0", "1", "2", "0"]
    other = "dask" if engine == "local" else "local"
    assert [row["engine"] for row in told(root)["repeats"]] == [engine, engine, other]
    assert all(cluster is None or cluster["name"] == "small_model" for cluster in seen)


def test_a_repetition_shows_nothing_that_training_prints(root: Path) -> None:
    assert check(root, training(prints="epoch 1")).said.count("epoch 1") == 1
