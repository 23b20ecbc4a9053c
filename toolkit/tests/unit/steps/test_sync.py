"""What the session writes into the file that lists the requirements, and with what."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.run import Options
from trainwheel.errors import ConfigurationError, LockfileError, StepFailedError
from trainwheel.install.pipenv_setup import PipenvSetup
from trainwheel.requirements.pins import SyncSettings
from trainwheel.steps.sync import ENGINES, STEP, choose_engine
from trainwheel.system.environ import Environment
from unit.recording_tools import RecordingTools
from unit.repository import PYPROJECT, SETUP_PY, make_repository, open_here, write, write_lock

ENVIRONMENT = Environment({"PATH": "/nowhere"})
NEWER = SETUP_PY.replace("1.16.0", "1.17.0")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose lock has moved on."""
    root = make_repository(tmp_path / "small")
    write_lock(root, six="==1.17.0")
    return root


def sync(root: Path, **values: str) -> str:
    stream, tools = io.StringIO(), RecordingTools()
    STEP.run(replace(open_here(root, stream=stream, tools=tools), options=Options(values)))
    assert tools.calls == []
    return stream.getvalue()


def test_the_file_is_written_once(root: Path) -> None:
    assert "updated" in sync(root)
    assert (root / "setup.py").read_text() == NEWER
    assert "agrees" in sync(root)
    assert (root / "setup.py").read_text() == NEWER


def test_a_check_shows_the_difference_and_writes_nothing(root: Path) -> None:
    with pytest.raises(StepFailedError, match=r"setup\.py") as caught:
        sync(root, check="")

    assert "--check" in caught.value.hint
    assert (root / "setup.py").read_text() == SETUP_PY
    sync(root)
    assert "agrees" in sync(root, check="")


@pytest.mark.parametrize(
    ("policy", "requirement"),
    [("locked", "six==1.17.0"), ("direct", "six==1.17.0"), ("compatible", "six>=1.17.0,<2")],
)
def test_the_policy_is_that_of_the_configuration(root: Path, policy: str, requirement: str) -> None:
    write(root, "pyproject.toml", f'{PYPROJECT}sync.pins = "{policy}"\n')

    sync(root)

    assert f'"{requirement}"' in (root / "setup.py").read_text()


def test_a_lock_that_is_not_of_this_pipfile_is_refused(root: Path) -> None:
    write(root, "Pipfile", '[packages]\nnumpy = "*"\n')

    with pytest.raises(LockfileError):
        sync(root)

    assert (root / "setup.py").read_text() == SETUP_PY


@pytest.mark.parametrize("name", ["pipenv_setup", "", "Trainwheel"])
def test_an_engine_that_is_unknown_is_named_with_those_that_are_known(
    root: Path, name: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sync(root, engine=name)

    assert repr(name) in caught.value.message
    assert all(known in caught.value.hint for known in ENGINES)
    assert (root / "setup.py").read_text() == SETUP_PY


@pytest.mark.parametrize("name", [None, "trainwheel"])
@pytest.mark.parametrize("pins", ["locked", "direct", "compatible", "declared"])
def test_ours_follows_every_policy(name: str | None, pins: str) -> None:
    settings = SyncSettings(pins=pins)

    assert choose_engine(name, settings, Path("/store"), ENVIRONMENT) == (None, settings)


@pytest.mark.parametrize(
    ("pins", "followed"),
    [
        ("locked", "locked"), ("direct", "locked"),
        ("compatible", "locked"), ("declared", "declared"),
    ],
)  # fmt: skip
def test_the_real_one_knows_two_policies_and_has_an_environment_of_its_own(
    pins: str, followed: str
) -> None:
    settings = SyncSettings(pins=pins, extras={"dev": "dev-packages"})

    engine, chosen = choose_engine("pipenv-setup", settings, Path("/store"), ENVIRONMENT)

    assert engine == PipenvSetup(Path("/store/pipenv-setup"), ENVIRONMENT)
    assert chosen == replace(settings, pins=followed)
