"""doctor in whole and in broken repositories, with a real index."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from integration.tiny import RealIndex, Run, TinyProject

pytestmark = pytest.mark.integration

TABLE = """
[tool.trainwheel.index.team]
url = "{url}"
username = "ci-user"
password-env = "TEAM_PASSWORD"
"""


def doctor(project: TinyProject, *words: str, **variables: str) -> Run:
    before = {path for path in project.root.rglob("*") if ".git/" not in str(path)}
    run = project.run(sys.executable, "-m", "trainwheel", "doctor", *words, **variables)
    assert "Traceback" not in run.output
    assert {path for path in project.root.rglob("*") if ".git/" not in str(path)} == before
    return run


def row(run: Run, name: str) -> str:
    (line,) = (line for line in run.output.splitlines() if line.startswith(name))
    return line


def states(run: Run) -> dict[str, str]:
    text, _, _ = run.output.rpartition("}")
    document = json.loads(text + "}")
    assert document["schema"] == 1
    return {check["name"]: check["state"] for check in document["checks"]}


def test_a_whole_repository_is_well(tiny: TinyProject) -> None:
    run = doctor(tiny, "--json")

    found = states(run)
    assert run.code == 0, run.output
    assert {"python", "git", "uv", "configuration", "lock", "setup.py", "index", "clock"} <= set(
        found
    )
    assert "problem" not in found.values()


def test_the_table_says_what_to_do(tiny: TinyProject) -> None:
    tiny.write("Pipfile", tiny.read("Pipfile") + '\n[new]\nsix = "*"\n')

    run = doctor(tiny)

    assert run.code == 1
    assert "run `nox -s lock` and commit both files" in row(run, "lock")
    assert "failed: doctor has found " in run.output


@pytest.mark.parametrize(
    ("password", "state", "told"),
    [
        ("s3cret-Token-Of-This-Test", "ok", "accepts the credentials for reading"),
        ("an0ther-Token", "problem", "refuses reads with these credentials"),
        ("", "warning", "not checked: index team cannot be used: TEAM_PASSWORD is empty"),
    ],
)
def test_an_index_is_read_with_the_password(
    tiny: TinyProject, shut_nexus: RealIndex, password: str, state: str, told: str
) -> None:
    tiny.write("pyproject.toml", tiny.read("pyproject.toml") + TABLE.format(url=shut_nexus.url))

    run = doctor(tiny, TEAM_PASSWORD=password)

    assert told in row(run, "index team")
    assert state in row(run, "index team")
    assert run.code == (1 if state == "problem" else 0), run.output
    assert not password or password not in run.output
    assert shut_nexus.published() == []


def test_an_index_that_is_not_there_is_one_row(tiny: TinyProject) -> None:
    tiny.write(
        "pyproject.toml", tiny.read("pyproject.toml") + TABLE.format(url="http://127.0.0.1:9/")
    )

    run = doctor(tiny, TEAM_PASSWORD="an0ther-Token")

    assert "does not answer" in row(run, "index team")


def test_a_folder_that_holds_nothing_is_looked_at_all_the_same(
    tiny: TinyProject, tmp_path: Path
) -> None:
    empty = replace(tiny, root=tmp_path / "empty")
    empty.root.mkdir()

    run = doctor(empty, "--json")

    found = states(run)
    assert run.code == 1
    assert found["configuration"] == "problem"
    assert found["git"] == "warning"
    assert "lock" not in found


@pytest.mark.parametrize("name", ["Pipfile", "Pipfile.lock", "setup.py"])
def test_a_file_that_is_missing_is_a_row_with_its_mend(tiny: TinyProject, name: str) -> None:
    (tiny.root / name).unlink()

    run = doctor(tiny, "--json")

    found = states(run)
    assert run.code == 1
    assert found["setup.py"] == "problem"
    assert (found["lock"] == "problem") == (name != "setup.py")
