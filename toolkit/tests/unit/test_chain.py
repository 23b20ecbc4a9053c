"""The steps as data agree with each other and with what people type."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trainwheel.engine.chain import CHAIN, FLAGS, STEPS, Step
from trainwheel.requirements.pipfile import parse_pipfile

ROOT = Path(__file__).resolve().parents[3]
NAMES = [step.name for step in STEPS]

each_step = pytest.mark.parametrize("step", STEPS, ids=NAMES)


def test_the_chain_is_the_promised_one() -> None:
    assert CHAIN == ("doc", "train", "test", "version", "package", "upload", "verify")
    assert set(CHAIN) <= set(NAMES)


def test_no_name_target_or_output_belongs_to_two_steps() -> None:
    for words in (
        NAMES,
        [step.target for step in STEPS if step.target],
        [output for step in STEPS for output in step.outputs],
    ):
        assert len(words) == len(set(words))


def test_what_a_step_needs_stands_before_it() -> None:
    for number, step in enumerate(STEPS):
        assert set(step.needs) <= set(NAMES[:number]), step.name


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("doc", ()),
        ("train", ("data",)),
        ("test", ("train",)),
        ("version", ("train",)),
        ("package", ("doc", "test", "version")),
        ("upload", ("package",)),
        ("verify", ()),
    ],
)
def test_a_step_runs_after_what_it_needs(name: str, needs: tuple[str, ...]) -> None:
    assert {step.name: step.needs for step in STEPS}[name] == needs


@each_step
def test_help_is_one_line_without_a_full_stop(step: Step) -> None:
    assert step.help
    assert step.help.isprintable()
    assert not step.help.endswith(".")


@each_step
def test_every_step_that_makes_something_says_from_what(step: Step) -> None:
    assert bool(step.inputs) == bool(step.outputs)


@each_step
def test_a_category_of_the_lock_exists(step: Step) -> None:
    pipfile = parse_pipfile((ROOT / "Pipfile").read_text(encoding="utf-8"))

    assert step.category is None or step.category in pipfile.categories


# `make clean` must work without an environment, so it does by itself what the session does.
@pytest.mark.parametrize(
    "step", [step for step in STEPS if step.target and step.name != "clean"], ids=lambda s: s.name
)
def test_a_make_target_runs_its_step(step: Step) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    recipe = re.search(rf"^{re.escape(step.target)}:.*\n\t(.*)", makefile, re.MULTILINE)

    assert recipe
    assert recipe[1] == f"@$(NOX) -s {step.name}"


def test_every_flag_is_known_once_and_typed_with_two_dashes() -> None:
    names = [flag.name for flag in FLAGS]

    assert len(names) == len(set(names))
    assert {"--check", "--host", "--port", "--to", "--verbose"} <= set(names)
    assert all(flag.help and re.fullmatch(r"--[a-z-]+", flag.name) for flag in FLAGS)
