"""Every file of the folder of steps holds one step, which says what it is."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import trainwheel.steps
from trainwheel.engine.chain import Chain, Step
from trainwheel.engine.layout import Layout
from trainwheel.settings.config import parse_config
from trainwheel.steps import load_chain
from unit.repository import PYPROJECT

FOLDER = Path(trainwheel.steps.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
CONFIG = parse_config(PYPROJECT)
LAYOUT = Layout.of(Path("/repository"), CONFIG)


def step_of(module: str) -> Step:
    step = importlib.import_module(f"trainwheel.steps.{module}").STEP
    assert isinstance(step, Step)
    return step


@pytest.mark.parametrize("module", MODULES)
def test_a_file_bears_the_name_of_its_step(module: str) -> None:
    assert step_of(module).name == module


@pytest.mark.parametrize("module", MODULES)
def test_a_step_makes_something_if_files_make_it_stale(module: str) -> None:
    step = step_of(module)

    assert bool(step.inputs) == bool(step.outputs(LAYOUT))


@pytest.mark.parametrize("module", MODULES)
def test_what_a_step_makes_stands_in_the_repository_and_has_names_of_its_own(module: str) -> None:
    outputs = step_of(module).outputs(LAYOUT)

    assert all(path.is_relative_to(LAYOUT.root) for path in outputs)
    # In the scratch folder an output stands under the last part of its name.
    assert len({path.name for path in outputs}) == len(outputs)


@pytest.mark.parametrize("module", MODULES)
def test_a_step_makes_nothing_that_another_one_makes(module: str) -> None:
    others = {path for name in MODULES if name != module for path in step_of(name).outputs(LAYOUT)}

    assert not others.intersection(step_of(module).outputs(LAYOUT))


@pytest.mark.parametrize("module", MODULES)
def test_what_a_step_waits_for_is_a_link_before_it(module: str) -> None:
    step, chain = step_of(module), load_chain()
    before = (
        [*chain.by_name][: [*chain.by_name].index(module)] if step.is_link else [*chain.by_name]
    )

    assert {*step.before, *step.follows_records} <= {*before}
    assert all(chain[name].is_link for name in (*step.before, *step.follows_records))


@pytest.mark.parametrize("module", MODULES)
def test_a_step_says_in_one_line_what_it_does(module: str) -> None:
    step = step_of(module)

    assert step.help
    assert len(step.help.splitlines()) == 1
    assert not step.help.endswith(".")  # the sessions set it


def test_the_chain_holds_each_file_once_and_nothing_else() -> None:
    assert sorted(load_chain().by_name) == MODULES
    assert len({step_of(module).name for module in MODULES}) == len(MODULES)


def test_a_chain_is_in_the_order_of_its_needs_whatever_the_order_of_its_files() -> None:
    steps = [step_of(module) for module in MODULES]

    assert [*Chain(reversed(steps)).by_name] == [*Chain(steps).by_name]


def test_an_option_means_the_same_in_every_step() -> None:
    names = [flag.name for flag in load_chain().flags]

    assert len(names) == len(set(names))
