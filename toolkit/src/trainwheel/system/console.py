"""The only place that prints, and it never prints a secret."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TextIO

from trainwheel.system.environ import Environment

__all__ = ["Console"]

_CLEAR = "\r\033[K"
_SPOILT = (
    "a command is not printed, for a password or another secret stands in it as a word; choose one "
    "that is in no name, address or version"
)


class Console:
    """What a person sees: one line per step, and the last lines of a tool that failed.

    Args:
        environment: Says whether colour is allowed, and which secrets to print as ``***``.
        stream: Where lines go; standard output when it is None.
    """

    def __init__(self, environment: Environment, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        # Whether a line can be overwritten, and somebody looks at it.
        self.is_terminal = self._stream.isatty() and not environment.in_ci
        self._colour = self.is_terminal and environment.wants_colour
        self._secrets = environment.secrets
        self._said: set[str] = set()
        self._is_waiting = False

    def line(self, text: str) -> None:
        """Print one line."""
        self._clear()
        self._print(f"{self._secrets.redact(text)}\n")

    def command(self, label: str, command: str) -> None:
        """Print a command for people to type: whole, or not at all.

        Args:
            label: What it is for; printed before it.
            command: As a shell takes it.
        """
        self._clear()
        # With a part of it hidden it would be another command.
        is_whole = self._secrets.redact(command) == command
        self._print(f"{label}{command}\n" if is_whole else f"notice: {_SPOILT}\n")

    @contextlib.contextmanager
    def working(self, step: str) -> Iterator[None]:
        """Show on a terminal that a step is at work, until the next line takes its place."""
        self.progress(f"{step:<8} …")
        try:
            yield
        finally:
            self._clear()

    def progress(self, text: str) -> None:
        """Show on a terminal how far something is, until the next line takes its place."""
        if self.is_terminal:
            self._print(f"{_CLEAR}{self._secrets.redact(text)}")
            self._is_waiting = True

    def outcome(self, step: str, text: str, seconds: float | None = None) -> None:
        """Print what became of a step: its name, the outcome, and how long it took."""
        took = "" if seconds is None else f"  {seconds:.1f} s"
        name = f"{step:<8}"
        if self._colour:
            name, took = f"\033[1m{name}\033[0m", f"\033[2m{took}\033[0m"
        self.line(f"{name} {text}{took}")

    def notice(self, text: str) -> None:
        """Print something that is worth knowing and stops nothing."""
        self.line(f"notice: {text}")

    def notice_once(self, text: str) -> None:
        """Print something that is worth knowing, but not again in the same run."""
        if text not in self._said:
            self._said.add(text)
            self.notice(text)

    def _clear(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._print(_CLEAR)

    def _print(self, text: str) -> None:
        # What a tool printed may hold letters that this stream cannot.
        encoding = self._stream.encoding or "utf-8"
        printable = text.encode(encoding, "backslashreplace").decode(encoding)
        print(printable, end="", file=self._stream, flush=True)
