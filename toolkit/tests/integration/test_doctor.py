"""doctor looks at a real repository, a real index and a real port, and changes nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from integration.tiny import RealIndex, clean_variables, make_tiny
from trainwheel.cli.main import main
from trainwheel.system.digest import digest_file
from unit.repository import make_repository, write, write_lock
from unit.wheels import write_wheel

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


def rows(root: Path, capsys: Capture, *options: str) -> dict[str, tuple[str, str]]:
    """Return the state and the finding of each check that is about the network."""
    before = set(root.rglob("*"))
    main(["doctor", "--json", *options])
    assert set(root.rglob("*")) == before
    checks = json.loads(capsys.readouterr().out)["checks"]
    network = ("index", "cluster", "packages", "publish")
    kept = [check for check in checks if check["name"].startswith(network)]
    return {check["name"]: (check["state"], check["found"]) for check in kept}


def test_a_whole_repository_is_well(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path / "tiny", tmp_path / "environments")

    run = tiny.run(sys.executable, "-m", "trainwheel", "doctor", "--json")

    document = json.loads(run.output[: run.output.rindex("}") + 1])
    assert run.code == 0, run.output
    assert document["schema"] == 1
    assert "problem" not in {check["state"] for check in document["checks"]}
    assert tiny.run("git", "status", "--porcelain", "--ignored").output == ""


@pytest.mark.parametrize(("password", "read_password", "states"), [
    (RIGHT, RIGHT, {"index team": "ok", "index team, to publish": "ok"}),
    (RIGHT, WRONG, {"index team": "problem", "index team, to publish": "ok"}),
    (WRONG, RIGHT, {"index team": "ok", "index team, to publish": "problem"}),
    ("", RIGHT, {"index team": "ok"}), (RIGHT, "", {"index team": "ok"}),
    (WRONG, "", {"index team": "problem"}), ("", "", {"index team": "warning"}),
])  # fmt: skip
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


def bind(root: Path, url: str, packages: str = "") -> None:
    """Configure the index ``team``, and what is bound to it."""
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8") + TABLE.format(url=url)
    write(root, path.name, f"{text}packages = [{packages}]\n" if packages else text)


def lock_wheel(root: Path, folder: Path) -> None:
    """Write a wheel of the package of the lock that is asked for, and lock its digest."""
    wheel = write_wheel(folder, "pytest", "9.0.0")
    text = (root / "Pipfile.lock").read_text(encoding="utf-8")
    write(root, "Pipfile.lock", text.replace("2" * 64, digest_file(wheel)))


@pytest.mark.parametrize(
    ("password", "state"), [(RIGHT, "ok"), (WRONG, "problem"), ("", "problem"), (None, "problem")]
)
def test_a_first_job_tries_the_credential_that_publishes(  # noqa: PLR0913, PLR0917 - a table
    root: Path,
    nexus: RealIndex,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    password: str | None,
    state: str,
) -> None:
    bind(root, nexus.url)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    if password is not None:
        monkeypatch.setenv("TEAM_PASSWORD", password)

    checks = rows(root, capsys, "--ci", "--to", "team")

    # Anyone may read this index, so that reading says nothing of the password.
    assert checks["publish to team"][0] == state
    assert not [text for _, text in checks.values() if WRONG in text or RIGHT in text]
    assert nexus.published() == []


def test_a_first_job_without_an_index_says_so(root: Path, capsys: Capture) -> None:
    state, text = rows(root, capsys, "--ci")["index"]

    assert state == "warning"
    assert "embedded" in text


def test_the_folder_that_packages_come_from_is_asked(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    missing = rows(root, capsys, "--ci")["packages"]
    write_wheel(links, "pytest", "9.0.0")
    other = rows(root, capsys, "--ci")["packages"]
    lock_wheel(root, links)
    right = rows(root, capsys, "--ci")["packages"]

    assert [state for state, _ in (missing, other, right)] == ["problem", "problem", "ok"]
    assert "Hash mismatch" in other[1]


@pytest.mark.parametrize(("password", "state"), [(RIGHT, "ok"), (WRONG, "problem")])
def test_the_index_that_packages_come_from_is_asked_as_pip_would(  # noqa: PLR0913, PLR0917 - a table
    root: Path,
    shut_nexus: RealIndex,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    password: str,
    state: str,
) -> None:
    lock_wheel(root, shut_nexus.folder)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    address = shut_nexus.url.replace("://", f"://{shut_nexus.username}:{password}@")
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}simple/")

    checks = rows(root, capsys, "--ci")

    assert checks["packages"][0] == state
    assert password not in checks["packages"][1]


def test_each_bound_index_is_asked_for_a_package_of_its_own(
    root: Path, shut_nexus: RealIndex, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    lock_wheel(root, shut_nexus.folder)
    bind(root, shut_nexus.url, '"py*"')
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("TEAM_READ_USERNAME", shut_nexus.username)
    without = rows(root, capsys, "--ci")["packages of index team"]
    monkeypatch.setenv("TEAM_READ_PASSWORD", RIGHT)

    checks = rows(root, capsys, "--ci")

    assert without[0] == "problem"
    assert checks["packages of index team"][0] == "ok"
    assert "pytest==9.0.0" in checks["packages of index team"][1]
    assert checks["packages"][0] == "problem"


def test_an_index_is_asked_what_it_does(
    root: Path, nexus: RealIndex, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    bind(root, nexus.url)
    monkeypatch.setenv("TEAM_PASSWORD", RIGHT)

    checks = rows(root, capsys, "--to", "team")

    assert [name for name in checks if name.startswith("index team, ")] == [
        f"index team, {name}"
        for name in ("reading", "encoding", "unknown projects", "cached pages", "size of uploads",
                     "overwriting")
    ]  # fmt: skip
    assert nexus.published() == []
    assert main(["doctor", "--probe"]) == 2
    (root / "setup.py").unlink()
    assert rows(root, capsys, "--to", "team")["index team, asked"][0] == "problem"


def test_a_checkout_is_looked_at_with_git(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=me", "-c", "user.email=me@example.com")
        subprocess.run(("git", *identity, *words), cwd=root, check=True, capture_output=True)

    def look() -> dict[str, str]:
        main(["doctor", "--json", "--ci"])
        checks = json.loads(capsys.readouterr().out)["checks"]
        return {check["name"]: f"{check['state']}: {check['found']}" for check in checks}

    monkeypatch.setenv("PIP_NO_INDEX", "1")
    before = look()
    write(root, "data/größe.csv", "version https://git-lfs.github.com/spec/v1\nsize 9\n")
    git("init", "--quiet", "--initial-branch=work")
    git("add", "--all")
    git("commit", "--quiet", "--message=one")
    unknown = look()
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    known = look()

    assert before["large files"].startswith("warning: not checked")
    assert unknown["branch"].startswith("warning: work; nothing here says")
    assert known["branch"] == "ok: work; the default branch is main"
    assert known["large files"].startswith("problem: pointers")
    assert known["large files"].endswith("data/größe.csv")
