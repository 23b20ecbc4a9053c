"""The modules of this repository that an entry point imports, directly or not.

Nothing is run: the text of each module shows what it imports. Every file that a name may refer to
counts, even if Python would find another package of that name first: one file too many costs a
run, one too few ships a model that is not from the present code.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainwheel.engine.imports import Imports
from trainwheel.system.files import list_files
from trainwheel.system.ignored import DEFAULTS

__all__ = ["Closure", "import_closure", "is_module_here", "is_ours", "source_files"]

_INIT = "__init__"
_EXTENSIONS = (".so", ".pyd")
_IMPORTED_BY_PYTHON = "sitecustomize"
"""Python's `site` module imports it at every start, if there is one."""
_NOT_SOURCE = frozenset({"build", "dist", ".nox", ".venv", ".trainwheel", ".git"})
"""Folders at the root of the repository whose files tools have written."""


@dataclass(frozen=True)
class Closure:
    """What an entry point depends on.

    Args:
        files: The modules that it imports, and the files that are not Python in their packages.
        widened_by: "FILE:LINE" of an import whose name is only known when it runs; then
            ``files`` holds everything under the source root as well.
    """

    files: frozenset[Path]
    widened_by: str = ""


def import_closure(
    entries: Iterable[Path | str], *, root: Path, source: Path, scan: Callable[[Path], Imports]
) -> Closure:
    """Return the files of this repository that entry points import.

    Args:
        entries: Files that are run or collected by pytest, and names as ``python -m`` takes them.
        root: The repository, the working folder of every step.
        source: The source root, which is on Python's path.
        scan: Returns what a file imports.

    Raises:
        ConfigurationError: A symbolic link leads round in a circle.
    """
    entries = tuple(entries)
    scripts = {entry for entry in entries if isinstance(entry, Path) and is_ours(entry, root)}
    folders = _Folders(root)
    walk = _Walk(root, folders, _places(scripts, root, source, folders))
    for script in scripts:
        walk.add_script(script)
    for entry in entries:
        if isinstance(entry, str):
            walk.add_name(f"{entry}.__main__")
    if walk.modules:
        walk.add_name(_IMPORTED_BY_PYTHON)
    unknown: list[str] = []
    while walk.waiting:
        module = walk.waiting.pop()
        imports = scan(module)
        if imports.unknown_line:
            unknown.append(f"{module.relative_to(root).as_posix()}:{imports.unknown_line}")
        for name in imports.names:
            walk.add_import(module, name)
    files = {*walk.modules, *walk.neighbours()}
    if unknown:
        files.update(source_files(source, root))
    return Closure(frozenset(files), min(unknown, default=""))


def source_files(source: Path, root: Path) -> Iterator[Path]:
    """Yield every file under the source root, without the folders of tools at the root.

    Raises:
        ConfigurationError: A symbolic link leads round in a circle.
    """
    files = list_files(source)
    return (path for path in files if _is_source(path, root)) if source == root else files


