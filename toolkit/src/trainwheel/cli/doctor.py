"""``trainwheel doctor``: whether this machine and this repository have what the chain needs."""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trainwheel.cli import checks
from trainwheel.cli.checks import OK, PROBLEM, WARNING, MachineCheck
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
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.process import Command
from trainwheel.system.process import run as complete

__all__ = ["add_doctor"]

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
    lines = [checks.render_json(results)] if arguments.json else checks.rows(results)
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
        yield checks.check_python(sys.version_info[:3])
        output, is_there = self._first_line("make", "--version"), bool(shutil.which("make"))
        yield checks.check_make(output, is_there=is_there)
        yield self._git()
        yield _settle("uv", self._uv)
        runs: list[Run] = []
        yield _settle("configuration", lambda: self._open(runs))
        for run in runs:
            yield from self._repository(run)
        yield checks.check_disk("disk", shutil.disk_usage(self.root).free)
        yield checks.check_disk("temporary", shutil.disk_usage(tempfile.gettempdir()).free)
        commit = self._first_line("git", "log", "-1", "--format=%cI")
        yield checks.check_clock(datetime.now(UTC), self._times, commit)

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
