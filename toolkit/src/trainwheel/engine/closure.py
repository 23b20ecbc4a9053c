"""The modules of this repository that a program imports, as far as its text shows.

They stand for what training reads until a run was observed, and are what a cluster is sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from trainwheel.engine.observed import TOOL_FOLDERS
from trainwheel.system.files import list_files
from trainwheel.system.ignored import DEFAULTS, Ignored

__all__ = ["import_closure", "is_module_here", "is_ours", "source_files"]

_PACKAGE = 5
"""How modulefinder calls a folder with modules."""


def import_closure(entries: Iterable[Path | str], *, root: Path, source: Path) -> frozenset[Path]:
    """Return the files of this repository that entry points import, and those beside them.

    Args:
        entries: Files that are run, and names as ``python -m`` takes them.
        root: The repository, the working folder of every step.
        source: The source root, which is on Python's path.

    Returns:
        The modules and what else is in the folders of their packages; every file below the source
        root where the text of one cannot be followed.

    Raises:
        ConfigurationError: A symbolic link leads round in a circle.
    """
    try:
        modules = {path for path in _modules(tuple(entries), root, source) if is_ours(path, root)}
    except Exception:  # noqa: BLE001 - modulefinder does not say how it fails
        return frozenset(source_files(source, root))
    folders = {path.parent for path in modules} - {root, source}
    tops = (folder for folder in folders if folders.isdisjoint(folder.parents))
    beside = {path for top in tops for path in list_files(top) if path.suffix != ".py"}
    return frozenset(modules | beside)


def _modules(entries: tuple[Path | str, ...], root: Path, source: Path) -> Iterator[Path]:
    from modulefinder import ModuleFinder

    class Finder(ModuleFinder):
        """Follows packages without ``__init__``, too."""

        def find_module(self, name: str, path: Any, parent: Any = None) -> Any:
            try:
                return super().find_module(name, path, parent)
            except AttributeError:
                folders = (Path(place, name) for place in path or self.path)
                folder = next(folder for folder in folders if folder.is_dir())
                return None, str(folder), ("", "", _PACKAGE)

        def load_package(self, fqname: str, pathname: str) -> Any:
            try:
                return super().load_package(fqname, pathname)
            except ImportError:
                return self.modules[fqname]

    places = [str(root), str(source)]
    finder = Finder(places)
    for entry in entries:
        if isinstance(entry, Path):
            yield entry
            finder.path = [str(entry.parent), *places]
            finder.run_script(str(entry))
        else:
            finder.path = places
            finder.import_hook(entry)
            with contextlib.suppress(ImportError):
                finder.import_hook(f"{entry}.__main__")
    # `site` imports it at every start.
    with contextlib.suppress(ImportError):
        finder.import_hook("sitecustomize")
    files: list[str | None] = [vars(module)["__file__"] for module in finder.modules.values()]
    yield from (Path(file) for file in files if file)


def source_files(source: Path, root: Path, ignored: Ignored = DEFAULTS) -> Iterator[Path]:
    """Yield every file under the source root, without the folders of tools at the root.

    Raises:
        ConfigurationError: A symbolic link leads round in a circle.
    """
    files = list_files(source, ignored)
    return (path for path in files if _is_source(path, root)) if source == root else files


def _is_source(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and TOOL_FOLDERS.isdisjoint(path.relative_to(root).parts[:1])


def is_ours(path: Path, root: Path) -> bool:
    """Return whether a path is a file of the repository, and not in a folder of a tool."""
    with contextlib.suppress(OSError):  # a word of a command may be too long for a file's name
        return _is_source(path, root) and path.is_file()
    return False


def is_module_here(name: str, root: Path, source: Path) -> bool:
    """Return whether a dotted name begins with a module or a folder in one of the two roots."""
    top = name.partition(".")[0]
    if top in TOOL_FOLDERS:
        return False
    return any((place / top).is_dir() or any(place.glob(f"{top}.*")) for place in (root, source))
