"""``trainwheel init``: what it makes really runs, and what it cannot make leaves nothing."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from integration.tiny import Run, clean_variables, run_to_end

pytestmark = pytest.mark.integration

BOUND = 600.0
LOCKING = "locking the packages"


def command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "trainwheel", "init", *words)


def variables_of(home: Path) -> dict[str, str]:
    """Return variables with a home whose git knows who commits.

    The cache is the user's own: what was downloaded or compiled is looked up there by its digest.
    """
    home.mkdir(exist_ok=True)
    settings = "[user]\nname = Tester\nemail = tester@example.invalid\n"
    (home / ".gitconfig").write_text(settings)
    kept = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return {"XDG_CACHE_HOME": kept, **clean_variables(), "HOME": str(home), "CI": "true"}


def run(folder: Path, *argv: str, variables: Mapping[str, str]) -> Run:
    return run_to_end(argv, folder, variables, BOUND)


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return variables_of(tmp_path / "home")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def test_what_cannot_be_made_is_one_line_and_leaves_nothing(
    place: Path, variables: Mapping[str, str]
) -> None:
    words = ("new", "--name=-", "--package", "import", "--ci", "travis")

    done = run(place, *command(*words), variables=variables)

    assert done.code == 2, done.output
    assert len(done.output.splitlines()) == 1, done.output
    assert all(flag in done.error("configuration") for flag in ("--name", "--package", "--ci"))
    assert list(place.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that even root cannot write to")
@pytest.mark.parametrize(("folder", "name", "told"), [
    ("/proc/new", "", "/proc"), ("new", "PATH", "git is not installed"),
    ("new", "PYTHONPATH", "copier is not installed beside this command"),
])  # fmt: skip
def test_what_is_needed_and_missing_is_one_line(
    place: Path, variables: Mapping[str, str], folder: str, name: str, told: str
) -> None:
    if name == "PYTHONPATH":
        (place / "copier.py").write_text("raise ModuleNotFoundError('copier')")
    steered = {**variables, **({name: str(place)} if name else {})}

    assert told in run(place, *command(folder), variables=steered).error("configuration")
    assert not (place / "new").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="how long a path may be")
def test_a_place_where_nothing_more_fits_is_left_as_it_was(
    place: Path, variables: Mapping[str, str]
) -> None:
    # The path of the folder above is as long as may be; beside the repository nothing more fits.
    room = 4090 - len(f"{place}/first") - len("/n")
    deep = Path("first", *["d" * 200] * (room // 201), "d" * max(room % 201 - 1, 1))
    done = run(place, *command(str(place / deep / "n")), variables=variables)

    assert "cannot be written to: File name too long" in done.error("configuration")
    assert list(place.iterdir()) == []


def test_packages_that_cannot_be_locked_leave_nothing(
    place: Path, variables: Mapping[str, str]
) -> None:
    nowhere = {**variables, "PIP_INDEX_URL": "http://127.0.0.1:9/simple/", "PIP_RETRIES": "0"}
    done = run(place, *command("a/b/new"), variables={**nowhere, "PIP_CONFIG_FILE": os.devnull})
    assert done.code == 1
    told = done.error("failed")
    assert "failed: pipenv lock: " in told
    assert "nothing was made" in told
    assert list(place.iterdir()) == []


def test_a_signal_leaves_nothing(place: Path, variables: Mapping[str, str]) -> None:
    with subprocess.Popen(
        command("new"), cwd=place, env=variables, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert LOCKING in process.stdout.readline()
        assert [path.name.startswith(".trainwheel-init-") for path in place.iterdir()] == [True]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    assert list(place.iterdir()) == []


def test_questions_at_a_terminal_are_asked_and_bad_answers_asked_again(
    place: Path, variables: Mapping[str, str]
) -> None:
    master, slave = pty.openpty()
    asked = {key: value for key, value in variables.items() if key != "CI"} | {"TERM": "xterm"}
    with subprocess.Popen(
        command("new", "--task", "regression", "--ci", "none"),
        cwd=place, env=asked, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(slave)
        screen = answer(master, "Name of the distribution", b"\r")
        screen += answer(master, "Name of the package", b"\x15model\r")
        screen += answer(master, "is reserved", b"\x15my_door\r")
        screen += answer(master, "Variable that holds", b"\x15TEAM_URL\r")
        screen += answer(master, "Who made it", b"\x15Ann <ann>\r")
        screen += answer(master, "is not NAME", b"\x15Ann <ann@x.org>\r")
        screen += answer(master, "Address of the repository", b"\r")
        screen += answer(master, LOCKING, b"")
        process.send_signal(signal.SIGINT)
        process.wait(30)
    os.close(master)
    assert process.returncode == 130, screen
    assert list(place.iterdir()) == []


def answer(master: int, question: str, keys: bytes) -> str:
    """Type an answer as soon as the question is on the screen, and return what was shown."""
    shown = b""
    deadline = time.monotonic() + 60
    while question.encode() not in shown and time.monotonic() < deadline:
        if select.select([master], [], [], 1)[0]:
            with contextlib.suppress(OSError):
                shown += os.read(master, 65536)
    assert question.encode() in shown, shown
    os.write(master, keys)
    return shown.decode(errors="replace")
