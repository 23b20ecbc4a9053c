"""What this run releases: the version that it requests, its wheel, and the index to release to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.engine.fingerprint import Reason
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record, read_record
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError, MissingCredentialsError, StepFailedError
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.target import choose_index
from trainwheel.index.versions import Wish, next_version
from trainwheel.requirements.setup_py import read_distribution_name, read_version
from trainwheel.system.environ import Environment

__all__ = [
    "asked_version",
    "is_unverified",
    "registry_of",
    "unpublished",
    "wheel_of",
    "wheels_of",
    "wish_of",
]


def registry_of(run: Run, name_asked: str | None, *, to_read: bool = False) -> Registry:
    """Return the index that this run releases to.

    Args:
        run: This run.
        name_asked: The value of ``--to``.
        to_read: Nothing is uploaded, so credentials for reading are enough, or none where anyone
            may read it.
    """
    indexes, environment = run.workspace.config.indexes, run.environment
    target = choose_index(name_asked, indexes, environment, run.tokens, to_read=to_read)
    layout, notice = run.workspace.layout, run.console.notice_once
    return Registry(target, layout.index, layout.keys, notice, run.workspace.digests.digest)


def wheels_of(run: Run, registry: Registry, project: str) -> Mapping[str, PublishedFile]:
    """Return version → wheel; an index is asked for a project once in a run.

    Raises:
        MissingCredentialsError: The credentials are missing, and it cannot be read without.
    """

    def ask() -> Mapping[str, PublishedFile] | MissingCredentialsError:
        try:
            return registry.wheels(project)
        except MissingCredentialsError as error:
            return error  # an answer as well, and not asked for again

    answer = run.once((registry.label, project), ask)
    if isinstance(answer, MissingCredentialsError):
        raise answer
    return answer


def wheel_of(layout: Layout) -> Path:
    """Return the wheel that the package step proved.

    Raises:
        StepFailedError: There is none.
    """
    record = read_record(layout.records, "package")
    if record is None:
        message = "no wheel has been packaged here"
        raise StepFailedError(message, hint="make it with: make package.model")
    return layout.dist / record.facts["wheel"]


def unpublished(workspace: Workspace, record: Record) -> tuple[Reason, ...]:
    """Return how the packaged wheel differs from the wheel of a record."""
    package = read_record(workspace.layout.records, "package")
    if package is None:
        return ()
    name, digest = package.facts.get("wheel", ""), package.facts.get("sha256", "")
    before = record.fingerprint.files.get(name)
    return () if before == digest else (Reason(name, before, digest),)


def is_unverified(layout: Layout) -> bool:
    """Return whether an upload is yet to be verified, as that of a run that was killed after it."""
    upload, verification = (read_record(layout.records, step) for step in ("upload", "verify"))
    if upload is None:
        return False
    return verification is None or upload.fingerprint != verification.fingerprint


def wish_of(workspace: Workspace) -> Wish:
    """Return what this run requests: a version, a build number, or nothing."""
    config, environment = workspace.config, workspace.environment
    return Wish(
        asked=environment.get("TRAINWHEEL_VERSION"),
        build_number=_build_number(environment),
        offset=config.build_number_offset,
        always=config.release == "always",
    )


def asked_version(workspace: Workspace) -> str:
    """Return the version that would be released if nothing was published yet.

    Raises:
        ConfigurationError: setup.py has no readable name or version, or the requested version or
            build number cannot be used.
    """
    source = workspace.read_setup_py()
    read_distribution_name(source)
    return next_version(read_version(source), (), wish_of(workspace))


def _build_number(environment: Environment) -> int | None:
    text = environment.build_number
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        message = f"the build number {text!r} is not a whole number"
        hint = "set BUILD_NUMBER to digits, or request a version: make version=…"
        raise ConfigurationError(message, hint=hint)
    return int(text)
