"""Environments are made by the real uv, from files on this disk."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.watching import read_observed, watch
from trainwheel.errors import NoEnvironmentError, StepFailedError
from trainwheel.index.pip import UvSettings
from trainwheel.install.bytecode import site_packages
from trainwheel.install.environments import (
    Installer,
    MachineSettings,
    python_of,
    uv_cache_or_fallback,
)
from trainwheel.install.stamp import COMPARED, Seen, renew
from trainwheel.system.command import Command
from trainwheel.system.environ import Environment
from trainwheel.system.process import run
from unit.wheels import rewrite, write_wheel

OFFLINE = UvSettings({"UV_OFFLINE": "1", "UV_NO_CONFIG": "1"})


@pytest.fixture
def installer(tmp_path: Path) -> Installer:
    """What installs from this disk only."""
    environment = Environment({"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    cache = UvSettings({**OFFLINE.variables, "UV_CACHE_DIR": str(tmp_path / "cache")})
    return Installer(environment, tmp_path / "log" / "step.log", cache)


def requirement(wheel: Path, digest: str | None = None) -> str:
    """Return the line that installs a wheel by its digest."""
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{wheel.name.partition('-')[0]} @ {wheel.as_uri()} --hash=sha256:{digest}\n"


def can_import(python: Path, module: str) -> bool:
    """Return whether an interpreter finds a module."""
    command = Command((str(python), "-I", "-c", f"import {module}"))
    return not run(command, Environment()).failed


def test_the_interpreter_stands_where_a_virtual_environment_has_it() -> None:
    assert python_of(Path("env")) == Path("env/bin/python")


def test_an_environment_holds_what_is_required_and_nothing_else(
    installer: Installer, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels")

    python = installer.ensure(tmp_path / "env", requirement(wheel))

    assert python == python_of(tmp_path / "env")
    assert can_import(python, "tiny_model")
    assert not can_import(python, "trainwheel")


def test_an_environment_is_kept_while_its_requirements_stay(
    installer: Installer, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels")
    other = write_wheel(tmp_path / "wheels", "other_model")
    installer.ensure(tmp_path / "env", requirement(wheel))
    mark = tmp_path / "env" / "mark"
    mark.touch()

    installer.ensure(tmp_path / "env", requirement(wheel))
    assert mark.exists()

    python = installer.ensure(tmp_path / "env", requirement(other))
    assert not mark.exists()
    assert can_import(python, "other_model")
    assert not can_import(python, "tiny_model")


def later(
    installer: Installer, notices: list[str] | None = None, variables: Mapping[str, str] = {}
) -> Installer:
    """Return the installer of another run, which keeps what it says."""
    variables = {**installer.environment.variables, **variables}
    notice = ([] if notices is None else notices).append
    return replace(installer, environment=Environment(variables), seen=Seen(), notice=notice)


@pytest.mark.parametrize("lost", ["bin/python", ".trainwheel-stamp"])
def test_an_environment_that_is_not_whole_is_made_anew(
    installer: Installer, tmp_path: Path, lost: str
) -> None:
    python = installer.ensure(tmp_path / "env", "")
    (tmp_path / "env" / "mark").touch()
    (tmp_path / "env" / lost).unlink()

    later(installer).ensure(tmp_path / "env", "")

    assert can_import(python, "json")
    assert not (tmp_path / "env" / "mark").exists()


def test_a_change_is_named_once_and_mended_in_the_next_run(
    installer: Installer, tmp_path: Path
) -> None:
    home, notices = tmp_path / "env", list[str]()
    line = requirement(write_wheel(tmp_path / "wheels"))
    evil = write_wheel(tmp_path / "wheels", "evil", "1.0")
    python = installer.ensure(home, line)
    installer.install(python, requirement(evil))

    assert can_import(installer.ensure(home, line), "evil")
    for _ in range(2):
        later(installer, notices).ensure(home, line)

    assert not can_import(python, "evil")
    assert notices == ["the environment env has changed: evil 1.0 was added; it is made again"]


def test_each_environment_watches_a_process_that_is_to_be_watched(
    installer: Installer, tmp_path: Path
) -> None:
    home, folder = tmp_path / "env", tmp_path / "watched"
    python = installer.ensure(home, "")
    (site_packages(home) / "_trainwheel_watch.py").unlink()
    (home / "mark").touch()
    later(installer).ensure(home, "")
    read = tmp_path / "read.txt"
    read.touch()

    with installer.throw_away() as other, watch(folder, tmp_path, ()):
        for each in (python, python_of(other / "env")):
            argv = (str(each), "-I", "-c", f"open({str(read)!r})")
            command = Command(argv, env={"TRAINWHEEL_WATCH": str(folder)})
            assert not run(command, Environment()).failed

    observed = read_observed(folder, tmp_path)
    assert "read.txt" in observed.files
    assert observed.processes == 2
    assert (home / "mark").exists()


def test_an_interpreter_that_is_gone_is_named(installer: Installer, tmp_path: Path) -> None:
    installer.ensure(tmp_path / "env", "").unlink()
    notices = list[str]()

    assert can_import(later(installer, notices).ensure(tmp_path / "env", ""), "json")

    assert "its interpreter is gone" in notices[0]


@pytest.mark.parametrize(
    ("variables", "hours", "value"),
    [({}, 2, "2"), ({"CI": "1"}, 2, "1"), ({"CI": "1"}, 0, "2"), ({"CI": "1"}, -2, "1")],
)
def test_in_ci_every_file_is_compared_once_in_an_hour(
    installer: Installer, tmp_path: Path, variables: dict[str, str], hours: int, value: str
) -> None:
    home, line = tmp_path / "env", requirement(write_part(tmp_path))
    installer.ensure(home, line)
    part_of(home).write_bytes(b"VALUE = 2\n")
    renew(home, time.time_ns() + 10**9)
    os.utime(home / COMPARED, (time.time() - hours * 3600,) * 2)

    later(installer, variables=variables).ensure(home, line)

    assert part_of(home).read_text() == f"VALUE = {value}\n"


def write_part(tmp_path: Path) -> Path:
    return write_wheel(tmp_path / "wheels", members={"tiny_model/part.py": b"VALUE = 1\n"})


def part_of(home: Path) -> Path:
    return site_packages(home) / "tiny_model" / "part.py"


def test_an_edit_reaches_neither_the_cache_nor_another_environment(
    installer: Installer, tmp_path: Path
) -> None:
    first, second, line = tmp_path / "first", tmp_path / "second", requirement(write_part(tmp_path))
    environment = Environment({**installer.environment.variables, "UV_LINK_MODE": "symlink"})
    installer = replace(installer, environment=environment)
    for home in (first, second):
        installer.ensure(home, line)

    part_of(first).write_bytes(b"VALUE = 2\n")

    (cached,) = (tmp_path / "cache").glob("archive-v0/*/tiny_model/part.py")
    assert {cached.read_bytes(), part_of(second).read_bytes()} == {b"VALUE = 1\n"}
    later(installer).ensure(first, line)
    assert part_of(first).read_bytes() == b"VALUE = 1\n"


def test_a_cache_that_was_edited_is_filled_again(installer: Installer, tmp_path: Path) -> None:
    line, notices = requirement(write_part(tmp_path)), list[str]()
    installer.ensure(tmp_path / "first", line)
    (cached,) = (tmp_path / "cache").glob("archive-v0/*/tiny_model/part.py")
    cached.write_bytes(b"VALUE = 2\n")

    later(installer, notices).ensure(tmp_path / "second", line)

    assert part_of(tmp_path / "second").read_bytes() == b"VALUE = 1\n"
    (cached,) = (tmp_path / "cache").glob("archive-v0/*/tiny_model/part.py")
    assert cached.read_bytes() == b"VALUE = 1\n"
    assert notices == ["uv's cache has been edited, so it is filled again: tiny-model"]


def test_a_wheel_whose_record_is_not_true_is_installed_as_it_is(
    installer: Installer, tmp_path: Path
) -> None:
    wheel = rewrite(write_part(tmp_path), part=b"VALUE = 2\n")
    notices = list[str]()
    for _ in range(2):
        later(installer, notices, {"CI": "1"}).ensure(tmp_path / "env", requirement(wheel))

    assert part_of(tmp_path / "env").read_bytes() == b"VALUE = 2\n"
    assert len(notices) == 1


def test_an_environment_that_was_moved_is_made_anew(installer: Installer, tmp_path: Path) -> None:
    installer.ensure(tmp_path / "env", "")
    (tmp_path / "env").rename(tmp_path / "moved")
    (tmp_path / "moved" / "mark").touch()

    later(installer).ensure(tmp_path / "moved", "")

    assert not (tmp_path / "moved" / "mark").exists()


def test_an_environment_that_cannot_be_written_is_one_line(
    installer: Installer, tmp_path: Path
) -> None:
    (tmp_path / "env").touch()

    with pytest.raises(NoEnvironmentError, match="env"):
        installer.ensure(tmp_path / "env", "")


def test_other_bytes_than_were_locked_are_not_installed(
    installer: Installer, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels")

    with pytest.raises(StepFailedError, match=r"uv pip install: .*(?i:hash)"):
        installer.ensure(tmp_path / "env", requirement(wheel, "0" * 64))

    assert not (tmp_path / "env" / ".trainwheel-stamp").exists()


def test_a_requirement_without_a_digest_is_not_installed(
    installer: Installer, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels")

    with pytest.raises(StepFailedError, match=r"uv pip install: .*(?i:hash)"):
        installer.ensure(tmp_path / "env", f"tiny_model @ {wheel.as_uri()}\n")


def test_what_is_installed_must_fit_together(installer: Installer, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", requires=["missing-package>=2"])
    python = installer.create(tmp_path / "env")
    installer.install(python, requirement(wheel), "--no-deps")

    with pytest.raises(StepFailedError, match=r"uv pip check: .*missing-package"):
        installer.check(python)


def test_a_throw_away_environment_is_empty_and_gone_afterwards(installer: Installer) -> None:
    with installer.throw_away() as folder:
        assert can_import(python_of(folder / "env"), "json")
        assert not can_import(python_of(folder / "env"), "pytest")
        assert [path.name for path in folder.iterdir()] == ["env"]

    assert not folder.exists()


def test_what_uv_printed_is_kept_in_the_log(installer: Installer, tmp_path: Path) -> None:
    installer.create(tmp_path / "env")

    assert installer.log is not None
    assert f"venv --quiet --python {sys.executable}" in installer.log.read_text(encoding="utf-8")


def test_the_settings_of_this_machine_come_from_pip_itself(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.invalid/simple\n")
    variables = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}

    found = Installer(Environment(variables)).settings.variables

    assert found["UV_DEFAULT_INDEX"] == "https://mirror.invalid/simple"


def test_pip_is_asked_only_where_something_is_installed(tmp_path: Path) -> None:
    environment = Environment({"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    machine = MachineSettings(environment)
    installer = Installer(environment, machine=machine)

    installer.check(installer.create(tmp_path / "env"))
    assert not machine._known  # noqa: SLF001

    line = requirement(write_wheel(tmp_path / "wheels"))
    installer.install(python_of(tmp_path / "env"), line, "--no-index")
    assert machine._known  # noqa: SLF001


def test_a_configuration_of_uv_is_left_in_charge(tmp_path: Path) -> None:
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config" / "uv" / "uv.toml").touch()
    variables = {"HOME": str(tmp_path), "PIP_INDEX_URL": "https://mirror.invalid/simple"}

    found = Installer(Environment(variables)).settings.variables

    assert "UV_DEFAULT_INDEX" not in found


@pytest.fixture
def uv_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore what a test may set for the whole process."""
    monkeypatch.setenv("UV_CACHE_DIR", "untouched")


@pytest.mark.usefixtures("uv_cache")
@pytest.mark.parametrize(
    ("variables", "moved"),
    [
        ({"HOME": "home"}, False),
        ({"HOME": "file/home"}, True),
        ({"HOME": "file"}, True),
        ({"HOME": "file/home", "XDG_CACHE_HOME": "caches"}, False),
        ({"HOME": "home", "XDG_CACHE_HOME": "file/caches"}, True),
        ({"HOME": "file/home", "UV_CACHE_DIR": "own"}, False),
    ],
)
def test_the_cache_moves_only_where_its_own_place_cannot_be_made(
    tmp_path: Path, variables: dict[str, str], *, moved: bool
) -> None:
    (tmp_path / "file").touch()
    placed = {name: str(tmp_path / value) for name, value in variables.items()}

    uv_cache_or_fallback(Environment(placed), tmp_path / "fallback")

    assert os.environ["UV_CACHE_DIR"] == (str(tmp_path / "fallback") if moved else "untouched")
