"""Training: what is run, what is kept of it, what it must have made, and what follows."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from trainwheel.engine.records import read_record
from trainwheel.errors import LockfileError, StepFailedError
from trainwheel.guest import CONVERT, TRAIN
from trainwheel.steps.train import STEP, host_command
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.progress import PROGRESS, show_progress
from trainwheel.system.secrets import SecretClass
from unit.recording_tools import Call, RecordingTools
from unit.repository import write, write_lock
from unit.steps.session import SHA, configure, fail, lock_more, open_with, with_entry_point
from unit.steps.training import MEASURES, converting, training

ARTEFACT = "model/small_model/artefact/model.joblib"


def read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def test_the_command_runs_inside_the_host_with_the_variables_that_make_it_repeatable(
    root: Path,
) -> None:
    session = open_with(root, training()).step("train")

    (call,) = session.calls
    assert call.argv[:3] == ("python", "-P", str(TRAIN))
    assert call.argv[4:6] == ("-m", "small_training")
    assert call.env["PYTHONHASHSEED"] == "0"
    assert call.env["PYTHONUNBUFFERED"] == "1"
    assert call.env["PYTHONPATH"] == str(root / "model")
    assert call.env["OMP_NUM_THREADS"] == call.env["OPENBLAS_NUM_THREADS"] == "1"
    assert Path(call.env["TRAINWHEEL_CHECKPOINTS"]).is_relative_to(root / ".trainwheel")
    # No step fetches the data, so training may need the secrets for it.
    assert call.secrets == {SecretClass.DATA}


def test_training_on_fetched_data_sees_no_secret_and_may_use_any_number_of_threads(
    root: Path,
) -> None:
    lock_more(root, "data", "dvc")
    write(root, "data.dvc", "outs: 1\n")
    configure(root, "train.threads = 0")

    (call,) = open_with(root, training()).step("train").calls

    assert call.secrets == frozenset()
    assert "OMP_NUM_THREADS" not in call.env


def test_a_model_is_placed_with_its_manifest_its_predictions_and_its_costs(root: Path) -> None:
    ranges = {
        "x": {"lowest": 1, "highest": 2.5}, "y": {"categories": ["a"]},
        "z": {"lowest": "2021-03-01", "highest": "2023-02-28"},
    }  # fmt: skip
    files = {"data.json": json.dumps({"wine": SHA}), "inputs.json": json.dumps(ranges)}
    session = open_with(root, training("new", files))
    session.step("train")

    artefact, report = root / ARTEFACT, root / "build/train"
    assert artefact.read_text() == "new"
    manifest = read_json(artefact.with_name("model.joblib.json"))
    assert (manifest["sha256"], manifest["inputs"]) == (digest_file(artefact), ranges)
    assert read_json(report / "golden.jsonl") == {"input": {"x": 1}, "prediction": {"x": 1}}
    assert read_json(report / "training.json") == {**MEASURES, "carries_training_rows": []}
    assert read_json(report / "data.json") == {"wine": SHA}
    record = read_record(root / "build/.trainwheel", "train")
    assert record is not None
    assert record.facts["model"] == digest_file(artefact.with_name("model.joblib.json"))


PORTABLE = 'portable = "{}"\nsync.extras = {{ sklearn = "engine" }}'


@pytest.mark.parametrize(("mode", "is_default"), [("default", True), ("extra", False)])
def test_the_portable_form_of_a_model_is_one_of_its_files(
    root: Path, mode: str, *, is_default: bool
) -> None:
    write_lock(root, engine=("joblib",))
    configure(root, PORTABLE.format(mode))
    session = open_with(root, converting(), named=["train"]).step("train")

    artefact = root / ARTEFACT
    form, manifest = artefact.with_suffix(".npz"), read_json(Path(f"{artefact}.json"))
    assert form.read_text() == "arrays"
    assert manifest["portable"] == {"file": "model.npz", "is_default": is_default}
    assert manifest["sha256"] == digest_file(artefact)
    assert manifest["files"]["model.npz"]["sha256"] == digest_file(form)
    assert manifest["files"].keys() == {"model.joblib", "model.npz"}
    assert "portable form" not in session.output
    call = session.calls[-1]
    assert call.argv[:3] == ("python", "-P", str(CONVERT))
    assert call.argv[3] == "small_model.classifier:predict_record"
    # There is no hold-out in this training.
    assert [Path(word).name for word in call.argv[4:]] == [
        *("model.joblib", "model.npz", "portable.json", "golden.jsonl")
    ]
    assert call.env["PYTHONPATH"] == str(root / "model")
    assert call.secrets == frozenset()


def test_a_model_without_a_portable_form_is_shipped_as_before_and_one_line_says_why(
    root: Path,
) -> None:
    write_lock(root, engine=("joblib",))
    configure(root, PORTABLE.format("default"))

    session = open_with(root, converting("SVC has no portable form")).step("train")

    manifest = read_json(root / f"{ARTEFACT}.json")
    assert manifest.get("portable") is None
    (line,) = (line for line in session.output.splitlines() if "portable" in line)
    assert line.endswith("SVC has no portable form")
    assert not session.run.workspace.is_portable


def test_a_failed_conversion_leaves_the_earlier_model(root: Path) -> None:
    configure(root, PORTABLE.format("default"))
    write_lock(root, engine=("joblib",))

    def answer(call: Call) -> str:
        return (fail("killed") if str(CONVERT) in call.argv else training())(call)

    with pytest.raises(StepFailedError, match="killed"):
        open_with(root, answer).step("train")

    assert (root / ARTEFACT).read_text() == "weights"
    assert not (root / "build/train").exists()


@pytest.mark.parametrize(("metrics", "summary"), [
    (None, "trained, without metrics.json"),
    ('{"a": 0.1, "b": 0.2, "c": 0.3}', "trained, a 0.100, b 0.200  "),
    ('{"a": 0.1, "a_low": 0.0, "a_high": 0.2, "n": 7}', "trained, a 0.100  "),
])  # fmt: skip
def test_the_outcome_shows_two_metrics(root: Path, metrics: str | None, summary: str) -> None:
    files = {} if metrics is None else {"metrics.json": metrics}

    assert summary in open_with(root, training("new", files)).step("train").output


def test_training_without_golden_inputs_is_noticed_and_valid(root: Path) -> None:
    session = open_with(root, training(golden=None)).step("train")

    assert "golden.jsonl" in session.output
    assert (root / "build/train/golden.jsonl").read_text() == ""


BROKEN: dict[str, tuple[Callable[[Call], str], str]] = {
    "no model": (training(weights=None), "{model}"),
    "an empty model": (training(weights=""), "{model}"),
    "no digest": (training("new", {"data.json": '{"wine": "abc"}'}), "data.json"),
    "no range": (training("new", {"inputs.json": '{"x": {"lowest": 1}}'}), "inputs.json"),
    "no metrics": (training("new", {"metrics.json": "[]"}), "metrics.json"),
    "another encoding": (training(golden='{"x": "é"}', encoding="latin-1"), "golden.jsonl line 1"),
    "no record": (training(golden="[1]\n"), "golden.jsonl line 1"),
    "no prediction": (training(golden='{"y": [}'), "golden.jsonl line 1"),
    "a failure": (fail("training ended with exit code 1"), "exit code 1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_training_with_wrong_results_leaves_the_earlier_model(root: Path, case: str) -> None:
    answer, name = BROKEN[case]
    session = open_with(root, answer, registered=frozenset({"evaluate"}))

    with pytest.raises(StepFailedError) as caught:
        session.step("train")

    assert name in str(caught.value)
    assert session.queue == []
    assert (root / ARTEFACT).read_text() == "weights"
    assert not (root / "build/train").exists()
    assert read_record(root / "build/.trainwheel", "train") is None


def test_a_model_that_cannot_predict_is_refused_with_the_row(root: Path) -> None:
    write(root, "model/small_model/classifier.py", "def predict_record(record): return record['y']")

    with pytest.raises(StepFailedError, match=r"predict_record .*KeyError: 'y'"):
        open_with(root, training()).step("train")


def test_a_refusal_of_the_host_replaces_the_exit_code(root: Path) -> None:
    def answer(call: Call) -> str:
        refusal = read_json(Path(call.argv[3]))["refusal"]
        Path(refusal).write_text(json.dumps({"message": "two Pythons", "hint": "take one"}))
        return fail("exit code 2")(call)

    with pytest.raises(StepFailedError) as caught:
        open_with(root, answer).step("train")

    assert (caught.value.message, caught.value.hint) == ("two Pythons", "take one")


def test_checkpoints_survive_a_failure_but_neither_success_nor_force(root: Path) -> None:
    def broken(call: Call) -> str:
        write(Path(call.env["TRAINWHEEL_CHECKPOINTS"]), "half", "")
        return fail("killed")(call)

    has_checkpoint: list[bool] = []

    def look(call: Call) -> str:
        has_checkpoint.append(Path(call.env["TRAINWHEEL_CHECKPOINTS"], "half").exists())
        return training()(call)

    for flags in ((), ("force",)):
        write(root, "data/rows.csv", str(flags))
        with pytest.raises(StepFailedError):
            open_with(root, broken).step("train")
        open_with(root, look, *flags, named=["train"]).step("train")

    assert has_checkpoint == [True, False]
    assert not (root / ".trainwheel/checkpoints").exists()


@contextlib.contextmanager
def events(name: str) -> Iterator[list[str]]:
    """Yield a list of the paths with which Python raises an audit event in the block."""
    paths, is_over = list[str](), list[bool]()

    def hook(event: str, arguments: tuple[object, ...]) -> None:  # it stays in this process
        if event == name and not is_over:
            paths.append(str(arguments[0]))

    sys.addaudithook(hook)
    yield paths
    is_over.append(True)


def test_a_training_lists_its_data_at_its_start_and_at_its_end(root: Path) -> None:
    write(root, "data/rows/1.csv", "x")

    with events("os.scandir") as paths:
        open_with(root, training()).step("train")

    assert paths.count(str(root / "data/rows")) == 2


def test_a_model_is_not_read_again_once_it_is_in_its_place(root: Path) -> None:
    def answer(call: Call) -> str:
        output = training()(call)
        for path in (root / "build/.trainwheel/tmp").glob("train-*/model/model.joblib"):
            os.utime(path, (1, 1))  # as if its training had ended some time ago
        return output

    session = open_with(root, answer)
    with events("open") as paths:
        session.step("train")
        digest = session.run.workspace.digests.digest(root / ARTEFACT)

    assert str(root / ARTEFACT) not in paths
    assert digest == digest_file(root / ARTEFACT)


@pytest.mark.parametrize(("registered", "steps", "queue"), [
    ("train evaluate report", "train", ["evaluate", "report"]),
    ("train evaluate report", "train evaluate", ["report"]),
    ("train evaluate report", "train evaluate report", []), ("train report", "train", ["report"]),
    ("train", "train", []),
])  # fmt: skip
def test_evaluate_and_report_are_queued_unless_they_run_anyway(
    root: Path, registered: str, steps: str, queue: list[str]
) -> None:
    parts = {"registered": frozenset(registered.split()), "steps": frozenset(steps.split())}

    assert open_with(root, training(), **parts).step("train").queue == queue  # type: ignore[arg-type]
    # Also if nothing had to be trained: the report may have been deleted.
    assert open_with(root, training(), **parts).step("train").queue == queue  # type: ignore[arg-type]


HOST = ("-P", str(TRAIN), "plan.json")


@pytest.mark.parametrize(("argv", "expected"), [
    (("python", "-m", "t", "-o", "M"), ("python", *HOST, "-m", "t", "-o", "M")),
    (("python3.12", "-O", "t.py"), ("python3.12", "-O", *HOST, "t.py")),
    (("python", "-Im", "t"), ("python", "-I", *HOST, "-m", "t")),
    (("python", "-c", "print()"), ("python", "-c", "print()")), (("python",), ("python",)),
    (("bash", "train.sh"), ("bash", "train.sh")),
])  # fmt: skip
def test_only_a_python_program_gets_the_host(
    argv: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert host_command(argv, Path("plan.json")) == expected


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def show(
    stream: io.StringIO, *lines: str, times: tuple[float, ...] = (0.0,), is_quiet: bool = False
) -> str:
    clock = iter((*times, *times[-1:] * 9))
    echo = show_progress(Console(Environment({}), stream), lambda: next(clock), is_quiet=is_quiet)
    for line in lines:
        echo(line)
    return stream.getvalue()


@pytest.mark.parametrize(("is_quiet", "output"), [(False, "  loss 1\n"), (True, "")])
def test_a_line_of_training_is_shown_unless_quiet(*, is_quiet: bool, output: str) -> None:
    assert show(io.StringIO(), "loss 1", is_quiet=is_quiet) == output


def test_without_a_terminal_progress_is_a_line_every_ten_seconds() -> None:
    lines = [f"{PROGRESS}rows\t{count}\t9" for count in (1, 2, 3, 4, 5)]

    # The clock is read at the start, for each line, and once more where one is shown.
    times = (0.0, 30.0, 39.9, 40.0, 40.0, 49.9, 50.0)
    output = show(io.StringIO(), *lines, times=times, is_quiet=True)
    assert output == "  3 of 9 rows done\n  5 of 9 rows done\n"


@pytest.mark.parametrize("lines", [
    ["tasks\t1\t0", "tasks\t1\t0", "tasks\t1\t0"], ["tasks\t5\t5", "tasks\t1\t5", "tasks\t1\t1"],
    ["steps of A\t1\t2", "steps of B\t2\t2", "tasks\t3\t3"],
])  # fmt: skip
def test_without_a_terminal_pieces_of_work_that_are_short_are_not_shown(lines: list[str]) -> None:
    marked = [f"{PROGRESS}{line}" for line in lines]
    assert show(io.StringIO(), *marked, times=(0.0, 20.0, 40.0, 60.0), is_quiet=True) == ""


@pytest.mark.parametrize(("line", "output"), [
    ("rows\t3\t6", f"[{'=' * 12}{' ' * 12}] 3 of 6 rows"),
    ("rows\t0\t6", f"[{' ' * 24}] 0 of 6 rows"), ("rows\t9\t6", f"[{'=' * 24}] 9 of 6 rows"),
    ("rows\t3\t0", "… 3 rows"), ("rows\t3\t", "… 3 rows"), ("rows\t3", "… 3 rows"),
    ("rows\tsome\tall", "… some of all rows"),
])  # fmt: skip
def test_a_terminal_shows_progress_on_one_line(line: str, output: str) -> None:
    assert show(Terminal(), f"{PROGRESS}{line}").endswith(f"train    {output}")


DASK = 'train.engine = "dask"'


@pytest.fixture
def closed_port(socket_enabled: None) -> str:
    """The address of a port of this machine that nothing listens at."""
    del socket_enabled
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(("engine", "is_stale", "passes"), [
    ("", True, True), (DASK, False, True), (DASK, True, False),
], ids=["local", "nothing to train", "no scheduler"])  # fmt: skip
def test_a_scheduler_must_answer_before_a_training_that_needs_it(
    root: Path, closed_port: str, engine: str, *, is_stale: bool, passes: bool
) -> None:
    configure(root, engine, f'train.dask.scheduler = "{closed_port}"')
    write_lock(root, engine=("distributed",))
    run = open_with(root, is_stale=lambda step: is_stale and step == "train").run
    assert STEP.check is not None

    if passes:
        STEP.check(run)
    else:
        with pytest.raises(StepFailedError, match=closed_port):
            STEP.check(run)


def test_the_configuration_is_checked_even_if_there_is_nothing_to_train(root: Path) -> None:
    configure(root, DASK)
    write_lock(root, engine=("distributed",))
    assert STEP.check is not None

    with pytest.raises(LockfileError, match="cryptography"):
        STEP.check(open_with(root, is_stale=lambda _: False).run)


def test_the_engine_makes_a_training_stale_and_the_address_of_a_cluster_does_not(
    root: Path,
) -> None:
    write_lock(root, engine=("distributed",))
    facts = []
    for lines in ((), (DASK,), (DASK, 'train.dask.scheduler = "tcp://two:2"')):
        configure(root, *lines)
        facts.append(STEP.facts(open_with(root).run.workspace))

    assert facts[0] != facts[1] == facts[2]


@dataclass
class TimedTools(RecordingTools):
    """Keep how long each tool may take as well."""

    limits: list[float | None] = field(default_factory=list)

    def run(self, *words: Any, timeout: float | None = None, **more: Any) -> str:
        """Keep the limit and the call, and answer it."""
        self.limits.append(timeout)
        return super().run(*words, timeout=timeout, **more)


@pytest.mark.parametrize(("engine", "limit"), [("dask", 15.0), ("local", None)])
def test_only_training_on_a_cluster_has_a_time_limit(
    root: Path, engine: str, limit: float | None
) -> None:
    lines = (f'train.engine = "{engine}"', 'train.dask.time-limit = "15 s"')
    configure(root, *lines, 'train.dask.scheduler = "tcp://127.0.0.1:9"')
    write_lock(root, engine=("distributed",))
    tools = TimedTools(with_entry_point(training()), root / ".nox")

    STEP.run(replace(open_with(root).run, tools=tools))

    assert tools.limits == [limit]
