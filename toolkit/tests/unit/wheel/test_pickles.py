"""What a pickle refers to, against what loading it really imports."""

from __future__ import annotations

import bz2
import collections
import datetime as dt
import gzip
import io
import lzma
import pickle
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib.numpy_pickle import NumpyUnpickler
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from trainwheel.wheel.pickles import Reference, UnreadablePickleError, read_references


class Plain:
    """A class that pickles refer to."""

    class Nested(dict[str, int]):
        """One within it."""


class Marked(np.ndarray):
    """An array of a class of its own."""


def _loaded(path: Path) -> set[tuple[str, str]]:
    """Return what joblib looks up while it loads a file that is not compressed."""
    names: set[tuple[str, str]] = set()

    class Recording(NumpyUnpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            thing = super().find_class(module, name)
            names.add((module, name) if self.proto >= 3 else _renamed(module, name))
            return thing

    with path.open("rb") as file:
        Recording(str(path), file, ensure_native_byte_order=True).load()
    return names


def _renamed(module: str, name: str) -> tuple[str, str]:
    return {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module), name


def _text_model() -> object:
    texts = ["red wine", "white wine", "red car"]
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [0, 0, 1])


def _table_model() -> object:
    rows = np.array([["a", 1.0], ["b", 2.0], ["a", 3.0]], object)
    columns = make_column_transformer((OneHotEncoder(), [0]), (FunctionTransformer(np.copy), [1]))
    return columns.fit(rows)


