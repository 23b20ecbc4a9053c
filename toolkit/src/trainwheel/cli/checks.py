"""What ``doctor`` makes of what it found: each check in a word, and how to fix it.

Everything here is pure, apart from `settle` and `beside`, which call what looks.
"""

from __future__ import annotations

import json
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from trainwheel.errors import MissingCredentialsError, TrainwheelError
from trainwheel.system.process import close, reopen
from trainwheel.system.text import columns, describe_size

__all__ = [
    "OK",
    "PROBLEM",
    "WARNING",
    "Look",
    "MachineCheck",
    "beside",
    "check_branch",
    "check_clock",
    "check_disk",
    "check_make",
    "check_pipenv",
    "check_pointers",
    "check_python",
    "check_shared_memory",
    "render_json",
    "rows",
    "settle",
]

OK, WARNING, PROBLEM = "ok", "warning", "problem"
_SCHEMA = 1
_TESTED = ((3, 11), (3, 13))
_NEEDED, _COMFORTABLE = 1_000_000_000, 5_000_000_000
_DRIFT = 300.0
_SHARED = 64_000_000
"""What Docker gives a container by default is a little more."""
_SHOWN = 3
_GNU_MAKE = re.compile(r"GNU Make (\S+)")


@dataclass(frozen=True)
class MachineCheck:
    """One thing that was looked at.

    Args:
        name: What.
        state: ``ok``, ``warning`` or ``problem``.
        found: What was found, in a few words.
        fix: What to do; empty where all is well.
        lines: What to paste for that.
    """

    name: str
    state: str
    found: str
    fix: str = ""
    lines: tuple[str, ...] = ()


def check_python(version: tuple[int, int, int]) -> MachineCheck:
    """Check the Python that runs this."""
    name = ".".join(map(str, version))
    if _TESTED[0] <= version[:2] <= _TESTED[1]:
        return MachineCheck("python", OK, name)
    return MachineCheck("python", WARNING, name, "3.11 to 3.13 are tested")


def check_make(output: str, *, is_there: bool) -> MachineCheck:
    """Check make by what ``make --version`` prints; BSD's make prints its usage, and fails."""
    fix = "install GNU make, which is gmake on BSD, or run nox instead"
    if match := _GNU_MAKE.search(output):
        return MachineCheck("make", OK, f"GNU Make {match[1]}")
    if is_there:
        return MachineCheck("make", PROBLEM, "not GNU make", fix)
    return MachineCheck("make", WARNING, "not installed", fix)


def check_pipenv(homes: Sequence[Path]) -> Iterator[MachineCheck]:
    """Warn of environments that pipenv has made beside .venv.

    Args:
        homes: Their folders.
    """
    if homes:
        places = " ".join(shlex.quote(str(home)) for home in homes)
        text = f"has made another environment of this repository: {places}"
        fix = f"remove it: rm -r {places}; venv_in_project = true in [pipenv] of the Pipfile"
        yield MachineCheck("pipenv", WARNING, text, f"{fix} keeps pipenv to .venv")


def check_disk(name: str, free: int) -> MachineCheck:
    """Check how many bytes are free where something is written."""
    amount = f"{describe_size(free)} free"
    if free < _NEEDED:
        return MachineCheck(name, PROBLEM, amount, "make room, for example with make clean")
    if free < _COMFORTABLE:
        return MachineCheck(
            name, WARNING, amount, "a release of a large model needs six times its size"
        )
    return MachineCheck(name, OK, amount)


def check_shared_memory(
    size: int | None, reason: str, variables: Mapping[str, str]
) -> MachineCheck:
    """Check the memory that processes share, which joblib needs for its semaphores.

    Args:
        size: Its bytes in all; None where there is none.
        reason: Why nothing can be made in it; empty where something can.
        variables: Those that joblib reads.
    """
    name = "shared memory"
    if variables.get("JOBLIB_MULTIPROCESSING") == "0":
        return MachineCheck(name, OK, "not needed: JOBLIB_MULTIPROCESSING is 0")
    if reason:
        fix = "mount it writable (docker: --shm-size=256m), if training is to use processes"
        return MachineCheck(name, WARNING, f"joblib cannot use /dev/shm: {reason}", fix)
    if size is None:
        return MachineCheck(name, OK, "this system has no /dev/shm")
    text = f"{describe_size(size)} in /dev/shm"
    if size < _SHARED and not variables.get("JOBLIB_TEMP_FOLDER"):
        fix = "give the container more (docker: --shm-size=256m), or set JOBLIB_TEMP_FOLDER"
        return MachineCheck(name, WARNING, text, fix)
    return MachineCheck(name, OK, text)


