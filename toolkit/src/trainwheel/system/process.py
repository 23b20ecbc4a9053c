"""The only module that starts processes.

Every child gets a process group of its own, and no group outlives the run: it is ended when its
command is done, when a signal or a failure elsewhere ends the run, and when a deadline passes.
"""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import os
import queue
import select
import signal
import subprocess
import threading
import time
from _multiprocessing import SemLock
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from trainwheel.errors import StepFailedError
from trainwheel.system import turns
from trainwheel.system.command import GRACE, Command, Completed
from trainwheel.system.environ import Environment

__all__ = [
    "NICENESS",
    "Process",
    "RunEndedError",
    "await_line",
    "close",
    "cores",
    "end_group",
    "handle_termination",
    "inherit",
    "is_closed",
    "reopen",
    "run",
    "serving",
    "signal_group",
    "start",
    "why_no_semaphores",
]

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Process = subprocess.Popen[bytes]
"""One that was started: others name its type, and start none themselves."""

NICENESS: contextvars.ContextVar[int] = contextvars.ContextVar("niceness", default=0)
"""By how much the processes give way to others, of those that are started in this context."""

_children: set[int] = set()
_inherited: set[int] = set()
# A second signal may come while the first one's handler holds it.
_starting = threading.RLock()
_closed = threading.Event()


class RunEndedError(BaseException):
    """The run ends, so no process is started any more, and one that was ended says nothing.

    It is not an error of the step in which it is raised, and no handler of errors must stop it.
    """


def start(
    command: Command,
    environment: Environment,
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
) -> Process:
    """Start a command in a process group of its own; standard error goes where the command says.

    Raises:
        StepFailedError: The program does not exist or cannot be executed.
        RunEndedError: The run ends.
    """
    try:
        with _signals_held(), _starting:
            if _closed.is_set():
                raise RunEndedError
            process = subprocess.Popen(
                command.argv,
                cwd=command.cwd,
                env=command.variables(environment),
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL if command.drops_errors else subprocess.STDOUT,
                start_new_session=True,
                umask=command.umask,
                pass_fds=tuple(_inherited),
            )
            _children.add(process.pid)
            if niceness := NICENESS.get():
                with contextlib.suppress(OSError):  # it may have ended
                    os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
    except OSError as error:
        message = f"cannot start {command.argv[0]}: {error.strerror}"
        raise StepFailedError(message) from None
    return process


def await_line(process: Process, is_it: Callable[[str], bool], seconds: float) -> tuple[bool, str]:
    """Wait for the line by which a server says where it is; go on reading what it prints.

    Args:
        process: The server, just started.
        is_it: Tells the line.
        seconds: How long it may take for each line.

    Returns:
        Whether it came, and that line; if it did not, the last one that came, or none.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    # Read to its end beside the run: a full pipe would stop the server.
    reader = threading.Thread(target=_hand_over, args=(process.stdout, lines), daemon=True)
    reader.start()
    last = ""
    with contextlib.suppress(queue.Empty), turns.aside():
        while (line := lines.get(timeout=seconds)) is not None:
            if is_it(line):
                return True, line
            last = line or last
    return False, last


def _hand_over(stream: IO[bytes] | None, lines: queue.SimpleQueue[str | None]) -> None:
    _read_lines(stream, [], lambda line: lines.put(line.strip()), "")
    lines.put(None)


def inherit(descriptor: int) -> None:
    """Hand an open file on to every process that is started from now on."""
    _inherited.add(descriptor)


@contextlib.contextmanager
def serving(command: Command, environment: Environment) -> Iterator[Process]:
    """Start a server that ends when its standard input does, and end it after the block.

    Raises:
        StepFailedError: The program does not exist or cannot be executed.
    """
    process = start(command, environment, stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        end_group(process)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let signals wait: a handler that raises inside Popen would leave a child running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    late_signals: list[int] = []
    # Not blocked by a mask, which the child would inherit; one that is ignored stays so.
    current = {number: signal.getsignal(number) for number in _ENDING}
    handlers = {number: handler for number, handler in current.items() if callable(handler)}
    for number in handlers:
        signal.signal(number, lambda number, _: late_signals.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in late_signals:
            signal.raise_signal(late)


def end_group(process: subprocess.Popen[bytes], grace: float = GRACE) -> None:
    """End a process and all that it started: they are asked, and after the grace period forced."""
    if process.pid not in _children:
        return
    _signal(process.pid, signal.SIGTERM)
    with turns.aside():
        _wait(process, grace)
    _signal(process.pid, signal.SIGKILL)
    process.wait()
    _children.discard(process.pid)


def signal_group(process: int, number: int) -> None:
    """Send a signal to a process and everything that it started, but never to this run's own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        group = os.getpgid(process)
        if group == os.getpgrp():
            os.kill(process, number)
        else:
            os.killpg(group, number)


