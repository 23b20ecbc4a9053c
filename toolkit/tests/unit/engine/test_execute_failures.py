"""A failure removes the record and the result of the same inputs, and nothing else."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.execute import require_current, run_step
from trainwheel.engine.records import read_record
from trainwheel.errors import (
    ConfigurationError,
    InputChangedError,
    NoEnvironmentError,
    RefusedError,
    StepFailedError,
)
from trainwheel.steps import load_chain
from unit.repository import RELEASE, make_repository, open_here, write

CHAIN = load_chain()
CACHED = [step.name for step in CHAIN.steps if step.keeps_results and step.inputs and step.category]
RESTORED = "restored from the cache"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository, of which a version was decided."""
    return prepare(tmp_path / "small")


def prepare(folder: Path) -> Path:
    root = make_repository(folder)
    write(root, "build/train/golden.jsonl", "")
    write(root, "build/train/model_card.md", "")
    write(root, "build/version.json", RELEASE.render())
    return root


class Work:
    """Makes all outputs of a step, or fails, and counts how often it was asked to."""

    def __init__(self, root: Path, step: str, error: BaseException | None = None) -> None:
        self.runs = 0
        layout = open_here(root).workspace.layout
        self._names = [layout.scratch_name(path) for path in CHAIN[step].outputs(layout)]
        self._error = error

    def __call__(self, scratch: Path) -> Mapping[str, str]:
        self.runs += 1
        if self._error is not None:
            raise self._error
        for name in self._names:
            path = scratch / name
            (path if path.suffix else path / "file").parent.mkdir(parents=True, exist_ok=True)
            (path if path.suffix else path / "file").write_text("made")
        return {"summary": "made"}


def attempt(root: Path, step: str, *, error: BaseException | None = None,
            force: bool = False) -> tuple[str, int]:  # fmt: skip
    """Run a step in a run of its own; return what a person saw and how often it worked."""
    stream, work = io.StringIO(), Work(root, step, error)
    run = open_here(root, stream=stream)
    if error is None:
        run_step(run, CHAIN[step], work, force=force)
    else:
        with pytest.raises(type(error)):
            run_step(run, CHAIN[step], work, force=force)
    return stream.getvalue(), work.runs


def fail(root: Path, step: str, error: BaseException | None = None) -> str:
    output, runs = attempt(root, step, error=error or StepFailedError("it failed"), force=True)
    assert runs == 1
    return output


def is_restored(root: Path, step: str) -> bool:
    """Return whether a step is taken from the cache, instead of running again."""
    output, runs = attempt(root, step)
    assert (runs == 0) == (RESTORED in output)
    return runs == 0


@pytest.mark.parametrize("step", CACHED)
@pytest.mark.parametrize("has_record", [True, False])
def test_after_a_failure_a_step_runs_again(root: Path, step: str, *, has_record: bool) -> None:
    attempt(root, step)
    if not has_record:
        (root / f"build/.trainwheel/{step}.json").unlink()

    fail(root, step)

    with pytest.raises(StepFailedError):
        require_current(open_here(root).workspace, CHAIN[step])
    assert not is_restored(root, step)


@pytest.mark.parametrize(
    "error",
    [
        StepFailedError("1 failed"),
        ConfigurationError("no such column"),
        RefusedError("the gate does not let it pass"),
        OSError(28, "No space left on device"),
        RuntimeError("a mistake of ours"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_kind_of_failure_counts(root: Path, error: Exception) -> None:
    attempt(root, "test")

    fail(root, "test", error)

    assert not is_restored(root, "test")


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), SystemExit(143), NoEnvironmentError("no index answers")],
    ids=lambda error: type(error).__name__,
)
def test_an_interrupt_or_a_missing_environment_is_not_a_failure_with_the_inputs(
    root: Path, error: BaseException
) -> None:
    # Ctrl-C, SIGTERM or SIGHUP, and an index that is down before anything has run.
    attempt(root, "train")
    before = (root / "build/.trainwheel/train.json").read_bytes()

    fail(root, "train", error)

    assert (root / "build/.trainwheel/train.json").read_bytes() == before
    assert attempt(root, "train") == ("train    unchanged\n", 0)
    shutil.rmtree(root / "build")
    prepare(root)
    assert is_restored(root, "train")


def test_a_failure_leaves_what_was_made_of_other_inputs_or_by_other_steps(root: Path) -> None:
    attempt(root, "train")
    attempt(root, "test")
    text = (root / "tests/test_small.py").read_text()
    write(root, "tests/test_small.py", "changed")
    records = {path: path.read_bytes() for path in (root / "build/.trainwheel").glob("t*.json")}
    assert len(records) == 2

    fail(root, "test")
    assert {path: path.read_bytes() for path in records} == records
    attempt(root, "test")
    fail(root, "test")

    write(root, "tests/test_small.py", text)
    assert is_restored(root, "test")


def test_an_input_that_changes_meanwhile_is_not_a_failure(root: Path) -> None:
    attempt(root, "train")
    text = (root / "data/rows.csv").read_text()

    def move(scratch: Path) -> Mapping[str, str]:
        write(root, "data/rows.csv", "changed")
        return Work(root, "train")(scratch)

    with pytest.raises(InputChangedError):
        run_step(open_here(root), CHAIN["train"], move, force=True)
    write(root, "data/rows.csv", text)

    assert attempt(root, "train")[1] == 0


def test_a_step_whose_results_are_not_cached_keeps_its_record(root: Path) -> None:
    # Such as a fetch: the data that it fetched before is still good.
    step = replace(CHAIN["test"], keeps_results=False)
    first = run_step(open_here(root), step, Work(root, "test"))

    with pytest.raises(StepFailedError):
        run_step(open_here(root), step, Work(root, "test", StepFailedError("offline")), force=True)

    assert require_current(open_here(root).workspace, step) == first
    (root / "build/.trainwheel/test.json").unlink()
    again = Work(root, "test")
    run_step(open_here(root), step, again)
    assert again.runs == 1


ELSEWHERE = """
import json, os, sys
from pathlib import Path
from unit.engine import test_execute_failures as tests
root, user = Path(sys.argv[1]), int(sys.argv[2])
tests.attempt(root, "test")
cache = root / ".trainwheel/cache"
for folder in (path for path in (root, *root.rglob("*")) if path.is_dir()):
    folder.chmod(0o555 if folder.is_relative_to(cache) else 0o777)
os.seteuid(user)
print(json.dumps(tests.fail_twice(root)))
"""


def fail_twice(root: Path) -> list[object]:
    """Fail and succeed where the cache cannot be written to; return what was printed and done."""
    notice = fail(root, "test")
    record = read_record(root / "build/.trainwheel", "test")
    runs = attempt(root, "test", error=StepFailedError("again"))[1]
    return [notice, record, runs, is_restored(root, "test"), attempt(root, "test")]


def test_a_failure_counts_although_the_cache_cannot_be_written_to() -> None:
    user = 65_534 if os.geteuid() == 0 else os.geteuid()  # root may write anywhere

    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)  # for the other user
        root = prepare(Path(name) / "small")
        process = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, str(root), str(user)],
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            check=False,
        )
        (result,) = (root / ".trainwheel/cache/results/test").iterdir()

    assert process.returncode == 0, process.stderr
    notice, *rest = json.loads(process.stdout)
    assert notice.startswith("notice: ")
    assert notice.endswith(f"{result} cannot be removed\n")
    assert rest == [None, 1, False, ["test     unchanged\n", 0]]
