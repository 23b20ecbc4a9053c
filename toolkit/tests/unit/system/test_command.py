"""What a command shows, and what is said of a process that has ended."""

from __future__ import annotations

import pytest

from trainwheel.system.command import Command, Completed


@pytest.mark.parametrize(
    ("output", "line"),
    [("", ""), ("\n \n", ""), ("a\nb\n", "b"), ("a\n  b  \n\n", "b"), ("a\r\n", "a")],
)
def test_the_last_line_is_the_last_that_says_something(output: str, line: str) -> None:
    assert Completed(1, output).last_line == line


def test_of_a_tool_without_room_the_line_that_says_so_is_the_last() -> None:
    output = "a\n[Errno 28] No space left on device: 'x'\nPlease report this\n"

    assert "No space left" in Completed(1, output).last_line
    assert Completed(0, output).last_line == "Please report this"


@pytest.mark.parametrize(("completed", "reason"), [
    (Completed(1, "first\nlast\n"), "last"), (Completed(3, ""), "it ended with exit code 3"),
    (Completed(-9, "half"), "its process was ended by SIGKILL, as it is where memory runs out"),
    (Completed(-11, ""), "its process was ended by SIGSEGV"),
    (Completed(-40, ""), "its process was ended by signal 40"),
    (Completed(-15, "ended after 3 s", is_late=True), "ended after 3 s"),
])  # fmt: skip
def test_why_a_process_failed_is_its_signal_or_its_last_line(
    completed: Completed, reason: str
) -> None:
    assert completed.reason == reason


def test_a_command_shows_what_one_would_type_and_nothing_private() -> None:
    command = Command(("tool", "a b", "$x"), env={"TOKEN": "s3cret"}, stdin="s3cret")

    assert str(command) == "tool 'a b' '$x'"
    assert "s3cret" not in repr(command)
