"""What is installed in a virtual environment: its packages, their files, and what has changed.

Which files a package has, and their digests, stands in its RECORD (PEP 376).
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
import posixpath
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from trainwheel.guest import WATCH
from trainwheel.install.bytecode import site_packages
from trainwheel.system.files import remove, write_atomically
from trainwheel.wheel.record import record_digest

__all__ = [
    "DIST_INFO",
    "HOOKS",
    "Installed",
    "changed_since",
    "digest_of",
    "link_packages",
    "names_in",
    "project_of",
]

DIST_INFO = re.compile(r"(.+)-([^-]+)\.dist-info")
"""The folder of a package's metadata: its name and version."""

HOOKS = ("_trainwheel_watch.py", "trainwheel_watch.pth")
"""What the library itself puts beside the packages."""

_PTH = b"""\
import os; os.environ.get("TRAINWHEEL_WATCH") and __import__("_trainwheel_watch")
"""

_RUNS_IN_SHEBANG = re.compile(rb"\S{1,100}")
"""Environments whose Python every system starts when the first line of a script names it."""

_BESIDE = frozenset({"bytecode", ".lock", ".trainwheel-stamp", ".trainwheel-compared"})
"""What uv and this library keep in an environment beside its packages."""


@dataclass(frozen=True)
class _Row:
    """What RECORD has of a file; several packages may have one of the same name."""

    owner: str
    digests: set[str]


@dataclass(frozen=True)
class Installed:
    """The files of installed packages.

    Args:
        home: The environment.
        site: Where it has its packages, relative to ``home``.
        records: Folder of metadata → the digest of its RECORD.
        rows: The files in all RECORDs, relative to ``home``.
    """

    home: Path
    site: str
    records: Mapping[str, str]
    rows: Mapping[str, _Row]

    @classmethod
    def at(cls, home: Path) -> Installed:
        """Read what is installed in an environment."""
        folder = site_packages(home)
        records, rows = dict[str, str](), dict[str, _Row]()
        site = folder.relative_to(home).as_posix()
        for record in sorted(folder.glob("*.dist-info/RECORD")):
            owner, data = record.parent.name, record.read_bytes()
            records[owner] = record_digest(hashlib.sha256(data).digest())
            for name, digest in _parse(data):
                path = f"{site}/{name}"
                path = posixpath.normpath(path) if ".." in name else path
                rows.setdefault(path, _Row(owner, set())).digests.add(digest)
        return cls(home, site, records, rows)

    def record_of(self, owner: str) -> str:
        """Return the path of a package's RECORD."""
        return f"{self.site}/{owner}/RECORD"

    def names(self) -> set[str]:
        """Return the names that files of packages have in the folders of packages and scripts."""
        start = f"{self.site}/"
        return {path.removeprefix(start).partition("/")[0] if path.startswith(start) else path
                for path in self.rows}  # fmt: skip

    def owner(self, path: str) -> str:
        """Return a name for what a file belongs to."""
        if path in self.rows:
            return project_of(self.rows[path].owner)
        # A file of metadata that was there when the stamp was written.
        match = DIST_INFO.match(path.removeprefix(f"{self.site}/"))
        return project_of(match[0]) if match else path

    def differing(
        self, paths: Iterable[str], digests: Mapping[str, str]
    ) -> Iterator[tuple[str, str]]:
        """Yield each of some files that has another digest than it should, and that digest.

        Args:
            paths: The files.
            digests: Those of files to which RECORD does not apply.
        """
        for path in paths:
            expected = {digests[path]} if path in digests else self.rows[path].digests
            digest = digest_of(self.home / path)
            if digest not in expected:
                yield path, digest


