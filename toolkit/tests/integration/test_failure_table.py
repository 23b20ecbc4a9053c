"""What other runners get wrong: rows of the table of failures that need real processes.

Each of make, weasel, doit, DVC and snakemake fails some of these (measured in November 2026).
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.once import Once
from integration.tiny import BOUND, Run, TinyProject, clean_variables, copy_of, make_tiny, wait_for

pytestmark = pytest.mark.integration

ARTEFACT = "model/tiny_model/artefact/model.joblib"
TRAINING = "model/tiny_training/__main__.py"
HELPER = "model/tiny_training/helper.py"
COUNTS = """
import time
from pathlib import Path

import joblib
from tiny_training.helper import FACTOR

with open("../count", "a") as count:
    count.write("trained\\n")
data = "".join(path.read_text() for path in sorted(Path("data").iterdir()))
model.write_bytes(b"HALF")
if Path("../hold").exists():
    held = Path("../hold").rename("../held")
    while held.exists():
        time.sleep(0.01)
joblib.dump({"factor": FACTOR, "border": 10, "data": data}, model)
"""
"""Training that reads data and a helper, tells that it ran, and may be held up half-way."""


def count(project: TinyProject) -> int:
    """Return how often training ran."""
    path = project.root.parent / "count"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture(scope="session")
def trained_once(once: Once, envdir: Path) -> TinyProject:
    """A project with data and a helper whose model was trained once; to be copied."""
    folder = once.folder("trained", lambda folder: make_trained(folder, envdir))
    return TinyProject(folder / "tiny", envdir, clean_variables())


def make_trained(folder: Path, envdir: Path) -> None:
    project = make_tiny(folder / "tiny", envdir)
    project.write(TRAINING, project.read(TRAINING) + COUNTS)
    project.write(HELPER, "FACTOR = 2.0\n")
    project.write("data/one.csv", "1,2,3\n")
    project.write("data/two.csv", "4,5,6\n")
    project.configure('data = ["data"]')
    run = project.nox("train")
    assert run.code == 0, run.output


@pytest.fixture
def project(tmp_path: Path, trained_once: TinyProject) -> Iterator[TinyProject]:
    """A project whose model is trained."""
    project = copy_of(trained_once, tmp_path / "tiny")
    yield project
    for number in project.survivors():
        os.kill(number, signal.SIGKILL)


def hold_training(project: TinyProject) -> tuple[Path, subprocess.Popen[str]]:
    """Start training and return the file that holds it up half-way, and the process of Nox."""
    held = project.root.parent / "held"
    held.with_name("hold").touch()
    process = project.start(*project.argv("train"))
    wait_for(held.exists, process)
    return held, process


def let_go(held: Path, process: subprocess.Popen[str]) -> str:
    """Let training go on, and return what Nox said to its end."""
    held.unlink()
    output, _ = process.communicate(timeout=BOUND)
    return output


def kill(process: subprocess.Popen[str]) -> None:
    """Kill Nox, and only it, and wait until it is gone."""
    process.kill()
    process.wait(BOUND)
    assert process.stdout is not None
    process.stdout.close()


def test_a_half_written_model_is_never_taken(project: TinyProject) -> None:
    project.write("data/one.csv", "7,8,9\n")
    before = (project.root / ARTEFACT).read_bytes()
    _, process = hold_training(project)

    kill(process)

    assert (project.root / ARTEFACT).read_bytes() == before
    # What training left at work is ended by the next run, and by nobody's hand.
    run = project.nox("train")
    assert run.code == 0, run.output
    assert project.survivors() == []
    assert b"7,8,9" in (project.root / ARTEFACT).read_bytes()
    assert list((project.root / "build/.trainwheel/tmp").iterdir()) == []


def test_two_runs_at_once_train_once(project: TinyProject) -> None:
    project.write(HELPER, "FACTOR = 3.0\n")
    held, process = hold_training(project)

    second = project.nox("train")

    assert f"nox -s train, now at train (process {process.pid} on " in second.error("failed")
    assert "train    trained" in let_go(held, process)
    assert count(project) == 1


def start_at_once(project: TinyProject, number: int, *options: str) -> list[Run]:
    """Start the same command several times at once, and return how each ended."""
    runs = [project.start(*project.argv("train", *options)) for _ in range(number)]
    outputs = [run.communicate(timeout=BOUND)[0] for run in runs]
    return [Run(run.returncode, output) for run, output in zip(runs, outputs, strict=True)]


def test_of_three_that_start_at_once_one_trains_and_the_others_wait(project: TinyProject) -> None:
    project.write(HELPER, "FACTOR = 3.0\n")

    runs = start_at_once(project, 3, "--", "--wait")

    assert [run.code for run in runs] == [0] * 3, runs
    assert sum("train    unchanged" in run.output for run in runs) == 2
    assert count(project) == 1


def test_a_variable_counts_where_it_is_named_and_reaches_training_nowhere_else(
    project: TinyProject,
) -> None:
    reads = """
