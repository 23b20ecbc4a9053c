"""The only place that prints, and it never prints a secret."""

from __future__ import annotations

import contextlib
import contextvars
import os
import re
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn, TextIO

from trainwheel.system.environ import Environment

__all__ = ["Console", "flush_output", "write_output"]

_CLEAR = "\r\033[K"
_SPOILT = (
    "a command is not printed, for a password or another secret stands in it as a word; choose one "
    "that is in no name, address or version"
)

_COMMANDS = re.compile("`((?:pip|uv|nox|make|trainwheel) [^`]+)`")
"""Commands within a line, for people to type."""

_speaker: contextvars.ContextVar[str] = contextvars.ContextVar("speaker", default="")
"""The step that prints in this context; empty outside of all."""


def write_output(text: str) -> None:
    """Write to standard output.

    Raises:
        SystemExit: Nobody reads it any more, as behind ``| head -1``.
    """
    try:
        print(text, end="", flush=True)  # noqa: T201 - all that prints does so here
    except BrokenPipeError:
        _end_quietly()


def flush_output() -> None:
    """Write what others have left in the buffer of standard output; raises as `write_output`."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _end_quietly()


def _end_quietly() -> NoReturn:
    """End as a program that SIGPIPE ended, but let every ``finally`` do its work."""
    # The interpreter writes what is left in the buffer when it ends, and would complain.
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    raise SystemExit(128 + signal.SIGPIPE)


class Console:
    """What a person sees: one line per step, and the last lines of a tool that failed.

    Steps that run beside each other print in the order in which they were expected: the lines of
    one wait until all before it have ended.

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
        self._lock = threading.RLock()
        self._expected: list[str] = []
        self._over: set[str] = set()
        self._held: defaultdict[str, list[str]] = defaultdict(list)
        self._working: list[str] = []

    def expect(self, steps: Iterable[str], over: Iterable[str] = ()) -> None:
        """Print what these steps say in this order, each once all before it have ended.

        Args:
            steps: All of them, in their order.
            over: Those that have ended; what one of them said may still wait.
        """
        with self._lock:
            self._expected, self._over = [*steps], {*over}
            self._print_held()

    @contextlib.contextmanager
    def speaking(self, step: str) -> Iterator[None]:
        """Let what is printed within the block, in its context, be what a step says."""
        token = _speaker.set(step)
        try:
            yield
        finally:
            _speaker.reset(token)

    def end(self, step: str) -> None:
        """Print what waited for a step, which says nothing more."""
        with self._lock:
            self._over.add(step)
            self._print_held()

    def _print_held(self) -> None:
        while self._expected:
            for text in self._held.pop(self._expected[0], ()):
                self._write(text)
            if self._expected[0] not in self._over:
                break
            self._expected.pop(0)

    def line(self, text: str, *, is_live: bool = False) -> None:
        """Print one line; at once, whatever steps before it still have to say, where it is live."""
        # With a part of it hidden it would be another command.
        is_whole = all(self._secrets.redact(part) == part for part in _COMMANDS.findall(text))
        shown = self._secrets.redact(text) if is_whole else f"notice: {_SPOILT}"
        self._print(f"{shown}\n", is_live=is_live)

    def command(self, label: str, command: str) -> None:
        """Print a command for people to type: whole, or not at all.

        Args:
            label: What it is for; printed before it.
            command: As a shell takes it.
        """
        is_whole = self._secrets.redact(command) == command
        self._print(f"{label}{command}\n" if is_whole else f"notice: {_SPOILT}\n")

    @contextlib.contextmanager
    def working(self, step: str) -> Iterator[None]:
        """Show on a terminal that a step is at work, until the next line takes its place."""
        self._working.append(step)
        self._show_working()
        try:
            yield
        finally:
            self._working.remove(step)
            with self._lock:
                self._clear()
                self._show_working()

    def _show_working(self) -> None:
        if self._working:
            self.progress(f"{', '.join(self._working):<8} …")

    def progress(self, text: str) -> None:
        """Show on a terminal how far something is, until the next line takes its place."""
        if self.is_terminal:
            with self._lock:
                self._show(f"{_CLEAR}{self._secrets.redact(text)}")
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
        """Print something that is worth knowing, if anything, but not again in the same run."""
        if text and text not in self._said:
            self._said.add(text)
            self.notice(text)

    def _clear(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._show(_CLEAR)

    def _print(self, text: str, *, is_live: bool = False) -> None:
        speaker = _speaker.get()
        with self._lock:
            if is_live or speaker not in self._expected[1:]:
                self._write(text)
            else:
                self._held[speaker].append(text)

    def _write(self, text: str) -> None:
        self._clear()
        self._show(text)

    def _show(self, text: str) -> None:
        # What a tool printed may hold letters that this stream cannot.
        encoding = self._stream.encoding or "utf-8"
        printable = text.encode(encoding, "backslashreplace").decode(encoding)
        if self._stream is sys.stdout:
            write_output(printable)
        else:
            print(printable, end="", file=self._stream, flush=True)
