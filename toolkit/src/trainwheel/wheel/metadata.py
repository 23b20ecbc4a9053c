"""Look into wheels: names, members, metadata (binary distribution format)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from email.parser import HeaderParser
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from trainwheel.errors import ConfigurationError
from trainwheel.wheel.archive import LIMIT, file_entries, open_wheel, read_held

__all__ = [
    "dist_info_of",
    "find_dist_info",
    "list_members",
    "read_member",
    "read_name",
    "read_names",
    "read_pythons",
    "read_release_key",
    "read_requirements",
    "with_contact",
    "with_description",
]

_PROVENANCE = "trainwheel/provenance.json"
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")
_MINORS, _PATCHES = 40, 30
_DESCRIBES = frozenset((b"description", b"description-content-type"))
_MAIL = re.compile(r"[^\s<>@,]+@[^\s<>@,]+|[^\r\n<>@,]*<[^\s<>@,]+@[^\s<>@,]+>")
_WEB = re.compile(r"https?://[^\s,]+")
_MARKDOWN = b"Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM"


def read_name(wheel: Path) -> tuple[str, str]:
    """Return the normalised distribution name and the version that a wheel's file name holds.

    Raises:
        ConfigurationError: It is not the name of a wheel.
    """
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        message = f"{wheel} does not have the name of a wheel: {error}"
        raise ConfigurationError(message) from None
    return str(name), str(version)


def list_members(wheel: Path) -> tuple[str, ...]:
    """Return the names of a wheel's files, sorted.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    with open_wheel(wheel) as archive:
        return tuple(sorted(info.filename for info in file_entries(archive)))


def dist_info_of(wheel: Path) -> str:
    """Return the name of a wheel's metadata folder, with a slash at its end.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    with open_wheel(wheel) as archive:
        return find_dist_info(archive.namelist(), str(wheel))


def read_member(wheel: Path, name: str, *, limit: int = LIMIT) -> bytes:
    """Return the bytes of a file of a wheel's metadata.

    Args:
        wheel: A wheel.
        name: Relative to the metadata folder, such as ``METADATA``.
        limit: The most that is read, in bytes.

    Raises:
        ConfigurationError: The wheel cannot be read, or the file is missing or larger.
    """
    with open_wheel(wheel) as archive:
        return read_held(archive, find_dist_info(archive.namelist(), str(wheel)) + name, limit)


def read_requirements(wheel: Path) -> tuple[str, ...]:
    """Return a wheel's ``Requires-Dist`` lines.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    return _read_headers(wheel, "Requires-Dist")


def read_names(wheel: Path) -> frozenset[str]:
    """Return every distribution name in a wheel, normalised: one, if the wheel is honest.

    They stand in its file name and in each ``Name`` of its metadata, which indexes go by.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    names = (read_name(wheel)[0], *_read_headers(wheel, "Name"))
    return frozenset(str(canonicalize_name(name)) for name in names)


def read_pythons(wheel: Path, here: str) -> tuple[str, ...]:
    """Return the Pythons that a wheel is promised for, oldest first, each as ``3.12``.

    These are the one at hand and those of its classifiers that its ``Requires-Python`` lets in, and
    all between the bounds of that; without an upper bound and classifiers, as far as the one at
    hand.

    Args:
        wheel: A wheel.
        here: The Python that runs this.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    allowed = SpecifierSet(",".join(_read_headers(wheel, "Requires-Python")))
    every = [f"3.{minor}" for minor in range(_MINORS)]
    let_in = [each for each in every if any(f"{each}.{x}" in allowed for x in range(_PATCHES))]
    classifiers = map(_CLASSIFIER.fullmatch, _read_headers(wheel, "Classifier"))
    named = {match[1] for match in classifiers if match}
    promised = {here, *named.intersection(let_in)}
    has_upper_bound = every[-1] not in let_in
    if every[0] not in let_in and (has_upper_bound or not named):
        last = _MINORS if has_upper_bound else every.index(here) + 1
        promised |= {each for each in let_in if every.index(each) < last}
    return tuple(each for each in every if each in promised)


def _read_headers(wheel: Path, name: str) -> tuple[str, ...]:
    metadata = read_member(wheel, "METADATA")
    try:
        headers = HeaderParser().parsestr(metadata.decode("utf-8"))
    except UnicodeDecodeError:
        message = f"{wheel} is not a readable wheel: METADATA is not UTF-8"
        raise ConfigurationError(message) from None
    return tuple(headers.get_all(name, []))


def with_description(metadata: bytes, markdown: bytes) -> bytes:
    """Return a wheel's METADATA with a description in Markdown and its content type.

    An earlier description goes, for it may be in another markup.

    Args:
        metadata: As a build back end wrote it. setuptools ends the fields with an empty line only
            where a description follows.
        markdown: The description, as UTF-8.
    """
    head, _, _ = metadata.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = re.split(rb"\n(?![ \t])", head.rstrip(b"\n"))
    others = [field for field in fields if field.partition(b":")[0].lower() not in _DESCRIBES]
    return b"\n".join((*others, _MARKDOWN, b"", markdown))


def with_contact(metadata: bytes, contact: str) -> bytes:
    """Return a wheel's METADATA with whom to ask, as far as that is an e-mail or a web address.

    What the project itself says in the same place stays as it is.

    Args:
        metadata: As a build back end wrote it.
        contact: ``NAME <NAME@HOST>``, an e-mail alone, an address, or any other text.
    """
    text = contact.strip()
    if _MAIL.fullmatch(text):
        name, line = b"maintainer-email:", f"Maintainer-email: {text}"
    elif _WEB.fullmatch(text):
        name, line = b"project-url: contact,", f"Project-URL: Contact, {text}"
    else:
        return metadata
    head, gap, rest = metadata.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.rstrip(b"\n").split(b"\n")
    if any(each.lower().startswith(name) for each in lines):
        return metadata
    return b"\n".join((*lines, line.encode())) + (gap or b"\n") + rest


def read_release_key(wheel: Path) -> str | None:
    """Return the release key in a wheel; None where another tool made the wheel.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    with open_wheel(wheel) as archive:
        names = archive.namelist()
        provenance = find_dist_info(names, str(wheel)) + _PROVENANCE
        return _release_key(read_held(archive, provenance)) if provenance in names else None


def find_dist_info(names: Iterable[str], wheel: str) -> str:
    """Return the one metadata folder among the names of a wheel's files, with its slash.

    Raises:
        ConfigurationError: There is none with METADATA, or more than one.
    """
    paths = {name.partition("/")[::2] for name in names}
    folders = sorted({folder for folder, _ in paths if folder.endswith(".dist-info")})
    if len(folders) > 1:
        message = f"{wheel} is not a wheel: it has {folders[0]} and {folders[1]}"
        raise ConfigurationError(message)
    if not folders or (folders[0], "METADATA") not in paths:
        message = f"{wheel} is not a wheel: it has no METADATA"
        raise ConfigurationError(message)
    return f"{folders[0]}/"


def _release_key(text: bytes) -> str | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    key = document.get("release_key") if isinstance(document, dict) else None
    return key if isinstance(key, str) else None
