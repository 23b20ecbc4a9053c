"""``trainwheel doctor``: whether this machine and this repository have what the chain needs."""

from __future__ import annotations

import argparse
import functools
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trainwheel.cli.opening import open_here
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import MissingCredentialsError, StepFailedError, TrainwheelError
from trainwheel.index.bindings import Bindings
from trainwheel.index.client import SimpleIndex
from trainwheel.index.patience import Patience
from trainwheel.index.target import Target, choose_index, find_index, read_target
from trainwheel.install.environments import find_uv
from trainwheel.install.stamp import changes_in, homes_in, sum_up
from trainwheel.steps.shared.cluster import Cluster, cluster_of, reach
from trainwheel.steps.shared.synced import examine
from trainwheel.system.command import Command
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.process import run as complete
from trainwheel.system.text import columns, describe_size

__all__ = [
    "MachineCheck",
    "add_doctor",
    "check_clock",
    "check_disk",
    "check_make",
    "check_python",
    "render_json",
    "rows",
]

_SECONDS = 20.0
_PATIENCE = Patience(connect=5.0, answer=10.0, tries=1)


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``doctor``."""
    parser.add_argument("--json", action="store_true", help="print a JSON document")
    parser.set_defaults(run=_report)


def _report(arguments: argparse.Namespace) -> None:
    environment = read_environment()
    checkup = _Checkup(Path.cwd(), environment, Console(environment))
    results = tuple(checkup.run())
    lines = [render_json(results)] if arguments.json else rows(results)
    for line in lines:
        checkup.console.line(line)
    problems = [check.name for check in results if check.state == PROBLEM]
    if problems:
        message = f"doctor has found {len(problems)} to fix: {', '.join(problems)}"
        raise StepFailedError(message)


@dataclass
class _Checkup:
    """Looks, and changes nothing.

    Args:
        root: The folder of the repository.
        environment: The variables of this run.
        console: Prints the checks.
    """

    root: Path
    environment: Environment
    console: Console
    _times: list[tuple[str, datetime]] = field(default_factory=list)

    def run(self) -> Iterator[MachineCheck]:
        """Yield one check after the other."""
        yield check_python(sys.version_info[:3])
        output, is_there = self._first_line("make", "--version"), bool(shutil.which("make"))
        yield check_make(output, is_there=is_there)
        yield self._git()
        yield _settle("uv", self._uv)
        runs: list[Run] = []
        yield _settle("configuration", lambda: self._open(runs))
        for run in runs:
            yield from self._repository(run)
        yield check_disk("disk", shutil.disk_usage(self.root).free)
        yield check_disk("temporary", shutil.disk_usage(tempfile.gettempdir()).free)
        commit = self._first_line("git", "log", "-1", "--format=%cI")
        yield check_clock(datetime.now(UTC), self._times, commit)

    def _open(self, runs: list[Run]) -> str:
        runs.append(open_here(self.root, self.environment))
        return "pyproject.toml can be used"

    def _repository(self, run: Run) -> Iterator[MachineCheck]:
        yield _settle("lock", lambda: _lock(run.workspace))
        yield _settle("setup.py", lambda: _sync(run.workspace))
        if run.workspace.config.engine != "local":
            yield _settle("cluster", lambda: reach(cluster_of(run.workspace) or Cluster()))
        for home in homes_in(run.tools.folder):
            yield _settle(f"environment {home.name}", functools.partial(_environment, home))
        yield from self._indexes(run)

    def _indexes(self, run: Run) -> Iterator[MachineCheck]:
        settings, environment = run.workspace.config.indexes, run.environment
        patterns, chosen_name = Bindings.of(settings).patterns, environment.get("TRAINWHEEL_INDEX")
        try:
            chosen_name = chosen_name or find_index(settings, environment)
        except TrainwheelError as error:
            # A run would not know which one to use; each can be checked all the same.
            yield MachineCheck("index", PROBLEM, error.message, error.hint)
        for name in sorted({*settings, *([chosen_name] if chosen_name else [])}):
            yield from self._index(run, name, is_bound=name in patterns)
        if not settings and not chosen_name:
            yield MachineCheck("index", OK, "the embedded one, in .trainwheel/index")

    def _index(self, run: Run, name: str, *, is_bound: bool) -> Iterator[MachineCheck]:
        """Read an index: a password is tried for reading alone."""
        targets: list[Target | None] = []
        settings, environment = run.workspace.config.indexes, run.environment

        def look() -> str:
            targets.append(
                read_target(settings[name], environment, run.tokens)
                if is_bound
                else choose_index(name, settings, environment, run.tokens, to_read=True)
            )
            return self._read(name, targets[0])

        yield _settle(f"index {name}", look)
        # Where this run has other credentials for reading, those that publish are tried as well.
        with suppress(TrainwheelError):
            publishes = choose_index(name, settings, environment, run.tokens)
            if targets and publishes not in targets:
                label = f"index {name}, to publish"
                yield _settle(label, lambda: self._read(name, publishes))

    def _read(self, name: str, target: Target | None) -> str:
        if target is None:
            return "the embedded one, in .trainwheel/index"
        if target.missing is not None:
            raise target.missing
        index = SimpleIndex(target, _PATIENCE)
        is_open = index.is_open()
        if (date := index.answered_at()) is not None:
            self._times.append((f"index {name}", date))
        if target.password is None:
            return "answers"
        if is_open:
            return "answers; anyone may read it, so the password was not tried"
        return "answers, and accepts the credentials for reading"

    def _uv(self) -> str:
        version = self._first_line(find_uv(), "--version")
        if not version:
            message = f"{find_uv()} cannot be run"
            raise StepFailedError(message, hint="make .venv again: make distclean install")
        return version

    def _git(self) -> MachineCheck:
        if shutil.which("git") is None:
            return MachineCheck("git", PROBLEM, "not installed", "install git")
        fix = "commit the files: the wheel's date and provenance come from the last commit"
        if self._first_line("git", "rev-parse", "--is-inside-work-tree") != "true":
            return MachineCheck(
                "git", WARNING, "this is not a repository", f"run git init, and {fix}"
            )
        commit = self._first_line("git", "rev-parse", "--short", "HEAD")
        if not commit:
            return MachineCheck("git", WARNING, "nothing is committed", fix)
        return MachineCheck("git", OK, f"at {commit}")

    def _first_line(self, *argv: str) -> str:
        """Return the first line that a tool prints; nothing where it fails or is not there."""
        if shutil.which(argv[0]) is None:
            return ""
        command = Command(argv, self.root, is_open=True, timeout=_SECONDS, drops_errors=True)
        result = complete(command, self.environment)
        lines = result.output.splitlines()
        return lines[0].strip() if lines and not result.failed else ""


def _settle(name: str, look: Callable[[], str]) -> MachineCheck:
    """Return the finding, or what is wrong."""
    try:
        return MachineCheck(name, OK, look())
    except MissingCredentialsError as error:
        return MachineCheck(name, WARNING, f"not checked: {error.message}", error.hint)
    except TrainwheelError as error:
        return MachineCheck(name, PROBLEM, error.message, error.hint)
    except (OSError, ImportError) as error:
        return MachineCheck(name, PROBLEM, str(error))


def _lock(workspace: Workspace) -> str:
    count = sum(len(packages) for packages in workspace.lock.categories.values())
    return f"{count} packages, fresh"


def _sync(workspace: Workspace) -> str:
    change = examine(workspace.layout.root, workspace.config.sync)
    if change.has_drifted:
        message = f"{change.target} does not agree with the lock"
        raise StepFailedError(message, hint="write it: make sync")
    return f"{change.target} agrees with the lock"


def _environment(home: Path) -> str:
    changes = changes_in(home, whole=True)
    if changes:
        message = f"has changed: {sum_up(changes)}"
        hint = f"the next step that uses it makes it again; or remove {home}"
        raise StepFailedError(message, hint=hint)
    return "is what was installed"


OK, WARNING, PROBLEM = "ok", "warning", "problem"
_SCHEMA = 1
_TESTED = ((3, 11), (3, 13))
_NEEDED, _COMFORTABLE = 1_000_000_000, 5_000_000_000
_DRIFT = 300.0
_GNU_MAKE = re.compile(r"GNU Make (\S+)")


@dataclass(frozen=True)
class MachineCheck:
    """One thing that was looked at.

    Args:
        name: What.
        state: ``ok``, ``warning`` or ``problem``.
        found: What was found, in a few words.
        mend: What to do; empty where all is well.
    """

    name: str
    state: str
    found: str
    mend: str = ""


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
    """Return the lines of a table: name, state, finding and fix."""
    return list(
        columns([(c.name, c.state, "; ".join(filter(None, (c.found, c.mend)))) for c in checks])
    )


def render_json(checks: Sequence[MachineCheck]) -> str:
    """Return the checks as a JSON document."""
    return json.dumps({"schema": _SCHEMA, "checks": [asdict(check) for check in checks]}, indent=1)
