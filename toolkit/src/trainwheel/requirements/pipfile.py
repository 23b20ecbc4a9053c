"""Read a Pipfile: the packages of each category.

Pipfile.lock is read into the same :class:`Package`, for its entries have the same form. The keys
are those that pipenv accepts, which its plette models list. As in pipenv, a version without an
operator means exactly that version.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from trainwheel.errors import LockfileError
from trainwheel.requirements.addresses import refuse_entry_secrets, refuse_source_secrets
from trainwheel.requirements.pep508 import Package, split_ref

__all__ = ["Pipfile", "canonical_category", "parse_package", "parse_pipfile"]

_VCS = ("git", "hg", "svn", "bzr")
MARKER_KEYS = (
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
)
_KNOWN_KEYS = frozenset(
    (
        *_VCS,
        *MARKER_KEYS,
        *("editable", "extras", "file", "hashes", "index", "markers", "name", "no_binary"),
        *("os_markers", "path", "pip_args", "ref", "skip_resolver", "subdirectory", "version"),
    )
)
_NOT_CATEGORIES = frozenset(("source", "requires", "scripts", "pipfile", "pipenv"))
_LOCK_NAMES = {"default": "packages", "develop": "dev-packages"}
_KEY = re.compile(r"\s*(?P<name>[^\[\]\s]+)\s*(?:\[(?P<extras>[^\]]*)\])?\s*")
# Absolute, upwards, of Windows, or with what would end it in an address.
_OUTSIDE = re.compile(r"\A\s*(?:[/~]|[A-Za-z]:)|(?:\A|/)\s*\.\.\s*(?:/|\Z)|[\\&#%?\s]")
_SHA256 = re.compile(r"[#&]sha256=([0-9a-f]{64})(?:&|\Z)", re.IGNORECASE)
_REMOTE = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pipfile:
    """A parsed Pipfile.

    Attributes:
        categories: Packages by Pipfile category name, in the order written.
        sources: The ``[[source]]`` tables; empty if pip's configuration on each machine decides.
        raw: The whole TOML document, for its digest.
        file: Its name, for messages.
    """

    categories: Mapping[str, tuple[Package, ...]]
    sources: tuple[Mapping[str, Any], ...]
    raw: Mapping[str, Any]
    file: str = "Pipfile"

    def packages(self, category: str = "packages") -> tuple[Package, ...]:
        """Return the packages of a category, none if it is missing."""
        return self.categories.get(canonical_category(category), ())


def canonical_category(name: str) -> str:
    """Return the Pipfile's name of a category; the lock has other names for two of them."""
    return _LOCK_NAMES.get(name, name)


def parse_pipfile(text: str | None) -> Pipfile:
    """Read the text of a Pipfile; None stands for a missing file.

    Raises:
        LockfileError: Missing, not TOML, an entry that pipenv would refuse, or an address with a
            secret; the name of a variable, as in ``https://${USER}:${PASS}@host``, is allowed.
    """
    if text is None:
        message = "Pipfile is missing"
        raise LockfileError(message, hint="write one, or run `trainwheel init`")
    try:
        # Editors on Windows write a byte order mark, which tomllib refuses.
        raw = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        message = f"Pipfile is not valid TOML: {error}"
        raise LockfileError(message, hint="fix that line") from None
    sources = raw.get("source", [])
    if not isinstance(sources, list):
        message = "Pipfile has a [source] table"
        raise LockfileError(message, hint="write [[source]], for there can be several")
    refuse_source_secrets(sources, "Pipfile: [[source]] {}")
    categories = {
        name: _parse_category(name, section)
        for name, section in raw.items()
        if name not in _NOT_CATEGORIES
    }
    return Pipfile(MappingProxyType(categories), tuple(sources), MappingProxyType(raw))


def _parse_category(name: str, section: object) -> tuple[Package, ...]:
    if not isinstance(section, Mapping):
        message = f"Pipfile: {name} is not a table"
        raise LockfileError(message, hint=f"write [{name}] above the packages of that category")
    where = f"Pipfile: [{name}]"
    for key, value in section.items():
        refuse_entry_secrets(key, value, where)
    packages = tuple(parse_package(key, value, where=where) for key, value in section.items())
    for package, value in zip(packages, section.values(), strict=True):
        if isinstance(value, Mapping):
            _check_keys(name, package.key, value)
    return packages