_shared = np.arange(6.0)
_cycle: dict[str, Any] = {"array": np.zeros(2)}
_cycle["self"] = _cycle
VALUES = {
    "numbers": [np.zeros((2, 3)), np.zeros(3, ">i2"), np.array(1.5), np.zeros(2, "c16")],
    "shapes": [np.zeros((0, 3)), np.asfortranarray(np.ones((3, 4))), np.zeros(0, object)],
    "texts": [np.array(["a", "bcd"]), np.array([b"a"]), np.array(["x"], np.dtypes.StringDType())],
    "times": np.array(["2026-01-01"], "M8[D]"),
    "objects": np.array([1, "a", None, dt.date(2026, 1, 1), np.zeros(3)], object),
    "records": [np.zeros(2, [("a", "f8"), ("b", "U3"), ("c", "f4", (2, 3))])],
    "records of objects": np.array([(1, "x")], [("a", "i4"), ("b", "O")]),
    "other arrays": [np.ma.array([1, 2], mask=[False, True]), np.zeros(3).view(Marked)],
    "bytes": np.zeros(2, "V7"),
    "shared": [_shared, {"a": _shared, "b": (_shared, [_shared])}, np.arange(3), _shared],
    "long": [np.zeros(40_000), "x" * 70_000, b"y" * 70_000, np.zeros(2), 2**3000, [0] * 3000],
    "a cycle": _cycle,
    "python": [{1, 2}, bytearray(b"a"), -5, 2**40, 1.5, collections.Counter(a=1)],
    "dtypes": {np.dtype("f8"): 1, "kind": np.float64},
    "nested": [Plain(), Plain.Nested(a=1), (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "forest": RandomForestClassifier(3).fit(_shared.reshape(3, 2), ["a", "b", "a"]),
    "text model": _text_model(),
    "table model": _table_model(),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_what_it_refers_to_is_what_loading_it_imports(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    for protocol in range(6):
        joblib.dump(VALUES[name], path, protocol=protocol)
        expected = _loaded(path)
        assert read_references(path) == expected, protocol
        for compression in ("zlib", "gzip", "bz2", "lzma", "xz"):
            joblib.dump(VALUES[name], path, protocol=protocol, compress=(compression, 1))
            assert read_references(path) == expected, (protocol, compression)


_VALUES = st.recursive(
    st.none() | st.integers() | st.text() | st.binary() | st.floats() | st.dates()
    | st.sampled_from(["f8", "i2", "U4", "?", "O", "M8[s]"]).map(lambda code: np.zeros(3, code)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)  # fmt: skip


@settings(max_examples=40)
@given(value=_VALUES, protocol=st.integers(0, 5))
def test_any_value_is_followed_to_its_end(
    value: object, protocol: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.joblib"
    joblib.dump(value, path, protocol=protocol)
    assert read_references(path) == _loaded(path)


def _zfile(data: bytes, *, space: bytes = b"") -> bytes:
    """Return what joblib wrote before 0.10."""
    return b"ZF" + hex(len(data)).encode().ljust(19) + space + zlib.compress(data)


_PICKLE = pickle.dumps(Plain())


@pytest.mark.parametrize("content", [
    _PICKLE, _zfile(_PICKLE), _zfile(_PICKLE, space=b" "), zlib.compress(_PICKLE, 9),
    gzip.compress(_PICKLE, mtime=0), bz2.compress(_PICKLE), lzma.compress(_PICKLE), _PICKLE * 2,
    pickle.dumps(1) + _PICKLE,
])  # fmt: skip
def test_plain_and_old_files_and_several_pickles_in_one(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(content)

    assert {each.name for each in read_references(tmp_path / "model")} == {"Plain"}


def test_names_of_python_2_are_those_of_today(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"c__builtin__\nxrange\np0\n(I1\ntR.")
    assert read_references(path) == {("builtins", "range")}
    path.write_bytes(b"(i__builtin__\nset\n.")
    assert read_references(path) == {("builtins", "set")}
    path.write_bytes(b"(cdatetime\ndate\nI1\nI2\no.")
    assert read_references(path) == {("datetime", "date")}


def test_nothing_of_it_is_executed(tmp_path: Path) -> None:
    path, trace = tmp_path / "model", tmp_path / "trace"
    path.write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % str(trace).encode())

    assert read_references(path) == {Reference("os", "system")}
    assert not trace.exists()


def _array() -> bytes:
    stream = io.BytesIO()
    joblib.dump([np.zeros(9), Plain()], stream)
    return stream.getvalue()


@pytest.mark.parametrize("pack", [bytes, zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_a_file_that_is_cut_short_is_one_line(pack: Any, tmp_path: Path) -> None:
    data = pack(_array())
    for size in (*range(0, len(data), 7), len(data) - 1):
        (tmp_path / "model").write_bytes(data[:size])
        with pytest.raises(UnreadablePickleError):
            read_references(tmp_path / "model")


@given(place=st.integers(0, 300), byte=st.integers(0, 255))
def test_a_damaged_file_never_ends_in_another_error(
    place: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(_array())
    data[place % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(data)
    try:
        references = read_references(path)
    except UnreadablePickleError:
        return
    assert references


@pytest.mark.parametrize(("content", "reason"), [
    (b"\x28\xb5\x2f\xfd" + bytes(40), "zstd"), (b"\x04\x22\x4d\x18" + bytes(40), "lz4"),
    (_PICKLE + b"\n", "not a pickle"), (b"a,b\n", "not a pickle"), (b".", "not a pickle"),
    (b"\x80\x04(K\x01\x94l0\x8c\x01a\x93.", "not a pickle"),
    (b"\x80\x04K\x01\x8c\x01a\x93.", "name"),
    (b"\x80\x02\x82\x05.", "registry"), (b"\x80\x04\x8a\x02a.", "cut short"),
    (b"\x80\x04B" + struct.pack("<I", 2**31) + b"x.", "cut short"),
    (b"\x80\x04\x86.", "not a pickle"), (b"\x80\x04h\x05.", "not a pickle"),
])  # fmt: skip
def test_what_cannot_be_followed_says_why(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(content)

    with pytest.raises(UnreadablePickleError, match=reason):
        read_references(tmp_path / "model")


def test_an_array_of_another_librarys_type_is_not_guessed(tmp_path: Path) -> None:
    stream = io.BytesIO()
    joblib.dump(np.zeros(3), stream)
    (tmp_path / "model").write_bytes(stream.getvalue().replace(b"\x8c\x02f8", b"K\x01N0"))

    with pytest.raises(UnreadablePickleError, match="end cannot be told"):
        read_references(tmp_path / "model")


def test_an_array_of_any_size_is_passed_over(tmp_path: Path) -> None:
    stream, array = io.BytesIO(), np.full(7, 3.5)
    joblib.dump([array, Plain()], stream)
    data = stream.getvalue().replace(b"K\x07\x85", b"J" + struct.pack("<I", 2**30) + b"\x85")
    head, tail = data.split(array.tobytes())
    with (tmp_path / "model").open("wb") as file:
        file.write(head)
        file.seek(2**33, io.SEEK_CUR)
        file.write(tail)

    tracemalloc.start()
    names = {each.name for each in read_references(tmp_path / "model")}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert names >= {"Plain", "NumpyArrayWrapper"}
    assert peak < 2**21
