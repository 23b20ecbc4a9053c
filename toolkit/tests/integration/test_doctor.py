"""doctor in whole and in broken repositories, with a real index."""

from __future__ import annotations

import json
import socket
import sys

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


BSD_MAKE = "#!/bin/sh\necho 'usage: make [-BeikNnqrSstWwX]' >&2\nexit 2\n"


def test_a_cluster_that_training_works_on_is_tried(tiny: TinyProject) -> None:
    assert not [line for line in doctor(tiny).output.splitlines() if line.startswith("cluster")]
    tiny.configure('train.engine = "dask"')

    without = doctor(tiny)

    assert row(without, "cluster").split(maxsplit=2)[1] == "problem"
    assert "[engine] of the Pipfile has none" in row(without, "cluster")
    tiny.write("Pipfile", PIPFILE_OF_SEARCHER)
    tiny.write("Pipfile.lock", searcher_lock(PIPFILE_OF_SEARCHER))
    assert "ok" in row(doctor(tiny), "cluster")
    assert "on this machine" in row(doctor(tiny), "cluster")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        told = row(doctor(tiny, TRAINWHEEL_DASK_SCHEDULER=address), "cluster")
        assert told.endswith(f"ok       {address} accepts connections")
    told = row(doctor(tiny, TRAINWHEEL_DASK_SCHEDULER=address), "cluster")
    assert f"problem  no scheduler answers at {address}: Connection refused; start it" in told