def run(  # noqa: PLR0913 - what is done with a process, each by name
    command: Command,
    environment: Environment,
    *,
    log: Path | None = None,
    echo: Callable[[str], None] | None = None,
    aside: str = "",
    started: Callable[[int], None] = lambda _: None,
) -> Completed:
    """Run a command to its end and return how it went; a failure is not raised.

    Args:
        command: What to run; past its ``timeout`` it is ended and a last line says so.
        environment: The variables of this run, and the secrets to take out of the output.
        log: A file to which the command and its output are appended.
        echo: Called with each line of output as it comes.
        aside: How lines begin that go to ``echo`` and not into the output; empty for none.
        started: Called with the process number.

    Raises:
        StepFailedError: The program does not exist or cannot be executed.
        RunEndedError: The run ends.
    """
    stdin = subprocess.PIPE if command.stdin else subprocess.DEVNULL
    process = start(command, environment, stdin=stdin)
    try:
        started(process.pid)
        with turns.aside():
            lines, late = _collect(process, command, echo, aside)
            if -process.returncode in _ENDING and not late:
                # Who cancels a build may have sent it to all processes, and to this one last.
                _closed.wait(1.0)
    finally:
        end_group(process)
    if _closed.is_set():
        raise RunEndedError
    output = "".join(lines)
    if late:
        output += f"\nended after {command.timeout:.0f} s without an end\n"
    shown = environment.secrets.redact(output)
    if log is not None:
        _append(log, f"$ {command}\n{shown}\nexit code {process.returncode}\n")
    withheld = ""
    if process.returncode and not command.is_open:
        withheld = environment.withheld(output, command.variables(environment))
    return Completed(process.returncode, output if command.is_private else shown, late, withheld)


def _collect(
    process: Process, command: Command, echo: Callable[[str], None] | None, aside: str
) -> tuple[list[str], bool]:
    # A grandchild may hold the pipe open after the command itself has ended, so the reader
    # runs beside the wait instead of before it.
    lines: list[str] = []
    ends: list[SystemExit] = []

    def read() -> None:
        try:
            _read_lines(process.stdout, lines, echo, aside)
        except SystemExit as end:  # nobody reads what is echoed
            ends.append(end)
            end_group(process)

    # It prints for the step in whose context it was started.
    context = contextvars.copy_context()
    reader = threading.Thread(target=context.run, args=(read,), daemon=True)
    # Nor may a command that does not read its input hold up its own deadline.
    writer = threading.Thread(target=_write, args=(process.stdin, command.stdin), daemon=True)
    reader.start()
    writer.start()
    late = not _wait(process, command.timeout)
    end_group(process, command.grace)
    writer.join(GRACE)
    reader.join(GRACE)
    for end in ends:
        raise end
    return lines, late


def _wait(process: Process, seconds: float | None) -> bool:
    """Wait for the end of a process, at most some seconds, and return whether it has ended.

    `subprocess` looks up to 50 ms late where there is a limit; Linux says when it ends (pidfd).
    """
    if seconds is not None and process.poll() is None and hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(process.pid)
            try:
                ended = select.poll()
                ended.register(descriptor, select.POLLIN)
                ended.poll(seconds * 1000)
            finally:
                os.close(descriptor)
            seconds = 0
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def _write(stream: IO[bytes] | None, text: str) -> None:
    if stream is not None:
        with contextlib.suppress(BrokenPipeError), stream:
            stream.write(text.encode())


def _read_lines(
    stream: IO[bytes] | None, lines: list[str], echo: Callable[[str], None] | None, aside: str
) -> None:
    if stream is None:
        return
    with stream:
        for raw in stream:
            line = raw.decode("utf-8", "replace")
            if not aside or not line.startswith(aside):
                lines.append(line)
            if echo is not None:
                echo(line.rstrip("\n"))


def _append(log: Path, text: str) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as stream:
        stream.write(text)


def handle_termination() -> None:
    """Make the signals that end a program end the children, and unwind the run.

    So `finally` blocks run; Nox would die at once and leave private files and children behind. A
    signal that this program was started to ignore, as by nohup, stays ignored.
    """
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminate)
    # An impatient second Ctrl-C may break off what ends the children.
    atexit.register(_signal_children, signal.SIGKILL)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # pragma: no cover - not Linux


def close(number: int = signal.SIGTERM) -> None:
    """Start no process any more, and end those that were started, with a signal."""
    _closed.set()
    with _starting:  # what is being started is a child by then
        _signal_children(number)


def reopen() -> None:
    """Start processes again, once all that `close` has ended are gone."""
    _closed.clear()


def is_closed() -> bool:
    """Return whether the run ends: what fails from now on has failed for that."""
    return _closed.is_set()


def _signal_children(number: int) -> None:
    for group in tuple(_children):
        _signal(group, number)


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    close()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


@cache
def why_no_semaphores() -> str:
    """Return why this system makes no semaphore, as without ``/dev/shm``; empty if it does.

    joblib makes one like it when it is imported, and warns if it cannot, which ends tests that take
    warnings for errors; it does neither if JOBLIB_MULTIPROCESSING is 0: see its
    `_multiprocessing_helpers.py`.
    """
    try:
        SemLock(0, 0, 1, name=f"/trainwheel-{os.getpid()}-{time.time_ns()}", unlink=True)
    except OSError as error:
        return error.strerror or str(error)
    return ""
