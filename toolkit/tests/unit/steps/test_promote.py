"""Which release is promoted, from where to where, as far as it needs no server."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.run import Options
from trainwheel.errors import ConfigurationError
from trainwheel.index.registry import Registry
from trainwheel.install.environments import Installer
from trainwheel.steps.promote import STEP, promote
from trainwheel.steps.shared.publish import Publisher
from trainwheel.steps.shared.receipt import Receipts
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from unit.model_wheels import write_model_wheel
from unit.recording_tools import RecordingTools
from unit.repository import PYPROJECT, open_here, write
from unit.wheels import write_wheel

TABLE = '\n[tool.trainwheel.index.corporate]\nurl = "https://corporate.invalid/models/"\n'


class ServedError(Exception):
    """An index was about to be served: the one in the folder of this name."""


def publisher(folder: Path) -> Publisher:
    def no_python() -> Path:
        raise ServedError(folder.name)

    environment = Environment()
    console = Console(environment, io.StringIO())
    receipts = Receipts(folder, None, lambda _: ())
    return Publisher(environment, console, Registry(None, folder), no_python, receipts)


def promote_between(folder: Path, version: str | None = None, project: str = "small-model") -> None:
    source, target = publisher(folder / "staging"), publisher(folder / "production")
    promote(project, version, source, target, Installer(Environment()))


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (None, "not published"),
        ("0.1.0", "not published"),
        ("0.1.11", "0.1.11"),
        ("latest", "'latest'"),
        ("0.1.5", "0.1.0"),
    ],
    ids=["no project", "no project, named", "no release", "no version", "of another release"],
)
def test_a_release_that_cannot_be_promoted_is_refused_in_one_line(
    tmp_path: Path, version: str | None, name: str, sentence: Callable[[object], None]
) -> None:
    if name == "not published":
        write_wheel(tmp_path / "staging", "other_model", "0.1.0")
    else:
        for number in ("0.1.9", "0.1.10", "0.2.0rc1"):
            write_model_wheel(tmp_path / "staging", number)
        wheel = write_model_wheel(tmp_path / "staging", "0.1.0")
        wheel.rename(wheel.with_name("small_model-0.1.5-py3-none-any.whl"))

    with pytest.raises(ConfigurationError) as caught:
        promote_between(tmp_path, version)

    assert name in caught.value.message
    sentence(caught.value)


@pytest.mark.parametrize(("versions", "version", "expected"), [
    (("0.1.9", "0.1.10"), None, "0.1.10"), (("0.1.0", "0.2.0rc1"), None, "0.1.0"),
    (("0.2.0rc1", "0.2.0.dev3"), None, "0.2.0rc1"), (("0.1.0", "0.2.0rc1"), "0.2.0RC1", "0.2.0rc1"),
    (("0.1.0", "0.2.0"), "0.1", "0.1.0"), (("0.1.0", "1!0.0.1"), None, "1!0.0.1"),
])  # fmt: skip
def test_the_newest_final_release_is_promoted_unless_another_is_named(
    tmp_path: Path, versions: tuple[str, ...], version: str | None, expected: str
) -> None:
    # A wheel without golden predictions is refused by its name, before any server starts.
    for number in versions:
        write_wheel(tmp_path / "staging", "small_model", number)

    with pytest.raises(ConfigurationError) as caught:
        promote_between(tmp_path, version)

    assert f"small_model-{expected}-py3-none-any.whl" in caught.value.message


@pytest.mark.parametrize("name", ["Small.Model", "small_model"])
def test_the_source_is_verified_before_anything_is_uploaded(tmp_path: Path, name: str) -> None:
    write_model_wheel(tmp_path / "staging")

    with pytest.raises(ServedError, match="staging"):
        promote_between(tmp_path, project=name)

    assert not (tmp_path / "production").exists()


@pytest.mark.parametrize(("source", "target", "names", "word"), [
    (None, "b", (), "--from"), ("", "b", (), "--from"), ("embedded", None, (), "--to"),
    ("embedded", "", (), "--to"), ("embedded", "embedded", (), "itself"),
    ("embedded", "corporat", (), "'corporat'"),
    ("embedded", "corporate", ("0.1", "0.2"), "one version"),
])  # fmt: skip
def test_wrong_options_are_refused_before_any_index_is_asked(
    root: Path, source: str | None, target: str | None, names: tuple[str, ...], word: str
) -> None:
    write(root, "pyproject.toml", PYPROJECT + TABLE)
    values = {"from": source, "to": target}
    options = Options({name: value for name, value in values.items() if value is not None}, names)

    with pytest.raises(ConfigurationError, match=word):
        STEP.run(replace(open_here(root, tools=RecordingTools()), options=options))
