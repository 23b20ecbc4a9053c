"""What is packaged, checked and proved, what a failure leaves, and what makes it stale."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import Record, read_record
from trainwheel.engine.status import file_reasons
from trainwheel.errors import LockfileError, RefusedError, StepFailedError, TrainwheelError
from trainwheel.requirements.pylock import pylock_path
from trainwheel.steps.package import STEP, check_members
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.git import read_commit
from trainwheel.system.ignored import DEFAULTS
from trainwheel.wheel.metadata import list_members, read_member
from trainwheel.wheel.proof import read_proof, read_provenance
from trainwheel.wheel.sbom import bill_path
from unit.model_wheels import ONE
from unit.packaging import TOOLS, Packaging, decide, lock_tools, make_trained
from unit.repository import PYPROJECT, open_here, write
from unit.wheels import check_record

WHEEL = "build/dist/small_model-0.1.7-py3-none-any.whl"
GATE = "gate.accuracy.max-drop = 0.1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository whose model is trained and whose release is decided."""
    return make_trained(tmp_path / "small")


def package(root: Path, tools: Packaging | None = None, **variables: str) -> Packaging:
    """Run the step, and return its tools."""
    tools = tools or Packaging()
    STEP.run(open_here(root, variables, tools=tools))
    return tools


def refuse(root: Path, tools: Packaging, error: type[TrainwheelError], name: str) -> str:
    """Run the step, which has to fail and to leave nothing; return the message."""
    variables = {"HOME": "/home/ada-l", "NEXUS_PASSWORD": "hunter-2-hunter", "BUILD_NUMBER": "3"}
    with pytest.raises(error, match=name) as caught:
        package(root, tools, **variables)
    assert not (root / "build/dist").exists()
    assert read_record(root / "build/.trainwheel", "package") is None
    return str(caught.value)


def test_a_wheel_is_built_described_checked_proved_and_recorded(root: Path) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}{GATE}\n")
    evaluation = {"verdict": {"baseline": "0.1.6"}, "measured": {}}
    write(root, "build/evaluate/evaluation.json", json.dumps(evaluation))

    tools = package(root)

    wheel = root / WHEEL
    proof = read_proof(wheel)
    assert tools.names == ["build", "check"]
    assert Path(tools.calls[1].argv[-1]).name == wheel.name
    assert (proof.name, proof.version, proof.release_key) == ("small-model", "0.1.7", ONE)
    assert (proof.always, proof.compared_with) == (True, "0.1.6")
    assert proof.golden[0].input == {"x": 1, "name": "a\u2028b"}
    record = read_record(root / "build/.trainwheel", "package")
    assert record is not None
    assert record.facts["sha256"] == digest_file(wheel) == proof.sha256
    assert (record.facts["wheel"], record.facts["version"]) == (wheel.name, "0.1.7")
    lock = tomllib.loads(pylock_path(wheel).read_text(encoding="utf-8"))
    assert [entry["name"] for entry in lock["packages"]] == ["small-model"]
    check_record(wheel)
    info = "small_model-0.1.7.dist-info"
    metadata = {"METADATA", "RECORD", "WHEEL", "sboms/small-model.cdx.json"}
    metadata |= {"trainwheel/golden.jsonl", "trainwheel/provenance.json"}
    modules = {"__init__.py", "classifier.py", "py.typed"}
    modules |= {"artefact/model.joblib", "artefact/model.joblib.json"}
    assert set(list_members(wheel)) == {f"{info}/{name}" for name in metadata} | {
        f"small_model/{name}" for name in modules
    }
    assert b"# The card of it" in read_member(wheel, "METADATA")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("small_model/artefact/model.joblib") == b"weights"
    assert package(root).calls == []


def test_a_sentence_about_the_example_of_init_is_refused_before_anything_is_built(
    root: Path,
) -> None:
    write(root, "README.md", "Predicts the course of diabetes from ten measurements.\n")
    tools = Packaging()

    refuse(root, tools, RefusedError, "README.md line 1")

    assert tools.names == []


@pytest.mark.parametrize("failing", ["build", "check"])
def test_a_tool_that_fails_leaves_nothing(root: Path, failing: str) -> None:
    tools = Packaging(failing=failing)

    refuse(root, tools, StepFailedError, f"{failing} says no")

    assert tools.names[-1] == failing
    assert all(call.secrets == frozenset() and call.step == "package" for call in tools.calls)
    epoch = str(read_commit(root, Environment(), DEFAULTS).time)
    assert tools.calls[0].env == {"SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": "0"}
    assert {"--wheel", "--no-isolation"} <= set(tools.calls[0].argv)


