"""Compare requirements by meaning, and write a Pipfile's entry as PEP 508.

Two requirements that mean the same, however they are spelt, give equal values.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from posixpath import basename
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)

from trainwheel.errors import LockfileError

__all__ = [
    "Package",
    "by_extra",
    "format_requirement",
    "is_marker",
    "join_markers",
    "meaning",
    "meaning_of",
    "name_of",
    "project_name",
    "reference",
    "split_ref",
]


@dataclass(frozen=True, slots=True)
class Package:
    """One package as a Pipfile or its lock names it.

    Attributes:
        key: The key as written; `name` is its PEP 503 form.
        specifier: PEP 440 clauses in the order written; empty for any version.
        markers: Every marker, in the order written; all of them must be true.
        vcs: ``git``, ``hg``, ``svn`` or ``bzr`` when `url` is a repository.
        path: A local file or folder, as written, instead of a release.
    """

    key: str
    name: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    vcs: str = ""
    url: str = ""
    ref: str = ""
    subdirectory: str = ""
    path: str = ""
    editable: bool = False
    index: str = ""
    hashes: tuple[str, ...] = ()


# A number without leading zeros is its own canonical form, but for zeros at its end.
_NUMBER = r"(?:0|[1-9][0-9]{0,9})(?:\.(?:0|[1-9][0-9]{0,9})){0,5}"
_PLAIN_CLAUSE = re.compile(rf"(==|!=|<=|>=|<|>)({_NUMBER})(?:,|$)")
_PLAIN = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    rf"(?P<clauses>(?:(?:==|!=|<=|>=|<|>){_NUMBER}(?:,(?=[=!<>])|$))+)?"
)


@functools.lru_cache(maxsize=256)
def normal_marker(text: str) -> str:
    """Return a marker in packaging's spelling.

    Raises:
        InvalidMarker: The text is not a marker.
    """
    # A lock repeats a handful of markers hundreds of times.
    return str(Marker(text))


def is_marker(text: str) -> bool:
    """Return whether a text is a marker."""
    try:
        return bool(normal_marker(text))
    except InvalidMarker:
        return False


# A comparison in packaging's spelling of a marker.
_OPERAND = r"""("[^"]*"|'[^']*'|[a-z_]+)"""
_COMPARISON = re.compile(rf"{_OPERAND} (===|~=|==|!=|<=|>=|<|>|not in|in) {_OPERAND}")
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts of a marker that are joined by one word: ``and`` or ``or``."""

    word: str
    parts: frozenset[MarkerMeaning]


MarkerMeaning: TypeAlias = bool | tuple[str, str, str] | Joined
"""What a marker means: true or false, a comparison, or several of these."""


@functools.lru_cache(maxsize=256)
def _marker_meaning(text: str, extra: str | None = None) -> MarkerMeaning:
    """Return a value that is equal for two markers that mean the same, in any order.

    Args:
        text: A marker.
        extra: The canonical name of the extra that is installed, empty for none: comparisons with
            ``extra`` are then decided. None leaves them as they are.

    Raises:
        InvalidMarker: The text is not a marker.
    """
    comparisons: dict[str, MarkerMeaning] = {}

    def number(match: re.Match[str]) -> str:
        name = f"c{len(comparisons)}"
        comparisons[name] = _comparison(match[1], match[2], match[3], extra)
        return name

    # What remains is brackets, `and` and `or`, which bind as in Python.
    try:
        expression = ast.parse(_COMPARISON.sub(number, normal_marker(text)), mode="eval").body
        return _joined(expression, comparisons)
    except (SyntaxError, KeyError, RecursionError, MemoryError):
        # packaging writes a value with both kinds of quotes in a way that it cannot read.
        raise InvalidMarker(text) from None


def _comparison(left: str, operator: str, right: str, extra: str | None) -> MarkerMeaning:
    """Return the meaning of one comparison, the variable first."""
    if left[0] in "\"'" and operator in _FLIPPED:
        left, operator, right = right, _FLIPPED[operator], left
    if left == "extra" and extra is not None and operator in {"==", "!="}:
        return (canonicalize_name(right[1:-1]) == extra) is (operator == "==")
    return left, operator, right


def _joined(node: ast.expr, comparisons: Mapping[str, MarkerMeaning]) -> MarkerMeaning:
    if not isinstance(node, ast.BoolOp):
        return comparisons[ast.unparse(node)]
    word, decisive = ("and", False) if isinstance(node.op, ast.And) else ("or", True)
    parts = set[MarkerMeaning]()
    for part in (_joined(value, comparisons) for value in node.values):
        if part is decisive:
            return decisive
        if isinstance(part, Joined) and part.word == word:
            parts |= part.parts
        elif not isinstance(part, bool):
            parts.add(part)
    return Joined(word, frozenset(parts)) if len(parts) > 1 else next(iter(parts), not decisive)


def by_extra(texts: Iterable[str]) -> dict[str, dict[object, str]]:
    """Return requirements of metadata by the extra that adds them; without one, under "".

    An extra (PEP 685: in its canonical name) adds what is not required without it.

    Returns:
        Extra → meaning, without the marker's part about the extra → text.
    """
    groups: dict[str, dict[object, str]] = {"": {}}
    for text in texts:
        try:
            whole, marker = meaning_of(text), str(Requirement(text).marker or "")
        except InvalidRequirement:
            groups[""][meaning(text)] = text
            continue
        base = _marker_meaning(marker, "") if marker else True
        for extra in ("", *_extras_in(whole.marker)):
            part = _marker_meaning(marker, extra) if marker else True
            if part is not False and (not extra or part != base):
                groups.setdefault(extra, {})[replace(whole, marker=part)] = text
    return groups


def _extras_in(marker: MarkerMeaning) -> Iterator[str]:
    """Yield the canonical names of the extras that a marker compares with."""
    if isinstance(marker, Joined):
        for part in marker.parts:
            yield from _extras_in(part)
    elif isinstance(marker, tuple) and marker[0] == "extra":
        yield canonicalize_name(marker[2][1:-1])


def meaning(text: str) -> object:
    """Return a value that is equal for two requirements that mean the same.

    A text that is not a PEP 508 requirement equals itself alone, blanks aside.
    """
    try:
        return meaning_of(text)
    except InvalidRequirement:
        return " ".join(text.split())


def name_of(text: str) -> str:
    """Return the PEP 503 name of the project that a requirement is for; else the text itself."""
    try:
        return meaning_of(text).name
    except InvalidRequirement:
        return text


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a requirement means, however it is spelt."""

    name: str
    extras: frozenset[str]
    clauses: frozenset[tuple[str, str]]
    url: str | None
    marker: MarkerMeaning = True


