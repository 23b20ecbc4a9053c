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
from trainwheel.guest import CHECK_COMPONENT
from trainwheel.steps.shared.ci_checks import PATTERNS, RUNTIMES, Linter, parse_major, plan_linters
from trainwheel.steps.sync import sync
from trainwheel.system.command import Command
from trainwheel.system.digest import digest_file, digest_files, digest_json
from trainwheel.system.files import list_files

__all__ = ["NPM_LINTERS", "STEP", "lint_ci_files"]

_TOOLS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("codespell",))
"""Each reads its settings from pyproject.toml; they are in the lock's [lint]."""

NPM_LINTERS = Path(__file__).parents[1] / "data" / "ci-lint"
"""The npm project of the linters; its lock has digests and, because of .npmrc, no addresses."""

_NAME = "ci-lint"
_STAMP = ".trainwheel-stamp"


def _run(run: Run) -> None:
    """Run all linters, and compare setup.py with the lock."""
    start = time.monotonic()
    run.workspace.layout.log("lint").unlink(missing_ok=True)
    for argv in _TOOLS:
        run.tools.run("lint", argv, what=" ".join(argv))
    lint_ci_files(run)
    sync(run, check=True)
    run.console.outcome("lint", "clean", time.monotonic() - start)


def lint_ci_files(run: Run) -> None:
    """Check the files of CI services, unless the same linters have passed them already.

    A linter whose runtime is not installed is skipped, with a notice.

    Raises:
        StepFailedError: A linter reports a problem, or npm could not install the linters.
    """
    layout = run.workspace.layout
    files = {path for pattern in PATTERNS for path in layout.root.glob(pattern)}
    names = [layout.relative(path) for path in files]
    folder, java = run.tools.folder / _NAME, _find(run.workspace, "java") or ""
    candidates = plan_linters(names, folder=str(folder), java=java)
    linters = tuple(_choose(run, candidates))
    fingerprint = _fingerprint(run.workspace, linters, files)
    record = read_record(layout.records, _NAME)
    if record is not None and record.fingerprint.key == fingerprint.key:
        return
    if any(linter.runtimes for linter in linters):
        _install(run, folder)
    for linter in linters:
        run.tools.run("lint", linter.argv, what=linter.name)
    write_record(layout.records, Record(_NAME, fingerprint, {}, 0, {}))


def _choose(run: Run, linters: Iterable[Linter]) -> Iterator[Linter]:
    runtimes = sorted({name for linter in linters for name in linter.runtimes})
    versions = {name: major for name in runtimes if (major := _version(run, name)) is not None}
    for linter in linters:
        if reason := linter.reason_to_skip(versions):
            run.console.notice(reason)
        else:
            yield linter


def _version(run: Run, runtime: str) -> int | None:
    paths = [_find(run.workspace, program) for program in RUNTIMES[runtime].programs]
    if paths[0] is None or None in paths:
        return None
    # The java of macOS may be a stub that prints how to install one, and fails.
    result = run.tools.complete(Command((paths[0], "--version")), "lint")
    return None if result.failed else parse_major(result.output)


def _find(workspace: Workspace, program: str) -> str | None:
    return shutil.which(program, path=workspace.environment.get("PATH") or "")


def _fingerprint(
    workspace: Workspace, linters: Iterable[Linter], files: Iterable[Path]
) -> Fingerprint:
    commands: Mapping[str, str] = {linter.name: digest_json(linter.argv) for linter in linters}
    tools = {"the locked linters": workspace.locked_digest("lint"), "those of npm": _npm_digest()}
    tools["the check of components"] = digest_file(CHECK_COMPONENT)
    return Fingerprint(digest_files(workspace.layout.root, files), {**commands, **tools})


def _npm_digest() -> str:
    return digest_json(digest_files(NPM_LINTERS, list_files(NPM_LINTERS)))


def _install(run: Run, folder: Path) -> None:
    stamp, digest = folder / _STAMP, _npm_digest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(NPM_LINTERS, folder)
    run.tools.run("lint", ("npm", "ci", "--prefix", str(folder)), what="npm ci")
    stamp.write_text(digest, encoding="utf-8")


STEP = Step(
    name="lint",
    help="Check style, types, CI files, the lock and setup.py",
    run=_run,
    category="lint",
    alone=True,
)
