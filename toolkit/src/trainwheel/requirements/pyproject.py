"""Read and replace the requirements of ``[project]`` in pyproject.toml; nothing else changes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError
from trainwheel.requirements.setup_py.pairing import pair, same_meaning

if TYPE_CHECKING:
    from tomlkit.items import Array, String

__all__ = [
    "dynamic_fields",
    "label_of",
    "read_project_list",
    "read_project_table",
    "replace_project_list",
    "spelling_of",
]

_HINT = "write it as a plain list of strings"


def read_project_table(source: bytes) -> dict[str, Any] | None:
    """Return ``[project]`` if it lists the requirements; None if another file does.

    It does unless ``dependencies`` are among its ``dynamic`` fields (PEP 621).

    Raises:
        ConfigurationError: Not TOML.
    """
    try:
        document = tomllib.loads(source.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        message = f"pyproject.toml is not TOML: {error}"
        raise ConfigurationError(message, hint="fix that line") from None
    project = document.get("project")
    if not isinstance(project, dict) or "dependencies" in dynamic_fields(project):
        return None
    return project


def dynamic_fields(project: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the ``dynamic`` fields of ``[project]``: none if that is not a list."""
    fields = project.get("dynamic")
    return tuple(fields) if isinstance(fields, list) else ()


def read_project_list(source: bytes, extra: str | None = None) -> tuple[str, ...] | None:
    """Return the requirements, or those of an extra, as written; None where they are missing.

    Raises:
        ConfigurationError: Not TOML, or not a list of strings.
    """
    table: Any = read_project_table(source) or {}
    if extra is not None:
        table = table.get("optional-dependencies", {})
    if extra is not None and isinstance(table, dict):
        extra = spelling_of(extra, table, "pyproject.toml")
    key, label = label_of(extra)
    texts = table.get(key, []) if isinstance(table, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        message = f"pyproject.toml: {label} is not a list of strings"
        raise ConfigurationError(message, hint=_HINT)
    return tuple(texts) if key in table else None


def spelling_of(extra: str, names: Iterable[str], file: str) -> str:
    """Return an extra as a file spells it, or as it is given where the file does not have it.

    Two names are one extra if they are the same in PEP 503's form (PEP 685).

    Raises:
        ConfigurationError: The file has it twice.
    """
    same = [name for name in names if canonicalize_name(name) == canonicalize_name(extra)]
    if len(same) > 1:
        message = f"{file}: {same[0]} and {same[1]} are the same extra (PEP 685)"
        raise ConfigurationError(message, hint="keep one")
    return same[0] if same else extra


def label_of(extra: str | None) -> tuple[str, str]:
    """Return the key of an extra's list, or of the list for run time, and its full name."""
    if extra is None:
        return "dependencies", "project.dependencies"
    return extra, f"project.optional-dependencies.{extra}"


def replace_project_list(
    source: bytes, requirements: Sequence[str], extra: str | None = None
) -> bytes:
    """Return `source` with `requirements`; the same bytes when it says so already.

    Args:
        source: The file's bytes.
        requirements: PEP 508 texts.
        extra: The extra that they are; the runtime requirements where it is None.

    Raises:
        ConfigurationError: It cannot be edited safely.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    refusals = (TOMLKitError, RecursionError, LookupError, TypeError, ValueError, AttributeError)
    present = read_project_list(source, extra)
    if same_meaning(present or (), requirements):
        return source
    dynamic = dynamic_fields(read_project_table(source) or {})
    if extra is not None and "optional-dependencies" in dynamic:
        message = "pyproject.toml has dependencies, but optional-dependencies are dynamic"
        raise ConfigurationError(message, hint="list both there")
    try:
        document: Any = tomlkit.parse(source.decode("utf-8"))
        table = document["project"]
        if extra is not None:
            table = table.setdefault("optional-dependencies", tomlkit.table())
            extra = spelling_of(extra, table, "pyproject.toml")
        key = label_of(extra)[0]
        if key not in table:
            table[key] = tomlkit.array()
        _edit(table[key], present or (), requirements)
        new = _with_line_ends_of(source, tomlkit.dumps(document).encode())
    except refusals as error:
        message = f"pyproject.toml cannot be edited: {error}"
        raise ConfigurationError(message, hint="edit it by hand") from None
    _check(source, new, requirements, extra)
    return new


def _with_line_ends_of(source: bytes, new: bytes) -> bytes:
    """Return `new` with the line ends of a file that has Windows ones: tomlkit adds others."""
    is_windows = b"\r\n" in source and b"\n" not in source.replace(b"\r\n", b"")
    return new.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") if is_windows else new


def _edit(array: Array, present: Sequence[str], requirements: Sequence[str]) -> None:
    changes = pair(present, requirements)
    quote = array[0].as_string()[0] if present else '"'
    for index, text in changes.changed.items():
        array[index] = _string(text, array[index].as_string()[0])
    # tomlkit counts all elements anew at each removal, so neighbours go at once. The last one goes
    # last: new elements follow its style.
    *removed, last = changes.removed or (None,)
    runs = groupby(enumerate(removed), lambda pair: pair[1] - pair[0])
    for run in reversed([[index for _, index in run] for _, run in runs]):
        del array[run[0] : run[-1] + 1]
    for text in changes.added:
        array.append(_string(text, quote))
    if last is not None:
        del array[last - len(removed)]
    if not present and len(requirements) > 1:
        array.multiline(multiline=True)


def _string(text: str, quote: str) -> String:
    """Return a TOML string, in `quote` where that needs no escape."""
    import tomlkit

    can_be_literal = "'" not in text and text.isprintable()
    return tomlkit.string(text, literal=can_be_literal and (quote == "'" or '"' in text))


def _check(before: bytes, after: bytes, requirements: Sequence[str], extra: str | None) -> None:
    """Check that an edit changed the list as planned, and nothing else."""
    texts = read_project_list(after, extra)
    if _rest(before, extra) != _rest(after, extra) or not same_meaning(texts or (), requirements):
        message = "pyproject.toml: an edit did not come out as planned"
        raise ConfigurationError(message, hint="edit the file by hand")


def _rest(source: bytes, extra: str | None) -> dict[str, Any]:
    document = tomllib.loads(source.decode("utf-8"))
    project = document["project"]
    if extra is None:
        project.pop("dependencies", None)
    else:
        project.get("optional-dependencies", {}).pop(extra, None)
        if not project.get("optional-dependencies", True):
            del project["optional-dependencies"]
    return document