@functools.lru_cache(maxsize=4096)
def meaning_of(text: str) -> Meaning:
    """Return what a requirement means.

    Raises:
        InvalidRequirement: The text is not a requirement.
    """
    front, _, marker = text.partition(";")
    try:
        # In an address a semicolon may mean something else.
        if "@" in front or not marker.strip():
            return _read_plain(text) or _read(Requirement(text))
        plain = _read_plain(front.strip()) or _read(Requirement(front))
        return replace(plain, marker=_marker_meaning(marker))
    except ValueError as error:
        # packaging's own, or that of int() for more than 4300 digits (CVE-2020-10735).
        raise InvalidRequirement(str(error)) from None


def _read(requirement: Requirement) -> Meaning:
    return Meaning(
        canonicalize_name(requirement.name),
        frozenset(map(canonicalize_name, requirement.extras)),
        frozenset(_clause(clause) for clause in requirement.specifier),
        requirement.url,
        _marker_meaning(str(requirement.marker)) if requirement.marker else True,
    )


def _read_plain(text: str) -> Meaning | None:
    """Return what a name with plain numbers means, as in nearly all of a lock; None for others.

    packaging takes ten times as long, which is noticed with a lock of hundreds of packages.
    """
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    clauses = (clause.groups() for clause in _PLAIN_CLAUSE.finditer(match["clauses"] or ""))
    return Meaning(
        canonicalize_name(match["name"]),
        frozenset(),
        frozenset((operator, re.sub(r"(\.0)+$", "", number)) for operator, number in clauses),
        None,
    )


def _clause(clause: Specifier) -> tuple[str, str]:
    # PEP 440: 1.0 and 1 are the same, but ~=1.0 and ~=1 are not.
    strip = clause.operator != "~="
    return clause.operator, canonicalize_version(clause.version, strip_trailing_zero=strip)


# The key of an archive that pipenv has not opened: the start of a digest of its address.
_DIGEST_KEY = re.compile(r"[0-9a-f]{7}")
# A branch or tag with one of these cannot be written after the @ of an address.
_NOT_IN_REFS = re.compile(r"\A-|[@#?\s]")
_SCP = re.compile(r"(?P<user>[^@/:]+@)?(?P<host>[^/:@]+):(?P<path>(?!//).+)")


