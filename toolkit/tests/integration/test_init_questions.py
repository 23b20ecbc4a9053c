"""``trainwheel init --from`` at a terminal: what is doubtful about a table is asked."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.test_init import LOCKING, answer, command, variables_of

pytestmark = pytest.mark.integration

DOWN = b"\x1b[B"
QUESTIONS = (
    ("Which column is to be predicted?", DOWN + DOWN + b"\r"),
    ("are they classes, or counts?", DOWN + b"\r"),
    ("has another value in almost every row: what is it?", b"\r"),
    ("alone says what visits is: is it known before visits?", DOWN + b"\r"),
    ("Name of the distribution", b"\r"),
    ("Name of the package", b"\r"),
    ("Variable that holds", b"\r"),
    ("Who made it", b"\r"),
    ("Address of the repository", b"\r"),
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """What someone at a terminal has, and a table of which much is doubtful."""
    # `fee` alone tells `visits`, and each `ticket` is another one.
    rows = [f"{row % 7},T{row * row}x,{row % 12},{row % 12 * 3.5},{row % 11}" for row in range(300)]
    lines = ["age,ticket,visits,fee,calls", *rows]
    (tmp_path / "visits.csv").write_text("\n".join(lines) + "\n")
    variables = variables_of(tmp_path / "home")
    del variables["CI"]
    return {**variables, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}


@contextmanager
def asked(
    place: Path, variables: Mapping[str, str], *words: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start the command at a terminal, and yield it and the terminal's other end."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        command("new", "--from", "../visits.csv", "--ci", "none", *words),
        cwd=place, env=variables, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(slave)
        try:
            yield process, master
        finally:
            process.kill()


def answer_all(master: int, count: int) -> str:
    return "".join(answer(master, question, keys) for question, keys in QUESTIONS[:count])


def test_the_whole_dialogue_is_heeded(place: Path, variables: Mapping[str, str]) -> None:
    with asked(place, variables) as (process, master):
        screen = answer_all(master, len(QUESTIONS)) + answer(master, LOCKING, b"")
        (root,) = place.glob(".trainwheel-init-*/new")
        model = (root / "model" / "new" / "datamodel.py").read_text()
        process.send_signal(signal.SIGINT)
        process.wait(30)
    os.close(master)

    assert process.returncode == 130, screen
    # `fee` tells `visits`, and `ticket` names the row: the answers leave both out.
    assert [line.split(":")[0].strip() for line in model.splitlines() if "Annotated[" in line] == [
        "age", "calls",
    ]  # fmt: skip
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("count", range(len(QUESTIONS)))
def test_whoever_ends_a_question_by_ctrl_c_leaves_nothing(
    place: Path, variables: Mapping[str, str], count: int
) -> None:
    with asked(place, variables) as (process, master):
        screen = answer_all(master, count) + answer(master, QUESTIONS[count][0], b"\x03")
        process.wait(30)
    os.close(master)

    assert process.returncode == 130, screen
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("count", range(len(QUESTIONS)))
def test_a_terminal_that_goes_away_leaves_nothing(
    place: Path, variables: Mapping[str, str], count: int
) -> None:
    with asked(place, variables) as (process, master):
        answer_all(master, count)
        answer(master, QUESTIONS[count][0], b"")
        os.close(master)
        process.wait(30)

    assert process.returncode != 0
    assert list(place.iterdir()) == []


def test_whoever_ends_the_input_leaves_nothing(place: Path, variables: Mapping[str, str]) -> None:
    with asked(place, variables) as (process, master):
        screen = answer_all(master, len(QUESTIONS) - 1)
        screen += answer(master, QUESTIONS[-1][0], b"\x04")
        process.wait(30)
    os.close(master)

    assert process.returncode == 130, screen
    assert list(place.iterdir()) == []
