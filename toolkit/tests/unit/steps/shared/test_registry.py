"""The index that a run releases to."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, MissingCredentialsError
from trainwheel.steps.shared.registry import registry_of
from unit.repository import PYPROJECT, make_repository, open_here, write
from unit.steps.session import open_with

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


def test_the_default_is_a_folder_of_the_repository_and_a_name_wins_over_the_variable(
    root: Path,
) -> None:
    registry = registry_of(open_here(root), None)
    assert registry.target is None
    assert registry.folder == root / ".trainwheel/index"
    assert registry.keys == root / ".trainwheel/keys"

    run = open_here(root, {**WRITER, "TRAINWHEEL_INDEX": "corporate"})
    assert registry_of(run, None).label == "index corporate"
    assert registry_of(run, "embedded").target is None


@pytest.mark.parametrize(("variables", "to_read", "user"), [
    ({**WRITER, **READER}, False, "writer"), ({**WRITER, **READER}, True, "reader"),
    (WRITER, True, "writer"), (READER, True, "reader"),
])  # fmt: skip
def test_it_is_opened_with_the_credentials_for_the_purpose(
    root: Path, variables: dict[str, str], *, to_read: bool, user: str
) -> None:
    target = registry_of(open_here(root, variables), "corporate", to_read=to_read).target

    assert target is not None
    assert target.username is not None
    assert target.username.reveal() == user


def test_wrong_credentials_or_names_are_refused(root: Path) -> None:
    with pytest.raises(MissingCredentialsError, match="CORPORATE_PASSWORD"):
        registry_of(open_here(root, READER), "corporate")
    with pytest.raises(ConfigurationError, match="'corporat'"):
        registry_of(open_here(root), "corporat")


def test_credentials_are_redacted_and_notices_are_printed_once(root: Path) -> None:
    session = open_with(root, variables=WRITER)

    registry = registry_of(session.run, "corporate")
    session.run.console.line("it is writes-it-all")
    for _ in range(2):
        assert registry.notify is not None
        registry.notify("elsewhere")

    assert session.output == "it is ***\nnotice: elsewhere\n"
