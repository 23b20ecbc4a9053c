"""The format of a model's file, told from real files of each library."""

from __future__ import annotations

import gzip
import json
import pickle
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest

from trainwheel.wheel.formats import format_of

MODELS = Path(__file__).parents[2] / "projects" / "models"
REAL = {
    "lightgbm.txt": "lightgbm-text", "logistic.onnx": "onnx", "scaler.skops": "skops",
    "xgboost.json": "xgboost-json", "xgboost.ubj": "xgboost-ubj",
    "zeros.safetensors": "safetensors",
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), REAL.items())
def test_a_file_is_told_by_its_content_whatever_its_name(
    name: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "model.joblib").write_bytes((MODELS / name).read_bytes())

    assert format_of(tmp_path / "model.joblib") == expected


@pytest.mark.parametrize("name", sorted(REAL.keys() - {"lightgbm.txt"}))
def test_half_a_file_is_unknown(name: str, tmp_path: Path) -> None:
    data = (MODELS / name).read_bytes()
    (tmp_path / "half").write_bytes(data[: len(data) // 2])

    assert format_of(tmp_path / "half") == "unknown"


def test_catboost_is_told_by_its_mark_and_the_length_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"CBM1" + (20).to_bytes(4, "little") + bytes(20))
    assert format_of(path) == "catboost"
    path.write_bytes(b"CBM1" + (20).to_bytes(4, "little") + bytes(19))
    assert format_of(path) == "unknown"


@pytest.mark.parametrize(("content", "expected"), [
    (pickle.dumps({"a": 1}, 0), "pickle"), (pickle.dumps({"a": 1}, 5), "pickle"),
    (gzip.compress(pickle.dumps(1), mtime=0), "joblib"),
    (gzip.compress(b"a,b\n1,2\n", mtime=0), "unknown"),
    (b"\x04\x22\x4d\x18\x60\x40\x82\x10\0\0\0\xf0\x01\x80\x04\x95\0\0", "joblib"),
    (b"", "unknown"), (b"weights", "unknown"), (b"tree\nversion=4", "unknown"),
    (json.dumps({"learner": {}}).encode(), "unknown"), (b'{"version": [1, 2, 0]}', "unknown"),
    (b"\x02\0\0\0\0\0\0\0{}", "safetensors"), (b"\x02\0\0\0\0\0\0\0{]", "unknown"),
    (b'\x07\0\0\0\0\0\0\0{"a":1}', "unknown"), (b"\x08\x0a", "unknown"),
    (b"\x08\x0a\x3a\x01\0", "unknown"), (b"\x08\x0a\x3a\x01\0\x42\x00", "onnx"),
    (b"\x08\x0a\x3a\x05\0\x42\x00", "unknown"), (b"PK\3\4", "unknown"),
])  # fmt: skip
def test_the_edges_of_formats(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(content)

    assert format_of(tmp_path / "model") == expected


def test_joblib_is_told_from_pickle_by_its_arrays_and_by_compression(tmp_path: Path) -> None:
    path = tmp_path / "model"
    values = {"array": np.arange(3), "compressed": 1, "plain": {"words": ["a", "b"]}}
    expected = {"array": "joblib", "compressed": "joblib", "plain": "pickle"}
    formats = {}
    for name, value in values.items():
        joblib.dump(value, path, compress=3 if name == "compressed" else 0)
        formats[name] = format_of(path)

    assert formats == expected


def test_another_zip_file_is_unknown(tmp_path: Path) -> None:
    np.savez(tmp_path / "a", a=np.zeros(2))
    assert format_of(tmp_path / "a.npz") == "npz"
    with zipfile.ZipFile(tmp_path / "b", "w") as archive:
        archive.writestr("schema.json", "{}")
    assert format_of(tmp_path / "b") == "unknown"
