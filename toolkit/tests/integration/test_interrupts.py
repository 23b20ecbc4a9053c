"""A run may be ended at any moment; the same command then finishes the work."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.tiny import BOUND, TinyProject, wait_for

pytestmark = pytest.mark.integration

TRAINING = "model/tiny_training/__main__.py"
WAITS = """
import signal, subprocess
STUBBORN = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"\\
    "open(sys.argv[1], 'w').close(); time.sleep(600)"
if Path("../wait").exists():
    if Path("../deaf").exists():
        signal.signal(signal.SIGTERM, lambda *_: open("../asked", "w").close())
    subprocess.run([sys.executable, "-c", STUBBORN, "../started"])
"""
"""Training that waits for a child that does not listen to SIGTERM, and may be as deaf itself."""


@pytest.fixture(autouse=True)
def _sigint_reaches_children() -> Iterator[None]:
    """What ignores SIGINT, as a job in the background does, hands that on to its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A temporary folder of the system that only this test uses."""
    folder = tmp_path / "system"
    folder.mkdir()
    return folder


@pytest.fixture
def waiting(tiny: TinyProject) -> Iterator[TinyProject]:
    """A project whose training waits where it is told to."""
    tiny.write(TRAINING, tiny.read(TRAINING) + WAITS)
    yield tiny
    end(tiny.survivors())


@pytest.fixture
def unpublished(published: TinyProject, system: Path) -> TinyProject:
    """A project that has only the upload before it."""
    (published.index / "tiny_model-0.1.0-py3-none-any.whl").unlink()
    return published.with_variables(TMPDIR=str(system))


def end(processes: list[int]) -> None:
    for number in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def interrupt(process: subprocess.Popen[str], number: int) -> str:
    process.send_signal(number)
    output, _ = process.communicate(timeout=BOUND)
    return output


def start_training(project: TinyProject, *asks: str) -> subprocess.Popen[str]:
    for name in ("wait", *asks):
        (project.root.parent / name).touch()
    process = project.start(*project.argv("test"))
    wait_for((project.root.parent / "started").exists, process)
    return process


def start_upload(project: TinyProject, system: Path) -> subprocess.Popen[str]:
    """Start an upload and return it while the password is in a private file, for twine."""
    process = project.start(*project.argv("upload"))
    wait_for(lambda: any(system.glob("trainwheel-*-pypirc-*/pypirc")), process)
    return process


def test_an_interrupted_training_leaves_no_process_and_no_model(waiting: TinyProject) -> None:
    process = start_training(waiting)

    output = interrupt(process, signal.SIGINT)

    assert process.returncode == 128 + signal.SIGINT, output
    assert "Traceback" not in output
    assert waiting.survivors() == []
    assert waiting.made() == []


def test_an_upload_that_was_killed_is_finished_and_its_private_file_removed(
    unpublished: TinyProject, system: Path
) -> None:
    process = start_upload(unpublished, system)

    interrupt(process, signal.SIGKILL)
    # The server ends with whoever started it, and twine with the server.
    wait_for(lambda: unpublished.survivors() == [])

    again = unpublished.nox("upload")
    assert again.code == 0, again.output
    assert unpublished.published() == ["0.1.0"]
    assert list(system.glob("trainwheel-*-pypirc-*")) == []


def test_an_impatient_second_ctrl_c_leaves_no_process_either(waiting: TinyProject) -> None:
    process = start_training(waiting, "deaf")
    process.send_signal(signal.SIGINT)
    wait_for((waiting.root.parent / "asked").exists, process)

    interrupt(process, signal.SIGINT)

    wait_for(lambda: waiting.survivors() == [])
    assert waiting.made() == []
