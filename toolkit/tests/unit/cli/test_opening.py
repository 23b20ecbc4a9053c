"""What a repository is opened with: its configuration, its secrets, its tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.cli.opening import open_here, open_run, secret_classes
from trainwheel.engine.environments import StepEnvironments
from trainwheel.errors import ConfigurationError
from trainwheel.settings.tables import IndexSettings
from trainwheel.steps import load_chain
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import SecretClass
from unit.repository import PYPROJECT, write

READ, DATA, PUBLISH = SecretClass.READ, SecretClass.DATA, SecretClass.PUBLISH
TEAM = """
[tool.trainwheel.index.team]
url-env = "TEAM_URL"
username-env = "TEAM_USER"
password-env = "TEAM_PASSWORD"
read-username-env = "TEAM_READER"
read-password-env = "TEAM_READ_PASSWORD"
"""


def gate(root: Path, configured: str, asked: str | None) -> str:
    write(root, "pyproject.toml", f'{PYPROJECT}gate.baseline = "{configured}"\n')
    variables = {} if asked is None else {"TRAINWHEEL_GATE_BASELINE": asked}
    return open_here(root, Environment(variables)).workspace.config.gate.baseline


def test_the_present_folder_is_opened_where_none_is_named(root: Path) -> None:
    run = open_here()

    assert run.workspace.layout.root == root
    assert run.tools.folder == root / ".nox"


def test_opening_makes_nothing(root: Path) -> None:
    before = {*root.rglob("*")}

    open_here(root, Environment())

    assert {*root.rglob("*")} == before


def test_a_folder_without_a_repository_is_named_with_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_here(tmp_path, Environment())

    assert str(tmp_path) in caught.value.message
    assert "tool.trainwheel" in caught.value.hint


def test_a_byte_order_mark_is_not_part_of_a_file(root: Path) -> None:
    (root / "pyproject.toml").write_bytes(b"\xef\xbb\xbf" + PYPROJECT.encode())

    assert open_here(root, Environment()).workspace.config.package == "small_model"


@pytest.mark.parametrize("data", [b"\xff", b"["], ids=["no text", "no TOML"])
def test_a_configuration_that_cannot_be_read_is_named(root: Path, data: bytes) -> None:
    (root / "pyproject.toml").write_bytes(data)

    with pytest.raises(ConfigurationError, match=r"pyproject\.toml"):
        open_here(root, Environment())


@pytest.mark.parametrize(("configured", "asked", "counts"), [
    ("optional", None, "optional"), ("optional", "", "optional"),
    ("optional", "optional", "optional"), ("optional", "required", "required"),
    ("required", "optional", "required"), ("required", None, "required"),
])  # fmt: skip
def test_a_run_can_make_the_gate_stricter_and_not_laxer(
    root: Path, configured: str, asked: str | None, counts: str
) -> None:
    assert gate(root, configured, asked) == counts


@pytest.mark.parametrize("asked", ["off", "Required", "none"])
def test_a_gate_that_is_asked_for_wrongly_is_refused(root: Path, asked: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        gate(root, "required", asked)

    assert f"TRAINWHEEL_GATE_BASELINE is {asked!r}" in caught.value.message


def test_the_variables_of_an_index_are_secrets_and_of_two_kinds(root: Path) -> None:
    write(root, "pyproject.toml", PYPROJECT + TEAM)

    assert open_here(root, Environment()).environment.classes == {
        "TEAM_URL": PUBLISH, "TEAM_USER": PUBLISH, "TEAM_PASSWORD": PUBLISH, "TEAM_READER": READ,
        "TEAM_READ_PASSWORD": READ,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("indexes", "data", "expected"),
    [
        ((), (), {}),
        ((), ("KEY",), {"KEY": DATA}),
        ((IndexSettings("a", url="https://a.example.com/"),), (), {}),
        ((IndexSettings("a", read_password_env="KEY"),), ("KEY",), {"KEY": READ}),
        ((IndexSettings("a", password_env="KEY"),), ("KEY",), {"KEY": PUBLISH}),
        (
            (IndexSettings("a", password_env="KEY"), IndexSettings("b", read_password_env="KEY")),
            (),
            {"KEY": PUBLISH},
        ),
        (
            (IndexSettings("b", read_password_env="KEY"), IndexSettings("a", password_env="KEY")),
            (),
            {"KEY": PUBLISH},
        ),
    ],
)
def test_a_variable_of_several_purposes_counts_as_the_one_that_opens_most(
    indexes: tuple[IndexSettings, ...], data: tuple[str, ...], expected: dict[str, SecretClass]
) -> None:
    assert secret_classes({index.name: index for index in indexes}, data) == expected


def test_credentials_of_the_data_are_never_shown(root: Path) -> None:
    write(root, "pyproject.toml", f'{PYPROJECT}secrets.data = ["STORE_KEY", "UNSET", "BLANK"]\n')
    run = open_here(root, Environment({"STORE_KEY": "s3cret-key", "BLANK": " "}))

    assert run.environment.secrets.redact("it is s3cret-key") == "it is ***"
    assert run.environment.classes == dict.fromkeys(("STORE_KEY", "UNSET", "BLANK"), DATA)
    assert "STORE_KEY" not in run.environment.for_child({}, frozenset({PUBLISH}))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NEXUS_PASSWORD", "opens an index"), ("TWINE_X", "opens an index"),
        ("UV_INDEX", "opens an index"), ("TEAM_URL", "opens an index"),
        ("TEAM_READ_PASSWORD", "opens an index"), ("STORE_KEY", "secrets.data"),
    ],
)  # fmt: skip
def test_a_secret_that_training_would_get_is_refused(root: Path, name: str, words: str) -> None:
    keys = f'secrets.data = ["STORE_KEY"]\ntrain.env = ["ALPHA", "{name}"]\n'
    write(root, "pyproject.toml", PYPROJECT + keys + TEAM)

    with pytest.raises(ConfigurationError, match=name) as caught:
        open_here(root, Environment({name: "s3cret-key"}))

    assert words in str(caught.value)
    assert "s3cret-key" not in str(caught.value)


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize(("value", "means"), [("1", True), ("0", False), ("", False)])
def test_the_output_of_tools_is_shown_where_anybody_wants_it(
    root: Path, value: str, *, means: bool, asked: bool
) -> None:
    environment = Environment({"TRAINWHEEL_VERBOSE": value})
    categories = load_chain().categories

    tools = open_run(root, root / ".nox", environment, categories, verbose=asked).tools

    assert isinstance(tools, StepEnvironments)
    assert tools.verbose is (means or asked)


def test_a_run_begins_with_nothing_made_and_nothing_asked(root: Path) -> None:
    run = open_here(root, Environment())

    assert [*run.made, *run.steps, *run.named, *run.options.values, *run.options.names] == []
