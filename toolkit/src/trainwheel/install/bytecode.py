"""Compiled modules of installed packages, shared by all environments of a user.

Compiling scikit-learn takes about five seconds, and every environment would do so anew. The store
holds what Python compiled once, by the distribution that it belongs to; an environment is given a
hard link to each compiled module. Links are to files and not to folders, so that an interpreter
writes into its own environment and never into the store.

A compiled module in the store is checked by the hash of its source (PEP 552). By default Python
trusts one whose source still has the same size and second of change, also after an edit.
"""

from __future__ import annotations

import _imp
import base64
import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import struct
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trainwheel.system.files import remove

__all__ = ["Bytecode", "Interpreter", "site_packages"]

_LIMIT = 512 << 20
_HEADER, _CHECKED = 16, b"\3\0\0\0"
_PYTHON_FILE = re.compile(rb"^(\"?)(.+?\.py)\1,sha256=([\w-]+),\d*\r?$", re.MULTILINE)


@dataclass(frozen=True)
class Interpreter:
    """A Python that environments are made with; by default the one that runs this.

    Args:
        program: The path of its program.
        version: Its `sys.version`.
        tag: What the names of modules that it compiled end with.
        magic: The four bytes with which these begin, in hex.
        library: The folder of its standard library.
    """

    program: str = sys.executable
    version: str = sys.version
    tag: str = str(sys.implementation.cache_tag)
    magic: str = importlib.util.MAGIC_NUMBER.hex()
    library: str = sysconfig.get_path("stdlib")

    @property
    def suffix(self) -> str:
        """The end of the name of a compiled module."""
        return f".{self.tag}.pyc"

    def hash_of(self, source: bytes) -> bytes:
        """Return what a module that it compiled has of its source (PEP 552)."""
        # Its key is the magic number, so that of another Python gives another hash.
        return _imp.source_hash(int.from_bytes(bytes.fromhex(self.magic), "little"), source)


@dataclass(frozen=True)
class _Module:
    """A module of an installed distribution.

    Args:
        name: The path of its source, relative to the packages.
        digest: The source's SHA-256, as the wheel has it (PEP 376).
        entry: The folder of the distribution in the store.
    """

    name: str
    digest: str
    entry: Path


