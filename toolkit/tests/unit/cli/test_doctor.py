"""What doctor looks at in a repository, and that it tells of everything before it fails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.cli.main import main
from trainwheel.install.bytecode import site_packages
from trainwheel.install.stamp import STAMP, read_stamp, renew
from unit.repository import PYPROJECT, write, write_lock
from unit.steps.session import fill_environment

Capture = pytest.CaptureFixture[str]
TEAM = """
[tool.trainwheel.index.team]
url-env = "TEAM_URL"
password-env = "TEAM_PASSWORD"
username-env = "TEAM_USER"
"""
OTHER = TEAM.replace("team", "other").replace("TEAM", "OTHER")


@pytest.fixture(autouse=True)
def _nothing_installed(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine have neither make nor git, and the repository all that steps need."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    ignored = ("build", "dist", ".venv", ".nox", ".trainwheel", "__pycache__", "model/*/artefact")
    write(root, ".gitignore", "\n".join(ignored))
    write(root, "noxfile.py", "import trainwheel\n\ntrainwheel.register()\n")


def rows(capsys: Capture, *options: str) -> dict[str, tuple[str, str]]:
    """Run doctor; return the state and the finding of each check by its name."""
    assert main(["doctor", "--json", *options]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    return {check["name"]: (check["state"], check["found"]) for check in checks}


def test_a_repository_that_is_well_says_so_line_by_line(root: Path, capsys: Capture) -> None:
    checks = rows(capsys)

    assert [*checks] == [
        *("python", "make", "git", "uv", "configuration", "lock", "setup.py", "index"),
        *("disk", "temporary", "clock"),
    ]
    well = ("uv", "configuration", "lock", "setup.py", "index")
    assert {checks[name][0] for name in well} == {"ok"}
    assert checks["lock"][1].startswith("2 packages")
    assert checks["make"][0] == "warning"
    assert checks["git"][0] == "problem"
    assert not (root / ".trainwheel").exists()
    assert not (root / "build").exists()


def test_the_table_comes_before_the_error_that_counts_the_problems(
    root: Path, capsys: Capture
) -> None:
    (root / "Pipfile.lock").unlink()

    assert main(["doctor"]) == 1

    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()][:3] == ["python", "make", "git"]
    assert err.startswith("failed: ")
    assert err.rstrip().endswith("git, lock, setup.py")


@pytest.mark.parametrize("variable", ["HOME", "XDG_DATA_HOME", "WORKON_HOME"])
def test_an_environment_of_pipenv_elsewhere_is_named_where_it_is_of_this_repository(
    root: Path, tmp_path: Path, variable: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_DATA_HOME", "WORKON_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "home"))
    below = {"HOME": ".local/share/virtualenvs", "XDG_DATA_HOME": "virtualenvs"}.get(variable, ".")
    write(tmp_path / "home" / below, "other-1a/.project", "/elsewhere")
    assert "pipenv" not in rows(capsys)

    write(tmp_path / "home" / below, "small-2b/.project", str(root))

    state, text = rows(capsys)["pipenv"]
    assert state == "warning"
    assert "small-2b" in text
    assert "other-1a" not in text


SPOILT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no lock": (lambda root: (root / "Pipfile.lock").unlink(), "lock", "Pipfile.lock"),
    "stale lock": (lambda root: write(root, "Pipfile", "[packages]\na='*'\n"), "lock", "Pipfile"),
    "drift": (lambda root: write_lock(root, six="==1.17.0"), "setup.py", "setup.py"),
    "no setup.py": (lambda root: (root / "setup.py").unlink(), "setup.py", "setup.py"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_is_wrong_is_a_row_of_its_own_and_the_rest_is_looked_at(
    root: Path, case: str, capsys: Capture
) -> None:
    spoil, name, word = SPOILT[case]
    spoil(root)

    checks = rows(capsys)

    assert checks[name][0] == "problem"
    assert word in checks[name][1]
    assert checks["clock"][0] == "ok"


@pytest.mark.parametrize("text", ["[", "[tool.trainwheel]\npackge = 'x'\n", None])
def test_without_a_configuration_the_repository_is_not_looked_at(
    root: Path, text: str | None, capsys: Capture
) -> None:
    (root / "pyproject.toml").unlink()
    if text is not None:
        write(root, "pyproject.toml", text)

    checks = rows(capsys)

    name = "pyproject.toml" if text is None else "configuration"
    assert checks[name][0] == "problem"
    assert not {"lock", "setup.py", "index"} & {*checks}
    assert "disk" in checks


def test_an_index_whose_variables_are_not_here_is_not_a_problem(
    root: Path, capsys: Capture
) -> None:
    write(root, "pyproject.toml", PYPROJECT + TEAM)

    checks = rows(capsys)

    assert checks["index team"][0] == "warning"
    assert "TEAM_URL" in checks["index team"][1]
    assert "index" not in checks


def test_an_index_that_cannot_be_used_is_a_problem_without_its_password(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    write(root, "pyproject.toml", PYPROJECT + TEAM)
    monkeypatch.setenv("TEAM_URL", "ftp://team.example.com/")
    monkeypatch.setenv("TEAM_USER", "me")
    monkeypatch.setenv("TEAM_PASSWORD", "s3cret-word")

    checks = rows(capsys)

    assert checks["index team"][0] == "problem"
    assert not any("s3cret-word" in found for _, found in checks.values())


def test_an_index_that_cannot_be_asked_is_a_row_and_no_end(root: Path, capsys: Capture) -> None:
    write(root, "pyproject.toml", PYPROJECT + TEAM)

    states = {
        name: rows(capsys, "--to", name)[f"index {name}, asked"][0]
        for name in ("team", "nobody", "embedded")
    }

    assert states == {"team": "warning", "nobody": "problem", "embedded": "ok"}


def test_the_addresses_of_two_indexes_are_a_row_and_no_end(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    write(root, "pyproject.toml", PYPROJECT + TEAM + OTHER)
    monkeypatch.setenv("TEAM_URL", "ftp://team.example.com/")
    monkeypatch.setenv("OTHER_URL", "ftp://other.example.com/")

    checks = rows(capsys)

    assert checks["index"][0] == "problem"
    assert "other, team" in checks["index"][1]
    assert {"index team", "index other", "clock"} <= {*checks}


@pytest.mark.parametrize(("name", "state"), [("embedded", "ok"), ("nobody", "problem")])
def test_the_index_that_the_machine_names_is_looked_at(
    root: Path, name: str, state: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("TRAINWHEEL_INDEX", name)

    checks = rows(capsys)

    assert checks[f"index {name}"][0] == state
    assert not (root / ".trainwheel").exists()


def test_each_environment_is_a_row_and_every_file_in_it_counts(
    root: Path, capsys: Capture, sentence: Callable[[object], None]
) -> None:
    for name in ("packages", "packages-test", "report"):
        fill_environment(root / ".nox" / name, "")
    (root / ".nox" / "old").mkdir()
    (root / ".nox" / "old" / STAMP).write_text("ab" * 32)
    write(root, ".nox/mine/pyvenv.cfg", "home = /usr/bin\n")
    site = site_packages(root / ".nox/packages")
    (site / "evil-1.0.dist-info").mkdir()
    write(root, ".nox/report/pyvenv.cfg", "include-system-site-packages = true\n")
    renew(root / ".nox/report", time.time_ns() + 10**9)

    checks = rows(capsys)

    found = {name.removeprefix("environment "): check for name, check in checks.items()
             if name.startswith("environment ")}  # fmt: skip
    assert {name: state for name, (state, _) in found.items()} == {
        "packages": "problem", "packages-test": "ok", "report": "problem",
    }  # fmt: skip
    sentence([text for _, text in found.values()])
    assert read_stamp(root / ".nox/packages")
    assert site.is_dir()
