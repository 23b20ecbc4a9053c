"""The declarations of the steps agree with each other, and put them in their order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.chain import FORCE, Chain, Step
from trainwheel.engine.inputs import read_inputs
from trainwheel.engine.layout import Layout
from trainwheel.engine.run import Run
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.settings.config import parse_config
from trainwheel.steps import load_chain
from unit.repository import PYPROJECT, make_repository, open_here, write

ROOT = Path(__file__).resolve().parents[4]
CHAIN = load_chain()
NAMES = [step.name for step in CHAIN.steps]
LAYOUT = Layout.of(Path("/small"), parse_config(PYPROJECT))


def idle(_: Run) -> None:
    """Do nothing."""


def link(name: str, *needs: str) -> Step:
    return Step(name, "Do nothing", idle, needs=needs, is_link=True)


def beside(name: str, *needs: str) -> Step:
    return Step(name, "Do nothing", idle, needs=needs)


def names(*steps: Step) -> list[str]:
    return [step.name for step in Chain(steps).steps]


def before(name: str) -> set[str]:
    """Return every step that comes before one, directly or not."""
    direct = set(CHAIN[name].before)
    return direct.union(*map(before, direct))


def test_every_file_of_a_step_is_in_the_chain_under_its_own_name() -> None:
    folder = ROOT / "toolkit/src/trainwheel/steps"

    assert sorted(NAMES) == sorted(path.stem for path in folder.glob("[!_]*.py"))


def test_the_links_come_in_the_order_of_their_needs_and_then_the_others_by_name() -> None:
    links = [step.name for step in CHAIN.links]

    assert (
        " ".join(links) == "data doc train evaluate report test version prove package upload verify"
    )
    assert [*links, *sorted(set(NAMES) - set(links))] == NAMES
    assert all(set(step.before) <= set(NAMES[:number]) for number, step in enumerate(CHAIN.steps))


def test_no_name_target_output_or_flag_belongs_to_two_steps() -> None:
    for words in (
        NAMES,
        [step.target for step in CHAIN.steps if step.target],
        [output for step in CHAIN.steps for output in step.outputs(LAYOUT)],
        [flag.name for flag in CHAIN.flags],
    ):
        assert len(words) == len(set(words)) > 5


def test_a_step_comes_after_every_step_that_makes_what_it_reads(tmp_path: Path) -> None:
    root = make_repository(tmp_path)
    write(root, "pyproject.toml", PYPROJECT.replace('data = ["data"]', 'data.command = "fetch"'))
    workspace = open_here(root).workspace
    for path in (getattr(workspace.layout, name) for name in vars(Layout)):
        if isinstance(path, Path) and path.is_relative_to(root / "build") and path.suffix:
            write(root, workspace.layout.relative(path), "{}")
    for step in CHAIN.steps:
        for path in step.outputs(workspace.layout):
            name = workspace.layout.relative(path)
            write(root, name if path.suffix else f"{name}/file", "made")

    makers: dict[str, set[str]] = {step.name: set() for step in CHAIN.steps}
    for reader in CHAIN.steps:
        for maker in CHAIN.steps:
            outputs = set(maker.outputs(workspace.layout))
            files = set(map(Path, read_inputs(workspace, reader)))
            files -= set(maker.beside(workspace.layout))
            if any(outputs & {path, *path.parents} for path in files):
                makers[reader.name].add(maker.name)

    assert makers["train"] == {"data"}
    assert makers["report"] == {"train", "evaluate"}
    assert makers["package"] == {"train", "evaluate", "report"}
    assert not any(names - before(reader) for reader, names in makers.items())


def test_an_output_inside_that_of_another_step_is_not_part_of_that() -> None:
    outputs = {path: step for step in CHAIN.steps for path in step.outputs(LAYOUT)}
    inside = [
        (path, outputs[parent]) for path in outputs for parent in path.parents if parent in outputs
    ]

    beside_training = {path for path in CHAIN["report"].outputs(LAYOUT) if "train" in path.parts}
    assert {path for path, _ in inside} == beside_training != set()
    assert all(path in step.beside(LAYOUT) for path, step in inside)


def test_links_are_put_in_the_order_of_their_needs() -> None:
    steps = (beside("zip"), link("a", "z"), link("z", "m"), beside("any"), link("m"))

    assert names(*steps) == names(*reversed(steps)) == ["m", "z", "a", "any", "zip"]
    assert names(replace(link("a"), follows=("b",)), link("b")) == ["b", "a"], "b queues a"


@pytest.mark.parametrize(
    "step", [link("a", "nowhere"), beside("a", "nowhere"), replace(link("a"), follows=("nowhere",))]
)
def test_a_step_may_not_need_what_is_not_there(step: Step) -> None:
    with pytest.raises(ValueError, match=r"^a step needs nowhere, which is not a step$"):
        Chain([step])


def test_steps_may_not_need_each_other() -> None:
    with pytest.raises(ValueError, match="cycle"):
        Chain([link("a", "b"), link("b", "a")])


@pytest.mark.parametrize("twin", [link("a"), beside("a")])
def test_two_steps_may_not_have_one_name(twin: Step) -> None:
    with pytest.raises(ValueError, match=r"^two steps are called a$"):
        Chain([link("a"), link("b"), twin])


@pytest.mark.parametrize("step", CHAIN.steps, ids=NAMES)
def test_a_declaration_is_complete(step: Step) -> None:
    pipfile = parse_pipfile((ROOT / "Pipfile").read_text(encoding="utf-8"))

    assert step.help.isprintable()
    assert step.help.rstrip(".") == step.help != ""
    assert bool(step.inputs) == bool(step.outputs(LAYOUT))
    assert all(group.words and group.words.isprintable() for group in step.inputs)
    assert bool(step.inputs) <= (FORCE in step.flags) <= step.is_link
    assert step.category is None or step.category in pipfile.categories


@pytest.mark.parametrize(("name", "line", "categories"), [
    ("train", "", ("packages", "train")),
    ("train", 'train.engine = "dask"\n', ("packages", "train", "engine")),
    ("evaluate", 'train.engine = "dask"\n', ("packages", "train")), ("package", "", ("package",)),
    ("version", "", ()),
])  # fmt: skip
def test_an_environment_takes_the_categories_that_its_step_names(
    name: str, line: str, categories: tuple[str, ...]
) -> None:
    config = parse_config(PYPROJECT + line)

    assert CHAIN.categories(name, config) == categories


@pytest.mark.parametrize(("names", "missing", "closure"), [
    (["upload"], "", "data doc train evaluate report test version package upload"),
    (["test"], "", "data train evaluate report test"),
    (["package"], "doc train", "evaluate report test version package"),
    (["train", "clean"], "", "data train clean"), (["verify"], "", "verify"),
])  # fmt: skip
def test_a_step_brings_along_what_it_needs_and_what_it_awaits(
    names: list[str], missing: str, closure: str
) -> None:
    among = {*CHAIN.by_name}.difference(missing.split())

    assert CHAIN.with_needs(names, among) == {*closure.split()}
