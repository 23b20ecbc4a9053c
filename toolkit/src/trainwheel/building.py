"""Build the wheel once, from a clean copy, with the locked tools, and prove it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from trainwheel.digests import digest_file
from trainwheel.errors import StepFailedError
from trainwheel.golden import GoldenRow
from trainwheel.process import Command, run
from trainwheel.project import Project
from trainwheel.proof import Proof, proof_path, render_proof
from trainwheel.proving import SystemTests, prove
from trainwheel.releasing import Release
from trainwheel.size import describe_size
from trainwheel.staging import stage
from trainwheel.wheel import add_metadata, list_members

__all__ = ["build", "check_members"]

_NO_COMMIT = "1577836800"
"""2020-01-01, the date of what is built outside git."""


def build(project: Project, release: Release, scratch: Path) -> Mapping[str, str]:
    """Build and prove the wheel of a release in ``scratch / "dist"``.

    Raises:
        StepFailedError: It cannot be built, holds what it should not, or does not keep what
            training promised; then nothing of it is left.
    """
    staged, dist = scratch / "staged", scratch / "dist"
    stage(project, release.version, staged)
    project.run_tool(
        "package",
        ("python", "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(staged)),
        what="the build",
        env={"SOURCE_DATE_EPOCH": _commit_date(project), "PYTHONHASHSEED": "0"},
    )
    wheel = next(dist.glob("*.whl"))
    check_members(project, list_members(wheel))
    add_metadata(wheel, release.release_key)
    project.run_tool(
        "package", ("python", "-m", "twine", "check", "--strict", str(wheel)), what="twine check"
    )
    proof = _promise(project, release, wheel)
    line = f"{proof.name} @ {wheel.as_uri()} --hash=sha256:{proof.sha256}\n"
    prove(proof, line, project.installer("package"), tests=_system_tests(project))
    proof_path(wheel).write_text(render_proof(proof), encoding="utf-8")
    summary = f"{wheel.name}, {describe_size(wheel.stat().st_size)}, proved"
    facts = {"wheel": wheel.name, "sha256": proof.sha256, "version": proof.version}
    return {"summary": summary, **facts}


def check_members(project: Project, members: tuple[str, ...]) -> None:
    """Check that a wheel holds the package, the artefact and metadata, and nothing else.

    Raises:
        StepFailedError: A module or the artefact is missing, or something else is in it.
    """
    source = project.source
    shipped = {path.relative_to(source).as_posix() for path in project.shipped_package()}
    artefact = project.artefact.relative_to(source).as_posix()
    needed = {name for name in shipped if name.endswith((".py", "py.typed"))} | {artefact}
    held = {name for name in members if ".dist-info/" not in name}
    if lacking := sorted(needed - held):
        message = f"the wheel lacks {lacking[0]}"
        raise StepFailedError(message, hint="name it in packages or package_data of setup.py")
    if foreign := sorted(held - shipped - {artefact}):
        message = f"the wheel holds {foreign[0]}, which is not part of {project.config.package}"
        raise StepFailedError(message, hint="correct packages and package_data in setup.py")


def _promise(project: Project, release: Release, wheel: Path) -> Proof:
    golden = (project.root / "build/train/golden.jsonl").read_text(encoding="utf-8")
    return Proof(
        name=canonicalize_name(release.name),
        version=release.version,
        wheel=wheel.name,
        sha256=digest_file(wheel),
        release_key=release.release_key,
        always=release.always,
        predict=project.config.predict,
        tolerance=project.config.tolerance,
        requirements=project.locked("packages"),
        golden=tuple(GoldenRow(**json.loads(line)) for line in golden.splitlines()),
    )


def _system_tests(project: Project) -> SystemTests | None:
    folder = project.root / project.config.system_tests
    if not folder.is_dir():
        project.console.notice(f"no {project.config.system_tests}: the wheel is not tested further")
        return None
    return SystemTests(folder, project.locked("packages", "test"))


def _commit_date(project: Project) -> str:
    command = Command(("git", "log", "-1", "--format=%ct"), cwd=project.root)
    try:
        completed = run(command, project.environment)
    except StepFailedError:
        return _NO_COMMIT
    return _NO_COMMIT if completed.failed else completed.output.strip() or _NO_COMMIT
