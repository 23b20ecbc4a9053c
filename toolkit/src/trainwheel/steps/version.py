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
from trainwheel.index.registry import Registry
from trainwheel.index.versions import Decision, Wish, decide, next_version
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

    Without the credentials of a configured index, as in a build job that has no secrets, the
    build number decides and the comparison is left to upload. A job that declares by an empty
    build number that it publishes nothing uses the version in setup.py.

    Raises:
        ConfigurationError: A version is not valid (PEP 440) or lower than what is published, or
            there is neither read access nor a build number.
    """
    source, wish = run.workspace.read_setup_py(), wish_of(run.workspace)
    name, base = read_distribution_name(source), read_version(source)
    registry = _readable_registry(run, name_asked, wish)
    if registry is None:
        decision = _decide_without_index(base, wish)
    else:
        wheels = wheels_of(run, registry, name)
        since = registry.unchanged_since(wheels, base, release_key)
        decision = decide(base, wheels, unchanged=since is not None, wish=wish)
    always = wish.always or wish.asked is not None
    return Release(name, decision.version, decision.releases, always, decision.reason, release_key)


def _readable_registry(run: Run, name_asked: str | None, wish: Wish) -> Registry | None:
    """Return the index to compare with; None in a job without its credentials.

    Raises:
        ConfigurationError: The index is configured wrongly, or there is neither read access nor a
            build number.
    """
    try:
        return registry_of(run, name_asked, to_read=True)
    except MissingCredentialsError as error:
        has_number = wish.build_number is not None or run.environment.is_without_number
        if wish.asked is None and not has_number:
            message = f"{error.message}, and no build number decides in its place"
            raise ConfigurationError(message, hint=error.hint) from None
        return None


def _decide_without_index(base: str, wish: Wish) -> Decision:
    version = next_version(base, (), wish)
    reason = "the index cannot be read here, so the comparison is left to upload"
    return Decision(version, releases=True, reason=reason)


def _check(run: Run) -> None:
    """Check what can be checked without asking the index."""
    asked_version(run.workspace)
    if "upload" not in run.steps:  # it checks more: the right to upload
        _readable_registry(run, run.options.get("to"), wish_of(run.workspace))


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
