"""What the session writes into the file that declares the requirements, and with which engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.guest import READ_METADATA
from trainwheel.install.pipenv_setup import PipenvSetup
from trainwheel.requirements.pins import SyncSettings
from trainwheel.steps.sync import ENGINES, choose_engine
from trainwheel.system.environ import Environment
from unit.recording_tools import Call
from unit.repository import PYPROJECT, SETUP_PY, make_repository, write, write_lock
from unit.steps.session import open_with

NEWER = SETUP_PY.replace("1.16.0", "1.17.0")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose lock is newer than its setup.py."""
    root = make_repository(tmp_path / "small")
    write_lock(root, six="==1.17.0")
    return root


def sync(root: Path, *flags: str) -> str:
    session = open_with(root, lambda _: "", *flags).step("sync")
    assert session.calls == []
    return session.output


def test_a_check_writes_nothing_and_a_sync_writes_once(root: Path) -> None:
    with pytest.raises(StepFailedError, match=r"setup\.py") as caught:
        sync(root, "check")
    assert "--check" in caught.value.hint
    assert (root / "setup.py").read_text() == SETUP_PY

    assert "updated" in sync(root)
    assert "agrees" in sync(root)
    assert "agrees" in sync(root, "check")
    assert (root / "setup.py").read_text() == NEWER


def built(answer: dict[str, list[str]]) -> Callable[[Call], str]:
    """Return what the script answers that asks the back end."""

    def write_answer(call: Call) -> str:
        assert (call.step, call.argv[2]) == ("package", str(READ_METADATA))
        Path(call.argv[4]).write_text(json.dumps(answer))
        return ""

    return write_answer


def test_the_back_end_is_asked_in_the_locked_environment(root: Path) -> None:
    flags = ("check", "built")
    session = open_with(root, built({"requires": ["Six<2,>=1.17.0"]}), *flags).step("sync")
    assert "built metadata agree" in session.output
    assert session.calls[0].argv[3] == str(root.resolve())
    assert (root / "setup.py").read_text() == SETUP_PY


@pytest.mark.parametrize(
    ("answer", "error", "names"),
    [
        ({"requires": ["six>=1.16"]}, StepFailedError, r"stand in setup\.py:\d+"),
        ({"missing": ["poetry-core", "x"]}, ConfigurationError, r"poetry-core, x, .*\[package\]"),
    ],
)
def test_what_is_built_otherwise_or_cannot_be_is_refused(
    root: Path, answer: dict[str, list[str]], error: type[TrainwheelError], names: str
) -> None:
    with pytest.raises(error, match=names):
        open_with(root, built(answer), "check", "built").step("sync")


@pytest.mark.parametrize("flags", [("built",), ("built", "check", "engine=pipenv-setup")])
def test_built_only_compares(root: Path, flags: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="with --check, and without --engine"):
        sync(root, *flags)


@pytest.mark.parametrize(("policy", "requirement"), [
    ("locked", "six==1.17.0"), ("direct", "six==1.17.0"), ("compatible", "six>=1.17.0,<2"),
])  # fmt: skip
def test_the_policy_is_that_of_the_configuration(root: Path, policy: str, requirement: str) -> None:
    write(root, "pyproject.toml", f'{PYPROJECT}sync.pins = "{policy}"\n')

    sync(root)

    assert f'"{requirement}"' in (root / "setup.py").read_text()


@pytest.mark.parametrize("name", ["pipenv_setup", "", "Trainwheel"])
def test_an_unknown_engine_is_named_with_those_that_exist(root: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sync(root, f"engine={name}")

    assert repr(name) in caught.value.message
    assert all(engine in caught.value.hint for engine in ENGINES)
    assert (root / "setup.py").read_text() == SETUP_PY


@pytest.mark.parametrize("pins", ["locked", "direct", "compatible", "declared"])
def test_our_engine_has_every_policy_and_the_real_one_two(pins: str) -> None:
    environment, store = Environment({"PATH": "/nowhere"}), Path("/store")
    settings = SyncSettings(pins=pins, extras={"dev": "dev-packages"})

    for name in (None, "trainwheel"):
        assert choose_engine(name, settings, store, environment) == (None, settings)
    real = PipenvSetup(store / "pipenv-setup", environment)
    expected = replace(settings, pins="declared" if pins == "declared" else "locked")
    assert choose_engine("pipenv-setup", settings, store, environment) == (real, expected)
