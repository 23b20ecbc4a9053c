"""What ``trainwheel init`` refuses in one line, with every option that is wrong, and makes not."""

from __future__ import annotations

import sys
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


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "fees.csv"
    rows = "".join(f"{row},{row % 7}.5,{'yes' if row % 3 else 'no'}\n" for row in range(90))
    path.write_text(f"id,fee,churned\n{rows}")
    return path


@pytest.mark.parametrize(("options", "words"), [
    (("--target", "churned"), ("--from",)), (("--copy",), ("--from",)),
    (("--as", "fee=number"), ("--from",)), (("--as", "fee"), ("--as fee:", "number")),
    (("--from", "TABLE", "--as", "fee=money"), ("--as fee=money:", "category")),
    (("--from", "gone.csv"), ("gone.csv",)), (("--from", "TABLE"), ("--target", "fee, churned")),
    (("--from", "TABLE", "--target", "churn"), ("churned?",)),
    (("--from", "TABLE", "--target", "churned", "--encoding", "utf-9"), ("utf-9",)),
    (("--from", "TABLE", "--target", "churned", "--as", "fee=boolean"), ("fee", "boolean")),
    (("--from-command", "/nowhere/sql -csv", "--target", "a"), ("/nowhere/sql",)),
    (("--from-command", "PYTHON -c 'import nothing'", "--target", "a"), ("'nothing'",)),
])  # fmt: skip
def test_what_does_not_fit_the_table_is_one_line(
    tmp_path: Path, table: Path, options: tuple[str, ...], words: tuple[str, ...], capsys: Capture
) -> None:
    places = {"TABLE": str(table), "PYTHON": sys.executable}
    given = [places.get(word, word.replace("PYTHON", sys.executable)) for word in options]
    assert main(["init", str(tmp_path / "fraud"), *given]) in {1, 2}
    (line,) = capsys.readouterr().err.splitlines()
    assert all(word in line for word in words)
    assert not (tmp_path / "fraud").exists()


@pytest.mark.parametrize("options", [
    ("--from-command", "cat"), ("--positive",),
])  # fmt: skip
def test_options_that_cannot_be_read_end_with_how_they_are_written(
    tmp_path: Path, table: Path, options: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["init", str(tmp_path / "fraud"), "--from", str(table), *options])
    assert caught.value.code == 2


@pytest.mark.parametrize("options", [
    ("--from", "TABLE"), ("--from", "TABLE", "--copy", "--drop", "id", "--as", "fee=category"),
    ("--from-command", "PYTHON -c 'print(open(\"TABLE\").read())'"),
    ("--from", "TABLE", "--positive", "no", "--text", "fee"),
])  # fmt: skip
def test_a_table_that_will_do_is_read_before_anything_is_made(
    tmp_path: Path, table: Path, options: tuple[str, ...], capsys: Capture
) -> None:
    given = [w.replace("TABLE", str(table)).replace("PYTHON", sys.executable) for w in options]
    assert main(["init", str(tmp_path / "fraud"), "--target", "churned", *given]) == 2
    told = capsys.readouterr()
    assert "git" in told.err.splitlines()[-1]
    assert "reading " in told.out


def test_a_table_that_is_large_is_not_copied(tmp_path: Path, table: Path, capsys: Capture) -> None:
    with table.open("a") as stream:
        stream.write("1,2.5,no\n" * 600_000)
    words = ("--from", str(table), "--target", "churned", "--copy")
    assert main(["init", str(tmp_path / "fraud"), *words]) == 2
    assert "--copy" in capsys.readouterr().err
