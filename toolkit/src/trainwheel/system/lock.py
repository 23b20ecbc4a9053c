"""One run at a time in a repository: a lock that the kernel holds and frees.

It lies in ``.trainwheel/lock`` and is never removed. Every process that a run starts inherits it,
so that processes that a killed run left behind keep others out; the next run ends them first.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from trainwheel.errors import RunLockedError, StepFailedError
from trainwheel.system.process import inherit, signal_group
from trainwheel.system.text import moment

__all__ = ["Owner", "note_step", "read_owner", "take"]

_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})
_GRACE = 3.0
_PAUSE, _ATTEMPTS = 0.05, 10
_PROC = Path("/proc")
_LOCK = re.compile(rb"FLOCK +ADVISORY +WRITE +(\d+) ")
"""The kernel's word on a lock: who took it, also where that process has ended."""


@dataclass(frozen=True)
class Owner:
    """Who holds the lock.

    Args:
        pid: The process.
        host: The machine.
        command: What it runs.
        started: When it took the lock, in seconds since 1970.
        step: The steps that it is at, with commas; empty before the first one.
        step_started: When the last of them began, or one of them ended.
    """

    pid: int
    host: str
    command: str
    started: float
    step: str = ""
    step_started: float = 0.0

    @property
    def is_seen(self) -> bool:
        """Whether it can be seen here whether it still runs: not on another machine."""
        return self.host == socket.gethostname() and _PROC.is_dir()

    def __str__(self) -> str:
        """Return it as a clause."""
        step = f", now at {self.step}" if self.step else ""
        process = f"process {self.pid} on {self.host}"
        return f"{self.command}{step} ({process}, since {moment(self.started)})"


def take(
    path: Path, *, command: str, wait: bool, notify: Callable[[str], None], grace: float = _GRACE
) -> int:
    """Take the lock and return its descriptor, which this process keeps until it ends.

    A process that has it already gets it again: one noxfile may register its steps in parts.

    Args:
        path: The lock's file; made where it is missing.
        command: What was typed, for others to read.
        wait: Whether to wait for another run instead of stopping.
        notify: Is given a line about what is waited for or ended.
        grace: Seconds that processes of a killed run have to end before they are forced.

    Raises:
        RunLockedError: Another run holds it.
        StepFailedError: The file cannot be opened.
        OSError: The folder is on a file system that is only read.
    """
    if path in _held:
        return _held[path]
    descriptor = _open(path)
    try:
        _acquire(descriptor, None if wait else _waiting(command), notify, grace)
    except BaseException:
        os.close(descriptor)
        raise
    owner = Owner(os.getpid(), socket.gethostname(), command, time.time())
    _write_owner(descriptor, owner)
    atexit.register(_clear, path, descriptor)
    inherit(descriptor)
    _held[path] = descriptor
    return descriptor


_held: dict[Path, int] = {}


def note_step(descriptor: int, step: str) -> None:
    """Let others read which step a run that holds the lock is at."""
    with contextlib.suppress(OSError):  # nothing depends on it
        owner = _parse_owner(descriptor)
        if owner is not None and owner.pid == os.getpid():
            _write_owner(descriptor, replace(owner, step=step, step_started=time.time()))


def read_owner(path: Path) -> Owner | None:
    """Return which run holds the lock, without touching that.

    Returns:
        None where none does. One of another machine may have been killed since.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        owner = _parse_owner(descriptor)
        if owner is not None and owner.is_seen and not _is_running(owner, path, descriptor):
            return None
        return owner
    finally:
        os.close(descriptor)


def _is_running(owner: Owner, path: Path, descriptor: int) -> bool:
    if owner.pid == os.getpid():
        return path in _held  # by now the number may be that of whoever asks
    process = _PROC / str(owner.pid)
    if os.access(process / "fd", os.R_OK):
        # The number may be that of another process by now, which has other files open.
        return any(_links_to(process, os.fstat(descriptor)))
    return process.exists()  # that of another user


def _write_owner(descriptor: int, owner: Owner) -> None:
    """Write one text over another at once, so that no reader finds a part of it."""
    text = json.dumps(asdict(owner)).encode()
    os.pwrite(descriptor, text.ljust(os.fstat(descriptor).st_size), 0)


def _clear(path: Path, descriptor: int) -> None:
    """Remove the owner at the end of this process, unless the file is another one by now."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            os.ftruncate(descriptor, 0)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno == errno.EROFS:
            raise
        message = f"{path} cannot be opened: {error.strerror}"
        hint = "it must be a plain file in a folder that can be written"
        raise StepFailedError(message, hint=hint) from None


def _waiting(command: str) -> str:
    """Return a command as it is typed to wait for another run."""
    return f"{command} --wait" if " -- " in command else f"{command} -- --wait"