def _check_keys(category: str, key: str, entry: Mapping[str, object]) -> None:
    """Refuse a key that pipenv ignores: `commit` for `ref` would lose the pin in silence."""
    for unknown in sorted(set(entry) - _KNOWN_KEYS):
        near = get_close_matches(unknown, _KNOWN_KEYS, n=1)
        message = f"Pipfile: [{category}] {key} has the key {unknown!r}, which pipenv does not know"
        raise LockfileError(message, hint=f"did you mean {near[0]!r}?" if near else "remove it")
    url = next((str(entry[kind]) for kind in _VCS if kind in entry), "")
    ref, other = str(entry.get("ref", "")), split_ref(url)[1]
    if ref and other not in {"", ref}:
        message = f"Pipfile: [{category}] {key} names two refs: {other} in its address, and {ref}"
        raise LockfileError(message, hint="remove one of them")


def parse_package(key: str, value: object, *, where: str) -> Package:
    """Return one entry of a category.

    Args:
        key: The name, with extras in brackets or without.
        value: A specifier, a bare version, or a table.
        where: File and category, for messages.

    Raises:
        LockfileError: The key is not a name, or the value is neither text, number nor table.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        message = f"{where} {key!r} is not a package name"
        raise LockfileError(message, hint="write the name alone, extras in `extras = [...]`")
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        value = {"version": str(value)}
    if not isinstance(value, Mapping):
        message = f"{where} {key} is neither a version nor a table"
        raise LockfileError(message, hint='write "*" for any version')
    extras = (match["extras"] or "").split(",")
    return _from_table(key, match["name"], [e.strip() for e in extras if e.strip()], value, where)


def _from_table(
    key: str, name: str, extras: list[str], table: Mapping[str, Any], where: str
) -> Package:
    vcs = next((kind for kind in _VCS if kind in table), "")
    location = str(table.get(vcs or "file", "") or table.get("path", ""))
    remote = bool(vcs) or _REMOTE.match(location) is not None
    if remote:
        _check_address(location, f"{where} {key}")
    table_extras = table.get("extras", [])
    hashes = table.get("hashes", [])
    if not isinstance(table_extras, list) or not isinstance(hashes, list):
        message = f"{where} {key}: extras and hashes must be lists"
        raise LockfileError(message, hint='write extras = ["name"]')
    return Package(
        key=key,
        name=canonicalize_name(name),
        specifier=_specifier(str(table.get("version", "")), direct=bool(location)),
        extras=tuple(sorted({canonicalize_name(str(extra)) for extra in (*extras, *table_extras)})),
        markers=_markers(table),
        vcs=vcs,
        url=location if remote else "",
        ref=str(table.get("ref", "")),
        subdirectory=_subdirectory(table, location if remote else "", f"{where} {key}"),
        path="" if remote else location,
        editable=table.get("editable") is True,
        index=str(table.get("index", "")),
        hashes=tuple(map(str, hashes)) or _digest_of(location),
    )


def _digest_of(address: str) -> tuple[str, ...]:
    """Return the digest of an archive in its address, as pip and PyPA's specification have it."""
    match = _SHA256.search(address)
    return (f"sha256:{match[1].lower()}",) if match else ()


def _subdirectory(table: Mapping[str, Any], url: str, where: str) -> str:
    """Return the folder in a repository or archive, which the entry or its address names."""
    parameters = (part.partition("=") for part in url.partition("#")[2].split("&"))
    folders = [unquote(value) for name, _, value in parameters if name == "subdirectory"]
    folders = [folder for folder in (str(table.get("subdirectory", "")), *folders) if folder]
    for folder in folders:
        if _OUTSIDE.search(folder):
            message = f"{where}: the subdirectory {folder!r} is not a folder inside the repository"
            hint = "write its path from the top of the repository, with slashes and without .."
            raise LockfileError(message, hint=hint)
    if len({folder.strip("/") for folder in folders}) > 1:
        message = f"{where} names two subdirectories: {' and '.join(map(repr, folders))}"
        raise LockfileError(message, hint="remove one of them")
    return folders[0] if folders else ""


def _check_address(address: str, where: str) -> None:
    try:
        urlsplit(address)
    except ValueError as error:
        message = f"{where}: {address!r} is not an address: {error}"
        raise LockfileError(message, hint="correct it") from None


def _specifier(version: str, *, direct: bool) -> str:
    """Return PEP 440 clauses without blanks; empty for a direct reference."""
    version = version.strip().lstrip("(").rstrip(")")
    if direct or version in {"", "*"}:
        return ""
    if version[0] not in "=<>~!":
        return f"=={version}"
    return ",".join("".join(clause.split()) for clause in version.split(",") if clause.strip())


def _markers(table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `markers` and what the marker keys add, such as ``sys_platform = "== 'linux'"``."""
    whole = [str(table[key]).strip() for key in ("markers", "os_markers") if table.get(key)]
    single = [f"{key} {str(table[key]).strip()}" for key in MARKER_KEYS if table.get(key)]
    return tuple(text for text in (*whole, *single) if text)
