"""``trainwheel doctor``: whether a machine, a repository and an index have what the chain needs."""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trainwheel.cli.adoption import find_missing
from trainwheel.cli.checks import (
    OK,
    PROBLEM,
    WARNING,
    Look,
    MachineCheck,
    beside,
    check_clock,
    check_disk,
    check_make,
    check_pipenv,
    check_python,
    render_json,
    rows,
    settle,
)
from trainwheel.cli.ci_checks import look_at_job, packages_of
from trainwheel.cli.opening import open_here
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.index.bindings import Bindings
from trainwheel.index.client import SimpleIndex
from trainwheel.index.patience import Patience
from trainwheel.index.target import Target, choose_index, find_index, read_target
from trainwheel.install.environments import find_uv
from trainwheel.install.stamp import changes_in, homes_in, sum_up
from trainwheel.requirements.setup_py import read_distribution_name
from trainwheel.steps.shared.cluster import Cluster, cluster_of, reach
from trainwheel.steps.shared.synced import examine
from trainwheel.system.command import Command
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.process import run as complete

__all__ = ["add_doctor"]

_SECONDS = 20.0
_NETWORK_SECONDS = 45.0
"""For all that is asked over the network, beside each other: a first job takes a minute."""
_PROBE_SECONDS = 900.0
_PATIENCE = Patience(connect=5.0, answer=10.0, tries=1)
_EMBEDDED = "the embedded one, in .trainwheel/index"


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``doctor``."""
    parser.add_argument("--to", metavar="NAME", help="ask this index what it will do")
    parser.add_argument(
        "--probe", action="store_true", help="and send it a small project, which stays there"
    )
    parser.add_argument(
        "--ci", action="store_true", help="check what a later job of a build would fail for"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON document")
    parser.set_defaults(run=_report)


def _report(arguments: argparse.Namespace) -> None:
    if arguments.probe and not arguments.to:
        message = "--probe needs the name of the index that it sends to"
        raise ConfigurationError(message, hint="add --to NAME")
    environment = read_environment(secrets=arguments.secrets)
    options = {name: getattr(arguments, name) for name in ("to", "probe", "ci")}
    checkup = _Checkup(Path.cwd(), environment, Console(environment), **options)
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
    """Looks, and changes nothing; only ``probe`` leaves something, on an index.

    Args:
        root: The folder of the repository.
        environment: The variables of this run.
        console: Prints the checks.
        to: The index that is asked what it will do, and that a release would go to.
        probe: Whether a project is sent there.
        ci: Whether all is looked at that a build needs.
    """

    root: Path
    environment: Environment
    console: Console
    to: str | None = None
    probe: bool = False
    ci: bool = False
    _times: list[tuple[str, datetime]] = field(default_factory=list)

    def run(self) -> Iterator[MachineCheck]:
        """Yield one check after the other."""
        yield check_python(sys.version_info[:3])
        output, is_there = self._first_line("make", "--version"), bool(shutil.which("make"))
        yield check_make(output, is_there=is_there)
        yield self._git()
        yield settle("uv", self._uv)
        missing = list(find_missing(self.root))
        yield from missing
        runs: list[Run] = []
        if "pyproject.toml" not in [check.name for check in missing]:
            yield settle("configuration", lambda: self._open(runs))
        for run in runs:
            yield from self._repository(run)
        yield from check_pipenv(_pipenv_environments(self.root, self.environment))
        if self.ci:
            yield from look_at_job(self.root, self.environment, self._ask_git)
        yield check_disk("disk", shutil.disk_usage(self.root).free)
        yield check_disk("temporary", shutil.disk_usage(tempfile.gettempdir()).free)
        commit = self._first_line("git", "log", "-1", "--format=%cI")
        yield check_clock(datetime.now(UTC), self._times, commit)

    def _open(self, runs: list[Run]) -> str:
        runs.append(open_here(self.root, self.environment))
        return "pyproject.toml can be used"

    def _repository(self, run: Run) -> Iterator[MachineCheck]:
        yield settle("lock", lambda: _lock(run.workspace))
        yield settle("setup.py", lambda: _sync(run.workspace))
        if run.workspace.config.engine != "local":
            yield settle("cluster", lambda: reach(cluster_of(run.workspace) or Cluster()))
        for home in homes_in(run.tools.folder):
            yield settle(f"environment {home.name}", functools.partial(_environment, home))
        name, checks = self._chosen(run)
        yield from checks
        looks = [*self._indexes(run, name), *(packages_of(run) if self.ci else ())]
        if self.to is not None:
            looks.append((f"index {self.to}, asked", functools.partial(self._ask, run, self.to)))
        yield from beside(looks, _PROBE_SECONDS if self.probe else _NETWORK_SECONDS)

    def _chosen(self, run: Run) -> tuple[str | None, list[MachineCheck]]:
        """Return the name of the index of this run, and what is to be said of that choice."""
        settings, environment = run.workspace.config.indexes, run.environment
        name = self.to or environment.get("TRAINWHEEL_INDEX")
        try:
            name = name or find_index(settings, environment)
        except TrainwheelError as error:
            # A run would not know which one to use; each can be checked all the same.
            return None, [MachineCheck("index", PROBLEM, error.message, error.hint)]
        if name or (settings and not self.ci):
            return name, []
        if not self.ci:
            return None, [MachineCheck("index", OK, _EMBEDDED)]
        text = "none is named: a release of this job would go to the embedded one, on its own disk"
        fix = "set TRAINWHEEL_INDEX in each job that publishes, or add --to NAME"
        return None, [MachineCheck("index", WARNING, text, fix)]

    def _indexes(self, run: Run, chosen: str | None) -> Iterator[Look]:
        settings = run.workspace.config.indexes
        patterns = Bindings.of(settings).patterns
        for name in sorted({*settings, *([chosen] if chosen else [])}):
            look = functools.partial(self._index, run, name, is_bound=name in patterns)
            yield f"index {name}", look
        if chosen and self.ci:
            yield f"publish to {chosen}", functools.partial(self._credential, run, chosen)

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

        yield settle(f"index {name}", look)
        # Where this run has other credentials for reading, those that publish are tried as well.
        with suppress(TrainwheelError):
            publishes = choose_index(name, settings, environment, run.tokens)
            if targets and publishes not in targets:
                label = f"index {name}, to publish"
                yield settle(label, lambda: self._read(name, publishes))

    def _credential(self, run: Run, name: str) -> Iterator[MachineCheck]:
        """Try the credential that publishes, without a file."""

        def look() -> str:
            settings = run.workspace.config.indexes
            target = choose_index(name, settings, run.environment, run.tokens)
            if target is None:
                return _EMBEDDED
            SimpleIndex(target, _PATIENCE).check_access(uploads=True)
            return "accepts the credentials" if target.password else "takes uploads of anyone"

        yield settle(f"publish to {name}", look, missing=PROBLEM)

    def _read(self, name: str, target: Target | None) -> str:
        if target is None:
            return _EMBEDDED
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

    def _ask(self, run: Run, name: str) -> Iterator[MachineCheck]:
        """Ask an index what it will do with a release; with ``probe`` also by sending a project."""
        # Only here, for it takes requests, which no other command has to wait for.
        from trainwheel.cli.index_checks import ask, send
        from trainwheel.index.probe import Probe

        asked: list[tuple[Probe, str]] = []

        def look() -> str:
            settings = run.workspace.config.indexes
            target = choose_index(name, settings, run.environment, run.tokens)
            if target is not None:
                project = read_distribution_name(run.workspace.read_setup_py())
                asked.append((Probe(target, _PATIENCE), project))
            return "not asked: it is trainwheel's own"

        check = settle(f"index {name}, asked", look, missing=PROBLEM if self.ci else WARNING)
        if not asked:
            yield check
            return
        probe, project = asked[0]
        wheels = sorted(run.workspace.layout.dist.glob("*.whl"), key=lambda p: p.stat().st_mtime)
        size = wheels[-1].stat().st_size if wheels else None
        yield from ask(probe, project, size, sends=self.probe)
        if self.probe:
            python = functools.partial(run.tools.python, "upload")
            # What is printed beside a JSON document must not be in it.
            yield from send(probe, python, run.environment, Console(run.environment, sys.stderr))

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
        lines = self._output(*argv).splitlines()
        return lines[0].strip() if lines else ""

    def _ask_git(self, *words: str) -> str:
        return self._output("git", *words).strip()

    def _output(self, *argv: str) -> str:
        """Return what a tool prints; nothing where it fails or is not there."""
        if shutil.which(argv[0]) is None:
            return ""
        command = Command(
            argv, self.root, is_open=True, timeout=_SECONDS, drops_errors=True, is_private=True
        )
        result = complete(command, self.environment)
        return "" if result.failed else result.output


def _pipenv_environments(root: Path, environment: Environment) -> list[Path]:
    """Return the environments of a repository that pipenv has made outside of it.

    Each has a file with the repository's path. Where they stand: `get_workon_home` of pipenv.
    """
    data = environment.get("XDG_DATA_HOME") or f"{environment.get('HOME') or ''}/.local/share"
    homes = Path(os.path.expandvars(environment.get("WORKON_HOME") or f"{data}/virtualenvs"))
    names = sorted(homes.expanduser().glob("*/.project"))
    here = os.fsencode(root.resolve())
    return [name.parent for name in names if name.read_bytes().strip() == here]


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
