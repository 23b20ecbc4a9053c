"""Build the wheel once, from a clean copy, with the locked tools, and prove it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from trainwheel.engine.project import Project
from trainwheel.errors import LockfileError, StepFailedError
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.requirements.addresses import find_field_secrets
from trainwheel.steps.shared.describe import describe, trace
from trainwheel.steps.shared.prove import SystemTests, prove
from trainwheel.steps.shared.releasing import Release
from trainwheel.steps.shared.staging import stage
from trainwheel.system.digest import digest_file
from trainwheel.system.git import Commit, read_commit
from trainwheel.system.leaks import find_leaks
from trainwheel.system.text import describe_size
from trainwheel.wheel.archive import file_entries, open_wheel, read_pieces
from trainwheel.wheel.finish import finish
from trainwheel.wheel.metadata import dist_info_of, list_members, read_member, with_description
from trainwheel.wheel.proof import Proof, proof_path, render_proof
from trainwheel.wheel.record import check_record

__all__ = ["build", "check_members"]

_TOOLS = frozenset({"build", "check-wheel-contents", "cyclonedx-python-lib", "twine"})


def build(project: Project, release: Release, scratch: Path) -> Mapping[str, str]:
    """Build and prove the wheel of a release in ``scratch / "dist"``.

    Raises:
        StepFailedError: It cannot be built, holds what it should not, or does not keep what
            training promised; then nothing of it is left.
    """
    _require_tools(project)
    commit = read_commit(project.root, project.environment)
    built = _build(project, release, scratch, commit)
    wheel = scratch / "dist" / built.name
    wheel.parent.mkdir()
    provenance = trace(project, release, commit)
    info, source = dist_info_of(built), project.source
    described = describe(project, provenance, scratch)
    trained = {path.relative_to(source).as_posix(): path for path in project.trained}
    # The artefact is added here and streams: setuptools would read it whole.
    finish(
        built,
        wheel,
        {**trained, **{f"{info}{name}": data for name, data in described.items()}},
        digests={provenance.artefact.path: provenance.artefact.sha256},
        replaced={f"{info}METADATA": _with_card(project, built)},
        store_above=project.config.store_above,
    )
    _inspect(project, wheel)
    proof = _promise(project, release, wheel)
    line = f"{proof.name} @ {wheel.as_uri()} --hash=sha256:{proof.sha256}\n"
    prove(proof, line, project.installer("package"), tests=_system_tests(project))
    proof_path(wheel).write_text(render_proof(proof), encoding="utf-8")
    summary = f"{wheel.name}, {describe_size(wheel.stat().st_size)}, proved"
    facts = {"wheel": wheel.name, "sha256": proof.sha256, "version": proof.version}
    return {"summary": summary, **facts}


def _with_card(project: Project, built: Path) -> bytes:
    """Return the metadata with the model card as its description, which an index shows."""
    card = project.root / "build/train/model_card.md"
    if not card.is_file():
        message = f"{card.relative_to(project.root)} does not exist"
        raise StepFailedError(message, hint="write it: nox -s report")
    return with_description(read_member(built, "METADATA"), card.read_bytes())


def _require_tools(project: Project) -> None:
    """Check that the lock has what packages.

    Raises:
        LockfileError: A package is missing.
    """
    locked = {package.name for package in project.lock.packages("package")}
    if missing := sorted(_TOOLS - locked):
        message = f"Pipfile.lock: [package] has no {missing[0]}"
        hint = f"add {', '.join(missing)} to [package] of the Pipfile and run `nox -s lock`"
        raise LockfileError(message, hint=hint)


def _build(project: Project, release: Release, scratch: Path, commit: Commit) -> Path:
    """Return the wheel that the build back end makes of all but what training made."""
    staged, built = scratch / "staged", scratch / "built"
    stage(project, release.version, staged)
    argv = ("python", "-P", "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built))
    project.run_tool(
        "package",
        (*argv, str(staged)),
        what="the build",
        env={"SOURCE_DATE_EPOCH": str(commit.time), "PYTHONHASHSEED": "0"},
    )
    return next(built.glob("*.whl"))


def _inspect(project: Project, wheel: Path) -> None:
    """Check a finished wheel before it is proved.

    Raises:
        StepFailedError: It holds what it should not, lacks something, or is not well made.
    """
    check_members(project, list_members(wheel))
    check_record(wheel)
    _check_leaks(project, wheel)
    for argv in (("python", "-P", "-m", "twine", "check", "--strict"), ("check-wheel-contents",)):
        what = argv[-1] if len(argv) == 1 else "twine check"
        project.run_tool("package", (*argv, str(wheel)), what=what)


def _check_leaks(project: Project, wheel: Path) -> None:
    """Check that a wheel holds no credential and no path of this machine.

    Raises:
        StepFailedError: It does; names the member, and never the value.
    """
    home = project.environment.get("HOME")
    places = (project.root, project.envdir, *((Path(home),) if home else ()))
    folders = {str(found) for place in places for found in (place, place.resolve())}
    with open_wheel(wheel) as archive:
        members = ((info.filename, read_pieces(archive, info)) for info in file_entries(archive))
        leaks = find_leaks(members, secrets=project.secrets(), folders=folders)
    leaks += find_field_secrets(read_member(wheel, "METADATA"))
    if leaks:
        more = f", and {len(leaks) - 1} more" if len(leaks) > 1 else ""
        message = f"{wheel.name} would leak: {leaks[0]}{more}"
        raise StepFailedError(message, hint="take it out of what is shipped, and train anew")


def check_members(project: Project, members: tuple[str, ...]) -> None:
    """Check that a wheel holds the package, the artefact and metadata, and nothing else.

    Raises:
        StepFailedError: A module or the artefact is missing, or something else is in it.
    """
    source = project.source
    shipped = {path.relative_to(source).as_posix() for path in project.shipped_package()}
    trained = {path.relative_to(source).as_posix() for path in project.trained}
    needed = {name for name in shipped if name.endswith((".py", "py.typed"))} | trained
    held = {name for name in members if ".dist-info/" not in name}
    if lacking := sorted(needed - held):
        message = f"the wheel lacks {lacking[0]}"
        raise StepFailedError(message, hint="name it in packages or package_data of setup.py")
    if foreign := sorted(held - shipped - trained):
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
        compared_with=_compared_with(project),
    )


def _compared_with(project: Project) -> str:
    path = project.root / "build/judge/judged.json"
    if not project.config.gate.compares or not path.is_file():
        return ""
    return str(json.loads(path.read_bytes())["verdict"]["baseline"])


def _system_tests(project: Project) -> SystemTests | None:
    folder = project.root / project.config.system_tests
    if not folder.is_dir():
        project.console.notice(f"no {project.config.system_tests}: the wheel is not tested further")
        return None
    return SystemTests(folder, project.locked("packages", "test"))
