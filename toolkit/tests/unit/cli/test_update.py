"""``trainwheel update``: what it would renew, and what it never takes away."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from trainwheel.cli.main import main
from trainwheel.scaffold.rendering import MAINTAINED, render, render_maintained
from unit.repository import write

PACKAGE = "model/small_model"


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")
    subprocess.run(("git", *identity, *words), cwd=root, check=True, capture_output=True)


@pytest.fixture
def renewed(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed repository whose modules are those of this version."""
    monkeypatch.chdir(root)
    for file, text in render_maintained("small_model", "small-model", "Classifier").items():
        write(root, f"{PACKAGE}/{file}", text)
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Start")
    return root


def test_the_modules_are_those_that_init_writes(tmp_path: Path) -> None:
    render(tmp_path / "new", {"name": "small-model", "task": "regression"}, asks=False)

    made = {p.stem for p in (tmp_path / "new" / PACKAGE).glob("*.py")}
    assert made - {"__init__", "datamodel", "regressor"} == {*MAINTAINED}
    for file, text in render_maintained("small_model", "small-model", "Regressor").items():
        assert (tmp_path / "new" / PACKAGE / file).read_text() == text


def test_what_differs_is_named_and_written_once_it_is_asked_for(
    renewed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["update"]) == 0
    old, gone = renewed / PACKAGE / "serving.py", renewed / PACKAGE / "table.py"
    text = old.read_text()
    old.write_text("# of an older version\n")
    gone.unlink()
    git(renewed, "commit", "--quiet", "--all", "--message", "Older")

    assert main(["update"]) == 1
    out, err = capsys.readouterr()
    assert f"{PACKAGE}/serving.py differs" in out
    assert f"{PACKAGE}/table.py is missing" in out
    assert "trainwheel update --write" in err
    assert old.read_text() == "# of an older version\n"

    assert main(["update", "--write"]) == 0
    assert old.read_text() == text
    assert gone.is_file()
    assert main(["update"]) == 0


@pytest.mark.parametrize("is_ignored", [True, False])
def test_a_change_that_nothing_could_bring_back_is_not_replaced(
    renewed: Path, capsys: pytest.CaptureFixture[str], *, is_ignored: bool
) -> None:
    module = renewed / PACKAGE / "serving.py"
    if is_ignored:
        git(renewed, "rm", "--cached", "--quiet", f"{PACKAGE}/serving.py")
        write(renewed, ".gitignore", "serving.py\n")
        git(renewed, "add", "--all")
        git(renewed, "commit", "--quiet", "--message", "Ignore")
    module.write_text("# mine\n")

    assert main(["update", "--write"]) == 3

    assert f"{PACKAGE}/serving.py has changes" in capsys.readouterr().err
    assert module.read_text() == "# mine\n"


def test_without_git_or_such_modules_it_says_what_is_missing(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    assert main(["update"]) == 2
    assert "has none of the modules" in capsys.readouterr().err
    write(root, f"{PACKAGE}/serving.py", "")
    assert main(["update", "--write"]) == 3
    assert "not a git repository" in capsys.readouterr().err
