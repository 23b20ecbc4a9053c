"""doctor in whole and in broken repositories, with a real index."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from integration.cluster.searcher import PIPFILE_OF_SEARCHER, searcher_lock
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


READ_TABLE = f"""{TABLE}
read-username-env = "TEAM_READ_USERNAME"
read-password-env = "TEAM_READ_PASSWORD"
"""
RIGHT, WRONG = "s3cret-Token-Of-This-Test", "an0ther-Token"


@pytest.mark.parametrize(
    ("password", "read_password", "rows"),
    [
        (RIGHT, WRONG, {"index team": "problem", "index team, to publish": "ok"}),
        (WRONG, RIGHT, {"index team": "ok", "index team, to publish": "problem"}),
        ("", RIGHT, {"index team": "ok"}),
        (RIGHT, "", {"index team": "ok"}),
    ],
)
def test_credentials_for_reading_are_tried_and_those_for_publishing_beside_them(
    tiny: TinyProject,
    shut_nexus: RealIndex,
    password: str,
    read_password: str,
    rows: dict[str, str],
) -> None:
    table = READ_TABLE.format(url=shut_nexus.url)
    tiny.write("pyproject.toml", tiny.read("pyproject.toml") + table)
    reader = {"TEAM_READ_USERNAME": shut_nexus.username, "TEAM_READ_PASSWORD": read_password}

    run = doctor(tiny, "--json", TEAM_PASSWORD=password, **reader)

    assert {name: state for name, state in states(run).items() if name.startswith("index")} == rows


def test_a_password_that_nobody_asks_for_is_told_to_be_untried(
    tiny: TinyProject, nexus: RealIndex
) -> None:
    tiny.write("pyproject.toml", tiny.read("pyproject.toml") + TABLE.format(url=nexus.url))

    run = doctor(tiny, TEAM_PASSWORD=WRONG)

    assert "anyone may read it, so the password was not tried" in row(run, "index team")
    assert run.code == 0, run.output


BSD_MAKE = "#!/bin/sh\necho 'usage: make [-BeikNnqrSstWwX]' >&2\nexit 2\n"


@pytest.mark.parametrize(
    ("make", "rows"),
    [
        (
            None,
            ["make warning there is none", "git problem there is none; install git", "uv ok uv"],
        ),
        (BSD_MAKE, ["make problem not GNU make; install GNU make, which is gmake on BSD"]),
    ],
)
def test_tools_that_are_not_on_the_path_are_rows(
    tiny: TinyProject, tmp_path: Path, make: str | None, rows: list[str]
) -> None:
    path = tmp_path / "tools"
    path.mkdir()
    if make is not None:
        (path / "make").write_text(make)
        (path / "make").chmod(0o755)

    run = doctor(tiny, PATH=str(path))

    found = [" ".join(line.split()) for line in run.output.splitlines()]
    for expected in rows:  # uv is installed beside the command
        assert [line for line in found if line.startswith(expected)], run.output


@pytest.mark.parametrize(
    "module",
    [
        "def find_uv_bin(): raise FileNotFoundError('uv is nowhere')",
        "def find_uv_bin(): return '/bin/false'",
    ],
)
def test_a_uv_that_cannot_be_run_is_a_problem(
    tiny: TinyProject, tmp_path: Path, module: str
) -> None:
    (tmp_path / "uv.py").write_text(module)
    run = doctor(tiny, PYTHONPATH=str(tmp_path))
    assert "problem" in row(run, "uv ")


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


def test_a_cluster_that_training_works_on_is_tried(tiny: TinyProject) -> None:
    assert not [line for line in doctor(tiny).output.splitlines() if line.startswith("cluster")]
    tiny.configure('train.engine = "dask"')

    without = doctor(tiny)

    assert row(without, "cluster").split(maxsplit=2)[1] == "problem"
    assert "[engine] of the Pipfile has none" in row(without, "cluster")
    tiny.write("Pipfile", PIPFILE_OF_SEARCHER)
    tiny.write("Pipfile.lock", searcher_lock(PIPFILE_OF_SEARCHER))
    assert "ok" in row(doctor(tiny), "cluster")
    assert "of this machine alone" in row(doctor(tiny), "cluster")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        told = row(doctor(tiny, TRAINWHEEL_DASK_SCHEDULER=address), "cluster")
        assert told.endswith(f"ok       {address} takes connections")
    told = row(doctor(tiny, TRAINWHEEL_DASK_SCHEDULER=address), "cluster")
    assert f"problem  no scheduler answers at {address}: Connection refused; start it" in told