def _acquire(
    descriptor: int, waiting: str | None, notify: Callable[[str], None], grace: float
) -> None:
    """Take the lock, or wait for it where there is no command to propose for that.

    Raises:
        RunLockedError: Another run holds it.
    """
    for _ in range(_ATTEMPTS):
        if _try(descriptor, notify):
            return
        holders = _holders(descriptor)
        orphans = _orphans(descriptor, holders)
        if not orphans and holders:
            break
        # What holds it may have ended since, or the system does not say who it is.
        survivors = _end(orphans, descriptor, notify, grace)
        if survivors and waiting:
            process = min(survivors)
            message = f"process {process}, which a killed run left behind, is still at work here"
            raise RunLockedError(message, hint=f"end it, or wait for it with: {waiting}")
        time.sleep(_PAUSE)
    owner = _read_owner(descriptor)
    if waiting:
        message = f"another run is at work here: {owner or 'its name is not known yet'}"
        raise RunLockedError(message, hint=f"wait for it with: {waiting}")
    notify(f"waiting for {owner or 'another run'}")
    while not _try(descriptor, notify, is_patient=True):
        time.sleep(_PAUSE)


def _try(descriptor: int, notify: Callable[[str], None], *, is_patient: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        owner = _parse_owner(descriptor)
        if owner is not None and _is_at_work(owner, descriptor):
            return False
        notify("this file system does not support locks: do not start two runs at once")
    return True


def _is_at_work(owner: Owner, descriptor: int) -> bool:
    """Return whether another process of this machine that wrote its name has the file open yet."""
    if owner.host != socket.gethostname() or owner.pid == os.getpid():
        return False
    return next(_links_to(_PROC / str(owner.pid), os.fstat(descriptor)), None) is not None


def _read_owner(descriptor: int) -> Owner | None:
    # Between taking the lock and saying so lies a moment.
    takers = {*_holders(descriptor).values()}
    for _ in range(_ATTEMPTS):
        owner = _parse_owner(descriptor)
        if owner is not None and (not owner.is_seen or not takers or owner.pid in takers):
            return owner
        time.sleep(_PAUSE)
    return None


def _parse_owner(descriptor: int) -> Owner | None:
    """Return the owner in the lock's file; None where that is not the text of one."""
    try:
        document = json.loads(os.pread(descriptor, 1 << 16, 0))
        owner = Owner(**document)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts, times = (owner.host, owner.command, owner.step), (owner.started, owner.step_started)
    is_whole = (
        type(owner.pid) is int
        and all(type(text) is str for text in texts)
        and all(type(time) in {int, float} for time in times)
    )
    return owner if is_whole and owner.pid > 0 else None


def _end(
    orphans: frozenset[int], descriptor: int, notify: Callable[[str], None], grace: float
) -> frozenset[int]:
    """End the processes that a killed run left behind, and return those that are still there."""
    for process in sorted(orphans):
        notify(f"ending what a killed run left at work: {_name(process)} (process {process})")
    survivors = orphans
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in survivors:
            signal_group(process, number)
        deadline = time.monotonic() + grace
        while (survivors := orphans & _holders(descriptor).keys()) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        if not survivors:
            break
    return survivors


def _holders(descriptor: int) -> dict[int, int]:
    """Return the other processes that hold the lock; none where the system does not say.

    One that only waits for it has the file open too, but by an open file of its own.

    Returns:
        Process → the one that took the lock for it, which is itself or a run that started it and
        may have ended; 0 where that has ended and its number is free.
    """
    file = os.fstat(descriptor)
    takers = {}
    for folder in _PROC.glob("[0-9]*"):
        taker = _taker(folder, file)
        if taker is not None and int(folder.name) != os.getpid():
            takers[int(folder.name)] = taker
    return takers


def _orphans(descriptor: int, holders: Mapping[int, int]) -> frozenset[int]:
    """Return the processes whose run has ended.

    A run that lives holds the lock itself; its number may be another process's by now, but that
    one does not. Each is looked at anew: it may have taken the lock after it was passed by.
    """
    file = os.fstat(descriptor)
    alive = {taker for taker in {*holders.values()} if _taker(_PROC / str(taker), file)}
    return frozenset(process for process, taker in holders.items() if taker not in alive)


def _taker(process: Path, file: os.stat_result) -> int | None:
    """Return which process took the lock that this one holds; None where it holds none."""
    for link in _links_to(process, file):
        with contextlib.suppress(OSError):
            lock = _LOCK.search((process / "fdinfo" / link.name).read_bytes())
            return int(lock[1]) if lock else None
    return None


def _links_to(process: Path, file: os.stat_result) -> Iterator[Path]:
    """Yield the descriptors of a process by which it has a file open."""
    with contextlib.suppress(OSError):
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(link.stat(), file):
                    yield link


def _name(process: int) -> str:
    with contextlib.suppress(OSError):
        words = (_PROC / str(process) / "cmdline").read_bytes().split(b"\0")
        return b" ".join(words).decode("utf-8", "backslashreplace").strip()[:100]
    return "it"
