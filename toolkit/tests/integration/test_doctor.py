"""doctor looks at a real repository, a real index and a real port, and changes nothing."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from integration.tiny import RealIndex, clean_variables, make_tiny
from trainwheel.cli.main import main
from unit.repository import make_repository, write, write_lock

pytestmark = pytest.mark.integration

Capture = pytest.CaptureFixture[str]
RIGHT, WRONG = "s3cret-Token-Of-This-Test", "an0ther-Token"
TABLE = """
[tool.trainwheel.index.team]
url = "{url}"
username = "ci-user"
password-env = "TEAM_PASSWORD"
read-username-env = "TEAM_READ_USERNAME"
read-password-env = "TEAM_READ_PASSWORD"
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository, which is the folder that the test runs in."""
    for name in os.environ.keys() - clean_variables().keys():
        monkeypatch.delenv(name)
    root = make_repository(tmp_path / "small")
    monkeypatch.chdir(root)
    return root


def rows(root: Path, capsys: Capture) -> dict[str, tuple[str, str]]:
    """Return the state and the finding of each check that is about an index or a cluster."""
    before = set(root.rglob("*"))
    main(["doctor", "--json"])
    assert set(root.rglob("*")) == before
    checks = json.loads(capsys.readouterr().out)["checks"]
    kept = [check for check in checks if check["name"].startswith(("index", "cluster"))]
    return {check["name"]: (check["state"], check["found"]) for check in kept}


def test_a_whole_repository_is_well(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path / "tiny", tmp_path / "environments")

    run = tiny.run(sys.executable, "-m", "trainwheel", "doctor", "--json")

    document = json.loads(run.output[: run.output.rindex("}") + 1])
    assert run.code == 0, run.output
    assert document["schema"] == 1
    assert "problem" not in {check["state"] for check in document["checks"]}
    assert tiny.run("git", "status", "--porcelain", "--ignored").output == ""


@pytest.mark.parametrize(
    ("password", "read_password", "states"),
    [
        (RIGHT, RIGHT, {"index team": "ok", "index team, to publish": "ok"}),
        (RIGHT, WRONG, {"index team": "problem", "index team, to publish": "ok"}),
        (WRONG, RIGHT, {"index team": "ok", "index team, to publish": "problem"}),
        ("", RIGHT, {"index team": "ok"}),
        (RIGHT, "", {"index team": "ok"}),
        (WRONG, "", {"index team": "problem"}),
        ("", "", {"index team": "warning"}),
    ],
)
def test_an_index_is_read_with_the_credentials_and_nothing_is_sent(  # noqa: PLR0913, PLR0917 - a table
    root: Path,
    shut_nexus: RealIndex,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    password: str,
    read_password: str,
    states: dict[str, str],
) -> None:
    path = root / "pyproject.toml"
    write(root, path.name, path.read_text(encoding="utf-8") + TABLE.format(url=shut_nexus.url))
    monkeypatch.setenv("TEAM_PASSWORD", password)
    monkeypatch.setenv("TEAM_READ_USERNAME", shut_nexus.username)
    monkeypatch.setenv("TEAM_READ_PASSWORD", read_password)

    found = rows(root, capsys)

    assert {name: state for name, (state, _) in found.items()} == states
    assert not [text for _, text in found.values() if WRONG in text or RIGHT in text]
    assert shut_nexus.published() == []


def test_a_cluster_that_training_works_on_is_tried(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert "cluster" not in rows(root, capsys)
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8").replace("\ndata =", '\ntrain.engine = "dask"\ndata =')
    write(root, path.name, text)

    without = rows(root, capsys)["cluster"]
    write_lock(root, engine=["distributed", "cryptography"])
    alone = rows(root, capsys)["cluster"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("TRAINWHEEL_DASK_SCHEDULER", address)
        up = rows(root, capsys)["cluster"]
    down = rows(root, capsys)["cluster"]

    assert [state for state, _ in (without, alone, up, down)] == ["problem", "ok", "ok", "problem"]
    assert "[engine]" in without[1]
    assert address in up[1]
    assert address in down[1]
