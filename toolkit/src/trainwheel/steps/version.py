"""Decide whether to release, and under which version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.engine.chain import FORCE, JOBS, TO, VERBOSE, WAIT, Step
from trainwheel.engine.execute import run_step
from trainwheel.engine.fingerprint import Reason
from trainwheel.engine.inputs import SHIPPED
from trainwheel.engine.records import Record, read_record
from trainwheel.engine.run import Run
from trainwheel.engine.status import file_reasons
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError, MissingCredentialsError
from trainwheel.index.versions import Decision, Wish, decide, describe_preferred, next_version
from trainwheel.requirements.setup_py import read_distribution_name, read_version
from trainwheel.steps.shared.registry import asked_version, registry_of, wheels_of, wish_of
from trainwheel.steps.shared.release import Release
from trainwheel.steps.shared.staging import is_published, release_key

__all__ = ["STEP", "decide_release"]

DECISION = "the decision"
"""A fact that only the index knows."""


def _run(run: Run) -> None:
    """Ask the index what is published and write the decision."""
    run.workspace.require_artefact()
    release = decide_release(run, run.options.get("to"), release_key(run.workspace))

    def work(scratch: Path) -> Mapping[str, str]:
        name = run.workspace.layout.release.name
        (scratch / name).write_text(release.render(), encoding="utf-8")
        return {}

    summary = f"{release.version}, {release.reason}" if release.releases else release.reason
    run_step(run, STEP, work, learned={DECISION: release.mark}, summary=summary)


def decide_release(run: Run, name_asked: str | None, release_key: str) -> Release:
    """Compare what a release would ship with what is published, and decide.

    Without the credentials of a configured index, as in a build job that has no secrets, it is
    read as anyone may; where it refuses that, the build number decides and the comparison is left
    to upload. A job that declares by an empty
    build number that it publishes nothing uses the version in setup.py.

    Raises:
        ConfigurationError: A version is not valid (PEP 440) or lower than what is published, or
            there is neither read access nor a build number.
    """
    source, wish = run.workspace.read_setup_py(), wish_of(run.workspace)
    name, base = read_distribution_name(source), read_version(source)
    try:
        registry = registry_of(run, name_asked, to_read=True)
        wheels = wheels_of(run, registry, name)
        since = registry.unchanged_since(wheels, base, release_key)
    except MissingCredentialsError as error:
        _require_number(run, wish, error)
        decision = _decide_without_index(base, wish)
    else:
        decision = decide(base, wheels, unchanged=since is not None, wish=wish)
        if decision.releases:
            run.console.notice_once(describe_preferred(name, decision.version, wheels))
    always = wish.always or wish.asked is not None
    return Release(name, decision.version, decision.releases, always, decision.reason, release_key)


def _require_number(run: Run, wish: Wish, error: MissingCredentialsError) -> None:
    """Check that a build number decides where the index cannot.

    Raises:
        ConfigurationError: There is none.
    """
    if not _has_number(run, wish):
        message = f"{error.message}, and no build number decides in its place"
        raise ConfigurationError(message, hint=error.hint) from None


def _has_number(run: Run, wish: Wish) -> bool:
    numbers = (wish.asked, wish.build_number)
    return numbers != (None, None) or run.environment.is_without_number


def _decide_without_index(base: str, wish: Wish) -> Decision:
    version = next_version(base, (), wish)
    reason = "the index cannot be read here, so the comparison is left to upload"
    return Decision(version, releases=True, reason=reason)


def _check(run: Run) -> None:
    """Check what can be checked without asking the index.

    It is asked where all depends on whether it can be read without credentials, for otherwise that
    would be known only after the training.
    """
    asked_version(run.workspace)
    if "upload" in run.steps:  # it checks more: the right to upload
        return
    wish = wish_of(run.workspace)
    try:
        registry = registry_of(run, run.options.get("to"), to_read=True)
        if registry.target and registry.target.missing and not _has_number(run, wish):
            wheels_of(run, registry, read_distribution_name(run.workspace.read_setup_py()))
    except MissingCredentialsError as error:
        _require_number(run, wish, error)


def _reasons(workspace: Workspace, record: Record) -> tuple[Reason, ...]:
    """Return why to decide anew; where every run releases, the last release is a reason."""
    reasons = file_reasons(workspace, STEP, record)
    upload = read_record(workspace.layout.records, "upload")
    if wish_of(workspace).always and upload is not None and upload.finished >= record.finished:
        return (*reasons, Reason("every run releases, and the last one has", None, None))
    return reasons


STEP = Step(
    name="version",
    target="version.model",
    help="Decide the version to release, from what is published",
    run=_run,
    needs=("train",),
    is_link=True,
    inputs=(SHIPPED,),
    learns=(DECISION,),
    outputs=lambda layout: (layout.release,),
    is_settled=is_published,
    reasons=_reasons,
    flags=(TO, FORCE, WAIT, VERBOSE, JOBS),
    check=_check,
    is_portable=True,
    # The index decides, and without its answer no earlier result counts.
    keeps_results=False,
)
