"""The kernel holds the lock: whoever dies loses it, and what he left at work is ended first."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import RunLockedError, StepFailedError
from trainwheel.system.lock import note_step, read_owner, take

BOUND = 30.0
HOLDER = """
import sys, time
from pathlib import Path
from trainwheel.system.command import Command
from trainwheel.system.process import start
from trainwheel.system.environ import read_environment
from trainwheel.system.lock import note_step, take

path, child, wait = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "wait"
lock = take(path, command="nox -s train", wait=wait, notify=lambda line: print(line, flush=True))
for step in sys.argv[4:]:
    note_step(lock, step)
if child:
    start(Command((sys.executable, "-c", child)), read_environment())
print("taken", flush=True)
time.sleep(600)
"""
SLEEPS = "import time; time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
FORKS = f"import os; os.fork(); {SLEEPS}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The lock's file."""
    return tmp_path / ".trainwheel" / "lock"


VARIABLES = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def hold(path: Path) -> Iterator[Start]:
    """Start another process that takes the lock, and end all of them afterwards."""
    started: list[subprocess.Popen[str]] = []

    def run(
        child: str = "",
        *,
        wait: bool = False,
        until: str = "taken",
        before: str = "",
        steps: Sequence[str] = (),
    ) -> subprocess.Popen[str]:
        program, pipe = f"{before}{HOLDER}", subprocess.PIPE
        argv = (sys.executable, "-c", program, str(path), child, "wait" if wait else "", *steps)
        process = subprocess.Popen(argv, stdout=pipe, stderr=subprocess.STDOUT, text=True,
                                   env=VARIABLES)  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if until in line:
                return process
        raise AssertionError(said)

    yield run
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    for number in holders(path):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def holders(path: Path) -> list[int]:
    """Return who has the lock's file open, but for this process."""
    return [
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if str(path) in _open_files(folder) and int(folder.name) != os.getpid()
    ]


def _open_files(folder: Path) -> list[str]:
    found = []
    with contextlib.suppress(OSError):
        for link in (folder / "fd").iterdir():
            # One that is closed meanwhile hides no other.
            with contextlib.suppress(OSError):
                found.append(str(link.readlink()))
    return found


def take_it(path: Path, *, wait: bool = False) -> tuple[int, list[str]]:
    """Take the lock and return its descriptor and what was said."""
    said: list[str] = []
    descriptor = take(path, command="nox -s test", wait=wait, notify=said.append, grace=0.3)
    return descriptor, said


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def test_a_free_lock_is_taken_and_names_its_owner(path: Path) -> None:
    descriptor, said = take_it(path)

    owner = json.loads(path.read_bytes())
    assert said == []
    assert owner["pid"] == os.getpid()
    assert owner["host"] == socket.gethostname()
    assert owner["command"] == "nox -s test"
    assert abs(owner["started"] - time.time()) < BOUND
    os.close(descriptor)


def test_a_lock_that_is_held_stops_a_second_run_at_once_with_its_owner(
    path: Path, hold: Start
) -> None:
    process = hold()

    with pytest.raises(RunLockedError) as caught:
        take_it(path)

    told = str(caught.value)
    assert told.startswith("failed: another run is at work here: nox -s train (process ")
    assert f"(process {process.pid} on {socket.gethostname()}, since " in told
    assert told.endswith("; wait for it with: nox -s test -- --wait")
    assert process.poll() is None


def test_a_run_that_waits_gets_the_lock_when_it_is_free(path: Path, hold: Start) -> None:
    first = hold()
    second = hold(wait=True, until="waiting for nox -s train (process ")

    kill(first)

    assert second.stdout is not None
    assert second.stdout.readline() == "taken\n"
    with pytest.raises(RunLockedError, match=f"process {second.pid} "):
        take_it(path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_waits_can_be_ended(hold: Start, number: signal.Signals) -> None:
    hold()
    second = hold(wait=True, until="waiting for ")

    second.send_signal(number)

    assert second.wait(BOUND) != 0


@pytest.mark.parametrize("owner", [None, "", "{"], ids=["named", "empty", "cut"])
@pytest.mark.parametrize("child", [SLEEPS, DEAF, FORKS], ids=["child", "deaf", "grandchild"])
def test_what_a_killed_run_left_at_work_is_ended_whether_or_not_it_said_who_it_was(
    path: Path, hold: Start, child: str, owner: str | None
) -> None:
    kill(hold(child))
    assert holders(path) != []
    if owner is not None:
        path.write_text(owner)

    descriptor, said = take_it(path)

    assert all("ending what a killed run left at work: " in line for line in said)
    assert said != []
    assert holders(path) == []
    os.close(descriptor)


def test_a_run_that_waits_is_not_taken_for_something_left_behind(path: Path, hold: Start) -> None:
    first = hold(SLEEPS)
    waiting = hold(wait=True, until="waiting for ")
    kill(first)

    with contextlib.suppress(RunLockedError):
        os.close(take_it(path)[0])

    assert waiting.poll() is None


def rewrite(path: Path, **changes: Any) -> None:
    owner = json.loads(path.read_bytes())
    path.write_text(json.dumps({**owner, **changes}))


@pytest.mark.parametrize(
    ("changes", "clause"),
    [({"host": "elsewhere"}, "on elsewhere"), ({"command": "gone"}, "its name is not known yet")],
)
def test_nothing_is_ended_for_an_owner_elsewhere_or_one_that_has_not_said_who_it_is(
    path: Path, hold: Start, changes: dict[str, str], clause: str
) -> None:
    process = hold(SLEEPS)
    rewrite(path, pid=2**22 + 1, **changes)
    before = holders(path)

    with pytest.raises(RunLockedError, match=clause):
        take_it(path)

    assert process.poll() is None
    assert holders(path) == before != []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "host": 1}'])
