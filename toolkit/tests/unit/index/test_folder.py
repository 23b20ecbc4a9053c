"""The folder of the embedded index, read without a server."""

from __future__ import annotations

import hashlib
from pathlib import Path

from trainwheel.index.folder import list_wheels, published_wheels

WHEEL = "demo_model-1.0-py3-none-any.whl"


def test_the_wheels_of_a_project_are_listed_with_their_digests(tmp_path: Path) -> None:
    wheels = (WHEEL, "Demo.Model-1.1-py3-none-any.whl", "other-1.0-py3-none-any.whl")
    for name in (*wheels, f".1-2-{WHEEL}.part", f".{WHEEL}", "x.whl", "demo_model-9.9.tar.gz"):
        (tmp_path / name).write_text(name)

    files = published_wheels(tmp_path, "Demo-Model")

    assert {file.filename: file.hashes for file in files} == {
        name: {"sha256": hashlib.sha256(name.encode()).hexdigest()} for name in wheels[:2]
    }
    assert {file.url for file in files} == {(tmp_path / name).as_uri() for name in wheels[:2]}
    assert [path.name for path in list_wheels(tmp_path)] == sorted(wheels)


def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    assert published_wheels(tmp_path / "none", "demo") == ()
