"""The version that this run requests."""

from __future__ import annotations

from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError
from trainwheel.index.versions import Wish, next_version
from trainwheel.requirements.setup_py import read_distribution_name, read_version
from trainwheel.system.environ import Environment

__all__ = ["asked_version", "wish_of"]


def wish_of(workspace: Workspace) -> Wish:
    """Return what this run requests: a version, a build number, or nothing."""
    config, environment = workspace.config, workspace.environment
    return Wish(
        asked=environment.version_asked,
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
