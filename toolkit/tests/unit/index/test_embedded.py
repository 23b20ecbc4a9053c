"""The folder of the embedded index, read without a server."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from trainwheel.index.folder import published_wheels


def test_the_wheels_of_a_project_are_listed_with_their_digests(tmp_path: Path) -> None:
    (tmp_path / "demo_model-1.0-py3-none-any.whl").write_bytes(b"one")
    (tmp_path / "Demo.Model-1.1-py3-none-any.whl").write_bytes(b"two")
    (tmp_path / "other-1.0-py3-none-any.whl").write_bytes(b"x")
    files = published_wheels(tmp_path, "Demo-Model")
    assert {file.filename: file.hashes["sha256"] for file in files} == {
        "demo_model-1.0-py3-none-any.whl": hashlib.sha256(b"one").hexdigest(),
        "Demo.Model-1.1-py3-none-any.whl": hashlib.sha256(b"two").hexdigest(),
    }


@pytest.mark.parametrize(
    "name",
    [".1-2-demo_model-1.0-py3-none-any.whl.part", ".demo_model-1.0-py3-none-any.whl", "x.whl"],
)
def test_what_is_no_published_wheel_is_left_out(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert published_wheels(tmp_path, "demo-model") == ()


def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    assert published_wheels(tmp_path / "none", "demo") == ()
