"""Which files are read and compared, and how the result is written or shown."""

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

COMPATIBLE, LOCKED, DECLARED = (SyncSettings(pins) for pins in ("compatible", "locked", "declared"))
SAME, DRIFTED = (Synced("setup.py", b"old\n", after, Plan(())) for after in (b"old\n", b"new\n"))


class Screen:
    """Keeps outcomes and differences apart."""

    def __init__(self) -> None:
        self.outcome, self.difference = io.StringIO(), io.StringIO()

    def settle(self, root: Path, state: Synced, *, check: bool = False) -> None:
        console, show = (
            Console(Environment(), stream) for stream in (self.outcome, self.difference)
        )
        settle(root, state, check=check, console=console, show=show)


def test_only_files_that_can_declare_requirements_are_read(root: Path) -> None:
    assert read_files(root).keys() == {"setup.py", "pyproject.toml"}
    write(root, "setup.cfg", "[metadata]\n")
    assert read_files(root).keys() == {"setup.py", "pyproject.toml", "setup.cfg"}

    (root / "setup.py").unlink()
    (root / "setup.py").mkdir()
    with pytest.raises(ConfigurationError, match=r"setup\.py"):
        read_files(root)


def test_examining_writes_nothing(root: Path) -> None:
    write_lock(root, six="==1.17.0")

    state = examine(root, COMPATIBLE)

    assert state.has_drifted
    assert state.before == (root / "setup.py").read_bytes() == SETUP_PY.encode()
    assert b"six>=1.17.0,<2" in state.after


@pytest.mark.parametrize(("name", "settings", "requirement"), [
    ("Pipfile", LOCKED, b'"six==1.16.0"'), ("Pipfile.lock", DECLARED, b'"six"'),
])  # fmt: skip
def test_a_policy_needs_only_the_file_that_it_reads(
    root: Path, name: str, settings: SyncSettings, requirement: bytes
) -> None:
    (root / name).unlink()

    assert requirement in examine(root, settings).after
    with pytest.raises(LockfileError, match=name.replace(".", r"\.")):
        examine(root, COMPATIBLE)


def test_the_lock_of_another_pipfile_is_refused_wherever_the_lock_is_used(root: Path) -> None:
    write(root, "Pipfile", PIPFILE.replace('six = "*"', 'six = ">=1.16"'))

    for settings in (LOCKED, COMPATIBLE):
        with pytest.raises(LockfileError):
            examine(root, settings)
    assert b'"six>=1.16"' in examine(root, DECLARED).after


def test_a_secret_in_the_lock_is_refused_even_if_the_lock_is_not_used(root: Path) -> None:
    text = (root / "Pipfile.lock").read_text()
    source = '"sources": [{"name": "x", "url": "https://me:s3cret@mirror.example.com/simple"}]'
    write(root, "Pipfile.lock", text.replace('"sources": []', source))

    with pytest.raises(ConfigurationError) as caught:
        examine(root, DECLARED)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "line", "place"),
    [
        ("Pipfile", "# https://me:s3cret@x.example/simple", "Pipfile has a password .* in line 14"),
        ("setup.py", "DOCS = 'https://x.example/?sig=s3cret'", r"setup\.py has a token"),
        ("setup.py", "DOCS = f'https://{user}:s3cret@x.example'", r"setup\.py has a password"),
        ("setup.cfg", "[metadata]\nurl = https://s3cret@x.example/", r"setup\.cfg .* in line 2"),
        (
            "pyproject.toml",
            "# git+https://x.example/r#token=s3cret",
            r"pyproject\.toml has a token",
        ),
    ],
)
def test_a_secret_in_any_line_of_a_file_is_refused(
    root: Path, name: str, line: str, place: str
) -> None:
    path = root / name
    text = path.read_text() if path.exists() else ""
    path.write_text(f"{text}{line}\n")

    with pytest.raises(LockfileError, match=place) as caught:
        examine(root, DECLARED)
    assert "s3cret" not in str(caught.value)


def test_what_a_program_puts_into_an_address_is_not_a_secret(root: Path) -> None:
    lines = (
        "A = f'https://{user}:{os.environ[PASS]}@x.example/'",
        "B = 'https://%s:%(password)s@x.example/?token=%s' % C",
        "D = 'postgresql://scott:tiger@127.0.0.1:5432/test'",
        "# write to <me@x.example> or git@x.example:o/r.git, see https://<user>:<pw>@x.example",
    )
    write(root, "setup.py", "\n".join((SETUP_PY, *lines, "")))

    assert examine(root, DECLARED).has_drifted


def test_a_secret_that_sync_takes_out_is_no_reason_to_refuse(root: Path) -> None:
    old = "install_requires=['six @ https://me:s3cret@x.example/six.whl']"
    write(root, "setup.py", f"from setuptools import setup\nsetup({old})\n")

    assert b"s3cret" not in examine(root, DECLARED).after


@pytest.mark.parametrize("name", ["Pipfile", "Pipfile.lock"])
def test_a_file_is_utf_8_with_or_without_a_byte_order_mark(root: Path, name: str) -> None:
    (root / name).write_bytes(b"\xef\xbb\xbf" + (root / name).read_bytes())
    assert not examine(root, COMPATIBLE).has_drifted

    (root / name).write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=f"{name} is not UTF-8"):
        examine(root, COMPATIBLE)


def test_another_engine_gets_files_and_settings_and_returns_the_content(root: Path) -> None:
    def edit(files: Mapping[str, bytes], settings: SyncSettings) -> bytes:
        assert files.keys() == {"setup.py", "pyproject.toml", "Pipfile", "Pipfile.lock"}
        assert settings == LOCKED
        return b"edited"

    state = examine(root, LOCKED, edit)

    assert state == Synced("setup.py", SETUP_PY.encode(), b"edited", Plan(()))


def test_a_file_that_agrees_is_not_written(root: Path) -> None:
    (root / "setup.py").chmod(0o444)
    screen = Screen()

    screen.settle(root, SAME)
    screen.settle(root, SAME, check=True)

    assert "agrees" in screen.outcome.getvalue()
    assert screen.difference.getvalue() == ""


def test_a_check_shows_the_difference_and_writes_nothing(root: Path) -> None:
    screen = Screen()

    with pytest.raises(StepFailedError, match=r"setup\.py"):
        screen.settle(root, DRIFTED, check=True)

    assert screen.outcome.getvalue() == ""
    assert {"-old", "+new"} <= {*screen.difference.getvalue().splitlines()}
    assert (root / "setup.py").read_text() == SETUP_PY


@pytest.mark.parametrize("after", [b"old\n", b"new\n"])
def test_notices_are_printed_first_in_any_case(root: Path, after: bytes) -> None:
    screen = Screen()

    screen.settle(root, Synced("setup.py", b"old\n", after, Plan((), notices=("mind it",))))

    assert screen.outcome.getvalue().startswith("notice: mind it\n")


def test_a_file_that_cannot_be_written_is_named(root: Path) -> None:
    (root / "setup.py").chmod(0o444)
    with pytest.raises(ConfigurationError, match=r"setup\.py is read-only"):
        Screen().settle(root, DRIFTED)
    assert (root / "setup.py").read_text() == SETUP_PY

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