def test_an_owner_who_cannot_be_read_still_holds_the_lock(
    path: Path, hold: Start, text: str
) -> None:
    process = hold()
    path.write_text(text)

    with pytest.raises(RunLockedError, match="another run is at work here"):
        take_it(path)

    assert process.poll() is None


def test_of_five_that_start_at_once_one_gets_it(path: Path) -> None:
    program = HOLDER.replace("time.sleep(600)", "sys.stdin.read()")
    argv = (sys.executable, "-c", program, str(path), "", "")
    pipe = subprocess.PIPE
    runs = [
        subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=VARIABLES)
        for _ in range(5)
    ]
    # Each says "taken" or fails, and so closes its output.
    lines = {run: run.stdout.readline() for run in runs if run.stdout is not None}
    (winner,) = (run for run, line in lines.items() if line == "taken\n")

    errors = [run.communicate(timeout=BOUND)[1] for run in runs if run is not winner]
    winner.communicate("", timeout=BOUND)
    assert winner.returncode == 0
    assert all("RunLockedError: failed: another run is at work" in error for error in errors)


def test_a_file_system_without_locks_is_told_of(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)

    descriptor, said = take_it(path)

    assert said == [WITHOUT_LOCKS]
    os.close(descriptor)


WITHOUT_LOCKS = "this file system does not support locks: do not start two runs at once"
REFUSE = """
import errno, fcntl

def refuse(*_):
    raise OSError(errno.ENOLCK, "No locks available")

fcntl.flock = refuse
"""


def test_where_there_are_no_locks_a_run_that_is_at_work_is_seen_by_its_name(
    hold: Start,
) -> None:
    first = hold(before=REFUSE)
    with pytest.raises(AssertionError, match="another run is at work here: nox -s train"):
        hold(before=REFUSE)
    waiting = hold(wait=True, until="waiting for nox -s train", before=REFUSE)
    kill(first)

    assert waiting.stdout is not None
    assert [next(waiting.stdout), next(waiting.stdout)] == [f"{WITHOUT_LOCKS}\n", "taken\n"]


def test_a_lock_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    link = tmp_path / "lock"
    link.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch()

    for path in (link, tmp_path / "file" / "lock", tmp_path):
        with pytest.raises(StepFailedError) as caught:
            take_it(path)
        assert str(caught.value).startswith(f"failed: {path} cannot be opened: ")
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_a_reader_sees_who_is_at_work_and_at_which_step_and_disturbs_nobody(
    path: Path, hold: Start
) -> None:
    process = hold(steps=("train", "test"))

    for _ in range(3):
        owner = read_owner(path)
        assert owner is not None
        assert (owner.pid, owner.command, owner.step) == (process.pid, "nox -s train", "test")
        assert 0 < owner.started <= owner.step_started <= time.time()
        assert owner.is_seen
    assert ", now at test (process " in str(owner)
    assert holders(path) == [process.pid]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_nobody_is_at_work_after_an_end(path: Path, hold: Start, end: signal.Signals) -> None:
    process = hold()
    process.send_signal(end)
    process.wait(BOUND)

    assert bool(path.read_text()) == (end == signal.SIGKILL)
    assert read_owner(path) is None


def test_what_a_killed_run_left_behind_is_not_its_owner(path: Path, hold: Start) -> None:
    process = hold(child=SLEEPS)
    process.kill()
    process.wait(BOUND)

    assert holders(path)
    assert read_owner(path) is None


def owner_text(**changes: object) -> str:
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "command": "nox -s train",
                       "started": 1.0, "step": "", "step_started": 0.0, **changes})  # fmt: skip


@pytest.mark.parametrize("text", [
    None, "", "{", "[]", "3", "\0" * 9, owner_text(pid="1"), owner_text(pid=True),
    owner_text(pid=0), owner_text(pid=-1), owner_text(started="now"), owner_text(step=None),
    owner_text(more=1), owner_text(pid=10**30), owner_text(pid=2**22 + 1), owner_text(),
])  # fmt: skip
def test_a_file_that_no_run_here_has_open_names_nobody(path: Path, text: str | None) -> None:
    path.parent.mkdir()
    if text is not None:
        path.write_text(text)

    assert read_owner(path) is None
    assert path.exists() == (text is not None)


def test_a_run_of_another_machine_is_named_with_a_doubt(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(owner_text(host="elsewhere", started=float("inf")))

    owner = read_owner(path)

    assert owner is not None
    assert not owner.is_seen
    assert str(owner).endswith("on elsewhere, since an unknown time)")


def test_a_pipe_in_the_place_of_the_file_keeps_no_reader_waiting(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)

    assert read_owner(path) is None


def test_a_step_is_noted_over_a_longer_one_and_only_by_the_owner(path: Path) -> None:
    descriptor, _ = take_it(path)
    for step in ("evaluate", "test"):
        note_step(descriptor, step)
        owner = read_owner(path)
        assert owner is not None
        assert owner.step == step
    os.pwrite(descriptor, owner_text(pid=1).ljust(400).encode(), 0)
    note_step(descriptor, "train")
    assert json.loads(path.read_text())["step"] == ""
    os.close(descriptor)
    note_step(descriptor, "train")
