"""Which files are read, what is compared, and how the result is written or shown."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, LockfileError, StepFailedError
from trainwheel.requirements.pins import SyncSettings
from trainwheel.requirements.policy import Plan
from trainwheel.steps.shared.synced import Synced, examine, read_files, settle
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from unit.repository import PIPFILE, SETUP_PY, write, write_lock

LOCKED, DECLARED = SyncSettings(pins="locked"), SyncSettings(pins="declared")
DRIFTED = Synced("setup.py", b"old\n", b"new\n", Plan(()))
SAME = Synced("setup.py", b"old\n", b"old\n", Plan(()))


class Screen:
    """Keeps what is told, apart from what is shown."""

    def __init__(self) -> None:
        self.told, self.shown = io.StringIO(), io.StringIO()

    def settle(self, root: Path, synced: Synced, *, check: bool = False) -> None:
        told, shown = (Console(Environment(), stream) for stream in (self.told, self.shown))
        settle(root, synced, check=check, console=told, show=shown)


def test_only_files_that_can_list_requirements_are_read(root: Path) -> None:
    assert read_files(root).keys() == {"setup.py", "pyproject.toml"}
    write(root, "setup.cfg", "[metadata]\n")
    assert read_files(root).keys() == {"setup.py", "pyproject.toml", "setup.cfg"}


def test_a_file_that_cannot_be_read_is_named(root: Path) -> None:
    (root / "setup.py").unlink()
    (root / "setup.py").mkdir()

    with pytest.raises(ConfigurationError, match=r"setup\.py"):
        read_files(root)


def test_looking_writes_nothing(root: Path) -> None:
    write_lock(root, six="==1.17.0")

    synced = examine(root, SyncSettings())

    assert synced.has_drifted
    assert synced.before == (root / "setup.py").read_bytes() == SETUP_PY.encode()
    assert b"six>=1.17.0,<2" in synced.after


def test_locked_goes_without_a_pipfile(root: Path) -> None:
    (root / "Pipfile").unlink()

    assert b'"six==1.16.0"' in examine(root, LOCKED).after
    with pytest.raises(LockfileError, match="Pipfile"):
        examine(root, SyncSettings())


def test_declared_goes_without_a_lock(root: Path) -> None:
    (root / "Pipfile.lock").unlink()

    assert b'"six"' in examine(root, DECLARED).after
    with pytest.raises(LockfileError, match=r"Pipfile\.lock"):
        examine(root, SyncSettings())


@pytest.mark.parametrize("settings", [LOCKED, SyncSettings()], ids=["locked", "compatible"])
def test_a_lock_of_another_pipfile_is_refused_wherever_the_lock_is_used(
    root: Path, settings: SyncSettings
) -> None:
    write(root, "Pipfile", PIPFILE.replace('six = "*"', 'six = ">=1.16"'))

    with pytest.raises(LockfileError):
        examine(root, settings)
    assert b'"six>=1.16"' in examine(root, DECLARED).after


def test_a_secret_in_the_lock_is_refused_even_where_the_lock_is_not_used(root: Path) -> None:
    text = (root / "Pipfile.lock").read_text()
    source = '"sources": [{"name": "x", "url": "https://me:s3cret@mirror.example.com/simple"}]'
    write(root, "Pipfile.lock", text.replace('"sources": []', source))

    with pytest.raises(ConfigurationError) as caught:
        examine(root, DECLARED)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["Pipfile", "Pipfile.lock"])
def test_a_file_of_another_encoding_is_named(root: Path, name: str) -> None:
    (root / name).write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match=f"{name} is not UTF-8"):
        examine(root, SyncSettings())


@pytest.mark.parametrize("name", ["Pipfile", "Pipfile.lock"])
def test_a_byte_order_mark_is_no_part_of_a_file(root: Path, name: str) -> None:
    (root / name).write_bytes(b"\xef\xbb\xbf" + (root / name).read_bytes())

    assert not examine(root, SyncSettings()).has_drifted


def test_another_engine_gets_the_files_and_the_settings_and_has_the_last_word(root: Path) -> None:
    asked: list[tuple[frozenset[str], SyncSettings]] = []

    def edit(files: Mapping[str, bytes], settings: SyncSettings) -> bytes:
        asked.append((frozenset(files), settings))
        return b"edited"

    synced = examine(root, LOCKED, edit)

    assert synced == Synced("setup.py", SETUP_PY.encode(), b"edited", Plan(()))
    assert asked == [(frozenset({"setup.py", "pyproject.toml", "Pipfile", "Pipfile.lock"}), LOCKED)]


def test_what_agrees_is_told_and_left(root: Path) -> None:
    (root / "setup.py").chmod(0o444)
    screen = Screen()

    screen.settle(root, SAME)
    screen.settle(root, SAME, check=True)

    assert "agrees" in screen.told.getvalue()
    assert screen.shown.getvalue() == ""


def test_a_difference_is_shown_apart_from_what_is_told(root: Path) -> None:
    screen, before = Screen(), (root / "setup.py").read_bytes()

    with pytest.raises(StepFailedError, match=r"setup\.py"):
        screen.settle(root, DRIFTED, check=True)

    assert screen.told.getvalue() == ""
    assert {"-old", "+new"} <= {*screen.shown.getvalue().splitlines()}
    assert (root / "setup.py").read_bytes() == before


def test_notices_come_whether_the_file_is_written_or_not(root: Path) -> None:
    for synced in (SAME, DRIFTED):
        screen = Screen()
        noticed = Synced("setup.py", synced.before, synced.after, Plan((), notices=("mind it",)))
        screen.settle(root, noticed)
        assert screen.told.getvalue().startswith("notice: mind it\n")


def test_a_file_that_may_not_be_written_is_named_and_stays(root: Path) -> None:
    (root / "setup.py").chmod(0o444)

    with pytest.raises(ConfigurationError, match=r"setup\.py is read-only"):
        Screen().settle(root, DRIFTED)

    assert (root / "setup.py").read_text() == SETUP_PY


def test_a_file_that_went_away_meanwhile_is_named(root: Path) -> None:
    (root / "setup.py").unlink()

    with pytest.raises(ConfigurationError, match=r"setup\.py"):
        Screen().settle(root, DRIFTED)

    assert not (root / "setup.py").exists()


def test_the_file_behind_a_link_is_written_and_keeps_its_mode(root: Path, tmp_path: Path) -> None:
    real = write(tmp_path, "shared/setup.py", "old\n")
    real.chmod(0o755)
    (root / "setup.py").unlink()
    (root / "setup.py").symlink_to(real)

    Screen().settle(root, DRIFTED)

    assert (root / "setup.py").is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == ("new\n", 0o755)