def _is_source(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and _NOT_SOURCE.isdisjoint(path.relative_to(root).parts[:1])


def is_ours(path: Path, root: Path) -> bool:
    """Return whether a path is a file of the repository, and not in a folder of a tool."""
    with contextlib.suppress(OSError):  # a word of a command may be too long for a file's name
        return _is_source(path, root) and path.is_file()
    return False


def is_module_here(name: str, root: Path, source: Path) -> bool:
    """Return whether a dotted name refers to a module under the root or the source root."""
    return _Walk(root, _Folders(root), {root, source}).add_name(name)


@dataclass(frozen=True)
class _Listing:
    """The entries of a folder.

    Args:
        modules: Name as it is imported → the files that Python may load for it.
        folders: Name → folder.
        data: The files that are not Python, without caches.
    """

    modules: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    data: list[Path] = field(default_factory=list)


class _Folders:
    """Lists each folder of a repository once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listings: dict[Path, _Listing] = {}

    def __getitem__(self, folder: Path) -> _Listing:
        if folder not in self._listings:
            self._listings[folder] = _list(folder, _NOT_SOURCE if folder == self._root else ())
        return self._listings[folder]

    def is_package(self, folder: Path) -> bool:
        """Return whether a folder has an ``__init__``."""
        return _INIT in self[folder].modules


def _list(folder: Path, without: Container[str]) -> _Listing:
    listing = _Listing()
    try:
        with os.scandir(folder) as iterator:
            entries = list(iterator)
    except OSError:
        return listing
    for entry in entries:
        with contextlib.suppress(OSError):  # a link to itself
            if DEFAULTS.matches(entry.name):
                continue
            if entry.is_file():
                _add_file(listing, folder / entry.name)
            elif entry.is_dir() and entry.name not in without:
                listing.folders[entry.name] = folder / entry.name
    return listing


def _add_file(listing: _Listing, path: Path) -> None:
    name = path.name
    if name.endswith((".py", *_EXTENSIONS)):
        # An extension module is called "name.cpython-311-x86_64-linux-gnu.so" or the like.
        module = name.removesuffix(".py") if name.endswith(".py") else name.partition(".")[0]
        listing.modules[module] = (*listing.modules.get(module, ()), path)
    if not name.endswith(".py"):
        listing.data.append(path)


def _places(scripts: Iterable[Path], root: Path, source: Path, folders: _Folders) -> Iterable[Path]:
    """Return the folders that are searched for modules.

    Beside the two roots these are the folder of each script, which Python puts on its path, and
    the one above its outermost package, which pytest does (import mode ``prepend``).
    """
    places = {root, source}
    for folder in {script.parent for script in scripts}:
        places.add(folder)
        top = folder
        while folders.is_package(top) and top != root:
            top = top.parent
        places.add(top)
    return places


class _Walk:
    """Collects the modules that names refer to, and the packages that hold them."""

    def __init__(self, root: Path, folders: _Folders, places: Iterable[Path]) -> None:
        self.modules: set[Path] = set()
        self.waiting: list[Path] = []
        self._root, self._folders = root, folders
        self._places: dict[str, list[Path]] = {}
        for place in places:
            for name in {*folders[place].modules, *folders[place].folders}:
                self._places.setdefault(name, []).append(place)
        self._packages: set[Path] = set()
        self._beside: set[Path] = set()
        self._followed: dict[str, bool] = {}

    def add_script(self, script: Path) -> None:
        """Add a file that is run or collected, and the packages that hold it."""
        self._add(script)
        folder = script.parent
        self._beside.add(folder)
        while self._folders.is_package(folder) and folder != self._root:
            self._add_module(folder, _INIT)
            self._packages.add(folder)
            folder = folder.parent

    def add_name(self, name: str) -> bool:
        """Add the modules that a dotted name may refer to; return whether there are any."""
        if name not in self._followed:
            parts = name.split(".")
            places = self._places.get(parts[0], ())
            self._followed[name] = True in [self._follow(place, parts) for place in places]
        return self._followed[name]

    def add_import(self, module: Path, name: str) -> None:
        """Add the modules that an import in a module may refer to."""
        rest = name.lstrip(".")
        level = len(name) - len(rest)
        if not level:
            self.add_name(name)
            return
        folder = module.parent
        for _ in range(level - 1):
            if folder == self._root:
                return
            folder = folder.parent
        # Relative imports work in packages only, so this folder is one, even without __init__.
        self._packages.add(folder)
        self._add_module(folder, _INIT)
        self._follow(folder, rest.split("."))

    def neighbours(self) -> Iterator[Path]:
        """Yield the files that are not Python in the packages of the modules."""
        for folder in self._beside - {self._root}:
            yield from self._folders[folder].data
        packages = self._packages - {self._root}
        is_inside: dict[Path, bool] = dict.fromkeys(packages, True)
        for top in packages:
            if packages.isdisjoint(top.parents):
                for path in list_files(top):
                    if path.suffix != ".py" and self._is_inside(path.parent, is_inside):
                        yield path

    def _is_inside(self, folder: Path, answers: dict[Path, bool]) -> bool:
        """Return whether the package that holds a folder is one of the modules' packages."""
        if folder not in answers:
            is_own = self._folders.is_package(folder)
            answers[folder] = not is_own and self._is_inside(folder.parent, answers)
        return answers[folder]

    def _follow(self, place: Path, parts: Sequence[str]) -> bool:
        """Add the packages and the modules of a dotted name; return whether there are any."""
        folder, is_found = place, False
        packages: list[Path] = []
        for part in parts:
            listing = self._folders[folder]
            names = {*listing.modules, *listing.folders} if part == "*" else {part}
            for name in names:
                if self._add_module(folder, name):
                    self._packages.update(packages)
                    self._beside.update(() if packages else (place,))
                    is_found = True
                if name in listing.folders and self._add_module(listing.folders[name], _INIT):
                    self._packages.update((*packages, listing.folders[name]))
                    is_found = True
            if part not in listing.folders:
                break
            folder = listing.folders[part]
            packages.append(folder)
        return is_found

    def _add_module(self, folder: Path, name: str) -> bool:
        """Add the module of this name in a folder; return whether there is one."""
        files = self._folders[folder].modules.get(name, ())
        for module in files:
            self._add(module)
        return bool(files)

    def _add(self, module: Path) -> None:
        if module not in self.modules:
            self.modules.add(module)
            if module.suffix == ".py":
                self.waiting.append(module)
