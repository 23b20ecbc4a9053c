"""The requirements that ``[project]`` of a pyproject.toml lists, read."""

from __future__ import annotations

import tomllib
from typing import Any

from trainwheel.errors import ConfigurationError

__all__ = ["label_of", "read_project_list", "read_project_table"]

_HINT = "write it as a plain list of texts"


def read_project_table(source: bytes, name: str = "pyproject.toml") -> dict[str, Any] | None:
    """Return ``[project]`` where it lists the requirements; None where another file does.

    It does unless ``dependencies`` are among its ``dynamic`` fields (PEP 621).

    Raises:
        ConfigurationError: Not TOML.
    """
    try:
        document = tomllib.loads(source.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        message = f"{name} is not TOML: {error}"
        raise ConfigurationError(message, hint="mend that line") from None
    project = document.get("project")
    if not isinstance(project, dict) or "dependencies" in project.get("dynamic", ()):
        return None
    return project


def read_project_list(
    source: bytes, extra: str | None = None, name: str = "pyproject.toml"
) -> tuple[str, ...] | None:
    """Return the requirements, or those of an extra, as written; None where they are missing.

    Raises:
        ConfigurationError: Not TOML, or something else than a list of texts.
    """
    table: Any = read_project_table(source, name) or {}
    if extra is not None:
        table = table.get("optional-dependencies", {})
    key, label = label_of(extra)
    found = table.get(key, []) if isinstance(table, dict) else None
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        message = f"{name}: {label} is not a list of texts"
        raise ConfigurationError(message, hint=_HINT)
    return tuple(found) if key in table else None


def label_of(extra: str | None) -> tuple[str, str]:
    """Return the key that lists an extra, or what is needed at run time, and its full name."""
    if extra is None:
        return "dependencies", "project.dependencies"
    return extra, f"project.optional-dependencies.{extra}"
