"""What the processes of a step read, as its record keeps it.

A name is relative to the repository, with slashes, or absolute for a file outside it.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trainwheel.system.digest import digest_json
from trainwheel.system.ignored import Ignored

__all__ = ["TOOL_FOLDERS", "Glob", "Observed", "Sighting"]

TOOL_FOLDERS = frozenset({"build", "dist", ".dvc", ".nox", ".venv", ".trainwheel", ".git"})
"""Folders at the root of the repository whose files tools write."""

_MODULES = (".py", ".pyc", ".so", ".pyd")


@dataclass(frozen=True)
class Sighting:
    """How a file was read.

    Args:
        how: ``opened``, ``imported``, or ``sqlite`` for a database, which may be written as well.
        by: The file of the repository whose code did it; empty where none was on the stack.
    """

    how: str
    by: str = ""


@dataclass(frozen=True, order=True)
class Glob:
    """A search for names.

    Args:
        pattern: As the program gave it.
        folder: Where it searched.
        is_recursive: Whether ``**`` stands for folders at any depth.
    """

    pattern: str
    folder: str
    is_recursive: bool = False


@dataclass(frozen=True)
class Observed:
    """What the processes of a step read.

    Args:
        files: Each file that was read, unless the step itself made it before.
        absent: Files that were looked for, did not exist, and were not made by the step.
        folders: Folders whose names were read → by which file of the repository.
        globs: The same, of searches.
        places: Folders below the root that imports searched.
        modules: The dotted names that imports looked for there.
        written: Files below the root that the step wrote or removed, and that are not its outputs.
        results: What it read, looked for or listed below ``build``, where steps put their results.
        processes: How many processes were seen; 0 means that nothing is known.
    """

    files: Mapping[str, Sighting] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    folders: Mapping[str, str] = field(default_factory=dict)
    globs: Mapping[Glob, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    processes: int = 0

    def after(self, earlier: Observed | None) -> Observed:
        """Return it with what earlier runs wrote into the folders that were searched."""
        searched = {*self.folders, *(each.folder for each in self.globs)}
        before = () if earlier is None else earlier.written
        own = {name for name in before if (name.rpartition("/")[0] or ".") in searched}
        return replace(self, written=tuple(sorted({*self.written, *own})))

    def files_now(self, root: Path, ignored: Ignored, known: Collection[str] = ()) -> Iterator[str]:
        """Yield the absolute path of each file that a run would read now.

        Besides those that were read, these are files that were looked for and exist by now, and
        modules that an import would find by now, whether it would take them or not.

        Args:
            root: The repository.
            ignored: The names that do not count.
            known: Names that the caller has already.
        """
        for name in dict.fromkeys((*self.files, *self.absent, *self._modules_now(root))):
            path = os.path.join(root, name)  # noqa: PTH118 - text: there are many
            is_new = name not in known and os.path.isfile(path)  # noqa: PTH113
            if is_new and not ignored.matches(name):
                yield path

    def _modules_now(self, root: Path) -> Iterator[str]:
        """Yield what may be the file of a module that was looked for."""
        tops = {module for module in self.modules if "." not in module}
        names = {place: {*tops} for place in self.places}
        for module in self.modules if len(tops) < len(self.modules) else ():
            package, dot, name = module.replace(".", "/").rpartition("/")
            for place in self.places if dot else ():
                names.setdefault(_join(place, package), set()).add(name)
        for folder, modules in names.items():
            for entry in _entries(root / folder):
                stem, dot, _ = entry.partition(".")
                if stem in modules and not dot:
                    yield from (_join(folder, entry, f"__init__{end}") for end in _MODULES)
                elif stem in modules and entry.endswith(_MODULES):
                    yield _join(folder, entry)

    def names_now(self, root: Path, ignored: Ignored) -> dict[str, str]:
        """Return what was listed or searched for → a digest of the names that are there now.

        What the step itself makes does not count.
        """
        own = {*self.written, *(() if "." not in self.folders else TOOL_FOLDERS)}
        found = {f"the names in {folder}": [_join(folder, name) for name in _entries(root / folder)]
                 for folder in self.folders}  # fmt: skip
        for each in self.globs:
            folder = root / each.folder
            names = glob.glob(  # noqa: PTH207 - as the program did
                each.pattern, root_dir=folder, recursive=each.is_recursive, include_hidden=True
            )
            found[f"the names {each.pattern} in {each.folder}"] = [
                _join(each.folder, name) for name in names
            ]
        return {
            what: digest_json(sorted(n for n in names if n not in own and not ignored.matches(n)))
            for what, names in found.items()
        }

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        globs = [[each.pattern, each.folder, each.is_recursive, by]
                 for each, by in sorted(self.globs.items())]  # fmt: skip
        files = {name: [each.how, each.by] for name, each in self.files.items()}
        return {**vars(self), "files": files, "globs": globs}

    @classmethod
    def of_json(cls, document: Any) -> Observed:
        """Return what `as_json` wrote.

        Raises:
            TypeError: It is something else; or ValueError, KeyError, AttributeError.
        """
        files = {str(name): Sighting(str(how), str(by))
                 for name, (how, by) in document["files"].items()}  # fmt: skip
        globs = {Glob(str(pattern), str(folder), bool(is_recursive)): str(by)
                 for pattern, folder, is_recursive, by in document["globs"]}  # fmt: skip
        names = {name: tuple(map(str, document[name]))
                 for name in ("absent", "places", "modules", "written")}  # fmt: skip
        results = tuple(map(str, document.get("results", ())))
        return cls(files, folders=dict(document["folders"]), globs=globs,
                   processes=int(document["processes"]), results=results, **names)  # fmt: skip


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part not in {"", "."})


def _entries(folder: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(folder)  # noqa: PTH208 - text: there are many
    return []
