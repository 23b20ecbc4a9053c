"""The model's tests run with coverage of what ships, leave their results, and the gate follows."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from trainwheel.engine.records import read_record
from trainwheel.errors import RefusedError, StepFailedError
from unit.recording_tools import Call
from unit.repository import make_repository, write
from unit.steps.opened import configure, fail, open_with

JUNIT = '<testsuites><testsuite name="pytest" tests="3" failures="{failures}"/></testsuites>'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository with a trained model that says how good it is."""
    root = make_repository(tmp_path / "small")
    write(root, "build/train/metrics.json", '{"accuracy": 0.9}')
    return root


def pytest_tool(call: Call, *, failures: int = 0) -> str:
    if call.step == "test":
        made = {word.rpartition("=")[2].rpartition(":")[2] for word in call.argv if "=" in word}
        paths = {Path(word).name: Path(word) for word in made if word.startswith("/")}
        paths["pytest.xml"].write_text(JUNIT.format(failures=failures))
        paths["coverage.xml"].write_text('<coverage line-rate="0.876"/>')
    return ""


def failing(call: Call) -> str:
    pytest_tool(call, failures=1)
    return fail("the tests failed")(call)


def suites(root: Path) -> dict[str | None, ET.Element]:
    tree = ET.parse(root / "build/test/junit.xml")  # noqa: S314 - written by this test
    return {suite.get("name"): suite for suite in tree.iter("testsuite")}


def test_pytest_runs_over_the_tests_with_coverage_of_the_package(root: Path) -> None:
    opened = open_with(root, pytest_tool).step("test")

    call = opened.calls[0]
    assert call.step == "test"
    assert call.argv[:4] == ("python", "-m", "pytest", "tests")
    assert "--cov=small_model" in call.argv
    assert call.env["PYTHONPATH"] == str(root / "model")
    assert not Path(call.env["COVERAGE_FILE"]).is_relative_to(root / "build" / "test")
    assert not call.secrets
    assert "3 tests passed, 88% of the package covered" in opened.said
    assert (root / "build/test/coverage.xml").is_file()


def test_without_a_gate_the_results_are_those_of_the_tests_alone(root: Path) -> None:
    open_with(root, pytest_tool).step("test")

    assert list(suites(root)) == ["pytest"]


def test_the_verdict_stands_beside_the_tests(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.8", "gate.accuracy.max = 0.95")

    open_with(root, pytest_tool).step("test")

    assert suites(root)["gate"].attrib["tests"] == "2"
    assert suites(root)["gate"].attrib["failures"] == "0"


def test_a_model_that_the_gate_refuses_has_passed_its_tests(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.95")

    with pytest.raises(RefusedError):
        open_with(root, pytest_tool).step("test")

    assert read_record(root / "build/.trainwheel", "test") is not None
    assert suites(root)["gate"].attrib["failures"] == "1"


def test_another_verdict_on_the_same_tests_is_written_too(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.8")
    open_with(root, pytest_tool).step("test")
    write(root, "build/train/metrics.json", '{"accuracy": 0.1}')

    with pytest.raises(RefusedError):
        open_with(root, pytest_tool).step("test")

    assert suites(root)["gate"].attrib["failures"] == "1"


def test_a_run_with_nothing_to_do_writes_nothing(root: Path) -> None:
    configure(root, "gate.accuracy.min = 0.8")
    open_with(root, pytest_tool).step("test")
    before = (root / "build/test/junit.xml").stat()

    assert open_with(root, pytest_tool).step("test").calls == []
    assert (root / "build/test/junit.xml").stat().st_mtime_ns == before.st_mtime_ns


def test_tests_that_fail_leave_their_results_and_no_success(root: Path) -> None:
    open_with(root, pytest_tool).step("test")
    write(root, "tests/test_small.py", "changed")

    with pytest.raises(StepFailedError, match="the tests failed"):
        open_with(root, failing).step("test")

    assert suites(root)["pytest"].get("failures") == "1"
    assert open_with(root, pytest_tool).step("test").calls


def test_pytest_that_breaks_before_it_writes_leaves_no_results_of_before(root: Path) -> None:
    open_with(root, pytest_tool).step("test")
    write(root, "tests/test_small.py", "changed")

    with pytest.raises(StepFailedError):
        open_with(root, fail("no pytest")).step("test")

    assert not (root / "build/test/junit.xml").exists()


def test_without_a_model_nothing_is_tested(root: Path) -> None:
    (root / "model/small_model/artefact/model.joblib").unlink()

    opened = open_with(root, pytest_tool)
    with pytest.raises(StepFailedError, match=r"model\.joblib"):
        opened.step("test")

    assert opened.calls == []


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("tests/test_small.py", True),
        ("tests/data/rows.csv", True),
        ("conftest.py", True),
        ("pyproject.toml", True),
        ("model/small_model/classifier.py", True),
        ("model/small_model/artefact/model.joblib", True),
        ("docs/index.md", False),
        ("README.md", False),
    ],
)
def test_the_tests_run_again_for_what_they_look_at(root: Path, name: str, *, runs: bool) -> None:
    open_with(root, pytest_tool).step("test")
    path = root / name
    write(root, name, f"{path.read_text() if path.exists() else ''}\n\n")

    calls = open_with(root, pytest_tool).step("test").calls

    assert ([call.step for call in calls] == ["test"]) is runs
