"""The private configuration file: readable by its owner, exact, and gone afterwards."""

from __future__ import annotations

import configparser
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainwheel.index.address import check_value
from trainwheel.index.pypirc import private_pypirc
from trainwheel.index.target import Target
from trainwheel.system.secrets import Secret

TARGET = Target(
    "nexus",
    "https://nexus/r/",
    "https://nexus/r/simple/",
    username=Secret("ci"),
    password=Secret("%(x)s #;=:ä"),
)
_DEAD = 2**22 + 1  # above the largest process number that Linux gives


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the system that only this test uses."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _read(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read(path, encoding="utf-8")
    return {name: dict(parser[name]) for name in parser.sections()}


def test_it_lists_the_index_with_exact_credentials_for_its_owner_alone() -> None:
    with private_pypirc(TARGET) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert _read(path) == {
            "distutils": {"index-servers": "nexus"},
            "nexus": {
                "repository": "https://nexus/r/",
                "username": "ci",
                "password": "%(x)s #;=:ä",
            },
        }


def test_an_open_index_gets_empty_credentials_for_twine_would_ask() -> None:
    with private_pypirc(Target("open", "https://x/", "https://x/simple/")) as path:
        assert _read(path)["open"]["username"] == _read(path)["open"]["password"] == ""


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_however_the_block_ends(
    error: type[BaseException] | None, system: Path
) -> None:
    try:
        with private_pypirc(TARGET) as path:
            assert path.exists()
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt, SystemExit):
        pass
    assert list(system.iterdir()) == []


@given(password=st.text(min_size=1, max_size=50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_accepted_password_survives_the_file(password: str) -> None:
    if check_value(password) is None:
        target = Target("x", "https://x/", "https://x/s/", None, Secret("u"), Secret(password))
        with private_pypirc(target) as path:
            assert _read(path)["x"]["password"] == password


@pytest.mark.parametrize(("name", "stays"), [
    (f"trainwheel-{_DEAD}-pypirc-abc", False), ("trainwheel-{own}-pypirc-abc", True),
    ("trainwheel-x-pypirc-abc", True), (f"trainwheel-{_DEAD}-environment", True),
    (f"other-{_DEAD}-pypirc-abc", True),
])  # fmt: skip
def test_only_the_leftover_of_a_dead_run_is_removed(
    name: str,
    stays: bool,  # noqa: FBT001 - a table
    system: Path,
) -> None:
    leftover = system / name.format(own=os.getpid())
    leftover.mkdir()
    (leftover / "pypirc").write_text("secret")
    with private_pypirc(TARGET):
        assert leftover.exists() is stays


def test_a_link_is_not_followed(system: Path) -> None:
    precious = system / "precious"
    precious.mkdir()
    (system / f"trainwheel-{_DEAD}-pypirc-abc").symlink_to(precious)
    with private_pypirc(TARGET):
        assert precious.exists()


def test_a_folder_that_another_container_still_uses_stays(system: Path) -> None:
    with private_pypirc(TARGET) as path:
        # Seen from a container with process numbers of its own, ours looks dead.
        moved = path.parent.rename(system / f"trainwheel-{_DEAD}-pypirc-abc")
        with private_pypirc(TARGET):
            assert moved.exists()
