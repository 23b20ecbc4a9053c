"""Read the lock of another tool into the same packages that Pipfile.lock has.

``pylock.toml`` (PEP 751, version 1), ``uv.lock`` (version 1), ``poetry.lock`` (2.1, of Poetry 2)
and ``requirements.txt`` with digests. Names of groups and extras are categories. The last one, and
a pylock.toml without markers for them, do not say who needs a package: all of it is in the category
``packages``, and a group's own packages are found there by the names in its manifest.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError, LockfileError
from trainwheel.requirements.lock_tables import read_poetry_lock, read_uv_lock
from trainwheel.requirements.lockfile import PIPFILE_LOCK, Lockfile
from trainwheel.requirements.manifest import package_of
from trainwheel.requirements.pep508 import Package
from trainwheel.requirements.pipfile import Pipfile
from trainwheel.requirements.pylock import read_pylock

__all__ = ["choose_lock", "parse_lock"]

Categories = Mapping[str, tuple[Package, ...]]

_PYLOCK = re.compile(r"pylock\.(?:[^.]+\.)?toml")
_NAMED: Final = "Pipfile.lock, pylock.toml, uv.lock, poetry.lock or requirements.txt with digests"
_HINTS: Final = {
    "uv.lock": "make it again: `uv lock`",
    "poetry.lock": "make it again with Poetry 2: `poetry lock`",
    ".txt": "make it again: `uv export` or `uv pip compile --generate-hashes`",
    ".toml": "make it again: `uv export --format pylock.toml`, or `pip lock`",
}


def choose_lock(root: Path, name: str | None = None) -> str:
    """Return the lock of a project: the one that is named, else the only one.

    Args:
        root: The project's folder.
        name: Its path, relative to `root`.

    Raises:
        ConfigurationError: There is none, there are several, or it is not a kind that is known.
    """
    if name is not None:
        if not _is_known(Path(name).name):
            message = f"{name} is not a lock that can be read"
            raise ConfigurationError(message, hint=f"name a {_NAMED}")
        return name
    locks = sorted(path.name for path in root.iterdir() if _is_lock(path))
    if len(locks) > 1:
        message = f"there are {len(locks)} locks here: {', '.join(locks)}"
        raise ConfigurationError(message, hint=f"name one, as in --lock {locks[0]}")
    if not locks and not (root / "Pipfile").is_file():
        message = "there is no lock here"
        raise ConfigurationError(message, hint=f"make one: {_NAMED}")
    return locks[0] if locks else PIPFILE_LOCK


def parse_lock(text: str, name: str, member: str, manifest: Pipfile | None) -> Lockfile:
    """Return the packages that a lock has, by category and sorted by name.

    Args:
        text: The lock.
        name: Its name; its last part says what kind of lock it is.
        member: Folder of the project, relative to that of the lock.
        manifest: What the project names itself: the extras of those packages are theirs.

    Raises:
        LockfileError: It cannot be read, or holds what cannot be a requirement.
    """
    hint = next(hint for end, hint in _HINTS.items() if name.endswith(end))
    try:
        categories = _reader(name)(text.removeprefix("\ufeff"), name, member)
        for packages in categories.values():
            for package in packages:
                _check(package)
    except LockfileError as error:
        raise LockfileError(error.message, hint=error.hint or hint) from None
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        form = "a table of it has another form"
        reason = str(error).splitlines()[0] if isinstance(error, ValueError) else form
        message = f"{name} cannot be read: {reason}"
        raise LockfileError(message, hint=hint) from None
    rows = {
        category: tuple(_with_extras(packages, category, manifest))
        for category, packages in categories.items()
    }
    return Lockfile(MappingProxyType(rows), {}, name, hint)


def _check(package: Package) -> None:
    """Check that what a lock says of a package is text, and its address one that can be read."""
    texts = (package.name, package.specifier, package.url, package.ref, package.path)
    if not all(isinstance(text, str) for text in (*texts, package.subdirectory)):
        raise TypeError(package.key)
    urlsplit(package.url)


def _is_known(name: str) -> bool:
    is_pylock = _PYLOCK.fullmatch(name) is not None
    return is_pylock or name.endswith(".txt") or name in {PIPFILE_LOCK, *_TABLES}


def _is_lock(path: Path) -> bool:
    if not path.is_file() or not _is_known(path.name):
        return False
    if path.suffix != ".txt":
        return True
    # Other files have this name as well, such as the list of what a project depends on.
    return path.name == "requirements.txt" and b"--hash=" in path.read_bytes()


_TABLES: Final = {"uv.lock": read_uv_lock, "poetry.lock": read_poetry_lock}


def _reader(name: str) -> Callable[[str, str, str], Categories]:
    last = Path(name).name
    if last in _TABLES:
        return lambda text, name, member: _TABLES[last](tomllib.loads(text), name, member)
    return _read_requirements if last.endswith(".txt") else read_pylock


def _with_extras(
    packages: Iterable[Package], category: str, manifest: Pipfile | None
) -> Iterator[Package]:
    """Yield packages by name, with the extras that the project asks for: most locks drop them."""
    rows = manifest.packages(category) if manifest else ()
    for package in sorted(packages, key=lambda p: (p.name, p.specifier, p.markers)):
        extras = {e for row in rows if row.name == package.name for e in row.extras}
        yield replace(package, extras=tuple(sorted({*package.extras, *extras})))


_HASH = re.compile(r"\s--hash[= ]\s*\S+")
_OPTION = re.compile(r"-[-\w]+")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_FILES = frozenset({"-r", "--requirement"})


def _read_requirements(text: str, name: str, _member: str) -> Categories:
    packages = []
    for number, line in _logical_lines(text):
        where = f"{name} line {number}"
        option = _OPTION.match(line)
        if option and option[0] in _FILES:
            message = f"{where} reads another file: {line}"
            raise LockfileError(message, hint="name a file with all packages in it")
        if option and option[0] not in {"-e", "--editable"}:
            # Such as --index-url: no requirement can say where it comes from.
            continue
        if package := _requirement(line, where):
            packages.append(package)
    return {"packages": tuple(packages)}


def _requirement(line: str, where: str) -> Package | None:
    text, hashes = _HASH.sub("", line).strip(), _HASH.findall(line)
    path = re.sub(r"(?:-e|--editable)[\s=]+", "", text)
    if path != text or text.startswith((".", "/", "file:")):
        name = canonicalize_name(Path(path).name)
        return Package(key=name, name=name, path=path) if path not in {".", "./"} else None
    package = package_of(text, where=where)
    if not package.url and not re.fullmatch(r"===?[^*,]+", package.specifier):
        message = f"{where}: {text} is not pinned with =="
        raise LockfileError(message)
    if not hashes and not re.match(r"(git|hg|svn|bzr)\+", package.url):
        message = f"{where}: {package.key} has no digest"
        raise LockfileError(message)
    return package


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines as pip joins them, each with the number of its first, from 1."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        start = start if parts else number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue
        whole = _COMMENT.sub("", "".join([*parts, "" if is_comment and parts else line])).strip()
        parts = []
        if whole:
            yield start, whole
