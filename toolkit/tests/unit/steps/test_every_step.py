"""Every file of the folder of steps holds one step, which describes itself."""

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
STEPS: dict[str, Step] = {
    module: importlib.import_module(f"trainwheel.steps.{module}").STEP for module in MODULES
}
LAYOUT = Layout.of(Path("/repository"), parse_config(PYPROJECT))


@pytest.mark.parametrize("module", MODULES)
def test_a_step_has_the_name_of_its_file_and_outputs_of_its_own(module: str) -> None:
    step = STEPS[module]
    outputs = step.outputs(LAYOUT)
    others = {path for name in MODULES if name != module for path in STEPS[name].outputs(LAYOUT)}

    assert step.name == module
    assert bool(step.inputs) == bool(outputs)
    assert all(path.is_relative_to(LAYOUT.root) for path in outputs)
    # In the scratch folder an output stands under the last part of its name.
    assert len({path.name for path in outputs}) == len(outputs)
    assert not others.intersection(outputs)


@pytest.mark.parametrize("module", MODULES)
def test_a_step_waits_only_for_links_before_it(module: str) -> None:
    step, chain = STEPS[module], load_chain()
    names = [*chain.by_name]
    earlier = names[: names.index(module)] if step.is_link else names

    assert {*step.before, *step.follows_records} <= {*earlier}
    assert all(chain[name].is_link for name in (*step.before, *step.follows_records))


@pytest.mark.parametrize("module", MODULES)
def test_a_step_has_a_help_of_one_line_without_a_full_stop(module: str) -> None:
    assert len(STEPS[module].help.splitlines()) == 1
    assert not STEPS[module].help.endswith(".")  # the sessions add it


def test_the_chain_has_each_step_once_in_the_order_of_its_needs() -> None:
    assert sorted(load_chain().by_name) == MODULES
    steps = [*STEPS.values()]
    assert [*Chain(reversed(steps)).by_name] == [*Chain(steps).by_name]


def test_an_option_means_the_same_in_every_step() -> None:
    names = [flag.name for flag in load_chain().flags]

    assert len(names) == len(set(names))
