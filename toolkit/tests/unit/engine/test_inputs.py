"""Exactly what a step depends on makes it stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint, explain
from trainwheel.engine.inputs import fingerprint, learned_facts
from trainwheel.engine.observed import Observed
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


Sentence = Callable[[object], None]
CHAIN = load_chain()
STEPS = tuple(step.name for step in CHAIN.steps if step.inputs and step.name != "data")
CLASSIFIER = {"doc", "train", "evaluate", "report", "test", "version", "prove", "package"}


def look(root: Path, step: str, **variables: str) -> Fingerprint:
    """Return what a step depends on, as a run of its own sees it."""
    return fingerprint(open_here(root, variables).workspace, CHAIN[step])


def look_at_all(root: Path, **variables: str) -> dict[str, Fingerprint]:
    return {step: look(root, step, **variables) for step in STEPS}


def reasons(
    before: Mapping[str, Fingerprint], root: Path, **variables: str
) -> dict[str, list[str]]:
    """Return what made each stale step stale."""
    changes = {step: explain(old, look(root, step, **variables)) for step, old in before.items()}
    return {step: [reason.what for reason in each] for step, each in changes.items() if each}


def files_of(root: Path, step: str) -> set[str]:
    return {*look(root, step).files}


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("model/small_model/classifier.py", CLASSIFIER),
        ("model/small_training/__main__.py", {"doc", "train", "test"}),
        (
            "model/small_model/artefact/model.joblib",
            {"evaluate", "report", "test", "version", "prove", "package"},
        ),
        ("data/rows.csv", {"train"}),
        ("docs/index.md", {"doc"}),
        ("tests/test_small.py", {"test"}),
        ("conftest.py", {"test"}),
        ("tests/system/test_wheel.py", {"test", "package"}),
        ("README.md", {"version", "prove", "package"}),
        ("setup.py", {"version", "prove", "package"}),
        ("NOTICE", {"version", "prove", "package"}),
        ("build/train/golden.jsonl", {"report", "prove", "package"}),
        ("build/train/model_card.md", {"package"}),
        ("build/train/predictions.csv", {"evaluate", "report"}),
        ("build/train/repeatability.json", {"report"}),
        ("build/evaluate/evaluation.json", {"report"}),
        ("pyproject.toml", {"version", "prove", "package"}),
        (".github/workflows/ci.yml", set()),
        ("model/small_model/__pycache__/classifier.pyc", set()),
    ],
)
def test_a_changed_file_makes_exactly_these_steps_stale(
    root: Path, changed: str, stale: set[str]
) -> None:
    before = look_at_all(root)

    write(root, changed, {"pyproject.toml": PYPROJECT, "setup.py": SETUP_PY}.get(changed, "") + "#")

    assert reasons(before, root) == {step: [changed] for step in stale}


@pytest.mark.parametrize(
    ("versions", "stale"),
    [
        ({"six": "==1.17.0"}, CLASSIFIER),
        ({"pytest": "==9.1.0"}, {"test", "version", "prove", "package"}),
    ],
)
def test_a_locked_version_makes_the_steps_stale_that_install_it(
    root: Path, versions: dict[str, str], stale: set[str]
) -> None:
    before = look_at_all(root)

    write_lock(root, **versions)

    assert set(reasons(before, root)) == stale


@pytest.mark.parametrize(("line", "stale"), [
    ("train.threads = 2", {"train"}), ("tolerance = 0.5", {"evaluate", "prove", "package"}),
    ("gate.accuracy.min = 0.5", {"evaluate"}), ('wheel.store-above = "5 MB"', {"package"}),
])  # fmt: skip
def test_a_key_of_the_configuration_makes_exactly_these_steps_stale(
    root: Path, line: str, stale: set[str]
) -> None:
    before = look_at_all(root)

    write(root, "pyproject.toml", f"{PYPROJECT}{line}\n")

    changes = reasons(before, root)
    assert {step for step, names in changes.items() if set(names) - {"pyproject.toml"}} == stale


ALPHA = {"ALPHA": "one"}


@pytest.mark.parametrize(
    ("old", "new", "is_stale"),
    [
        (ALPHA, {"ALPHA": "two"}, True), (ALPHA, {"ALPHA": ""}, True), (ALPHA, {}, True),
        ({}, {"ALPHA": ""}, True), ({"ALPHA": ""}, {"ALPHA": " "}, True), (ALPHA, ALPHA, False),
        ({"ALPHA": "\udcff"}, {"ALPHA": "\udcfe"}, True), (ALPHA, {**ALPHA, "BETA": "1"}, False),
        ({"LANG": "C", "HOME": "/a"}, {"LANG": "de_DE.UTF-8", "HOME": "/b"}, False),
    ],
)  # fmt: skip
def test_a_named_variable_makes_what_runs_the_users_code_stale_and_no_other_does(
    root: Path, old: dict[str, str], new: dict[str, str], *, is_stale: bool
) -> None:
    write(root, "pyproject.toml", f'{PYPROJECT}train.env = ["ALPHA"]\n')

    changes = reasons(look_at_all(root, **old), root, **new)

    steps = CLASSIFIER - {"version"} if is_stale else set()
    assert changes == {step: ["the variable ALPHA"] for step in steps}
    assert "one" not in str(look(root, "train", **ALPHA).facts["the variable ALPHA"])


def test_a_fact_counts_and_the_python_does_too(root: Path) -> None:
    workspace, step = open_here(root).workspace, replace(CHAIN["train"], learns=("the index",))

    facts = fingerprint(workspace, step, {"the index": "x"}).facts

    own = step.facts(workspace)
    assert own["the training command"] == workspace.config.train_command
    assert facts.items() > own.items()
    others = {"the index", "Python", "the platform", "package six", "what watches its processes"}
    assert set(facts) - set(own) == others
    assert facts["Python"].startswith("cpython 3.")
    assert facts["package six"].startswith("1.16.0 ")


def test_a_step_that_makes_the_same_everywhere_does_not_depend_on_the_platform(root: Path) -> None:
    with_platform = {step for step in STEPS if "the platform" in look(root, step).facts}

    assert with_platform == {"train", "evaluate", "test", "prove", "package"}


def test_only_the_facts_that_a_step_learns_are_taken_from_its_record(root: Path) -> None:
    step = replace(CHAIN["train"], learns=("the index", "the clock"))
    record = fingerprint(open_here(root).workspace, step, {"the index": "x"})

    assert learned_facts(step, record) == {"the index": "x"}
    assert learned_facts(CHAIN["train"], record) == {}


@pytest.mark.parametrize(("config", "name"), [
    ("", "data"), ('inputs = ["params.yaml"]\n', "params.yaml"), ("data.command = 'x'\n", "build"),
])  # fmt: skip
def test_missing_data_is_named(root: Path, config: str, name: str, sentence: Sentence) -> None:
    text = PYPROJECT.replace('data = ["data"]\n', "") if "command" in config else PYPROJECT
    write(root, "pyproject.toml", text + config)
    if not config:
        (root / "data").rename(root / "elsewhere")

    with pytest.raises(ConfigurationError, match=name) as caught:
        look(root, "train")

    sentence(caught.value)


def test_data_that_dvc_tracks_counts_by_its_own_file(root: Path) -> None:
    write(root, "data.dvc", "outs:\n- md5: 1\n")
    (root / "data").rename(root / "elsewhere")

    assert "data.dvc" in files_of(root, "train")


TRAINING = "model/small_training/__main__.py"
HELPER = {
    TRAINING: "from small_training import helper\n",
    "model/small_training/helper.py": "from small_shared.deep import reads\n",
    **dict.fromkeys((
        "model/small_training/unrelated.py", "model/small_training/defaults.yaml",
        "model/small_shared/__init__.py", "model/small_shared/deep/__init__.py",
        "model/small_shared/deep/reads.py", "model/small_shared/deep/query.sql",
        "model/small_unrelated/__init__.py",
    ), ""),
}  # fmt: skip


@pytest.fixture
def with_helpers(root: Path) -> Path:
    """A repository whose training imports modules that import others."""
    for name, text in HELPER.items():
        write(root, name, text)
    return root


def test_until_a_run_was_observed_the_text_of_imports_counts(with_helpers: Path) -> None:
    unrelated = {name for name in HELPER if "unrelated" in name}

    assert files_of(with_helpers, "train") & {*HELPER} == {*HELPER} - unrelated


@pytest.mark.parametrize("command", ["sh scripts/train.sh", "python -S scripts/train.py"])
def test_of_a_program_that_is_not_watched_all_sources_count(
    with_helpers: Path, command: str
) -> None:
    config = PYPROJECT.replace("python -m small_training", command)
    write(with_helpers, "pyproject.toml", config)
    script = write(with_helpers, command.rsplit(maxsplit=1)[-1], "python -m small_training")

    for observed in (None, Observed(processes=1)):
        files = fingerprint(open_here(with_helpers).workspace, CHAIN["train"], None, observed).files

        assert {"model/small_unrelated/__init__.py", f"scripts/{script.name}"} <= files.keys()