def _parse(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the files in a RECORD that have a sha256."""
    for row in csv.reader(data.decode("utf-8", "replace").splitlines()):
        if len(row) > 1 and row[1].startswith("sha256=") and not row[0].endswith(".pyc"):
            yield row[0], row[1]


def digest_of(path: Path) -> str:
    """Return a file's digest as RECORD spells it; empty where it is missing."""
    try:
        with path.open("rb", buffering=0) as stream:
            return record_digest(hashlib.file_digest(stream, "sha256").digest())
    except OSError:
        return ""


def names_in(home: Path) -> frozenset[str]:
    """Return what is in the folders of packages and scripts, and where links there lead."""
    names = set[str]()
    for folder, prefix in ((site_packages(home), ""), (home / "bin", "bin/")):
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                link = f" -> {os.readlink(entry.path)}" if entry.is_symlink() else ""  # noqa: PTH115
                names.add(f"{prefix}{entry.name}{link}")
    return frozenset(names.difference(HOOKS, ("__pycache__", "bin/__pycache__")))


def changed_since(home: Path, when: int) -> set[str]:
    """Return the files and folders of an environment whose inode changed, relative to ``home``.

    Compiled modules do not count.
    """
    changed, folders = set[str](), [""]
    for folder in folders:
        # Texts, and names relative to an open folder, for there are thousands: 3 µs each.
        descriptor = os.open(f"{home}/{folder}", os.O_RDONLY)
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if entry.name == "__pycache__" or (not folder and entry.name in _BESIDE):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{folder}{entry.name}/")
                    if entry.stat(follow_symlinks=False).st_ctime_ns >= when:
                        changed.add(f"{folder}{entry.name}")
        finally:
            os.close(descriptor)
    return changed


def project_of(folder: str) -> str:
    """Return the name of the package that a folder of metadata belongs to."""
    return canonicalize_name(folder.partition("-")[0])


def write_hooks(home: Path) -> None:
    """Put beside the packages what watches a process in which `TRAINWHEEL_WATCH` is set.

    Raises:
        OSError: It is not there, and cannot be written.
    """
    for name, data in zip(HOOKS, (WATCH.read_bytes(), _PTH), strict=True):
        path = site_packages(home) / name
        if not path.is_file() or path.read_bytes() != data:
            write_atomically(path, data)


def link_packages(kept: Path, home: Path) -> bool:
    """Link all that packages of an environment have into another one, or nothing of it.

    Python follows a link to a package. uv takes no link for a folder of metadata, so such a folder
    is made, and what is in it is linked.

    Args:
        kept: The environment with the packages, which was compared with its stamp just now.
        home: The other environment. What is in it stays as it is.

    Returns:
        Whether that was possible. It is not where both have something of one name, for an installer
        would write through the link; nor where a file beside the packages is in no RECORD.
    """
    places = {name: home / name for name in _linkable(Installed.at(kept))}
    is_short = _RUNS_IN_SHEBANG.fullmatch(os.fsencode(home))
    if not is_short or any(map(os.path.lexists, places.values())):
        return False
    try:
        for name, place in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            if not (name.startswith("bin/") and _write_script(kept, home, name)):
                place.symlink_to(kept.resolve() / name)
    except OSError:
        for place in places.values():
            remove(place.parent if place.parent.suffix == ".dist-info" else place)
        return False
    return bool(places)


def _linkable(installed: Installed) -> set[str]:
    """Return what is to be linked, relative to the environment; nothing if a file is unknown."""
    known = {*installed.rows, *map(installed.record_of, installed.records)}
    if not known.issuperset(_files_of(installed)):
        return set()
    # A package as a whole, each entry of a folder of metadata, and each file elsewhere.
    link = re.compile(rf"{re.escape(installed.site)}/([^/]+\.dist-info/)?[^/]+|.+")
    return {match[0] for match in map(link.match, known) if match}


def _files_of(installed: Installed) -> Iterator[str]:
    """Yield each file that stands beside the packages or in them, relative to the environment.

    What was compiled there is removed first: nobody knows of which source.
    """
    home, top = f"{installed.home}/", f"{installed.home}/{installed.site}"
    for place, folders, files in os.walk(top):
        if "__pycache__" in folders:
            remove(Path(place, "__pycache__"))
        names = set(files).difference(HOOKS if place == top else ())
        yield from (f"{place}/{name}".removeprefix(home) for name in names)


def _write_script(kept: Path, home: Path, name: str) -> bool:
    """Write a script of packages that starts the other environment's Python; False for programs."""
    data = (kept / name).read_bytes()
    if not data.startswith(b"#!"):
        return False
    # The longer spelling first: on macOS it ends as the shorter one does.
    folders = sorted({os.fsencode(kept), os.fsencode(kept.resolve())}, key=len, reverse=True)
    own = b"(%b)(?=/bin/)" % b"|".join(map(re.escape, folders))
    (home / name).write_bytes(re.sub(own, lambda _: os.fsencode(home), data))
    shutil.copymode(kept / name, home / name)
    return True
