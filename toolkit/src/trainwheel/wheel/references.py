"""What a model's file refers to, whatever its format; it is read and never loaded."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from trainwheel.wheel.compressed import COMPRESSION_ERRORS, compression_of, open_source
from trainwheel.wheel.pickles import Reference, read_references

__all__ = ["references_of"]

_PROTOCOLS = range(2, 6)
_PROTOCOL_OPCODE = 0x80


def references_of(path: Path, file_format: str) -> frozenset[Reference]:
    """Return what loading a file imports; nothing for a format that names no code.

    Args:
        path: The file.
        file_format: As :func:`trainwheel.wheel.formats.format_of` tells it. An unknown file that
            begins as a pickle does is read as one.

    Raises:
        UnreadablePickleError: It is a damaged pickle, or one that cannot be followed.
        OSError: There is no such file, or it may not be read.
    """
    if file_format == "skops":
        return _of_skops(path)
    if file_format in {"joblib", "pickle"} or (file_format == "unknown" and _begins_pickle(path)):
        return read_references(path)
    return frozenset()


def _begins_pickle(path: Path) -> bool:
    try:
        with open_source(path) as source:
            opcode, protocol = source.read(2)
    except NotImplementedError:
        return False
    except COMPRESSION_ERRORS:
        with path.open("rb") as file:
            return bool(compression_of(file.read(16)))
    return opcode == _PROTOCOL_OPCODE and protocol in _PROTOCOLS


def _of_skops(path: Path) -> frozenset[Reference]:
    """Return the classes and functions that the objects of a skops file name."""
    references = set()

    def note(node: dict[str, object]) -> dict[str, object]:
        for module_key, name_key in (("__module__", "__class__"), ("module_path", "function")):
            module, name = node.get(module_key), node.get(name_key)
            if isinstance(module, str) and isinstance(name, str):
                references.add(Reference(module, name))
        return node

    with zipfile.ZipFile(path) as archive:
        json.loads(archive.read("schema.json"), object_hook=note)
    return frozenset(references)