import os
(report / "seen").write_text(os.environ["ALPHA"] + str("BETA" in os.environ))
"""
    project.write(TRAINING, project.read(TRAINING) + reads)

    missed = project.nox("train", ALPHA="s3cret-one")
    project.configure('train.env = ["ALPHA"]')
    shell = {"ALPHA": "s3cret-one", "BETA": "1"}
    runs = [
        project.nox("train", **variables)
        for variables in (shell, {**shell, "BETA": "2"}, {**shell, "ALPHA": ""}, shell)
    ]

    assert "the variable ALPHA of this shell: name it in tool.trainwheel.train.env" in missed.output
    ends = ("trained", "unchanged", "trained", "restored from the cache")
    assert [end in run.line("train   ") for end, run in zip(ends, runs, strict=True)] == [True] * 4
    assert project.read("build/train/seen") == "s3cret-oneFalse"
    records = (project.root / "build/.trainwheel").glob("*.json")
    assert not [path for path in records if "s3cret" in path.read_text()]
    assert "s3cret" not in missed.output + "".join(run.output for run in runs)


READS = """\
from pathlib import Path

FACTOR = float(Path("factor.txt").read_text())
try:
    FACTOR = float(Path("local.txt").read_text())
except FileNotFoundError:
    pass
"""


@pytest.mark.parametrize(("name", "text"), [
    (HELPER, "FACTOR = 4.0\n"),
    ("factor.txt", "4.0"),
    ("local.txt", "4.0"),
    ("data/three.csv", "7,8,9\n"),
])  # fmt: skip
def test_a_file_that_no_runner_knows_of_counts_once_it_was_read(
    project: TinyProject, name: str, text: str
) -> None:
    project.write("factor.txt", "3.0")
    project.write(HELPER, READS)
    assert "train    trained" in project.nox("train").output
    assert "train    unchanged" in project.nox("train").output

    project.write(name, text)

    assert "train    trained" in project.nox("train").output
    assert count(project) == 2


@pytest.mark.parametrize(("name", "text"), [
    (HELPER, "FACTOR = 4.0\n"),
    (TRAINING, "raise SystemExit('broken')\n"),
    ("data/one.csv", "7,8,9\n"),
    ("data/three.csv", "7,8,9\n"),
    # This run is the first to read it, and the first to look for that.
    ("factor.txt", "4.0"),
    ("local.txt", "4.0"),
])  # fmt: skip
def test_what_is_edited_while_it_is_read_is_not_taken_for_what_was_read(
    project: TinyProject, name: str, text: str
) -> None:
    before = (project.root / ARTEFACT).read_bytes()
    project.write("factor.txt", "3.0")
    project.write(HELPER, READS)
    held, process = hold_training(project)

    project.write(name, text)
    output = let_go(held, process)

    assert f"{name} " in output
    assert "while train ran" in output
    assert process.returncode != 0
    assert (project.root / ARTEFACT).read_bytes() == before
    again = project.nox("train")
    assert ("train    trained" in again.output) == (name != TRAINING), again.output
    assert "unchanged" not in again.output
