"""What ``trainwheel wheelhouse`` refuses, skips and prints, with files that are there already."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from trainwheel.cli.main import main
from unit.repository import write

Capture = pytest.CaptureFixture[str]


def collect(folder: str | Path, capsys: Capture) -> tuple[list[str], list[str]]:
    """Collect categories that lock no file; return the notices and the other lines."""
    assert main(["wheelhouse", str(folder), "doc", "train"]) == 0
    lines = capsys.readouterr().out.splitlines()
    notices = [line for line in lines if line.startswith("notice: ")]
    return notices, lines[len(notices) :]


@pytest.fixture
def folder(root: Path) -> Path:
    """A wheelhouse with two files."""
    write(root, "wheels/a-1-py3-none-any.whl", "12345")
    return write(root, "wheels/b-1-py3-none-any.whl", "1").parent


@pytest.mark.parametrize("name", ["Doc", "nothing"])
def test_a_category_that_is_not_locked_is_named_before_a_folder_is_made(
    root: Path, name: str, capsys: Capture
) -> None:
    assert main(["wheelhouse", "wheels", "doc", name]) == 2

    assert f"[{name.lower()}]" in capsys.readouterr().err.lower()
    assert not (root / "wheels").exists()


@pytest.mark.parametrize("missing", ["Pipfile.lock", "pyproject.toml"])
def test_without_a_lock_or_a_repository_nothing_is_made(
    root: Path, missing: str, capsys: Capture
) -> None:
    (root / missing).unlink()

    assert main(["wheelhouse", "wheels"]) == 2
    assert missing in capsys.readouterr().err
    assert not (root / "wheels").exists()


def test_the_files_are_counted_and_strangers_told(folder: Path, capsys: Capture) -> None:
    notices, lines = collect(folder, capsys)

    assert len(notices) == 1
    assert "a-1-py3-none-any.whl and 1 more" in notices[0]
    assert lines[0].startswith("2 files, 6 ")


def test_one_stranger_is_told_by_its_name_alone(folder: Path, capsys: Capture) -> None:
    (folder / "b-1-py3-none-any.whl").unlink()

    (notice,), _ = collect(folder, capsys)

    assert "a-1-py3-none-any.whl" in notice
    assert "more" not in notice


@pytest.mark.parametrize(("name", "where"), [
    ("wheels", "{root}/wheels"), ("my wheels", "file://{root}/my%20wheels"),
    ("a,b", "file://{root}/a%2Cb"), ("100%", "file://{root}/100%25"), ("it's", "{root}/it's"),
])  # fmt: skip
def test_the_printed_line_sets_what_pip_and_uv_read_alike(
    root: Path, name: str, where: str, capsys: Capture
) -> None:
    (root / name).mkdir()

    _, lines = collect(name, capsys)

    words = shlex.split(lines[-1].partition("export ")[2])
    assert words == ["PIP_NO_INDEX=1", f"PIP_FIND_LINKS={where.format(root=root)}"]


def test_what_cannot_be_fetched_is_one_line_and_leaves_what_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    assert main(["wheelhouse", str(folder), "packages"]) == 1

    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert "six" in err
    assert len([*folder.iterdir()]) == 2