@dataclass(frozen=True)
class Bytecode:
    """The compiled modules of a user.

    Args:
        store: Their folder; other users must not be able to write to it.
        limit: Bytes that it may hold.
        interpreter: The Python that compiles them.
    """

    store: Path
    limit: int = _LIMIT
    interpreter: Interpreter = field(default_factory=Interpreter)
    _modules: dict[Path, dict[str, _Module]] = field(default_factory=dict, repr=False)

    def prepare(self, home: Path, beside: tuple[Path, ...] = ()) -> Path:
        """Return the PYTHONPYCACHEPREFIX of an environment, with what the store has for it.

        What Python compiled there since the last time goes to the store. Whatever else it left is
        removed: the repository's own modules are compiled anew in every process.

        Args:
            home: The environment.
            beside: Other environments whose packages its interpreter imports.
        """
        prefix, site = home / "bytecode", site_packages(home)
        library = Path(self.interpreter.library)
        links = {_below(prefix, library): self._of_interpreter(library)}
        for other in beside:
            packages = site_packages(other)
            modules = _below(self.prepare(other), packages)
            links[_below(prefix, packages)] = modules
            for name in _linked(site, packages, modules, self.interpreter.suffix):
                links[_below(prefix, site) / name] = modules / name
        compiled = _below(prefix, site)
        if home in self._modules:
            self.keep(home)
        else:
            self._modules[home] = dict(self._read_modules(site))
            self.keep(home)
            for entry in {module.entry for module in self._modules[home].values()}:
                with contextlib.suppress(OSError):  # It is new, or another run makes room.
                    shutil.copytree(entry, compiled, copy_function=_link, dirs_exist_ok=True)
        _clear(prefix, {compiled, *links})
        for place, target in links.items():
            if not place.is_symlink() or place.readlink() != target:
                remove(place)
                place.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    place.symlink_to(target)
        return prefix

    def keep(self, home: Path) -> None:
        """Move what Python compiled in an environment to the store, if its source is unchanged."""
        site, added = site_packages(home), False
        compiled = _below(home / "bytecode", site)
        for path in _unshared_files(compiled):
            name = path.relative_to(compiled).as_posix()
            source = f"{name.removesuffix(self.interpreter.suffix)}.py"
            module = self._modules.get(home, {}).get(source)
            data = module and self._checked(path, site / module.name, module.digest)
            path.unlink(missing_ok=True)
            if module is not None and data:
                added = True
                _write(module.entry / name, data)
                _link(module.entry / name, path)
        if added:
            self._make_room()

    def _checked(self, path: Path, source: Path, digest: str) -> bytes | None:
        """Return a compiled module, to be checked by its source's hash; None if that was edited.

        Args:
            path: What Python compiled.
            source: Its source.
            digest: The source's SHA-256, as the wheel has it (PEP 376).
        """
        try:
            data, text, status = path.read_bytes(), source.read_bytes(), source.stat()
            # No tool sets the time of the last change of an inode.
            is_younger = path.stat().st_mtime_ns >= status.st_ctime_ns
        except OSError:
            return None
        sha256 = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
        stamp = struct.pack("<LL", int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
        hashed = self.interpreter.hash_of(text)
        magic, flags, check = data[:4], data[4:8], data[8:_HEADER]
        is_of_source = check == (hashed if flags == _CHECKED else stamp)
        if (
            sha256 != digest
            or magic.hex() != self.interpreter.magic
            or not (is_of_source and is_younger)
        ):
            return None
        return magic + _CHECKED + hashed + data[_HEADER:]

    def _read_modules(self, site: Path) -> Iterator[tuple[str, _Module]]:
        """Yield each module of the distributions that are installed here, with its path."""
        for record in site.glob("*.dist-info/RECORD"):
            if record.is_symlink():
                continue
            rows = [(name, digest) for _, name, digest in _PYTHON_FILE.findall(record.read_bytes())]
            key = hashlib.sha256(b"\n".join(map(b" ".join, sorted(rows)))).hexdigest()
            entry = self.store / self.interpreter.tag / key
            _mark_used(entry)
            for name, digest in rows:
                module = _Module(name.decode("utf-8", "replace"), digest.decode(), entry)
                yield module.name, module

    def _of_interpreter(self, library: Path) -> Path:
        """Return the folder for modules of Python itself, which no environment has copies of."""
        key = hashlib.sha256(f"{library}\n{self.interpreter.version}".encode()).hexdigest()
        folder = self.store / self.interpreter.tag / key
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _mark_used(folder)
        return folder

    def _make_room(self) -> None:
        """Remove what was used longest ago, until the store is within its limit."""
        sizes = {}
        for entry in self.store.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                size = sum(path.stat().st_size for path in entry.rglob("*"))
                sizes[entry] = (entry.stat().st_mtime, size)
        total = sum(size for _, size in sizes.values())
        for entry, (_, size) in sorted(sizes.items(), key=lambda row: row[1]):
            if total <= self.limit:
                return
            shutil.rmtree(entry, ignore_errors=True)
            total -= size


def site_packages(home: Path) -> Path:
    """Return where a virtual environment has its packages."""
    names = {"base": str(home), "platbase": str(home)}
    own = Path(sysconfig.get_path("purelib", "venv", names))
    # Of another Python it is named after that one's version.
    return own if own.is_dir() else next(home.glob("lib/python3.*/site-packages"), own)


def _below(prefix: Path, folder: Path) -> Path:
    """Return where Python looks for what it compiled in a folder."""
    return prefix / folder.relative_to(folder.anchor)


def _linked(site: Path, packages: Path, modules: Path, suffix: str) -> Iterator[str]:
    """Yield the names, in a folder of compiled modules, of packages that are links to others.

    Args:
        site: The packages, some of which may be links.
        packages: Those that links lead to.
        modules: Where Python keeps what it compiles of these; it gets a folder for each.
        suffix: The end of the name of a compiled module.
    """
    for place in site.iterdir():
        if place.is_symlink() and place.readlink().parent == packages.resolve():
            name = place.name if place.is_dir() else f"{place.stem}{suffix}"
            if place.is_dir():
                (modules / name).mkdir(parents=True, exist_ok=True)
            if (modules / name).exists():
                yield name


def _unshared_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that are not links; nothing where it does not exist."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = f"{place}/{name}"
            try:
                status = os.lstat(path)  # as text: there are thousands, asked before each process
            except FileNotFoundError:
                continue  # pytest of another run gives what it compiled its final name
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                yield Path(path)


def _mark_used(entry: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.utime(entry)


def _write(path: Path, data: bytes) -> None:
    """Write a file as a whole; where two runs write it, either will do."""
    with contextlib.suppress(FileNotFoundError):  # Another run has just made room.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(name).replace(path)


def _link(source: str | Path, place: str | Path) -> None:
    """Make a hard link, or a symbolic one to another file system; what is there stays."""
    for link in () if os.path.lexists(place) else (os.link, os.symlink):
        with contextlib.suppress(OSError):
            link(source, place)
            return


def _clear(folder: Path, keep: set[Path]) -> None:
    """Remove everything below a folder except some paths."""
    for child in folder.iterdir() if folder.is_dir() else ():
        if child in keep:
            continue
        if any(child in path.parents for path in keep):
            _clear(child, keep)
        elif child.is_dir() and not child.is_symlink():
            shutil.rmtree(child, ignore_errors=True)
        else:
            child.unlink(missing_ok=True)
