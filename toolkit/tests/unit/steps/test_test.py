"""The model's tests run with coverage, leave their results, and the gate follows."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import explain
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import read_record
from trainwheel.errors import RefusedError, StepFailedError
from trainwheel.steps.test import STEP
from unit.recording_tools import Call
from unit.repository import PYPROJECT, make_repository, write
from unit.steps.session import Answer, Session, configure, fail, open_with

JUNIT = '<testsuites><testsuite name="pytest" tests="3" failures="{failures}"/></testsuites>'
GATE = "gate.accuracy.min = 0.8"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository with a trained model whose accuracy is 0.9."""
    root = make_repository(tmp_path / "small")
    write(root, "build/train/metrics.json", '{"accuracy": 0.9}')
    return root


def pytest_tool(call: Call, *, failures: int = 0) -> str:
    if call.step == "test":
        words = {word.rpartition("=")[2].rpartition(":")[2] for word in call.argv if "=" in word}
        paths = {Path(word).name: Path(word) for word in words if word.startswith("/")}
        paths["pytest.xml"].write_text(JUNIT.format(failures=failures))
        paths["coverage.xml"].write_text('<coverage line-rate="0.876"/>')
    return ""


def failing(call: Call) -> str:
    pytest_tool(call, failures=1)
    return fail("the tests failed")(call)


def run_tests(root: Path, answer: Answer = pytest_tool) -> Session:
    return open_with(root, answer).step("test")


def failures(root: Path) -> dict[str | None, str | None]:
    """Return the number of failures by test suite."""
    tree = ET.parse(root / "build/test/junit.xml")  # noqa: S314 - written by this test
    return {suite.get("name"): suite.get("failures") for suite in tree.iter("testsuite")}


def test_pytest_runs_over_the_tests_with_coverage_of_the_package(root: Path) -> None:
    session = run_tests(root)

    call = session.calls[0]
    assert call.step == "test"
    assert call.argv[:6] == ("python", "-m", "pytest", "tests", "-p", "no:cacheprovider")
    assert "--cov=small_model" in call.argv
    assert call.env["PYTHONPATH"] == str(root / "model")
    assert not Path(call.env["COVERAGE_FILE"]).is_relative_to(root / "build/test")
    assert not call.secrets
    assert "3 tests passed, 88% of the package covered" in session.output
    assert (root / "build/test/coverage.xml").is_file()
    assert failures(root) == {"pytest": "0"}


def test_tests_that_import_nothing_of_the_package_cover_none_of_it(root: Path) -> None:
    def without_coverage(call: Call) -> str:
        pytest_tool(call)
        for path in (root / "build").rglob("coverage.xml"):
            path.unlink()  # as coverage does, which then writes none
        return ""

    assert "3 tests passed, 0% of the package covered" in run_tests(root, without_coverage).output


def test_the_verdict_is_written_beside_the_tests_once(root: Path) -> None:
    configure(root, GATE, "gate.accuracy.max = 0.95")
    run_tests(root)
    assert failures(root) == {"pytest": "0", "gate": "0"}
    before = (root / "build/test/junit.xml").stat().st_mtime_ns

    assert run_tests(root).calls == []
    assert (root / "build/test/junit.xml").stat().st_mtime_ns == before

    write(root, "build/train/metrics.json", '{"accuracy": 0.1}')
    with pytest.raises(RefusedError):
        run_tests(root)
    assert failures(root) == {"pytest": "0", "gate": "1"}
    assert read_record(root / "build/.trainwheel", "test") is not None


@pytest.mark.parametrize("has_results", [True, False])
def test_tests_that_fail_leave_their_results_only_and_no_record(
    root: Path, *, has_results: bool
) -> None:
    run_tests(root)
    write(root, "tests/test_small.py", "changed")

    with pytest.raises(StepFailedError, match="the tests failed"):
        run_tests(root, failing if has_results else fail("the tests failed"))

    assert (root / "build/test/junit.xml").exists() is has_results
    assert not has_results or failures(root) == {"pytest": "1"}
    assert run_tests(root).calls


def test_without_a_model_nothing_is_tested(root: Path) -> None:
    (root / "model/small_model/artefact/model.joblib").unlink()

    session = open_with(root, pytest_tool)
    with pytest.raises(StepFailedError, match=r"model\.joblib"):
        session.step("test")

    assert session.calls == []


@pytest.mark.parametrize(("name", "runs"), [
    ("tests/test_small.py", True), ("tests/data/rows.csv", True), ("conftest.py", True),
    ("model/small_model/classifier.py", True),
    ("model/small_model/artefact/model.joblib", True), ("docs/index.md", False),
    ("README.md", False),
])  # fmt: skip
def test_the_tests_run_again_when_a_file_of_theirs_changes(
    root: Path, name: str, *, runs: bool
) -> None:
    run_tests(root)
    append(root, name, "\n\n")

    assert [call.step for call in run_tests(root).calls] == ["test"] * runs


def append(root: Path, name: str, text: str) -> None:
    path = root / name
    write(root, name, f"{path.read_text() if path.exists() else ''}{text}")


@pytest.mark.parametrize(("name", "text", "runs"), [
    ("pytest.ini", "", True), (".pytest.ini", "[pytest]", True), ("pytest.toml", "", True),
    ("tests/.pytest.toml", "", True), ("tests/pytest.ini", "", True), ("../pytest.ini", "", True),
    (".coveragerc", "", True), (".coveragerc.toml", "", True),
    ("tox.ini", "[pytest]\naddopts = -q", True), ("tox.ini", "[tox]\nenvlist = a", False),
    ("setup.cfg", "[coverage:run]\nbranch = 1", True), ("setup.cfg", "[metadata]", False),
    ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-q'", True),
    ("pyproject.toml", "[tool.coverage.run]\nbranch = true", True),
    ("pyproject.toml", "[tool.ruff]\nline-length = 88", False),
])  # fmt: skip
def test_the_settings_of_pytest_and_coverage_count_and_no_others(
    root: Path, name: str, text: str, *, runs: bool
) -> None:
    run_tests(root)

    append(root, name, f"\n{text}\n")
    assert [call.step for call in run_tests(root).calls] == ["test"] * runs
    assert run_tests(root).calls == []

    write(root, name, PYPROJECT) if name == "pyproject.toml" else (root / name).unlink()
    assert ("restored from the cache" in run_tests(root).output) is runs


def test_a_reason_names_the_file_of_the_settings(root: Path) -> None:
    run_tests(root)
    write(root, "tox.ini", "[pytest]\n")

    workspace = open_with(root).run.workspace
    record = read_record(root / "build/.trainwheel", "test")

    assert record is not None
    (reason,) = explain(record.fingerprint, fingerprint(workspace, STEP))
    assert str(reason) == "the test configuration in tox.ini is new"