def format_requirement(package: Package, *, where: str) -> str:
    """Return `package` as PEP 508 text: extras sorted, clauses as written, markers joined.

    Args:
        package: Not a local one.
        where: File and category, for messages.

    Raises:
        LockfileError: The name is unknown, or the entry cannot be written as PEP 508 and PEP 440.
    """
    extras = f"[{','.join(package.extras)}]" if package.extras else ""
    name = project_name(package, where=where) + extras
    marker = join_markers(package.markers, where=f"{where} {package.key}")
    if package.vcs and _NOT_IN_REFS.search(package.ref):
        message = f"{where} {package.key}: the ref {package.ref!r} cannot be part of an address"
        raise LockfileError(message, hint="write the commit in its place")
    text = f"{name}{package.specifier}" + (f"; {marker}" if marker else "")
    try:
        if package.url:
            text = f"{name} @ {package.url}"
            address = reference(package)
            urlsplit(address)
            text = f"{name} @ {address}" + (f" ; {marker}" if marker else "")
        meaning_of(text)
    except ValueError:  # of urlsplit, or InvalidRequirement
        message = f"{where} {package.key}: {text!r} is not a valid requirement (PEP 508)"
        raise LockfileError(message, hint="correct its version, extras or address") from None
    return text


def reference(package: Package) -> str:
    """Return the address of a direct reference, as PEP 508 and pip write it.

    ``git@host:path`` becomes ``ssh://``, as PEP 508 takes addresses only. ``#egg=`` is dropped, for
    the name comes before the ``@``. A ref of the entry replaces that of the address: pipenv locks
    the commit beside an address that still names the branch (pipenv#6120).
    """
    url, _, fragment = package.url.partition("#")
    dropped = ("egg=", "subdirectory=") if package.subdirectory else ("egg=",)
    parameters = [part for part in fragment.split("&") if part and not part.startswith(dropped)]
    if package.vcs:
        url, ref, query = split_ref(_repository(package.vcs, url))
        url += (f"@{package.ref or ref}" if package.ref or ref else "") + query
    if package.subdirectory:
        parameters.append(f"subdirectory={package.subdirectory}")
    return f"{url}#{'&'.join(parameters)}" if parameters else url


def split_ref(url: str) -> tuple[str, str, str]:
    """Return the address of a repository, the ref after its ``@`` and the query, as they are.

    Like pip, which looks for the last ``@`` of the path.
    """
    base, mark, query = url.partition("#")[0].partition("?")
    address, _, ref = base.rpartition("@")
    # An @ before the end of the host follows a user, and in /@scope/name it begins a folder.
    end_of_host = "/" if "://" in address else ":"
    if address.endswith("/") or end_of_host not in address.rpartition("://")[2]:
        return base, "", mark + query
    return address, ref, mark + query


def _repository(vcs: str, url: str) -> str:
    url = url.removeprefix(f"{vcs}+")
    if "://" not in url and (scp := _SCP.fullmatch(url)):
        url = f"ssh://{scp['user'] or ''}{scp['host']}/{scp['path'].lstrip('/')}"
    return f"{vcs}+{url}"


def project_name(package: Package, *, where: str) -> str:
    """Return the project's PEP 503 name: the key, or the name in the address of an archive.

    Raises:
        LockfileError: The key is a digest and the address gives no name.
    """
    if not package.url or not _DIGEST_KEY.fullmatch(package.key):
        return package.name
    address, _, fragment = package.url.partition("#")
    if egg := re.search(r"(?:^|&)egg=([A-Za-z0-9._-]+)", fragment):
        return canonicalize_name(egg[1])
    filename = unquote(basename(urlsplit(address).path))
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[0]
        return parse_sdist_filename(filename)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        message = f"{where} {package.key} = {package.url} does not name its project"
        raise LockfileError(message, hint="write the project's name as its key") from None


def join_markers(markers: tuple[str, ...], *, where: str, asks: bool = False) -> str:
    """Return one marker that is true when all of `markers` are, in packaging's spelling.

    Raises:
        LockfileError: One is not a marker, or asks for an extra, which few may (`asks`).
    """
    for marker in markers:
        try:
            meaning = _marker_meaning(marker)
        except InvalidMarker:
            message = f"{where}: {marker!r} is not a marker"
            raise LockfileError(message, hint="write it as in os_name == 'nt'") from None
        if (extra := next(_extras_in(meaning), "")) and not asks:
            # pipenv copied it from the package whose extra it is (pipenv issue 3026).
            message = f"{where} has the marker {marker!r}: no installation would include it"
            hint = f"remove the extra {extra} from the marker in Pipfile and Pipfile.lock"
            raise LockfileError(message, hint=hint)
    # Without brackets, `a or b` and c would become `a or (b and c)`.
    return normal_marker(" and ".join(f"({marker})" for marker in markers)) if markers else ""
