"""Build the wheel once, from a clean copy and with the locked tools, and prove that it works."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from trainwheel.engine.chain import FORCE, JOBS, VERBOSE, WAIT, Files, Step
from trainwheel.engine.execute import run_step
from trainwheel.engine.inputs import SHIPPED
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import LockfileError, StepFailedError
from trainwheel.evaluation.report import describe_proved
from trainwheel.guest import CHECK_WHEEL
from trainwheel.requirements.addresses import find_field_secrets
from trainwheel.requirements.lockfile import requirements
from trainwheel.steps.shared.artefact import notice_unshipped
from trainwheel.steps.shared.findings import (
    read_data_digests,
    read_engine,
    read_intervals,
    read_metrics,
)
from trainwheel.steps.shared.release import Release, read_release
from trainwheel.steps.shared.staging import (
    describe_tree_drift,
    is_published,
    read_matrix,
    refuse_other_requirements,
    stage,
    what_is_proved,
)
from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.git import Commit, read_commit
from trainwheel.system.leaks import find_leaks
from trainwheel.system.text import describe_size
from trainwheel.wheel.archive import file_entries, open_wheel, read_pieces
from trainwheel.wheel.metadata import (
    dist_info_of,
    list_members,
    read_member,
    with_contact,
    with_description,
)
from trainwheel.wheel.record import check_record

if TYPE_CHECKING:
    from packaging.pylock import Package

    from trainwheel.steps.shared.prove import SystemTests
    from trainwheel.wheel.proof import Proof
    from trainwheel.wheel.provenance import Provenance

__all__ = ["STEP", "build", "build_plain", "check_members", "finish_wheel"]

_PROVED = ("sha256", "version", "release_key")
_TOOLS = frozenset({"build", "check-wheel-contents", "twine"})


def _run(run: Run) -> None:
    """Build the wheel from what was trained and tested, unless that is published already."""
    workspace = run.workspace
    release = read_release(workspace.layout.release)
    if not release.releases:
        run.console.outcome("package", f"nothing to package, {release.reason}")
        return
    if drift := describe_tree_drift(workspace):
        run.console.notice(drift)
    run_step(run, STEP, lambda scratch: build(run, release, scratch))


def build(run: Run, release: Release, scratch: Path) -> Mapping[str, str]:
    """Build and prove the wheel of a release in the scratch folder.

    Raises:
        StepFailedError: It cannot be built, has members that it must not have, or predicts
            differently than in training; then nothing of it is kept.
        RefusedError: A file says what the scaffold says of its example.
    """
    from trainwheel.requirements.pylock import pylock_path, render_pylock
    from trainwheel.steps.shared.held_out import choose_answered
    from trainwheel.steps.shared.prove import Repeated, prove_file
    from trainwheel.steps.shared.staging import refuse_placeholders
    from trainwheel.wheel.proof import proof_path, render_proof
    from trainwheel.wheel.sbom import bill_name, bill_path

    refuse_placeholders(run.workspace)
    notice_unshipped(run)
    plain = build_plain(run, release, scratch)
    wheel = scratch / run.workspace.layout.dist.name / plain.name
    wheel.parent.mkdir()
    files = _find_files(run, plain)
    proved = what_is_proved(run.workspace, plain)
    proof = finish_wheel(run, release, plain, wheel, proved, files=files)
    _inspect(run, wheel)
    rows = choose_answered(run.workspace.layout, run.workspace.config.proof_rows)
    installer, held_out = run.tools.installer("package"), Repeated(rows, scratch / "held_out")
    prove_file(proof, wheel, installer, tests=_system_tests(run), held_out=held_out)
    proof_path(wheel).write_text(render_proof(proof), encoding="utf-8")
    bill_path(wheel).write_bytes(read_member(wheel, bill_name(proof.name)))
    if files is not None:
        pylock_path(wheel).write_text(render_pylock(files, wheel), encoding="utf-8")
    summary = f"{wheel.name}, {describe_size(wheel.stat().st_size)}, proved"
    facts = {"wheel": wheel.name, **{name: getattr(proof, name) for name in _PROVED}}
    return {"summary": summary, **facts}


def build_plain(run: Run, release: Release, scratch: Path, step: str = "package") -> Path:
    """Return the wheel that the build back end makes; the trained model is not in it yet.

    Raises:
        LockfileError: A package that builds wheels is not locked.
        StepFailedError: It cannot be built, or requires something else than the lock.
    """
    _require_tools(run.workspace)
    sources, target = scratch / "staged", scratch / "built"
    stage(run.workspace, release.version, sources)
    argv = ("python", "-P", "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target))
    variables = {"SOURCE_DATE_EPOCH": str(_commit(run.workspace).time), "PYTHONHASHSEED": "0"}
    run.tools.run(step, (*argv, str(sources)), what="the build", env=variables)
    wheel = next(target.glob("*.whl"))
    refuse_other_requirements(run.workspace, wheel)
    return wheel


def finish_wheel(  # noqa: PLR0913 - a release, two wheels, and what is known of them
    run: Run,
    release: Release,
    plain: Path,
    wheel: Path,
    proved: Mapping[str, Any],
    *,
    files: Sequence[Package] | None = None,
) -> Proof:
    """Write ``wheel``: a wheel of `build_plain` with the model and the documents; return its proof.

    Args:
        run: This run.
        release: The release.
        plain: The wheel of the build back end.
        wheel: Where the finished one goes.
        proved: What is known of the Pythons that it is promised for; nothing of it if empty.
        files: The files of the locked packages, where they are known.
    """
    from trainwheel.steps.shared.describe import contents_of, describe, trace

    workspace = run.workspace
    provenance = replace(trace(workspace, release, _commit(workspace)), proved=proved)
    metadata = _metadata_of(workspace, plain, proved)
    contents = contents_of(workspace, run.tools.installer("package"), metadata, files)
    documents = describe(workspace, provenance, contents)
    _finish(workspace, plain, wheel, provenance, {"METADATA": metadata, **documents})
    return _proof_of(workspace, release, wheel)


def _commit(workspace: Workspace) -> Commit:
    return read_commit(workspace.layout.root, workspace.environment, workspace.ignored)


def _find_files(run: Run, wheel: Path) -> list[Package] | None:
    """Return the files of the locked packages; None where no index says which there are."""
    from trainwheel.install.wheelhouse import locate
    from trainwheel.requirements.pylock import locked_files, pylock_path

    workspace = run.workspace
    try:
        texts = [*locate(run.tools.installer("package"), workspace.locked("packages"))]
        return locked_files(texts, requirements(workspace.lock, "packages"))
    except (LockfileError, StepFailedError) as error:
        run.console.notice(f"{pylock_path(wheel).name} is not written: {error.message}")
        return None


def _finish(
    workspace: Workspace,
    raw_wheel: Path,
    wheel: Path,
    provenance: Provenance,
    documents: Mapping[str, bytes],
) -> None:
    """Add the model and the documents, in chunks: setuptools would read it into memory whole."""
    from trainwheel.wheel.finish import finish

    info, source = dist_info_of(raw_wheel), workspace.layout.source
    named = {f"{info}{name}": data for name, data in documents.items()}
    model_files = {path.relative_to(source).as_posix(): path for path in workspace.trained()}
    metadata = f"{info}METADATA"
    finish(
        raw_wheel,
        wheel,
        {**model_files, **{name: data for name, data in named.items() if name != metadata}},
        digests={name: file.sha256 for name, file in provenance.artefact.members.items()},
        replaced={metadata: named[metadata]},
        store_above=workspace.config.store_above,
    )


def _metadata_of(workspace: Workspace, wheel: Path, proved: Mapping[str, Any]) -> bytes:
    """Return METADATA with the model card as the description that an index shows."""
    card = workspace.layout.card
    if not card.is_file():
        message = f"{workspace.layout.relative(card)} does not exist"
        raise StepFailedError(message, hint="write it: nox -s report")
    metadata = with_contact(read_member(wheel, "METADATA"), workspace.config.card_contact)
    # Where `prove` has run, its report shows that already.
    more = [] if read_matrix(workspace) else ["", *describe_proved(proved)]
    text = b"".join((card.read_bytes(), "\n".join(more).encode()))
    return with_description(metadata, text)


def _require_tools(workspace: Workspace) -> None:
    """Check that the tools that build and check wheels are locked.

    Raises:
        LockfileError: A package is missing.
    """
    names = {package.name for package in workspace.lock.packages("package")}
    if missing := sorted(_TOOLS - names):
        message = f"Pipfile.lock: {missing[0]} is missing from [package]"
        hint = f"add {', '.join(missing)} to [package] of the Pipfile and run `nox -s lock`"
        raise LockfileError(message, hint=hint)


def _inspect(run: Run, wheel: Path) -> None:
    """Check a finished wheel before it is proved.

    Raises:
        StepFailedError: A member is missing, forbidden or damaged, or twine or
            check-wheel-contents refuses it.
    """
    check_members(run.workspace, list_members(wheel))
    check_record(wheel)
    _check_leaks(run, wheel)
    argv = ("python", "-P", str(CHECK_WHEEL), str(wheel))
    run.tools.run("package", argv, what="the check of the wheel")


def _check_leaks(run: Run, wheel: Path) -> None:
    """Check that a wheel contains no credential and no path of this machine.

    Raises:
        StepFailedError: It does; the message names the member, never the value.
    """
    home = run.environment.get("HOME")
    places = (run.workspace.layout.root, run.tools.folder, *((Path(home),) if home else ()))
    folders = {str(path) for place in places for path in (place, place.resolve())}
    with open_wheel(wheel) as archive:
        members = ((info.filename, read_pieces(archive, info)) for info in file_entries(archive))
        leaks = find_leaks(members, secrets=run.passwords(), folders=folders)
    leaks += find_field_secrets(read_member(wheel, "METADATA"))
    if leaks:
        more = f", and {len(leaks) - 1} more" if len(leaks) > 1 else ""
        message = f"{wheel.name} would leak: {leaks[0]}{more}"
        raise StepFailedError(
            message, hint="remove it from the package or the model, and train again"
        )


def check_members(workspace: Workspace, members: tuple[str, ...]) -> None:
    """Check that a wheel contains the package, the artefact and metadata, and nothing else.

    Raises:
        StepFailedError: A module or the artefact is missing, or there is another member.
    """
    source = workspace.layout.source
    package = {path.relative_to(source).as_posix() for path in workspace.shipped_package()}
    model = {path.relative_to(source).as_posix() for path in workspace.trained()}
    required = {name for name in package if name.endswith((".py", "py.typed"))} | model
    contents = {name for name in members if ".dist-info/" not in name}
    if missing := sorted(required - contents):
        message = f"{missing[0]} is missing from the wheel"
        raise StepFailedError(message, hint="add it to packages or package_data of setup.py")
    if foreign := sorted(contents - package - model):
        message = (
            f"the wheel contains {foreign[0]}, which is not part of {workspace.config.package}"
        )
        raise StepFailedError(message, hint="correct packages and package_data in setup.py")


def _proof_of(workspace: Workspace, release: Release, wheel: Path) -> Proof:
    from trainwheel.evaluation.golden import parse_golden
    from trainwheel.wheel.proof import Proof

    golden = workspace.layout.golden.read_text(encoding="utf-8")
    return Proof(
        name=canonicalize_name(release.name),
        version=release.version,
        wheel=wheel.name,
        sha256=digest_file(wheel),
        release_key=release.release_key,
        always=release.always,
        predict=workspace.config.predict,
        tolerance=workspace.config.tolerance,
        requirements=workspace.locked("packages"),
        golden=parse_golden(golden),
        compared_with=_compared_with(workspace),
    )


def _compared_with(workspace: Workspace) -> str:
    path = workspace.layout.verdict
    if not workspace.config.gate.compares or not path.is_file():
        return ""
    return str(json.loads(path.read_bytes())["verdict"]["baseline"])


def _system_tests_folder(workspace: Workspace) -> Path:
    return workspace.layout.root / workspace.config.system_tests


def _system_tests(run: Run) -> SystemTests | None:
    from trainwheel.steps.shared.prove import SystemTests

    folder = _system_tests_folder(run.workspace)
    if not folder.is_dir():
        name = run.workspace.layout.relative(folder)
        run.console.notice(f"{name} does not exist, so no system tests run against the wheel")
        return None
    return SystemTests(folder, run.tools.python("test").parents[1])


def _facts(workspace: Workspace) -> dict[str, str]:
    config, layout = workspace.config, workspace.layout
    return {
        **workspace.environment.facts,
        "the release": read_release(layout.release).mark,
        "the training": digest_json([read_engine(layout), read_data_digests(layout)]),
        "the metrics": digest_json([read_metrics(layout), read_intervals(layout)]),
        "the commit": _commit(workspace).mark,
        "the proved Pythons": digest_json(read_matrix(workspace)),
        "tool.trainwheel.predict": config.predict,
        "tool.trainwheel.task": config.task,
        "tool.trainwheel.tolerance": str(config.tolerance),
        "tool.trainwheel.proof.rows": str(config.proof_rows),
        "tool.trainwheel.wheel.store-above": str(config.store_above),
        "the runtime packages": workspace.locked_digest("packages"),
        "the test packages": workspace.locked_digest("packages", "test"),
    }


STEP = Step(
    name="package",
    target="package.model",
    help="Build the wheel and prove it in an empty environment",
    run=_run,
    needs=("report", "version"),
    awaits=("doc", "test"),
    follows=("prove",),
    is_link=True,
    category="package",
    alone=True,
    inputs=(
        SHIPPED,
        Files("the golden predictions", lambda here: here.files(here.layout.golden)),
        Files("the model card", lambda here: here.files(here.layout.card)),
        Files(
            "the held-out rows and the answers to them",
            lambda here: [*here.files(here.layout.holdout), *here.files(here.layout.answers)],
        ),
        Files("the system tests", lambda here: here.files(_system_tests_folder(here))),
    ),
    facts=_facts,
    outputs=lambda layout: (layout.dist,),
    is_settled=is_published,
    follows_records=("train", "test", "version"),
    flags=(FORCE, WAIT, VERBOSE, JOBS),
)
