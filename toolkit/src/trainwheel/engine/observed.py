"""What the processes of a step read, as its record keeps it.

Pure. A name is relative to the repository, with slashes, or absolute for a file outside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Glob", "Observed", "Sighting"]


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
        processes: How many processes were seen; 0 means that nothing is known.
    """

    files: Mapping[str, Sighting] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    folders: Mapping[str, str] = field(default_factory=dict)
    globs: Mapping[Glob, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    processes: int = 0

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
        return cls(files, folders=dict(document["folders"]), globs=globs,
                   processes=int(document["processes"]), **names)  # fmt: skip
