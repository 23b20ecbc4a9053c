"""Which format a model's file has, told from its content: a name can be anything."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from trainwheel.wheel.compressed import COMPRESSION_ERRORS, compression_of, open_source
from trainwheel.wheel.pickles import Reference, UnreadablePickleError, read_references

__all__ = ["LIBRARIES", "UNKNOWN", "format_of", "references_of"]
UNKNOWN = "unknown"

LIBRARIES = {
    "catboost": ("catboost",),
    "lightgbm-text": ("lightgbm",),
    "npz": ("numpy",),
    "onnx": ("onnxruntime",),
    "safetensors": ("safetensors",),
    "skops": ("skops", "scikit-learn"),
    "xgboost-json": ("xgboost", "xgboost-cpu"),
    "xgboost-ubj": ("xgboost", "xgboost-cpu"),
}
"""The distributions that read a format of their own; pickles name theirs."""

_EDGE = 1 << 16
"""Bytes at either end of a file in which a format is looked for."""

_LARGEST_HEADER = 100 * 10**6
"""Bytes that the header of a safetensors file may have, by its documentation."""

# An LZ4 frame begins with its header, and its first block with literals: here those of a pickle.
_LZ4_OF_PICKLE = re.compile(rb"\x04\x22\x4d\x18.{8,24}\x80[\x02-\x05]", re.DOTALL)
_LIGHTGBM = re.compile(rb"tree\r?\nversion=v\d+\r?\n")
_JSON_BOOSTER = re.compile(rb'\s*\{\s*"(learner|version)"\s*:')
_UBJ_BOOSTER = re.compile(rb"\{L\0{7}\x07(learner\{|version\[)")

# onnx.proto: the fields of ModelProto and how they are written (0: a number, 2: with a length).
_ONNX_FIELDS = {1: 0, 5: 0} | dict.fromkeys((2, 3, 4, 6, 7, 8, 14, 20, 25, 26), 2)
_ONNX_NEEDED = {1, 7, 8}
"""The version, the graph and the sets of operators."""


def format_of(path: Path) -> str:
    """Return the format of a file, told from its content alone.

    Returns:
        ``joblib``, ``pickle``, ``skops``, ``npz``, ``safetensors``, ``onnx``, ``catboost``,
        ``lightgbm-text``, ``xgboost-json``, ``xgboost-ubj``, or ``unknown``. A dump of joblib
        without an array or compression is byte for byte a pickle, and called so.

    Raises:
        OSError: There is no such file, or it may not be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_EDGE)
        for name, is_it in _TESTS.items():
            file.seek(0)
            if is_it(file, head, size):
                return name
    if _LZ4_OF_PICKLE.match(head):
        return "joblib"
    try:
        references = read_references(path)
    except UnreadablePickleError:
        return UNKNOWN
    is_joblib = compression_of(head) or any(reference.is_of_joblib for reference in references)
    return "joblib" if is_joblib else "pickle"


def _is_catboost(_: BinaryIO, head: bytes, size: int) -> bool:
    return head.startswith(b"CBM1") and int.from_bytes(head[4:8], "little") <= size - 8


def _is_lightgbm(_: BinaryIO, head: bytes, __: int) -> bool:
    return bool(_LIGHTGBM.match(head))


def _is_xgboost_json(file: BinaryIO, head: bytes, size: int) -> bool:
    return bool(_JSON_BOOSTER.match(head)) and _has_booster(file, head, size)


def _is_xgboost_ubj(file: BinaryIO, head: bytes, size: int) -> bool:
    return bool(_UBJ_BOOSTER.match(head)) and _has_booster(file, head, size)


def _has_booster(file: BinaryIO, head: bytes, size: int) -> bool:
    """Return whether the keys that every booster has stand near an end of the file."""
    file.seek(max(size - _EDGE, 0))
    edges = head + file.read(_EDGE)
    return all(key in edges for key in (b"learner", b"learner_model_param", b"version"))


def _is_skops(file: BinaryIO, head: bytes, _: int) -> bool:
    if not head.startswith(b"PK\3\4"):
        return False
    try:
        with zipfile.ZipFile(file) as archive, archive.open("schema.json") as schema:
            # The version stands at the end: after the objects.
            text = b""
            while piece := schema.read(_EDGE):
                text = text[-_EDGE:] + piece
            return b'"_skops_version"' in text
    except (*COMPRESSION_ERRORS, KeyError, ValueError, RuntimeError, zipfile.BadZipFile):
        return False


def _is_npz(file: BinaryIO, head: bytes, _: int) -> bool:
    if not head.startswith(b"PK\3\4"):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (*COMPRESSION_ERRORS, zipfile.BadZipFile):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _is_safetensors(file: BinaryIO, head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{" or length > min(_LARGEST_HEADER, size - 8):
        return False
    file.seek(8)
    try:
        tensors = json.loads(file.read(length))
    except (ValueError, RecursionError):
        return False
    rows = (row for name, row in tensors.items() if name != "__metadata__")
    return all(isinstance(row, dict) and "data_offsets" in row for row in rows)


def _is_onnx(file: BinaryIO, head: bytes, size: int) -> bool:
    """Return whether the fields of a message fill the file and are those of ONNX's model."""
    numbers = set()
    if head[:1] not in {b"\x08", b"\x12", b"\x3a", b"\x42"}:
        return False
    while file.tell() < size:
        number, kind = divmod(_read_varint(file), 8)
        if _ONNX_FIELDS.get(number) != kind:
            return False
        numbers.add(number)
        value = _read_varint(file)
        if kind:
            file.seek(value, os.SEEK_CUR)
    return file.tell() == size and numbers >= _ONNX_NEEDED


def _read_varint(file: BinaryIO) -> int:
    """Return a number of up to ten bytes, seven bits each, the last of which is below 128."""
    value = 0
    for shift in range(0, 70, 7):
        byte = (file.read(1) or b"\0")[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - see above
            break
    return value


_TESTS: dict[str, Callable[[BinaryIO, bytes, int], bool]] = {
    "catboost": _is_catboost,
    "lightgbm-text": _is_lightgbm,
    "xgboost-json": _is_xgboost_json,
    "xgboost-ubj": _is_xgboost_ubj,
    "skops": _is_skops,
    "npz": _is_npz,
    "safetensors": _is_safetensors,
    "onnx": _is_onnx,
}


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
