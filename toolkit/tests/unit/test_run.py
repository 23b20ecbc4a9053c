"""One run: what it reads when it is opened, and what its steps share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.cli.opening import open_run, secret_classes
from trainwheel.engine.environments import StepEnvironments
from trainwheel.engine.run import Options, Run
from trainwheel.errors import ConfigurationError
from trainwheel.settings.config import parse_config
from trainwheel.steps import load_chain
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import SecretClass
from unit.repository import PYPROJECT, make_repository, open_here, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository."""
    return make_repository(tmp_path / "a b é")


def open_with(root: Path, variables: dict[str, str], *, verbose: bool = False) -> Run:
    categories = load_chain().categories
    return open_run(root, root / ".nox", Environment(variables), categories, verbose=verbose)


def test_a_folder_without_pyproject_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no pyproject.toml; add one with a \[tool"):
        open_with(tmp_path, {})


def test_a_file_that_is_not_text_is_named(root: Path) -> None:
    (root / "pyproject.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match=r"pyproject.toml cannot be read: "):
        open_here(root)


def test_a_byte_order_mark_is_not_part_of_a_file(root: Path) -> None:
    (root / "pyproject.toml").write_bytes(b"\xef\xbb\xbf" + PYPROJECT.encode())

    assert open_here(root).workspace.config.package == "small_model"


def test_the_variables_of_configured_indexes_hold_secrets(root: Path) -> None:
    table = '[tool.trainwheel.index.corporate]\nusername-env = "WHO"\npassword-env = "PIN"\n'
    write(root, "pyproject.toml", PYPROJECT + table)
    run = open_here(root, {"WHO": "ada", "PIN": "1234", "OTHER": "x"})

    assert secret_classes(run.workspace.config.indexes) == dict.fromkeys(
        ("WHO", "PIN"), SecretClass.PUBLISH
    )
    assert set(run.environment.for_child({}, frozenset())) == {"OTHER"}


def test_a_variable_that_is_named_for_several_purposes_counts_as_what_opens_most() -> None:
    table = "[tool.trainwheel.index.{}]\n"
    text = (
        f'{PYPROJECT}\n{table.format("a")}read-password-env = "ONE"\npassword-env = "TWO"\n'
        f'{table.format("b")}read-password-env = "TWO"\npassword-env = "THREE"\n'
    )

    assert secret_classes(parse_config(text).indexes, ["ONE", "THREE", "FOUR"]) == {
        "ONE": SecretClass.READ,
        "TWO": SecretClass.PUBLISH,
        "THREE": SecretClass.PUBLISH,
        "FOUR": SecretClass.DATA,
    }


@pytest.mark.parametrize(("value", "verbose"), [("1", True), ("0", False), ("", False)])
def test_output_is_shown_where_the_machine_says_so(
    root: Path, value: str, *, verbose: bool
) -> None:
    variables = {"TRAINWHEEL_VERBOSE": value}
    by_variable = open_with(root, variables).tools
    by_option = open_with(root, variables, verbose=True).tools

    assert isinstance(by_variable, StepEnvironments)
    assert isinstance(by_option, StepEnvironments)
    assert by_variable.verbose is verbose
    assert by_option.verbose


@pytest.mark.parametrize(
    ("asked", "configured", "counts"),
    [
        ("required", "optional", "required"),
        ("optional", "required", "required"),
        ("", "optional", "optional"),
    ],
)
def test_a_run_can_make_the_gate_stricter_and_not_laxer(
    root: Path, asked: str, configured: str, counts: str
) -> None:
    gate = f'\n[tool.trainwheel.gate]\nbaseline = "{configured}"\n'
    write(root, "pyproject.toml", PYPROJECT + gate)

    run = open_with(root, {"TRAINWHEEL_GATE_BASELINE": asked})

    assert run.workspace.config.gate.baseline == counts


def test_a_gate_that_is_asked_for_wrongly_is_named(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="TRAINWHEEL_GATE_BASELINE is 'off'"):
        open_with(root, {"TRAINWHEEL_GATE_BASELINE": "off"})


def test_force_is_for_the_steps_that_were_named(root: Path) -> None:
    run = replace(open_here(root), named=frozenset({"test"}), steps=frozenset({"train", "test"}))
    forced = replace(run, options=Options({"force": ""}))

    assert forced.is_forced("test")
    assert not forced.is_forced("train")
    assert not run.is_forced("test")


def test_a_question_is_asked_once_a_run_whatever_the_step(root: Path) -> None:
    run, asked = open_here(root), []

    def ask() -> None:
        asked.append("asked")

    run.once("question", ask)
    replace(run, steps=frozenset({"test"})).once("question", ask)
    run.once(("question", "other"), ask)

    assert asked == ["asked", "asked"]


def test_another_configuration_holds_for_the_tools_too(root: Path) -> None:
    run = open_here(root)
    config = replace(run.workspace.config, engine="dask")

    tools = run.under(config).tools

    assert isinstance(tools, StepEnvironments)
    assert tools.workspace.config.engine == "dask"
    assert run.workspace.config.engine == "local"


def test_the_passwords_of_all_indexes_are_known(root: Path) -> None:
    table = (
        '\n[tool.trainwheel.index.corporate]\npassword-env = "PIN"\nread-password-env = "READ"\n'
        '[tool.trainwheel.index.other]\npassword-env = "MISSING"\n'
    )
    write(root, "pyproject.toml", PYPROJECT + table)
    variables = {"PIN": "1234", "READ": "5678", "NEXUS_PASSWORD": "9012", "OTHER": "x"}

    assert set(open_here(root, variables).passwords()) == {"1234", "5678", "9012"}