def with_text(text: bytes) -> Callable[[dict[str, bytes]], object]:
    return lambda members: members.update({"small_model/py.typed": text})


@pytest.mark.parametrize(("spoil", "name"), [
    (lambda members: members.update({"tests/test_x.py": b""}), "tests/test_x.py"),
    (lambda members: members.pop("small_model/classifier.py"), "small_model/classifier.py"),
    (with_text(b"hunter-2-hunter"), "py.typed"),
    (with_text(b"'/environments/of/steps/bin'"), "py.typed"),
    (with_text(b"'/home/ada-l'"), "py.typed"),
], ids=["foreign", "not whole", "password", "folder", "home"])  # fmt: skip
def test_a_wheel_with_wrong_or_secret_content_is_not_proved(
    root: Path, spoil: Callable[[dict[str, bytes]], object], name: str
) -> None:
    tools = Packaging(spoil=spoil, folder=Path("/environments/of/steps"))

    assert "hunter" not in refuse(root, tools, StepFailedError, name)
    assert tools.names == ["build"]


def test_a_wheel_that_requires_what_the_lock_does_not_ask_for_is_refused(root: Path) -> None:
    tools = Packaging(requires=("six>=1; os_name == 'nt'", "numpy; extra == 'fast'"))

    message = refuse(root, tools, StepFailedError, r"-six>=1; os_name")

    assert re.search(r"stand in setup\.py:\d+", message)
    assert tools.names == ["build"]


def test_a_model_that_predicts_differently_than_in_training_is_not_packaged(root: Path) -> None:
    write(root, "build/train/golden.jsonl", '{"input": {"x": 1}, "prediction": {"x": 2}}\n')

    refuse(root, Packaging(), StepFailedError, Path(WHEEL).name)


@pytest.mark.parametrize("rows", [0, 200])
def test_the_wheel_answers_held_out_rows_as_they_were_measured(root: Path, rows: int) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}proof.rows = {rows}\n")
    inputs = '{{"input": {{"name": "Ada {0}"}}, "truth": 1}}\n'
    write(root, "build/train/holdout.jsonl", inputs.format(1) + inputs.format(2))
    answers = '{"name": "Ada 1"}\n{"name": "someone else"}\n'
    write(root, "build/evaluate/answers.jsonl", answers)

    if rows:
        assert "row 2 of holdout.jsonl" in refuse(root, Packaging(), StepFailedError, "someone")
        answers = answers.replace("someone else", "Ada 2")
        write(root, "build/evaluate/answers.jsonl", answers)
    package(root)

    # The rows leave the build folder nowhere.
    proof = (root / WHEEL).with_name(f"{Path(WHEEL).stem}.proof.json")
    assert "Ada" not in proof.read_text()
    with zipfile.ZipFile(root / WHEEL) as archive:
        assert not any(b"Ada" in archive.read(name) for name in archive.namelist())
    wheel = root / WHEEL
    names = {proof.name, wheel.name, pylock_path(wheel).name, bill_path(wheel).name}
    assert {path.name for path in (root / "build/dist").iterdir()} == names


def test_the_metrics_in_the_wheel_are_those_that_were_measured(root: Path) -> None:
    write(root, "build/train/metrics.json", '{"accuracy": 0.9}')
    evaluation = {"verdict": {"baseline": ""}, "measured": {}, "metrics": {"accuracy": 0.8}}
    write(root, "build/evaluate/evaluation.json", json.dumps(evaluation))
    package(root)
    assert read_provenance(root / WHEEL).metrics == {"accuracy": 0.8}

    evaluation["metrics"] = {"accuracy": 0.7}
    write(root, "build/evaluate/evaluation.json", json.dumps(evaluation))
    package(root)
    assert read_provenance(root / WHEEL).metrics == {"accuracy": 0.7}


@pytest.mark.parametrize("missing", TOOLS)
def test_the_tools_have_to_be_locked(root: Path, missing: str) -> None:
    lock_tools(root, *(name for name in TOOLS if name != missing))
    tools = Packaging()

    refuse(root, tools, LockfileError, missing)

    assert tools.calls == []


