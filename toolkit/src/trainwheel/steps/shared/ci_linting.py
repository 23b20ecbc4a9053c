"""Run the checks of CI files that this machine has the programs for."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.project import Project
from trainwheel.engine.records import Record, read_record, write_record
from trainwheel.steps.shared.ci_files import PATTERNS, RUNTIMES, Check, parse_major, plan_checks
from trainwheel.system.digest import digest_files, digest_json
from trainwheel.system.files import list_files
from trainwheel.system.process import Command, run

__all__ = ["lint_ci_files"]

LINTERS = Path(__file__).parents[2] / "data" / "ci-lint"
"""What npm installs: its lock holds digests and, thanks to the .npmrc beside it, no addresses."""

_NAME = "ci-lint"
_STAMP = ".trainwheel-stamp"


def lint_ci_files(project: Project) -> None:
    """Check the files of CI services, unless they passed the same checks before.

    A check whose runtime is not installed is left out, with a notice.

    Raises:
        StepFailedError: A check found something, or npm could not install the linters.
    """
    files = {path for pattern in PATTERNS for path in project.root.glob(pattern)}
    names = [path.relative_to(project.root).as_posix() for path in files]
    folder, java = project.envdir / _NAME, _find(project, "java") or ""
    planned = plan_checks(names, linters=str(folder), java=java)
    checks = tuple(_choose(project, planned))
    passed = _fingerprint(project, checks, files)
    record = read_record(project.records, _NAME)
    if record is not None and record.fingerprint.key == passed.key:
        return
    if any(check.runtimes for check in checks):
        _install(project, folder)
    for check in checks:
        project.run_tool("lint", check.argv, what=check.name)
    write_record(project.records, Record(_NAME, passed, {}, 0, {}))


def _choose(project: Project, checks: Iterable[Check]) -> Iterator[Check]:
    needed = sorted({name for check in checks for name in check.runtimes})
    found = {name: _version(project, name) for name in needed}
    versions = {name: version for name, version in found.items() if version is not None}
    for check in checks:
        if lack := check.describe_lack(versions):
            project.console.notice(lack)
        else:
            yield check


def _version(project: Project, runtime: str) -> int | None:
    paths = [_find(project, program) for program in RUNTIMES[runtime].programs]
    if paths[0] is None or None in paths:
        return None
    # macOS has a java that only says that there is none.
    completed = run(Command((paths[0], "--version")), project.environment)
    return None if completed.failed else parse_major(completed.output)


def _find(project: Project, program: str) -> str | None:
    return shutil.which(program, path=project.environment.get("PATH") or "")


def _fingerprint(project: Project, checks: Iterable[Check], files: Iterable[Path]) -> Fingerprint:
    commands: Mapping[str, str] = {check.name: digest_json(check.argv) for check in checks}
    tools = {"the locked linters": project.locked_digest("lint"), "those of npm": _npm_digest()}
    return Fingerprint(digest_files(project.root, files), {**commands, **tools})


def _npm_digest() -> str:
    return digest_json(digest_files(LINTERS, list_files(LINTERS)))


def _install(project: Project, folder: Path) -> None:
    stamp, wanted = folder / _STAMP, _npm_digest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(LINTERS, folder)
    project.run_tool("lint", ("npm", "ci", "--prefix", str(folder)), what="npm ci")
    stamp.write_text(wanted, encoding="utf-8")
