"""The library's own wheel, made of what is installed."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

import trainwheel
from trainwheel.errors import ConfigurationError
from trainwheel.wheel.own import write_own_wheel
from trainwheel.wheel.record import check_record
from unit.wheels import read_members

PACKAGE = Path(trainwheel.__file__).parent


def test_the_wheel_holds_every_file_of_the_library_and_says_so(tmp_path: Path) -> None:
    wheel = write_own_wheel(tmp_path / "wheels")

    check_record(wheel)
    members = read_members(wheel)
    (entry_points,) = (name for name in members if name.endswith("entry_points.txt"))
    text = members.pop(entry_points).replace(b" ", b"")
    assert b"trainwheel=trainwheel.cli.main:main" in text
    files = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "trainwheel/scaffold/template/project/Makefile.jinja" in files
    assert files <= members.keys()
    assert {Path(name).name for name in members.keys() - files} == {"METADATA", "WHEEL", "RECORD"}


def test_two_of_them_are_the_same_byte_by_byte(tmp_path: Path) -> None:
    first, second = (write_own_wheel(tmp_path / name) for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    assert first.name == f"trainwheel-{importlib.metadata.version('trainwheel')}-py3-none-any.whl"


def test_without_metadata_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(_: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "distribution", raises)
    with pytest.raises(ConfigurationError, match="it is not installed"):
        write_own_wheel(tmp_path)
    assert list(tmp_path.iterdir()) == []
