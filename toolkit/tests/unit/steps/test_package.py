"""The package step: what is built, checked and proved, and what is left where that fails."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.engine.records import read_record
from trainwheel.engine.run import Run
from trainwheel.errors import LockfileError, StepFailedError, TrainwheelError
from trainwheel.steps.package import STEP, check_members
from trainwheel.steps.shared.publish import read_proof
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.git import read_commit
from trainwheel.wheel.metadata import list_members, read_member
from unit.model_wheels import ONE
from unit.packaging import TOOLS, Packaging, decide, lock_tools, make_trained
from unit.recording_tools import RecordingTools
from unit.repository import open_here, write
from unit.wheels import check_record

WHEEL = "small_model-0.1.7-py3-none-any.whl"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository whose model is trained and whose release is decided."""
    return make_trained(tmp_path / "small")


def open_with(root: Path, tools: RecordingTools, **variables: str) -> Run:
    return open_here(root, variables, tools=tools)


def is_packaged(root: Path) -> bool:
    layout = open_here(root).workspace.layout
    return layout.dist.exists() or read_record(layout.records, "package") is not None


def test_a_wheel_is_built_described_checked_proved_and_recorded(root: Path) -> None:
    tools = Packaging()
    run = open_with(root, tools)

    STEP.run(run)

    layout = run.workspace.layout
    wheel = layout.dist / WHEEL
    proof = read_proof(wheel)
    assert tools.names == ["build", "describe", "twine", "check-wheel-contents"]
    assert (proof.name, proof.version, proof.release_key) == ("small-model", "0.1.7", ONE)
    assert (proof.always, proof.compared_with) == (True, "")
    assert proof.golden[0].input == {"x": 1, "name": "a\u2028b"}
    record = read_record(layout.records, "package")
    assert record is not None
    assert record.facts["sha256"] == digest_file(wheel) == proof.sha256
    assert (record.facts["wheel"], record.facts["version"]) == (WHEEL, "0.1.7")


def test_a_wheel_that_is_packaged_is_not_packaged_again(root: Path) -> None:
    STEP.run(open_with(root, Packaging()))
    again = Packaging()

    STEP.run(open_with(root, again))

    assert again.calls == []


def test_what_is_in_it_is_what_is_shipped_and_what_training_made(root: Path) -> None:
    run = open_with(root, Packaging())

    STEP.run(run)

    wheel = run.workspace.layout.dist / WHEEL
    check_record(wheel)
    info = "small_model-0.1.7.dist-info"
    inside = {"METADATA", "RECORD", "WHEEL", "sboms/small-model.cdx.json"}
    inside |= {"trainwheel/golden.jsonl", "trainwheel/provenance.json"}
    shipped = {"__init__.py", "classifier.py", "py.typed"}
    shipped |= {"artefact/model.joblib", "artefact/model.joblib.json"}
    assert set(list_members(wheel)) == {f"{info}/{name}" for name in inside} | {
        f"small_model/{name}" for name in shipped
    }
    assert b"# The card of it" in read_member(wheel, "METADATA")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("small_model/artefact/model.joblib") == b"weights"


def test_the_tools_see_no_secret_and_a_time_that_is_the_commit_s(root: Path) -> None:
    tools = Packaging(failing="check-wheel-contents")

    with pytest.raises(StepFailedError):
        STEP.run(open_with(root, tools, BUILD_NUMBER="3"))

    assert all(call.secrets == frozenset() and call.step == "package" for call in tools.calls)
    epoch = str(read_commit(root, Environment()).time)
    assert tools.calls[0].env == {"SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": "0"}
    assert {"--wheel", "--no-isolation"} <= set(tools.calls[0].argv)


@pytest.mark.parametrize("failing", ["build", "describe", "twine", "check-wheel-contents"])
def test_a_tool_that_fails_leaves_nothing_behind(root: Path, failing: str) -> None:
    tools = Packaging(failing=failing)

    with pytest.raises(StepFailedError, match=f"{failing} says no"):
        STEP.run(open_with(root, tools))

    assert tools.names[-1] == failing
    assert not is_packaged(root)


Spoil = Callable[[dict[str, bytes]], object]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "foreign": (lambda held: held.update({"tests/test_x.py": b""}), "tests/test_x.py"),
    "not whole": (lambda held: held.pop("small_model/classifier.py"), "small_model/classifier.py"),
    "password": (lambda held: held.update({"small_model/py.typed": b"hunter-2-hunter"}), ".typed"),
    "folder": (
        lambda held: held.update({"small_model/py.typed": b"'/environments/of/steps/bin'"}),
        "py.typed",
    ),
    "home": (lambda held: held.update({"small_model/py.typed": b"'/home/ada-l'"}), "py.typed"),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
def test_a_wheel_that_holds_what_it_should_not_is_not_proved(root: Path, what: str) -> None:
    spoil, named = SPOILT[what]
    tools = Packaging(spoil=spoil, folder=Path("/environments/of/steps"))
    variables = {"HOME": "/home/ada-l", "NEXUS_PASSWORD": "hunter-2-hunter"}

    with pytest.raises(StepFailedError) as caught:
        STEP.run(open_with(root, tools, **variables))

    assert named in caught.value.message
    assert "hunter" not in str(caught.value)
    assert tools.names == ["build", "describe"]
    assert not is_packaged(root)


def test_a_model_that_answers_otherwise_than_in_training_is_not_packaged(root: Path) -> None:
    write(root, "build/train/golden.jsonl", '{"input": {"x": 1}, "prediction": {"x": 2}}\n')

    with pytest.raises(StepFailedError, match=WHEEL):
        STEP.run(open_with(root, Packaging()))

    assert not is_packaged(root)


@pytest.mark.parametrize("missing", TOOLS)
def test_the_tools_have_to_be_locked(root: Path, missing: str) -> None:
    lock_tools(root, *(name for name in TOOLS if name != missing))
    tools = Packaging()

    with pytest.raises(LockfileError, match=missing):
        STEP.run(open_with(root, tools))

    assert tools.calls == []


@pytest.mark.parametrize(
    ("lost", "named"),
    [("build/train/model_card.md", "model_card.md"), ("build/version.json", "version")],
)
def test_what_earlier_steps_make_has_to_be_there(root: Path, lost: str, named: str) -> None:
    (root / lost).unlink()

    with pytest.raises(TrainwheelError, match=named):
        STEP.run(open_with(root, Packaging()))

    assert not is_packaged(root)


def test_where_nothing_is_released_nothing_is_built(root: Path) -> None:
    decide(root, releases=False)
    tools = Packaging()

    STEP.run(open_with(root, tools))

    assert tools.calls == []
    assert not is_packaged(root)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        (("__init__.py", "classifier.py", "py.typed"), "small_model/artefact/model.joblib"),
        (("classifier.py", "py.typed", "artefact/model.joblib", "artefact/model.joblib.json"),
         "small_model/__init__.py"),
        (("__init__.py", "classifier.py", "artefact/model.joblib", "artefact/model.joblib.json"),
         "small_model/py.typed"),
    ],
)  # fmt: skip
def test_a_wheel_that_lacks_something_says_what(
    root: Path, members: tuple[str, ...], named: str
) -> None:
    write(root, "model/small_model/notes.txt", "need not be shipped")
    workspace = open_here(root).workspace

    with pytest.raises(StepFailedError, match=named):
        check_members(workspace, tuple(f"small_model/{name}" for name in members))