def check_pointers(names: Sequence[str] | None) -> MachineCheck:
    """Check that Git LFS has put files where its pointers were.

    Args:
        names: The tracked files that hold a pointer; None where git names no files.
    """
    if names is None:
        return MachineCheck("large files", WARNING, "not checked: git names no tracked files")
    if not names:
        return MachineCheck("large files", OK, "no tracked file is a pointer of Git LFS")
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    text = f"pointers of Git LFS in place of the files: {', '.join(names[:_SHOWN])}{more}"
    fix = "run git lfs pull, or let the checkout do it (actions/checkout: lfs: true)"
    return MachineCheck("large files", PROBLEM, text, fix)


def check_branch(branch: str, default: str) -> MachineCheck:
    """Say whether a build is of the default branch, from which releases usually come.

    Args:
        branch: What is built; empty where nothing says it.
        default: The default branch; empty where nothing says it.
    """
    name, built = "branch", branch or "no branch"
    if not default:
        text = f"{built}; nothing here says which branch is the default one"
        return MachineCheck(name, WARNING, text, "run git remote set-head origin --auto")
    if branch == default:
        return MachineCheck(name, OK, f"{branch}, the default branch")
    return MachineCheck(name, OK, f"{built}; the default branch is {default}")


def check_clock(now: datetime, times: Sequence[tuple[str, datetime]], commit: str) -> MachineCheck:
    """Check this machine's clock.

    Args:
        now: Its time.
        times: Those of indexes, with their names.
        commit: The time of the last commit, ISO 8601; empty outside git.
    """
    fix = "set the clock: certificates and tokens are valid by it"
    for name, theirs in times:
        seconds = (now - theirs).total_seconds()
        if abs(seconds) > _DRIFT:
            way = "ahead of" if seconds > 0 else "behind"
            difference = f"{abs(seconds) / 60:.0f} minutes {way} {name}"
            return MachineCheck("clock", PROBLEM, difference, fix)
    if commit and (datetime.fromisoformat(commit) - now).total_seconds() > _DRIFT:
        return MachineCheck("clock", WARNING, "before the last commit", fix)
    text = f"agrees with {times[0][0]}" if times else "no index to compare it with"
    return MachineCheck("clock", OK, text)


def rows(checks: Sequence[MachineCheck]) -> list[str]:
    """Return the lines of a table: name, state, finding and fix; below each, what to paste."""
    table = columns([(c.name, c.state, "; ".join(filter(None, (c.found, c.fix)))) for c in checks])
    return [
        line
        for row, check in zip(table, checks, strict=True)
        for line in (row, *(f"    {line}".rstrip() for line in check.lines))
    ]


def render_json(checks: Sequence[MachineCheck]) -> str:
    """Return the checks as a JSON document."""
    return json.dumps({"schema": _SCHEMA, "checks": [asdict(check) for check in checks]}, indent=1)


def settle(name: str, look: Callable[[], str], *, missing: str = WARNING) -> MachineCheck:
    """Return what a look found, or what is wrong.

    Args:
        name: What is looked at.
        look: Returns what it found, in a few words.
        missing: The state where credentials are not there.
    """
    try:
        return MachineCheck(name, OK, look())
    except MissingCredentialsError as error:
        return MachineCheck(name, missing, f"not checked: {error.message}", error.hint)
    except TrainwheelError as error:
        return MachineCheck(name, PROBLEM, error.message, error.hint)
    except (OSError, ImportError) as error:
        return MachineCheck(name, PROBLEM, str(error))


Look = tuple[str, Callable[[], Iterable[MachineCheck]]]
"""The name of what is looked at, and what yields its checks."""


def beside(looks: Sequence[Look], seconds: float) -> Iterator[MachineCheck]:
    """Yield the checks of several looks, which are taken beside each other, in their order.

    Args:
        looks: What to look at.
        seconds: When a look that has not ended is given up, as of a server that sends a byte now
            and then; what it has yielded by then counts.
    """
    tasks = [_Task(look, []) for _, look in looks]
    for task in tasks:
        task.start()
    end = time.monotonic() + seconds
    for task, (name, _) in zip(tasks, looks, strict=True):
        task.join(max(0.0, end - time.monotonic()))
        is_late = task.is_alive()
        yield from tuple(task.checks)
        if is_late:
            yield MachineCheck(name, PROBLEM, f"not answered in full within {seconds:.0f} s")
        elif task.error is not None:
            raise task.error
    if any(task.is_alive() for task in tasks):
        close()
        reopen()


class _Task(threading.Thread):
    """A look, taken beside others; nothing waits for it when the program ends."""

    def __init__(
        self, look: Callable[[], Iterable[MachineCheck]], checks: list[MachineCheck]
    ) -> None:
        super().__init__(daemon=True)
        self.look, self.checks = look, checks
        self.error: BaseException | None = None

    def run(self) -> None:
        """Keep each check as soon as it is there."""
        try:
            for check in self.look():
                self.checks.append(check)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self.error = error
