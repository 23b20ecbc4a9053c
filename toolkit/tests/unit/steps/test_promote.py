"""What is promoted, and from where to where, as far as it needs no server."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.run import Options, Run
from trainwheel.errors import ConfigurationError, TrainwheelError
from trainwheel.index.registry import Registry
from trainwheel.install.environments import Installer
from trainwheel.steps.promote import STEP, check_indexes, promote
from trainwheel.steps.shared.publish import Publisher
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from unit.model_wheels import write_model_wheel
from unit.recording_tools import RecordingTools
from unit.repository import PYPROJECT, make_repository, open_here, write
from unit.wheels import write_wheel

TABLE = '\n[tool.trainwheel.index.corporate]\nurl = "https://corporate.invalid/models/"\n'


class ServedError(Exception):
    """An index was about to be served: the one in the folder of this name."""


def publisher(folder: Path) -> Publisher:
    def no_python() -> Path:
        raise ServedError(folder.name)

    environment = Environment()
    console = Console(environment, io.StringIO())
    return Publisher(environment, console, Registry(None, folder), no_python)


def promote_between(
    tmp_path: Path, version: str | None = None, project: str = "small-model"
) -> None:
    source, target = publisher(tmp_path / "staging"), publisher(tmp_path / "production")
    promote(project, version, source, target, Installer(Environment()))


def test_two_indexes_are_named() -> None:
    assert check_indexes("staging", "production") == ("staging", "production")


@pytest.mark.parametrize(
    ("source", "target", "named"),
    [
        (None, "b", "--from"),
        ("", "b", "--from"),
        ("a", None, "--to"),
        ("a", "", "--to"),
        (None, None, "--from"),
        ("a", "a", "itself"),
    ],
)
def test_one_index_is_not_enough(source: str | None, target: str | None, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        check_indexes(source, target)


@pytest.mark.parametrize("version", [None, "0.1.0"])
def test_an_index_without_the_project_has_nothing_to_promote(
    tmp_path: Path, version: str | None
) -> None:
    write_wheel(tmp_path / "staging", "other_model", "0.1.0")

    with pytest.raises(
        ConfigurationError, match=r"small-model .*is not published in the embedded index"
    ):
        promote_between(tmp_path, version)


def test_a_release_that_is_not_there_is_named_with_the_newest(tmp_path: Path) -> None:
    for version in ("0.1.9", "0.1.10", "0.2.0rc1"):
        write_model_wheel(tmp_path / "staging", version)

    with pytest.raises(ConfigurationError) as caught:
        promote_between(tmp_path, "0.1.11")

    assert "0.1.11" in caught.value.message
    assert caught.value.hint.endswith("0.1.10")


def test_a_version_that_is_none_is_refused(tmp_path: Path) -> None:
    write_model_wheel(tmp_path / "staging")

    with pytest.raises(ConfigurationError, match="'latest'"):
        promote_between(tmp_path, "latest")


@pytest.mark.parametrize(
    ("published", "version", "chosen"),
    [
        (("0.1.9", "0.1.10"), None, "0.1.10"),
        (("0.1.0", "0.2.0rc1"), None, "0.1.0"),
        (("0.2.0rc1", "0.2.0.dev3"), None, "0.2.0rc1"),
        (("0.1.0", "0.2.0rc1"), "0.2.0RC1", "0.2.0rc1"),
        (("0.1.0", "0.2.0"), "0.1", "0.1.0"),
        (("0.1.0", "1!0.0.1"), None, "1!0.0.1"),
    ],
)
def test_the_newest_final_release_is_promoted_unless_another_is_named(
    tmp_path: Path, published: tuple[str, ...], version: str | None, chosen: str
) -> None:
    # Without its golden predictions a wheel is refused by its name, before any server starts.
    for each in published:
        write_wheel(tmp_path / "staging", "small_model", each)

    with pytest.raises(ConfigurationError) as caught:
        promote_between(tmp_path, version)

    assert f"small_model-{chosen}-py3-none-any.whl" in caught.value.message


@pytest.mark.parametrize("name", ["Small.Model", "small_model"])
def test_what_is_promoted_is_verified_first_and_nothing_has_arrived(
    tmp_path: Path, name: str
) -> None:
    write_model_wheel(tmp_path / "staging")

    with pytest.raises(ServedError, match="staging"):
        promote_between(tmp_path, project=name)

    assert not (tmp_path / "production").exists()


def test_a_record_of_another_release_is_refused(tmp_path: Path) -> None:
    wheel = write_model_wheel(tmp_path / "staging", "0.1.0")
    wheel.rename(wheel.with_name("small_model-0.1.5-py3-none-any.whl"))

    with pytest.raises(ConfigurationError, match=r"carries the record of small-model 0\.1\.0"):
        promote_between(tmp_path, "0.1.5")


def run_with(tmp_path: Path, values: dict[str, str], names: tuple[str, ...] = ()) -> Run:
    root = make_repository(tmp_path / "small")
    write(root, "pyproject.toml", PYPROJECT + TABLE)
    run = open_here(root, tools=RecordingTools())
    return replace(run, options=Options(values, names))


@pytest.mark.parametrize(
    ("values", "names", "named"),
    [
        ({}, (), "--from"),
        ({"from": "embedded"}, (), "--to"),
        ({"from": "embedded", "to": "embedded"}, (), "itself"),
        ({"from": "embedded", "to": "corporat"}, (), "'corporat'"),
        ({"from": "embedded", "to": "corporate"}, ("0.1", "0.2"), "one version, but 2"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused_before_anything_is_asked(
    tmp_path: Path, values: dict[str, str], names: tuple[str, ...], named: str
) -> None:
    with pytest.raises(TrainwheelError, match=named) as caught:
        STEP.run(run_with(tmp_path, values, names))

    assert isinstance(caught.value, ConfigurationError)
