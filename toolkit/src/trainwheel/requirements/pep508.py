"""A Pipfile's way of naming a package to PEP 508 text."""

from __future__ import annotations

import re
from posixpath import basename
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker
from packaging.requirements import InvalidRequirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from trainwheel.errors import LockfileError
from trainwheel.requirements.meaning import meaning, meaning_of, normal_marker
from trainwheel.requirements.pipfile import Package

__all__ = ["format_requirement", "join_markers", "meaning", "project_name", "reference"]

# pipenv names an archive that it has not opened by the first digits of a digest of its address.
_DIGEST_KEY = re.compile(r"[0-9a-f]{7}")
_SCP = re.compile(r"(?P<user>[^@/:]+@)?(?P<host>[^/:@]+):(?P<path>(?!//).+)")


def format_requirement(
    package: Package,
    *,
    specifier: str | None = None,
    extras: tuple[str, ...] | None = None,
    where: str,
) -> str:
    """Return `package` as PEP 508 text: extras sorted, clauses as written, markers joined.

    Args:
        package: Not a local one.
        specifier: Instead of the package's own.
        extras: Instead of the package's own.
        where: File and category, for messages.

    Raises:
        LockfileError: No name, or something PEP 508 or PEP 440 has no form for.
    """
    extras = package.extras if extras is None else extras
    name = project_name(package, where=where) + (f"[{','.join(extras)}]" if extras else "")
    marker = join_markers(package.markers, where=f"{where} {package.key}")
    if package.url:
        text = f"{name} @ {reference(package)}" + (f" ; {marker}" if marker else "")
    else:
        clauses = package.specifier if specifier is None else specifier
        text = f"{name}{clauses}" + (f"; {marker}" if marker else "")
    try:
        meaning_of(text)
    except InvalidRequirement:
        message = f"{where} {package.key}: {text!r} is not a requirement that PEP 508 knows"
        raise LockfileError(message, hint="mend its version, extras or address") from None
    return text


def reference(package: Package) -> str:
    """Return the address of a direct reference, as PEP 508 and pip write it.

    ``git@host:path`` becomes ``ssh://``: PEP 508 has no form for it. An ``#egg=`` is dropped:
    the name stands before the ``@``.
    """
    url, _, fragment = package.url.partition("#")
    kept = [part for part in fragment.split("&") if part and not part.startswith("egg=")]
    if package.vcs:
        url = _repository(package.vcs, url)
        path = urlsplit(url).path
        if package.ref and not path.endswith(f"@{package.ref}"):
            url = f"{url}@{package.ref}"
    if package.subdirectory and not any(part.startswith("subdirectory=") for part in kept):
        kept.append(f"subdirectory={package.subdirectory}")
    return f"{url}#{'&'.join(kept)}" if kept else url


def _repository(vcs: str, url: str) -> str:
    url = url.removeprefix(f"{vcs}+")
    if "://" not in url and (scp := _SCP.fullmatch(url)):
        url = f"ssh://{scp['user'] or ''}{scp['host']}/{scp['path'].lstrip('/')}"
    return f"{vcs}+{url}"


def project_name(package: Package, *, where: str) -> str:
    """Return the project's PEP 503 name: the key, or what the address says in its place.

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
        message = f"{where} {package.key} = {package.url} has no name"
        raise LockfileError(message, hint="give it the project's name as its key") from None


def join_markers(markers: tuple[str, ...], *, where: str) -> str:
    """Return one marker that holds when all of `markers` do, in packaging's spelling.

    Raises:
        LockfileError: One of them is no marker.
    """
    for marker in markers:
        try:
            normal_marker(marker)
        except InvalidMarker:
            message = f"{where}: {marker!r} is not a marker"
            raise LockfileError(message, hint="write it as PEP 508 does") from None
    # Without the brackets `a or b` joined with c would mean `a or (b and c)`.
    return normal_marker(" and ".join(f"({marker})" for marker in markers)) if markers else ""
