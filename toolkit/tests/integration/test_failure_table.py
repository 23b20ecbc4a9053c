"""What other runners get wrong: each row of the table of failures, on a real project, through Nox.

Each of make, weasel, doit, DVC and snakemake fails some of these (measured in November 2026).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.tiny import BOUND, Run, TinyProject, copy_of, make_tiny, wait_for

pytestmark = pytest.mark.integration

ARTEFACT = "model/tiny_model/artefact/model.joblib"
TRAINING = "model/tiny_training/__main__.py"
HELPER = "model/tiny_training/helper.py"
RECORD = "build/.trainwheel/train.json"
COUNTS = """
import os, time
from pathlib import Path

import joblib
from tiny_training.helper import FACTOR

with open(os.environ["TINY_COUNT"], "a") as count:
    count.write("trained\\n")
data = "".join(path.read_text() for path in sorted(Path("data").iterdir()))
model.write_bytes(b"HALF")
if started := os.environ.get("TINY_WAIT"):
    Path(started).touch()
    while Path(started).exists():
        time.sleep(0.01)
joblib.dump({"factor": FACTOR, "border": 10, "data": data}, model)
"""
"""Training that reads data and a helper, tells that it ran, and may be held up half-way."""


def count(project: TinyProject) -> int:
    """Return how often training ran."""
    path = Path(project.variables["TINY_COUNT"])
    return len(path.read_text().splitlines()) if path.exists() else 0


def train(project: TinyProject, *options: str) -> str:
    run = project.nox("train", *options)
    assert run.code == 0, run.output
    return run.line("train ")


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory, envdir: Path) -> TinyProject:
    """A project with data and a helper whose model was trained once; to be copied."""
    folder = tmp_path_factory.mktemp("trained")
    project = make_tiny(folder / "tiny", envdir).with_variables(TINY_COUNT=str(folder / "count"))
    project.write(TRAINING, project.read(TRAINING) + COUNTS)
    project.write(HELPER, "FACTOR = 2.0\n")
    project.write("data/one.csv", "1,2,3\n")
    project.write("data/two.csv", "4,5,6\n")
    project.configure('data = ["data"]')
    assert "trained, accuracy 1.000" in train(project)
    return project


@pytest.fixture
def project(tmp_path: Path, trained_once: TinyProject) -> Iterator[TinyProject]:
    """A project whose model is trained, and which has looked at its files once since."""
    project = copy_of(trained_once, tmp_path / "tiny")
    project = project.with_variables(TINY_COUNT=str(tmp_path / "count"))
    assert train(project) == "train    unchanged"
    assert count(project) == 0
    yield project
    for number in project.survivors():
        os.kill(number, signal.SIGKILL)


def hold_training(project: TinyProject) -> tuple[Path, subprocess.Popen[str]]:
    """Start training and return the file that holds it up half-way, and the process of Nox."""
    held = project.root.parent / "held"
    process = project.start(*project.argv("train"), TINY_WAIT=str(held))
    wait_for(held.exists, process)
    return held, process


def let_go(held: Path, process: subprocess.Popen[str]) -> str:
    """Let training go on, and return what Nox said to its end."""
    held.unlink()
    output, _ = process.communicate(timeout=BOUND)
    return output


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """End Nox, and only it, and wait until it is gone."""
    process.send_signal(number)
    process.wait(BOUND)
    assert process.stdout is not None
    process.stdout.close()


def patch(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.write(b"9")


def exchange(path: Path) -> None:
    new = path.with_name(".new")
    shutil.copy2(path, new)
    patch(new)
    new.rename(path)


def test_code_replaced_while_it_runs_is_not_what_made_the_model(project: TinyProject) -> None:
    project.write(HELPER, "FACTOR = 3.0\n")
    before = (project.root / ARTEFACT).read_bytes()
    held, process = hold_training(project)
    project.write(TRAINING, "raise SystemExit(3)\n")

    output = let_go(held, process)

    assert process.returncode == 1
    assert f"failed: {TRAINING} changed while train ran; what it made is kept in" in output
    assert (project.root / ARTEFACT).read_bytes() == before
    again = project.nox("train")
    assert "training ended with exit code 3" in again.error("failed")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_half_written_model_is_never_taken(project: TinyProject, number: signal.Signals) -> None:
    project.write("data/one.csv", "7,8,9\n")
    before = (project.root / ARTEFACT).read_bytes()
    _, process = hold_training(project)

    end(process, number)

    assert (project.root / ARTEFACT).read_bytes() == before
    # What training left at work is ended by the next run, and by nobody's hand.
    run = project.nox("train")
    assert run.code == 0, run.output
    assert ("ending what a killed run left at work" in run.output) == (number == signal.SIGKILL)
    assert b"7,8,9" in (project.root / ARTEFACT).read_bytes()
    assert list((project.root / "build/.trainwheel/tmp").iterdir()) == []


def test_a_kill_in_a_later_step_does_not_lose_an_earlier_one(project: TinyProject) -> None:
    held = project.root.parent / "held"
    project.write(
        "tests/test_held.py",
        f"import pathlib, time\n\ndef test_held():\n    held = pathlib.Path({str(held)!r})\n"
        "    if not held.with_name('past').exists():\n"
        "        held.touch()\n        time.sleep(600)\n",
    )
    project.write("data/one.csv", "7,8,9\n")
    process = project.start(*project.argv("test"))
    wait_for(held.exists, process)

    end(process, signal.SIGKILL)

    held.with_name("past").touch()
    again = project.nox("test")
    assert again.code == 0, again.output
    assert again.line("train ") == "train    unchanged"
    assert count(project) == 1


def test_two_runs_at_once_train_once(project: TinyProject) -> None:
    project.write(HELPER, "FACTOR = 3.0\n")
    held, process = hold_training(project)

    second = project.nox("train")

    assert f"nox -s train (process {process.pid} on " in second.error("failed")
    assert "train    trained" in let_go(held, process)
    assert count(project) == 1


def start_at_once(project: TinyProject, number: int, *options: str) -> list[Run]:
    """Start the same command several times at once, and return how each ended."""
    runs = [project.start(*project.argv("train", *options)) for _ in range(number)]
    outputs = [run.communicate(timeout=BOUND)[0] for run in runs]
    return [Run(run.returncode, output) for run, output in zip(runs, outputs, strict=True)]


@pytest.mark.parametrize("number", [2, 5])
def test_of_several_that_start_at_once_one_trains_and_the_others_wait(
    project: TinyProject, number: int
) -> None:
    project.write(HELPER, "FACTOR = 3.0\n")

    runs = start_at_once(project, number, "--", "--wait")

    assert [run.code for run in runs] == [0] * number, runs
    assert sum("train    unchanged" in run.output for run in runs) == number - 1
    assert count(project) == 1


def test_of_five_that_start_at_once_and_do_not_wait_none_does_harm(project: TinyProject) -> None:
    project.write(HELPER, "FACTOR = 3.0\n")

    runs = start_at_once(project, 5)

    assert any(run.code == 0 for run in runs)
    for run in runs:
        if run.code:
            assert "another run is at work here: nox -s train" in run.error("failed")
    assert count(project) == 1


def rename(data: Path) -> None:
    (data / "one.csv").rename(data / "three.csv")


def move_bytes(data: Path) -> None:
    one, two = (data / "one.csv").read_text(), (data / "two.csv").read_text()
    (data / "one.csv").write_text(one + two[:2])
    (data / "two.csv").write_text(two[2:])


def delete(data: Path) -> None:
    (data / "two.csv").unlink()


def add(data: Path) -> None:
    (data / "three.csv").touch()


def test_the_status_tells_what_would_run_and_runs_nothing(project: TinyProject) -> None:
    assert project.nox("package").code == 0
    project.write(HELPER, "FACTOR = 3.0\n")

    status = project.run("trainwheel", "status")
    document = json.loads(project.run("trainwheel", "status", "--json").output)

    told = dict(line.split(maxsplit=1) for line in status.output.splitlines())
    assert told["train"].startswith(f"stale: {HELPER} changed  ")
    assert told["package"].startswith("waits for train  ")
    assert told["data"] == told["doc"] == "skipped"
    assert [step["step"] for step in document][:3] == ["data", "doc", "train"]
    (training,) = (step for step in document if step["step"] == "train")
    assert training["reasons"][0]["what"] == HELPER
    assert project.run("trainwheel", "why", "nosuch").code == 2
    assert count(project) == 0
