"""pyproject.toml text to text: the requirements of ``[project]``, everything else as it was."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, String

from trainwheel.errors import ConfigurationError
from trainwheel.requirements.pyproject import label_of, read_project_list, read_project_table
from trainwheel.requirements.setup_py.pairing import pair, same_meaning

__all__ = ["replace_project_list"]


def replace_project_list(
    source: bytes,
    requirements: Sequence[str],
    extra: str | None = None,
    name: str = "pyproject.toml",
) -> bytes:
    """Return `source` with `requirements`; the same bytes when it says so already.

    Args:
        source: The file's bytes.
        requirements: PEP 508 texts.
        extra: The extra that they are; the runtime requirements where it is None.
        name: What to call the file in messages.

    Raises:
        ConfigurationError: It cannot be edited safely.
    """
    present = read_project_list(source, extra, name)
    if same_meaning(present or (), requirements):
        return source
    dynamic = (read_project_table(source, name) or {}).get("dynamic", ())
    if extra is not None and "optional-dependencies" in dynamic:
        message = f"{name} has dependencies, but optional-dependencies are dynamic"
        raise ConfigurationError(message, hint="list both there")
    try:
        document: Any = tomlkit.parse(source.decode("utf-8"))
        table = document["project"]
        if extra is not None:
            table = table.setdefault("optional-dependencies", tomlkit.table())
        key = label_of(extra)[0]
        if key in table:
            _edit(table[key], present or (), requirements)
        else:
            table[key] = _array(requirements)
        new = _with_line_ends_of(source, tomlkit.dumps(document).encode())
    except (TOMLKitError, RecursionError, KeyError, TypeError, AttributeError) as error:
        message = f"{name} cannot be edited: {error}"
        raise ConfigurationError(message, hint="edit it by hand") from None
    _check(source, new, requirements, extra, name)
    return new


def _with_line_ends_of(source: bytes, new: bytes) -> bytes:
    """Return `new` with the line ends of a file that has Windows ones: tomlkit adds others."""
    is_windows = b"\r\n" in source and b"\n" not in source.replace(b"\r\n", b"")
    return new.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") if is_windows else new


def _edit(array: Array, present: Sequence[str], wanted: Sequence[str]) -> None:
    changes = pair(present, wanted)
    quote = array[0].as_string()[0] if present else '"'
    for index, text in changes.changed.items():
        array[index] = _string(text, array[index].as_string()[0])
    for text in changes.added:
        array.append(_string(text, quote))
    for index in sorted(changes.removed, reverse=True):
        del array[index]
    if not present and len(wanted) > 1:
        array.multiline(multiline=True)


def _array(requirements: Sequence[str]) -> Array:
    array = tomlkit.array()
    array.extend(_string(text, '"') for text in requirements)
    return array.multiline(multiline=len(requirements) > 1)


def _string(text: str, quote: str) -> String:
    """Return a TOML string, in `quote` where that needs no escape."""
    can_be_literal = "'" not in text and text.isprintable()
    return tomlkit.string(text, literal=can_be_literal and (quote == "'" or '"' in text))


def _check(
    before: bytes, after: bytes, wanted: Sequence[str], extra: str | None, name: str
) -> None:
    """Check that an edit did what it should and nothing else."""
    found = read_project_list(after, extra, name)
    if _rest(before, extra) != _rest(after, extra) or not same_meaning(found or (), wanted):
        message = f"{name}: an edit did not come out as planned"
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
