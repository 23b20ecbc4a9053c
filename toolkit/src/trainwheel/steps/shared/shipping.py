"""What is shipped to the workers of a cluster: the modules that training imports."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwheel.engine.entry_points import entries_of
from trainwheel.engine.inputs import training_closure
from trainwheel.engine.project import Project
from trainwheel.guest import CLUSTER

__all__ = ["Shipment", "pack"]

_HOST = ".trainwheel"
"""Folder of the archive in which the library's own part stands."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Shipment:
    """An archive of modules.

    Args:
        content: A zip; the same files make the same bytes.
        folders: Folders in it to import from, the first one first.
        modules: Names that can be imported from it, less those that are programs.
    """

    content: bytes
    folders: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The sha256 of the archive."""
        return hashlib.sha256(self.content).hexdigest()


def pack(project: Project) -> Shipment:
    """Return the modules that training imports, and what runs beside them on a worker.

    Raises:
        ConfigurationError: A link leads round in a circle.
    """
    closure, root = training_closure(project), project.root
    # What the command names may be data; what lies beside the modules is part of their packages.
    paths = [
        path
        for path in sorted(closure.files)
        if path.suffix == ".py" or path.is_relative_to(project.source)
    ]
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    host = {
        f"{_HOST}/trainwheel_cluster/{path.name}": path.read_bytes()
        for path in sorted(CLUSTER.glob("*.py"))
    }
    # Where an import is not told by its text, every file is shipped, programs among them.
    modules = () if closure.widened_by else _modules(project, paths)
    folders = dict.fromkeys((project.config.source, ".", _HOST))
    return Shipment(_zip({**files, **host}), tuple(folders), tuple(modules))


def _modules(project: Project, paths: Iterable[Path]) -> Iterator[str]:
    """Yield the names under which modules are imported; a program is none of them."""
    command = project.training_command(Path("MODEL"), Path("REPORT"))
    programs = set(entries_of(command, project.root, project.source) or ())
    for path in paths:
        if path in programs or path.suffix != ".py" or path.name == "__main__.py":
            continue
        if not path.is_relative_to(project.source):
            continue
        parts = path.relative_to(project.source).with_suffix("").parts
        dotted = parts[:-1] if parts[-1] == "__init__" else parts
        if dotted and all(part.isidentifier() for part in dotted):
            yield ".".join(dotted)


def _zip(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return stream.getvalue()
