"""Exactly what a step depends on makes it stale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.closure import Closure
from trainwheel.engine.fingerprint import Fingerprint, explain
from trainwheel.engine.inputs import fingerprint, learned_facts, read_inputs
from trainwheel.errors import ConfigurationError
from trainwheel.steps import load_chain
from unit.repository import (
    PYPROJECT,
    RELEASE,
    SETUP_PY,
    make_repository,
    open_here,
    write,
    write_lock,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository, of which a version was decided."""
    root = make_repository(tmp_path / "small")
    write(root, "build/version.json", RELEASE.render())
    return root


CHAIN = load_chain()
STEPS = tuple(step.name for step in CHAIN.steps if step.inputs and step.name != "data")
CLASSIFIER = {"doc", "train", "evaluate", "test", "version", "package"}


def look(root: Path, step: str) -> Fingerprint:
    """Return what a step depends on, as a run of its own sees it."""
    return fingerprint(open_here(root).workspace, CHAIN[step])


def names_of(inputs: Closure) -> set[str]:
    return set(map(str, inputs.files))


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("model/small_model/classifier.py", CLASSIFIER),
        ("model/small_training/__main__.py", {"doc", "train", "test"}),
        ("model/small_model/artefact/model.joblib", {"evaluate", "test", "version", "package"}),
        ("data/rows.csv", {"train"}),
        ("docs/index.md", {"doc"}),
        ("tests/test_small.py", {"test"}),
        ("conftest.py", {"test"}),
        ("tests/system/test_wheel.py", {"test", "package"}),
        ("README.md", {"version", "package"}),
        ("setup.py", {"version", "package"}),
        ("NOTICE", {"version", "package"}),
        ("build/train/golden.jsonl", {"package"}),
        ("build/train/model_card.md", {"package"}),
        ("build/train/predictions.csv", {"evaluate", "report"}),
        ("build/train/repeatability.json", {"report"}),
        ("build/evaluate/evaluation.json", {"report"}),
        ("pyproject.toml", {"test", "version", "package"}),
        (".github/workflows/ci.yml", set()),
        ("model/small_model/__pycache__/classifier.pyc", set()),
    ],
)
def test_a_changed_file_makes_exactly_these_steps_stale(
    root: Path, changed: str, stale: set[str]
) -> None:
    before = {step: look(root, step) for step in STEPS}

    write(root, changed, {"pyproject.toml": PYPROJECT, "setup.py": SETUP_PY}.get(changed, "") + "#")

    reasons = {step: explain(before[step], look(root, step)) for step in STEPS}
    assert {step for step, told in reasons.items() if told} == stale
    assert all(told[0].what == changed for told in reasons.values() if told)


@pytest.mark.parametrize(
    ("versions", "stale"),
    [
        ({"six": "==1.17.0"}, CLASSIFIER),
        ({"pytest": "==9.1.0"}, {"test", "version", "package"}),
    ],
)
def test_a_locked_version_makes_the_steps_stale_that_install_it(
    root: Path, versions: dict[str, str], stale: set[str]
) -> None:
    before = {step: look(root, step) for step in STEPS}

    write_lock(root, **versions)

    assert {step for step in STEPS if explain(before[step], look(root, step))} == stale


@pytest.mark.parametrize(
    ("line", "stale"),
    [
        ("train.threads = 2", {"train"}),
        ("tolerance = 0.5", {"evaluate", "package"}),
        ("gate.accuracy.min = 0.5", {"evaluate"}),
        ('wheel.store-above = "5 MB"', {"package"}),
    ],
)
def test_a_key_of_the_configuration_makes_exactly_these_steps_stale(
    root: Path, line: str, stale: set[str]
) -> None:
    before = {step: look(root, step) for step in STEPS}

    write(root, "pyproject.toml", f"{PYPROJECT}{line}\n")

    reasons = {
        step: [reason.what for reason in explain(before[step], look(root, step))] for step in STEPS
    }
    of_keys = {step for step, others in reasons.items() if set(others) - {"pyproject.toml"}}
    assert of_keys == stale


def test_a_fact_counts_and_the_python_does_too(root: Path) -> None:
    workspace, step = open_here(root).workspace, replace(CHAIN["train"], learns=("the index",))

    facts = fingerprint(workspace, step, {"the index": "x"}).facts

    own = step.facts(workspace)
    assert own["the training command"] == workspace.config.train_command
    assert facts.items() > own.items()
    others = {"the index", "Python", "the platform", "package six"}
    assert set(facts) - set(own) == others
    assert facts["Python"].startswith("cpython 3.")
    assert facts["package six"].startswith("1.16.0 ")


