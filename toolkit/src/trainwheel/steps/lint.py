"""Check style, types, CI files, the lock and setup.py."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from trainwheel.engine.chain import Step
from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.records import Record, read_record, write_record
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.steps.shared.ci_checks import PATTERNS, RUNTIMES, Check, parse_major, plan_checks
from trainwheel.steps.sync import sync
from trainwheel.system.digest import digest_files, digest_json
from trainwheel.system.files import list_files
from trainwheel.system.process import Command

__all__ = ["LINTERS", "STEP", "lint_ci_files"]

_TOOLS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("codespell",),
)
"""Each reads its settings from pyproject.toml; they are in the lock's [lint]."""

LINTERS = Path(__file__).parents[1] / "data" / "ci-lint"
"""What npm installs: its lock holds digests and, thanks to the .npmrc beside it, no addresses."""

_NAME = "ci-lint"
_STAMP = ".trainwheel-stamp"


def _run(run: Run) -> None:
    """Run the linters; the lock was checked when the session started."""
    started = time.monotonic()
    run.workspace.layout.log("lint").unlink(missing_ok=True)
    for argv in _TOOLS:
        run.tools.run("lint", argv, what=" ".join(argv))
    lint_ci_files(run)
    sync(run, check=True)
    run.console.outcome("lint", "clean", time.monotonic() - started)


def lint_ci_files(run: Run) -> None:
    """Check the files of CI services, unless they passed the same checks before.

    A check whose runtime is not installed is skipped, with a notice.

    Raises:
        StepFailedError: A check found something, or npm could not install the linters.
    """
    layout = run.workspace.layout
    files = {path for pattern in PATTERNS for path in layout.root.glob(pattern)}
    names = [layout.relative(path) for path in files]
    folder, java = run.tools.folder / _NAME, _find(run.workspace, "java") or ""
    planned = plan_checks(names, linters=str(folder), java=java)
    checks = tuple(_choose(run, planned))
    passed = _fingerprint(run.workspace, checks, files)
    record = read_record(layout.records, _NAME)
    if record is not None and record.fingerprint.key == passed.key:
        return
    if any(check.runtimes for check in checks):
        _install(run, folder)
    for check in checks:
        run.tools.run("lint", check.argv, what=check.name)
    write_record(layout.records, Record(_NAME, passed, {}, 0, {}))


def _choose(run: Run, checks: Iterable[Check]) -> Iterator[Check]:
    needed = sorted({name for check in checks for name in check.runtimes})
    versions = {name: major for name in needed if (major := _version(run, name)) is not None}
    for check in checks:
        if lack := check.describe_lack(versions):
            run.console.notice(lack)
        else:
            yield check


def _version(run: Run, runtime: str) -> int | None:
    paths = [_find(run.workspace, program) for program in RUNTIMES[runtime].programs]
    if paths[0] is None or None in paths:
        return None
    # macOS has a java that only says that there is none.
    completed = run.tools.complete(Command((paths[0], "--version")), "lint")
    return None if completed.failed else parse_major(completed.output)


def _find(workspace: Workspace, program: str) -> str | None:
    return shutil.which(program, path=workspace.environment.get("PATH") or "")


def _fingerprint(
    workspace: Workspace, checks: Iterable[Check], files: Iterable[Path]
) -> Fingerprint:
    commands: Mapping[str, str] = {check.name: digest_json(check.argv) for check in checks}
    tools = {"the locked linters": workspace.locked_digest("lint"), "those of npm": _npm_digest()}
    return Fingerprint(digest_files(workspace.layout.root, files), {**commands, **tools})


def _npm_digest() -> str:
    return digest_json(digest_files(LINTERS, list_files(LINTERS)))


def _install(run: Run, folder: Path) -> None:
    stamp, wanted = folder / _STAMP, _npm_digest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(LINTERS, folder)
    run.tools.run("lint", ("npm", "ci", "--prefix", str(folder)), what="npm ci")
    stamp.write_text(wanted, encoding="utf-8")


STEP = Step(
    name="lint",
    help="Check style, types, the lock and setup.py",
    run=_run,
    category="lint",
    alone=True,
)
