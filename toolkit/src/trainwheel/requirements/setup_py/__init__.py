"""Read and replace three values of a setup.py, without running it.

The values are found in the syntax tree and replaced by position, so that every byte outside them
stays the same: comments, quotes, line ends, encoding, byte order mark. A value that is computed is
refused, with its place and what to write instead.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Sequence

from trainwheel.errors import SetupPyError
from trainwheel.requirements.setup_py.call import SetupCall, find_setup_call
from trainwheel.requirements.setup_py.insertion import conditions_of, insert_argument, place_of
from trainwheel.requirements.setup_py.literal import (
    quote_of,
    read_string,
    read_text,
    replace_string,
    write_string,
)
from trainwheel.requirements.setup_py.pairing import same_meaning
from trainwheel.requirements.setup_py.requirement_list import (
    read_requirements,
    replace_requirements,
)
from trainwheel.requirements.setup_py.source import Source

__all__ = [
    "has_install_requires",
    "read_description",
    "read_distribution_name",
    "read_entry_points",
    "read_list",
    "read_version",
    "replace_list",
    "replace_version",
]


@contextlib.contextmanager
def _refuse_depth() -> Iterator[None]:
    """Refuse an expression, or a chain of names, too deep to follow: Python's limit is a thousand.

    Raises:
        SetupPyError: It is.
    """
    try:
        yield
    except RecursionError:
        message = "setup.py: a value is nested too deeply to be followed"
        raise SetupPyError(message, hint="write it as a plain list of strings") from None


def read_version(source: bytes) -> str:
    """Return the version that a setup.py gives its distribution.

    Raises:
        SetupPyError: No setup() call, no version, or one that is computed.
    """
    return _read_string(source, "version")


def read_distribution_name(source: bytes) -> str:
    """Return the distribution's name, as written.

    Raises:
        SetupPyError: As for :func:`read_version`.
    """
    return _read_string(source, "name")


@_refuse_depth()
def read_description(source: bytes) -> str:
    """Return the summary that setup() is given, in one line; empty for none, or a computed one.

    Raises:
        SetupPyError: No setup() call.
    """
    call = find_setup_call(Source.parse(source))
    return " ".join((read_text(call, call.value_of("description")) or "").split())


@_refuse_depth()
def read_entry_points(source: bytes, group: str) -> dict[str, str]:
    """Return name → object of the entry points in a group; empty where they are computed.

    Raises:
        SetupPyError: No setup() call.
    """
    try:
        value = find_setup_call(Source.parse(source)).value_of("entry_points")
        table = ast.literal_eval(value) if value is not None else {}
        pairs = [line.partition("=")[::2] for line in table.get(group, ())]
    except (ValueError, TypeError, AttributeError):
        return {}
    return {name.strip(): target.partition("[")[0].strip() for name, target in pairs}


@_refuse_depth()
def has_install_requires(source: bytes) -> bool:
    """Return whether setup() is given install_requires, literal or computed.

    Raises:
        SetupPyError: No setup() call, or it may get the keyword from ``**``.
    """
    call = find_setup_call(Source.parse(source))
    has_keyword = call.keyword("install_requires") is not None
    return has_keyword or call.value_of("install_requires") is not None


@_refuse_depth()
def read_list(source: bytes, extra: str | None = None) -> tuple[str, ...]:
    """Return the requirements, or those of an extra, as written; none where they are missing.

    Raises:
        SetupPyError: As for :func:`read_version`.
    """
    call = find_setup_call(Source.parse(source))
    texts = _read_list(call, extra)
    for key in conditions_of(call, extra):
        marker = key.partition(":")[2]
        texts += tuple(_with_marker(text, marker) for text in _read_list(call, key))
    return texts


def _read_list(call: SetupCall, extra: str | None) -> tuple[str, ...]:
    place = place_of(extra)
    value = place.find(call)
    return () if value is None else read_requirements(call, value, place.label)


@_refuse_depth()
def replace_version(source: bytes, version: str) -> bytes:
    """Return `source` with another version; the same bytes if it has that one already.

    Raises:
        SetupPyError: As for :func:`read_version`, except that a missing keyword is added.
    """
    text = Source.parse(source)
    call = find_setup_call(text)
    value = call.value_of("version")
    if value is None:
        literal = write_string(version, quote_of(text, call.node))
        new = insert_argument(call, f"version={literal}")
    elif read_string(call, "version", value) == version:
        return source
    else:
        new = replace_string(text, value, version)
    return _checked(text, new, says_so=read_version(text.encode(new)) == version)


@_refuse_depth()
def replace_list(source: bytes, requirements: Sequence[str], extra: str | None = None) -> bytes:
    """Return `source` with other requirements; the same bytes if it has them already.

    An element of a project that stays keeps its line, quotes and comments. With a removed one go
    the comments on its line and directly above it. New ones come last. Those under a key such as
    ``":python_version < '3.11'"`` are removed there, and written with a marker.

    Args:
        source: The file's bytes.
        requirements: PEP 508 texts.
        extra: The extra that they are, added if it is missing; the runtime requirements for None.

    Raises:
        SetupPyError: The list cannot be edited safely.
    """
    place = place_of(extra)
    call = find_setup_call(Source.parse(source))
    for key in conditions_of(call, extra):
        if same_meaning(read_list(source, extra), requirements):
            return source
        source = replace_list(source, (), key)
    text = Source.parse(source)
    call = find_setup_call(text)
    value = place.find(call)
    if value is None:
        if not requirements:
            return source
        new = place.insert(call, requirements)
    else:
        new = replace_requirements(call, place, value, requirements)
        if new == text.text:
            return source
    result = read_list(text.encode(new), extra)
    return _checked(text, new, says_so=same_meaning(result, requirements))


def _with_marker(text: str, marker: str) -> str:
    front, _, own = text.partition(";")
    return f"{front.rstrip()} ; {f'({own}) and ({marker})' if own.strip() else marker}"


@_refuse_depth()
def _read_string(source: bytes, keyword: str) -> str:
    call = find_setup_call(Source.parse(source))
    value = call.value_of(keyword)
    if value is None:
        raise call.source.error(call.node, f"setup() has no {keyword}", f'write {keyword}="…"')
    return read_string(call, keyword, value)


def _checked(source: Source, new: str, *, says_so: bool) -> bytes:
    """Return the new text as bytes, if reading it again gives what was requested."""
    if not says_so:
        raise source.error(None, "an edit did not come out as planned", "edit the file by hand")
    return source.encode(new)
