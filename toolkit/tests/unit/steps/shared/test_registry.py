"""The index that a run releases to."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, MissingCredentialsError
from trainwheel.steps.shared.registry import registry_of
from unit.repository import PYPROJECT, make_repository, open_here, write

TABLE = """
[tool.trainwheel.index.corporate]
url = "https://corporate.invalid/models/"
username-env = "CORPORATE_USER"
password-env = "CORPORATE_PASSWORD"
read-username-env = "READER"
read-password-env = "READER_PASSWORD"
"""
WRITER = {"CORPORATE_USER": "writer", "CORPORATE_PASSWORD": "writes-it-all"}
READER = {"READER": "reader", "READER_PASSWORD": "reads-it-all"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository with an index of its own."""
    root = make_repository(tmp_path / "small")
    write(root, "pyproject.toml", PYPROJECT + TABLE)
    return root


def test_by_default_it_is_the_folder_in_the_work_tree(root: Path) -> None:
    run = open_here(root)

    registry = registry_of(run, None)

    assert registry.target is None
    assert registry.folder == root / ".trainwheel" / "index"
    assert registry.keys == root / ".trainwheel" / "keys"


def test_the_name_asked_for_wins_over_the_variable(root: Path) -> None:
    run = open_here(root, {**WRITER, "TRAINWHEEL_INDEX": "corporate"})

    assert registry_of(run, None).label == "index corporate"
    assert registry_of(run, "embedded").target is None


@pytest.mark.parametrize(
    ("variables", "to_read", "user"),
    [
        ({**WRITER, **READER}, False, "writer"),
        ({**WRITER, **READER}, True, "reader"),
        (WRITER, True, "writer"),
        (READER, True, "reader"),
    ],
)
def test_it_is_opened_with_the_credentials_for_what_is_done(
    root: Path, variables: dict[str, str], *, to_read: bool, user: str
) -> None:
    target = registry_of(open_here(root, variables), "corporate", to_read=to_read).target

    assert target is not None
    assert target.username is not None
    assert target.username.reveal() == user


def test_credentials_for_reading_do_not_publish(root: Path) -> None:
    with pytest.raises(MissingCredentialsError, match="CORPORATE_PASSWORD"):
        registry_of(open_here(root, READER), "corporate")


def test_its_credentials_are_printed_no_more(root: Path) -> None:
    stream = io.StringIO()
    run = open_here(root, WRITER, stream=stream)

    registry_of(run, "corporate")
    run.console.line("it is writes-it-all")

    assert stream.getvalue() == "it is ***\n"


def test_what_it_notices_is_said_once(root: Path) -> None:
    stream = io.StringIO()
    registry = registry_of(open_here(root, stream=stream), None)

    assert registry.notify is not None
    registry.notify("elsewhere")
    registry.notify("elsewhere")

    assert stream.getvalue() == "notice: elsewhere\n"


def test_an_unknown_name_is_refused(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="'corporat'"):
        registry_of(open_here(root), "corporat")
