"""Exactly what a step depends on makes it stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import explain
from trainwheel.engine.inputs import fingerprint, read_inputs, told_facts
from trainwheel.errors import ConfigurationError
from unit.repository import PYPROJECT, make_repository, open_here, write, write_lock


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository."""
    return make_repository(tmp_path / "small")


STEPS = ("doc", "train", "test", "version", "package")


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("model/small_model/classifier.py", {"doc", "train", "test", "version", "package"}),
        ("model/small_training/__main__.py", {"doc", "train", "test"}),
        ("model/small_model/artefact/model.joblib", {"test", "version", "package"}),
        ("data/rows.csv", {"train"}),
        ("docs/index.md", {"doc"}),
        ("tests/test_small.py", {"test"}),
        ("conftest.py", {"test"}),
        ("tests/system/test_wheel.py", {"test", "package"}),
        ("README.md", {"version", "package"}),
        ("setup.py", {"version", "package"}),
        ("NOTICE", {"version", "package"}),
        ("build/train/golden.jsonl", {"package"}),
        ("pyproject.toml", {"test", "version", "package"}),
        (".github/workflows/ci.yml", set()),
        ("model/small_model/__pycache__/classifier.pyc", set()),
    ],
)
def test_a_changed_file_makes_exactly_these_steps_stale(
    root: Path, changed: str, stale: set[str]
) -> None:
    project = open_here(root)
    before = {step: fingerprint(project, step, {}) for step in STEPS}

    write(root, changed, PYPROJECT + "# changed\n" if changed == "pyproject.toml" else "changed")

    reasons = {step: explain(before[step], fingerprint(project, step, {})) for step in STEPS}
    assert {step for step, told in reasons.items() if told} == stale
    assert all(told[0].what == changed for told in reasons.values() if told)


@pytest.mark.parametrize(
    ("versions", "stale"),
    [
        ({"six": "==1.17.0"}, {"doc", "train", "test", "version", "package"}),
        ({"pytest": "==9.1.0"}, {"test", "version", "package"}),
    ],
)
def test_a_locked_version_makes_the_steps_stale_that_install_it(
    root: Path, versions: dict[str, str], stale: set[str]
) -> None:
    before = {step: fingerprint(open_here(root), step, {}) for step in STEPS}

    write_lock(root, **versions)

    now = open_here(root)
    assert {s for s in STEPS if explain(before[s], fingerprint(now, s, {}))} == stale


def test_a_fact_counts_and_the_python_does_too(root: Path) -> None:
    found = fingerprint(open_here(root), "train", {"the training command": "x"})

    assert set(found.facts) == {"the training command", "Python", "the platform", "package six"}
    assert found.facts["Python"].startswith("cpython 3.")
    assert found.facts["package six"].startswith("1.16.0 ")
    assert told_facts(found) == {"the training command": "x"}


def test_data_that_is_not_there_is_named(root: Path) -> None:
    (root / "data" / "rows.csv").unlink()
    (root / "data").rmdir()

    with pytest.raises(ConfigurationError) as caught:
        fingerprint(open_here(root), "train", {})

    assert str(caught.value) == (
        "configuration: data, which training reads, does not exist; "
        "bring the data there, or correct tool.trainwheel.data in pyproject.toml"
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
    before = fingerprint(open_here(with_helpers), step, {})

    write(with_helpers, name, f"{HELPER[name]}# another comment\n")

    after = fingerprint(open_here(with_helpers), step, {})
    assert [reason.what for reason in explain(before, after)] == ([name] if is_input else [])


def test_an_import_that_its_text_does_not_tell_makes_every_module_count(with_helpers: Path) -> None:
    write(with_helpers, TRAINING, "import importlib, sys\n\nimportlib.import_module(sys.argv[1])\n")

    inputs = read_inputs(open_here(with_helpers), "train")

    assert inputs.widened_by == f"{TRAINING}:3"
    assert str(with_helpers / "model/small_unrelated/__init__.py") in inputs.names


def test_a_command_that_is_no_python_makes_every_module_count(with_helpers: Path) -> None:
    write(
        with_helpers,
        "pyproject.toml",
        PYPROJECT.replace("python -m small_training", "sh scripts/train.sh"),
    )
    write(with_helpers, "scripts/train.sh", "python -m small_training")

    inputs = read_inputs(open_here(with_helpers), "train")

    assert inputs.widened_by == "tool.trainwheel.train.command"
    assert str(with_helpers / "model/small_unrelated/__init__.py") in inputs.names
    assert str(with_helpers / "scripts/train.sh") in inputs.names


def test_tests_of_what_they_do_not_import_count_the_training_as_well(with_helpers: Path) -> None:
    # They may start it by its command, which no import tells.
    names = read_inputs(open_here(with_helpers), "test").names

    assert str(with_helpers / TRAINING) in names
    assert str(with_helpers / "tests/test_small.py") in names


def test_further_inputs_count(root: Path) -> None:
    write(root, "pyproject.toml", PYPROJECT + 'inputs = ["params.yaml"]\n')
    write(root, "params.yaml", "depth: 3\n")
    before = fingerprint(open_here(root), "train", {})

    write(root, "params.yaml", "depth: 4\n")

    after = fingerprint(open_here(root), "train", {})
    assert [str(reason) for reason in explain(before, after)] == ["params.yaml changed"]


def test_the_model_is_no_input_of_what_makes_it(root: Path) -> None:
    artefact = str(root / "model/small_model/artefact/model.joblib")

    assert artefact not in read_inputs(open_here(root), "train").names
    assert artefact in read_inputs(open_here(root), "test").names
