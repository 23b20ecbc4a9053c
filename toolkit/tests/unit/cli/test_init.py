"""What ``trainwheel init`` refuses in one line, with every option that is wrong, and makes not."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _without_git(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let options that are well end at the first thing that making a repository needs."""
    del root
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def refused(folder: Path, *options: str, capsys: Capture) -> str:
    assert main(["init", str(folder), *options]) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert out == ""
    return line


@pytest.mark.parametrize(("options", "words"), [
    (("--name", "x-"), ("--name", "'x-'")), (("--name", "numpy"), ("--name", "'numpy'")),
    (("--name", "a" * 41), ("--name", "40")), (("--package", "Fraud"), ("--package", "'Fraud'")),
    (("--package", "class"), ("--package", "'class'")),
    (("--package", "json"), ("--package", "'json'")),
    (("--package", "pytest"), ("--package", "'pytest'")),
    (("--index-url-env", "models_url"), ("--index-url-env", "'models_url'")),
    (("--index-url-env", "MODELS"), ("--index-url-env", "_URL")),
    (("--index-url-env", "PYPI_URL"), ("--index-url-env", "'PYPI_URL'")),
    (("--ci", "travis"), ("--ci", "'travis'")), (("--ci", "none,github"), ("--ci", "'none'")),
])  # fmt: skip
def test_an_option_that_will_not_do_is_named_and_nothing_is_made(
    tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...], capsys: Capture
) -> None:
    line = refused(tmp_path / "fraud", *options, capsys=capsys)

    assert line.startswith("configuration: ")
    assert all(word in line for word in words)
    assert not (tmp_path / "fraud").exists()


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path, capsys: Capture) -> None:
    options = ("--name", "_", "--package", "1", "--index-url-env", "x", "--ci", "y")

    line = refused(tmp_path / "fraud", *options, capsys=capsys)

    assert all(flag in line for flag in options[::2])


@pytest.mark.parametrize(
    ("folder", "word"), [("numpy", "--name"), ("class", "--package"), ("größe", "--name")]
)
def test_the_names_that_follow_from_the_folder_are_judged_as_well(
    tmp_path: Path, folder: str, word: str, capsys: Capture
) -> None:
    assert word in refused(tmp_path / folder, capsys=capsys)


@pytest.mark.parametrize(("folder", "options"), [
    ("fraud", ()), ("Fraud Model", ()), ("numpy", ("--name", "fraud")), ("fraud", ("--ci", "none")),
    ("fraud", ("--ci", " GitHub , jenkins,gitlab,")), ("fraud", ("--index-url-env", "MODELS_URL")),
    ("fraud", ("--task", "regression")),
])  # fmt: skip
def test_options_that_will_do_are_not_refused(
    tmp_path: Path, folder: str, options: tuple[str, ...], capsys: Capture
) -> None:
    line = refused(tmp_path / folder, *options, capsys=capsys)

    assert "git" in line
    assert "--" not in line
    assert not (tmp_path / folder).exists()


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_a_place_that_is_taken_is_left_as_it_is(tmp_path: Path, kind: str, capsys: Capture) -> None:
    place = tmp_path / "fraud"
    if kind == "file":
        place.write_text("mine")
    elif kind == "link":
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.mkdir()
        (place / "mine").touch()

    assert str(place) in refused(place, capsys=capsys)
    assert place.is_symlink() or place.exists()
    assert not (tmp_path / "elsewhere").exists()


def test_an_unknown_task_ends_with_the_known_ones(tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["init", str(tmp_path / "fraud"), "--task", "clustering"])

    assert caught.value.code == 2
    assert "regression" in capsys.readouterr().err
