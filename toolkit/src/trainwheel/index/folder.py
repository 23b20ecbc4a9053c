"""The embedded index, read where its files lie, without a server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from trainwheel.index.pages import PublishedFile
from trainwheel.system.digest import digest_file

__all__ = ["list_wheels", "published_wheels"]


def published_wheels(
    folder: Path, project: str, digest: Callable[[Path], str] = digest_file
) -> tuple[PublishedFile, ...]:
    """Return the wheels of a project in the folder of the embedded index, no server needed.

    Args:
        folder: The folder; may be missing.
        project: The distribution's name, in any spelling.
        digest: Returns the sha256 of a file.
    """
    name = canonicalize_name(project)
    return tuple(
        PublishedFile(path.name, path.resolve().as_uri(), {"sha256": digest(path)})
        for path in list_wheels(folder)
        if parse_wheel_filename(path.name)[0] == name
    )


def list_wheels(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that are named as wheels are, by name."""
    for path in sorted(folder.glob("[!.]*.whl")):
        with contextlib.suppress(InvalidWheelFilename):
            parse_wheel_filename(path.name)
            yield path