@pytest.mark.parametrize("name", ["build/train/model_card.md", "build/version.json"])
def test_the_results_of_earlier_steps_have_to_exist(root: Path, name: str) -> None:
    (root / name).unlink()

    refuse(root, Packaging(), TrainwheelError, Path(name).stem.partition("_")[0])


def test_where_nothing_is_released_nothing_is_built(root: Path) -> None:
    decide(root, releases=False)

    assert package(root).calls == []
    assert not (root / "build/dist").exists()


MEMBERS = ("__init__.py", "classifier.py", "py.typed", "artefact/model.joblib",
           "artefact/model.joblib.json")  # fmt: skip


@pytest.mark.parametrize("missing", MEMBERS)
def test_every_module_and_the_model_must_be_in_the_wheel(root: Path, missing: str) -> None:
    write(root, "model/small_model/notes.txt", "may be missing")
    workspace = open_here(root).workspace
    check_members(workspace, tuple(f"small_model/{name}" for name in MEMBERS))

    with pytest.raises(StepFailedError, match=f"small_model/{missing}"):
        check_members(
            workspace, tuple(f"small_model/{name}" for name in MEMBERS if name != missing)
        )


def now(root: Path) -> Fingerprint:
    return fingerprint(open_here(root).workspace, STEP)


BOUNDS = {"measured": {"measured": {"auc": {"value": 0.9, "low": 0.8, "high": 1}}}}
CLUSTER, DATA = '{"cluster": {"workers": 2}}', json.dumps({"sklearn/iris": "1" * 64})


@pytest.mark.parametrize(("name", "text", "fact"), [
    ("build/train/golden.jsonl", "", ""), ("build/train/model_card.md", "# Another\n", ""),
    ("model/small_model/classifier.py", "x = 1\n", ""), ("README.md", "changed", ""),
    ("tests/system/test_wheel.py", "", ""), ("build/train/training.json", CLUSTER, "the training"),
    ("build/train/data.json", DATA, "the training"),
    ("build/evaluate/evaluation.json", json.dumps(BOUNDS), "the metrics"),
    ("pyproject.toml", "tolerance = 0.5", "tool.trainwheel.tolerance"),
    ("pyproject.toml", 'predict = "small_model:f"', "tool.trainwheel.predict"),
    ("pyproject.toml", 'wheel.store-above = "7 MB"', "tool.trainwheel.wheel.store-above"),
])  # fmt: skip
def test_what_goes_into_the_wheel_makes_it_stale(
    root: Path, name: str, text: str, fact: str
) -> None:
    before = now(root)

    write(root, name, f"{PYPROJECT}{text}\n" if name == "pyproject.toml" else text)

    after = now(root)
    pairs = {*before.files.items(), *before.facts.items()}
    changes = {key for key, _ in pairs ^ {*after.files.items(), *after.facts.items()}}
    assert fact or name in changes
    assert changes <= {fact or name, "pyproject.toml"}


@pytest.mark.parametrize("name", ["docs/index.md", "data/rows.csv", "build/train/metrics.md"])
def test_what_does_not_go_into_the_wheel_does_not(root: Path, name: str) -> None:
    before = now(root).key

    write(root, name, "changed")

    assert now(root).key == before


@pytest.mark.parametrize(("decision", "reasons"), [
    (decide, []), (lambda root: decide(root, version="0.1.8"), ["the release"]),
    (lambda root: (root / "build/version.json").unlink(), ["no version has been decided here"]),
], ids=["the same", "another version", "undecided"])  # fmt: skip
def test_another_release_makes_the_wheel_stale(
    root: Path, decision: Callable[[Path], None], reasons: list[str]
) -> None:
    write(root, "build/dist/a.whl", "packaged before")
    digest = open_here(root).workspace.digests.output(root / "build/dist")
    record = Record("package", now(root), {"build/dist": digest}, 1.0, {})

    decision(root)

    result = file_reasons(open_here(root).workspace, STEP, record)
    assert [reason.what for reason in result] == reasons


@pytest.mark.parametrize(
    ("gate", "is_evaluated"), [(GATE, False), ("gate.accuracy.min = 0.1", True)]
)
def test_without_a_comparison_the_proof_names_no_baseline(
    root: Path, gate: str, *, is_evaluated: bool
) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}{gate}\n")
    if is_evaluated:
        document = {"verdict": {"baseline": "0.1.6"}, "measured": {}}
        write(root, "build/evaluate/evaluation.json", json.dumps(document))

    package(root)

    assert read_proof(root / WHEEL).compared_with == ""
