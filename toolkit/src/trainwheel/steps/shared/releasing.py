"""Decide what the next release is called, and whether there is one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from trainwheel.engine.project import Project
from trainwheel.errors import ConfigurationError, MissingCredentialsError, StepFailedError
from trainwheel.index.credentials import secrets_of
from trainwheel.index.registry import Registry
from trainwheel.index.target import choose_index
from trainwheel.index.versions import Decision, Wish, decide, next_version
from trainwheel.requirements.setup_py import read_distribution_name, read_version
from trainwheel.system.digest import digest_json
from trainwheel.system.environ import Environment

__all__ = [
    "Release",
    "decide_release",
    "read_release",
    "readable_registry",
    "registry_of",
    "wish_of",
]


@dataclass(frozen=True)
class Release:
    """The version step's decision.

    Args:
        name: The distribution's name, as setup.py has it.
        version: What to release, or what holds the same content already.
        releases: Whether there is anything to release.
        always: Whether it is released even if the content has not changed.
        reason: One clause for a person.
        release_key: Digest of what would be shipped, apart from the version.
    """

    name: str
    version: str
    releases: bool
    always: bool
    reason: str
    release_key: str

    @property
    def mark(self) -> str:
        """What the decision comes to; the reason may differ from one job to the next."""
        return digest_json({**asdict(self), "reason": ""})

    def render(self) -> str:
        """Return the release as JSON text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read_release(path: Path) -> Release:
    """Return the decision that the version step wrote.

    Raises:
        StepFailedError: There is none that can be read.
    """
    try:
        return Release(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        message = "no version has been decided here"
        raise StepFailedError(message, hint="decide it with: nox -s version") from None


def wish_of(project: Project) -> Wish:
    """Return what this run asks for: a version by name, a build number, or nothing."""
    config, environment = project.config, project.environment
    return Wish(
        asked=environment.version_asked,
        build_number=_build_number(environment),
        offset=config.build_number_offset,
        always=config.release == "always",
    )


def registry_of(project: Project, name_asked: str | None, *, to_read: bool = False) -> Registry:
    """Return the index that this run releases to.

    Args:
        project: The model repository.
        name_asked: What ``--to`` named.
        to_read: Nothing is uploaded, so that credentials for reading will do.
    """
    indexes, environment = project.config.indexes, project.environment
    target = choose_index(name_asked, indexes, environment, project.tokens, to_read=to_read)
    project.console.hide(*secrets_of(target))
    told = project.console.notice_once
    return Registry(target, project.index_folder, project.store / "keys", told)


def readable_registry(project: Project, name_asked: str | None, wish: Wish) -> Registry | None:
    """Return the index to compare with; None in a job that was not given its credentials.

    Raises:
        ConfigurationError: The index is configured wrongly, or there is neither read access nor a
            number to go by.
    """
    try:
        return registry_of(project, name_asked, to_read=True)
    except MissingCredentialsError as error:
        has_number = wish.build_number is not None or project.environment.is_without_number
        if wish.asked is None and not has_number:
            message = f"{error.message}, and there is no build number to take instead"
            raise ConfigurationError(message, hint=error.hint) from None
        return None


def decide_release(project: Project, name_asked: str | None, release_key: str) -> Release:
    """Compare what would be shipped with what is published, and decide.

    Without the credentials of a configured index, as in a build job that has no secrets, the
    build number is taken and the comparison is left to upload. A job that publishes nothing and
    said so, by an empty build number, takes the version in setup.py.

    Raises:
        ConfigurationError: A version is not PEP 440 or lower than what is published, or there is
            neither read access nor a number to go by.
    """
    source = project.read_setup_py()
    name, base, wish = read_distribution_name(source), read_version(source), wish_of(project)
    registry = readable_registry(project, name_asked, wish)
    if registry is None:
        decision = _decide_blindly(base, wish)
    else:
        wheels = registry.wheels(name)
        unchanged = registry.unchanged_since(wheels, base, release_key) is not None
        decision = decide(base, wheels, unchanged=unchanged, wish=wish)
    always = wish.always or wish.asked is not None
    return Release(name, decision.version, decision.releases, always, decision.reason, release_key)


def _decide_blindly(base: str, wish: Wish) -> Decision:
    version = next_version(
        base, (), asked=wish.asked, build_number=wish.build_number, offset=wish.offset
    )
    reason = "the index cannot be read here, so the comparison is left to upload"
    return Decision(version, releases=True, reason=reason)


def _build_number(environment: Environment) -> int | None:
    text = environment.build_number
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        message = f"the build number {text!r} is no whole number"
        hint = "set BUILD_NUMBER to digits, or ask for a version by name: make version=…"
        raise ConfigurationError(message, hint=hint)
    return int(text)