def test_a_step_that_makes_the_same_everywhere_does_not_depend_on_the_platform(
    root: Path,
) -> None:
    with_platform = {step for step in STEPS if "the platform" in look(root, step).facts}

    assert with_platform == {"train", "evaluate", "test", "package"}


def test_only_what_a_run_finds_out_counts_as_it_was_recorded(root: Path) -> None:
    step = replace(CHAIN["train"], learns=("the index", "the clock"))
    known = fingerprint(open_here(root).workspace, step, {"the index": "x"})

    assert learned_facts(step, known) == {"the index": "x"}
    assert learned_facts(CHAIN["train"], known) == {}


def test_data_that_is_not_there_is_named(root: Path) -> None:
    (root / "data" / "rows.csv").unlink()
    (root / "data").rmdir()

    with pytest.raises(ConfigurationError) as caught:
        look(root, "train")

    assert str(caught.value) == (
        "configuration: data, which training reads, does not exist; "
        "fetch the data, or correct tool.trainwheel.data in pyproject.toml"
    )


TRAINING = "model/small_training/__main__.py"
HELPER = {
    TRAINING: "from small_training import helper\n",
    "model/small_training/helper.py": "from small_shared.deep import reads\n",
    "model/small_training/unrelated.py": "",
    "model/small_training/defaults.yaml": "a: 1\n",
    "model/small_shared/__init__.py": "",
    "model/small_shared/deep/__init__.py": "",
    "model/small_shared/deep/reads.py": "",
    "model/small_shared/deep/query.sql": "",
    "model/small_unrelated/__init__.py": "",
}


@pytest.fixture
def with_helpers(root: Path) -> Path:
    """A repository whose training imports modules that import others."""
    for name, text in HELPER.items():
        write(root, name, text)
    return root


@pytest.mark.parametrize(
    ("name", "is_input"),
    [
        ("model/small_training/helper.py", True),
        ("model/small_shared/__init__.py", True),
        ("model/small_shared/deep/reads.py", True),
        ("model/small_shared/deep/query.sql", True),
        ("model/small_training/defaults.yaml", True),
        ("model/small_training/unrelated.py", False),
        ("model/small_unrelated/__init__.py", False),
    ],
)
@pytest.mark.parametrize("step", ["train", "test"])
def test_what_is_imported_counts_and_nothing_else_does(
    with_helpers: Path, step: str, name: str, *, is_input: bool
) -> None:
    before = look(with_helpers, step)

    write(with_helpers, name, f"{HELPER[name]}# another comment\n")

    after = look(with_helpers, step)
    assert [reason.what for reason in explain(before, after)] == ([name] if is_input else [])


def test_an_import_that_its_text_does_not_tell_makes_every_module_count(with_helpers: Path) -> None:
    write(with_helpers, TRAINING, "import importlib, sys\n\nimportlib.import_module(sys.argv[1])\n")

    inputs = read_inputs(open_here(with_helpers).workspace, CHAIN["train"])

    assert inputs.widened_by == f"{TRAINING}:3"
    assert str(with_helpers / "model/small_unrelated/__init__.py") in names_of(inputs)


def test_a_command_that_is_no_python_makes_every_module_count(with_helpers: Path) -> None:
    write(
        with_helpers,
        "pyproject.toml",
        PYPROJECT.replace("python -m small_training", "sh scripts/train.sh"),
    )
    write(with_helpers, "scripts/train.sh", "python -m small_training")

    inputs = read_inputs(open_here(with_helpers).workspace, CHAIN["train"])

    assert inputs.widened_by == "tool.trainwheel.train.command"
    assert str(with_helpers / "model/small_unrelated/__init__.py") in names_of(inputs)
    assert str(with_helpers / "scripts/train.sh") in names_of(inputs)


def test_tests_of_what_they_do_not_import_count_the_training_as_well(with_helpers: Path) -> None:
    # They may start it by its command, which no import tells.
    names = names_of(read_inputs(open_here(with_helpers).workspace, CHAIN["test"]))

    assert str(with_helpers / TRAINING) in names
    assert str(with_helpers / "tests/test_small.py") in names


def test_further_inputs_count(root: Path) -> None:
    write(root, "pyproject.toml", PYPROJECT + 'inputs = ["params.yaml"]\n')
    write(root, "params.yaml", "depth: 3\n")
    before = look(root, "train")

    write(root, "params.yaml", "depth: 4\n")

    after = look(root, "train")
    assert [str(reason) for reason in explain(before, after)] == ["params.yaml changed"]


def test_the_model_is_no_input_of_what_makes_it(root: Path) -> None:
    artefact = root / "model/small_model/artefact/model.joblib"
    workspace = open_here(root).workspace

    assert artefact not in read_inputs(workspace, CHAIN["train"]).files
    assert artefact in read_inputs(workspace, CHAIN["test"]).files
