"""What runs in the environment of a step: with which program, variables, log and error."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.environments import StepEnvironments
from trainwheel.errors import StepFailedError
from trainwheel.install.bytecode import site_packages
from trainwheel.steps import load_chain
from trainwheel.system.command import Command
from trainwheel.system.console import Console
from trainwheel.system.progress import PROGRESS
from trainwheel.system.secrets import SecretClass
from unit.repository import PYPROJECT, SIX, make_repository, open_here, write
from unit.steps.session import fill_environment, lock_more
from unit.wheels import write_wheel

Sentence = Callable[[object], None]
STEP, HOME = "upload", "empty"
"""A step whose category locks nothing here, and the environment of all such."""


class Shell:
    """A step's environment in a repository of its own; keeps what a person is shown."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder, self.stream = root, folder, io.StringIO()

    def open(self, variables: Mapping[str, str] | None = None) -> StepEnvironments:
        run = open_here(self.root, variables)
        console = Console(run.environment, self.stream)
        categories = load_chain().categories
        return StepEnvironments(run.workspace, console, self.folder, categories, run.tokens)

    def log(self) -> str:
        return (self.root / "build/log" / f"{STEP}.log").read_text(encoding="utf-8")


def script(*lines: str) -> tuple[str, ...]:
    return ("python", "-c", "\n".join(lines))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of environments in which those of the step stand already, for all tests here."""
    place = tmp_path_factory.mktemp("environments")
    installer = open_here(make_repository(place / "first")).tools.installer(STEP)
    installer.ensure(place / HOME, "")
    return place


@pytest.fixture
def shell(tmp_path: Path, folder: Path) -> Shell:
    """A small model repository, with the environment of one step."""
    return Shell(make_repository(tmp_path / "small"), folder)


def test_a_step_runs_in_its_own_environment_and_in_the_repository(shell: Shell) -> None:
    argv = script("import os, sys", "print(sys.prefix, os.getcwd(), sep='|', end='')")

    prefix, where = shell.open().run(STEP, argv, what="looking").split("|")

    assert (Path(prefix), Path(where)) == (shell.folder / HOME, shell.root)
    assert (shell.folder / HOME / ".trainwheel-stamp").is_file()


def test_the_environment_comes_first_on_the_path(shell: Shell) -> None:
    variables = shell.open({"PATH": "/one:/two"}).variables(STEP)

    assert variables["PATH"].split(os.pathsep) == [str(shell.folder / HOME / "bin"), "/one", "/two"]
    assert variables["VIRTUAL_ENV"] == str(shell.folder / HOME)
    assert Path(variables["PYTHONPYCACHEPREFIX"]).is_relative_to(shell.folder / HOME)


@pytest.mark.parametrize("secrets", [set(), {SecretClass.DATA}, {SecretClass.PUBLISH}])
def test_a_tool_sees_the_secrets_that_it_was_given_and_no_others(
    shell: Shell, secrets: set[SecretClass]
) -> None:
    write(shell.root, "pyproject.toml", f'{PYPROJECT}secrets.data = ["STORE_KEY"]\n')
    tools = shell.open(
        {"STORE_KEY": "s3cret-a", "NEXUS_PASSWORD": "b", "LANG": "C", "PYTHONPATH": "x"}
    )
    argv = script("import os", "print(*sorted(os.environ))")
    sees = {SecretClass.DATA: "STORE_KEY", SecretClass.PUBLISH: "NEXUS_PASSWORD"}

    output = tools.run(STEP, argv, what="it", env={"MORE": "1"}, secrets=frozenset(secrets))

    names = {*output.split()}
    assert names & {*sees.values()} == {sees[secret] for secret in secrets}
    assert {"MORE", "LANG", "VIRTUAL_ENV"} <= names
    assert "PYTHONPATH" not in names


def test_a_program_that_is_not_in_the_environment_is_that_of_the_machine(shell: Shell) -> None:
    own = shell.open().run(STEP, script("import sys", "print(sys.executable)"), what="it")
    other = shell.open().run(
        STEP, (sys.executable, *script("import sys", "print(sys.prefix)")[1:]), what="it"
    )

    assert Path(own.strip()).parent == shell.folder / HOME / "bin"
    assert other.strip() == sys.prefix


def test_the_last_lines_of_a_failure_are_shown_and_all_are_in_the_log(
    shell: Shell, sentence: Sentence
) -> None:
    argv = script("for i in range(40): print('line', i)", "print('=== 1 failed ===')", "exit(3)")

    with pytest.raises(StepFailedError, match="1 failed") as caught:
        shell.open().run(STEP, argv, what="the check")

    sentence(caught.value)
    expected = [*(f"  line {number}" for number in range(11, 40)), "  === 1 failed ==="]
    assert shell.stream.getvalue().splitlines() == expected
    assert "line 0\n" in shell.log()


@pytest.mark.parametrize(("lines", "timeout", "words"), [
    (("exit(1)",), None, "exit code 1"), (("import os", "os.kill(os.getpid(), 9)"), None, "memory"),
    (("import os", "os.kill(os.getpid(), 11)"), None, "signal 11"),
    (("import time", "time.sleep(60)"), 0.2, "too long"),
])  # fmt: skip
def test_an_error_says_how_a_tool_ended(
    shell: Shell, lines: tuple[str, ...], timeout: float | None, words: str, sentence: Sentence
) -> None:
    with pytest.raises(StepFailedError, match=words) as caught:
        shell.open().run(STEP, script(*lines), what="training", timeout=timeout)

    sentence(caught.value)


@pytest.mark.parametrize(("what", "name"), [
    ("training", "ALPHA"), ("the tests", "ALPHA"), ("training", "STORE_KEY"), ("training", "GONE"),
])  # fmt: skip
def test_a_failure_for_want_of_a_variable_says_how_to_name_it(
    shell: Shell, what: str, name: str, sentence: Sentence
) -> None:
    write(shell.root, "pyproject.toml", f'{PYPROJECT}secrets.data = ["STORE_KEY"]\n')
    tools = shell.open({"ALPHA": "s3cret-a", "STORE_KEY": "s3cret-k", "OTHER": "s3cret-o"})

    with pytest.raises(StepFailedError) as caught:
        tools.run(STEP, script("import os", f"os.environ[{name!r}]"), what=what)

    sentence(caught.value)
    assert ("this shell" in caught.value.hint) is (name != "GONE")
    assert "s3cret" not in f"{caught.value}{caught.value.hint}{shell.log()}"


def test_what_a_name_in_the_configuration_hands_on_arrives_as_it_is(shell: Shell) -> None:
    write(shell.root, "pyproject.toml", f'{PYPROJECT}train.env = ["ALPHA", "B", "E", "GONE"]\n')
    values = {"ALPHA": "one\ntwo", "B": "\udcff", "E": ""}
    tools = shell.open({**values, "OTHER": "1", "PATH": "/bin"})

    output = tools.run(STEP, script("import os", "print(ascii(dict(os.environ)))"), what="it")

    seen = ast.literal_eval(output)
    assert {name: seen[name] for name in values} == values
    assert not {"GONE", "OTHER"} & seen.keys()


@pytest.mark.parametrize("step", ["train", "data", "lint"])
def test_what_fetches_data_and_lints_keeps_the_variables_of_the_shell(
    shell: Shell, step: str
) -> None:
    for category in ("data", "lint"):
        lock_more(shell.root, category)
    tools = shell.open({"PATH": os.environ["PATH"], "AWS_PROFILE": "x", "NEXUS_PASSWORD": "y"})
    fill_environment(tools.folder / "packages", tools.workspace.locked("packages"))
    argv = (sys.executable, "-c", "import os; print(*os.environ)")

    result = tools.complete(Command(argv), step)

    assert ("AWS_PROFILE" in result.output) is (step != "train")
    assert tools.run(step, argv, what="it") == result.output
    assert "NEXUS_PASSWORD" not in result.output


@pytest.mark.parametrize(("verbose", "output"), [(False, ""), (True, "hello\n")])
def test_a_tool_that_succeeds_is_quiet_unless_it_is_verbose(
    shell: Shell, output: str, *, verbose: bool
) -> None:
    tools = replace(shell.open(), verbose=verbose)

    assert tools.run(STEP, script("print('hello')"), what="it") == "hello\n"
    assert shell.stream.getvalue() == output


def test_lines_of_progress_are_echoed_and_are_not_part_of_the_output(shell: Shell) -> None:
    lines: list[str] = []
    argv = script(f"print({PROGRESS + 'half'!r})", "print('result')")

    output = shell.open().run(STEP, argv, what="it", echo=lines.append)

    assert output == "result\n"
    assert [line.strip(PROGRESS) for line in lines] == ["half", "result"]
    assert shell.stream.getvalue() == ""


def test_a_hidden_value_stands_neither_on_the_screen_nor_in_the_log(shell: Shell) -> None:
    write(shell.root, "pyproject.toml", f'{PYPROJECT}secrets.data = ["STORE_KEY"]\n')
    tools = shell.open({"STORE_KEY": "s3cret-key"})

    argv = script("import os", "print('key', os.environ['STORE_KEY'])", "print('end')", "exit(1)")

    with pytest.raises(StepFailedError):
        tools.run(STEP, argv, what="it", secrets=frozenset({SecretClass.DATA}))

    assert "  key ***\n" in shell.stream.getvalue()
    assert "key ***\n" in shell.log()
    assert "s3cret-key" not in shell.stream.getvalue() + shell.log()


def test_a_command_is_run_to_its_end_and_its_files_can_be_read_by_others(shell: Shell) -> None:
    tools = shell.open()
    tools.run(STEP, script("open('made', 'w').close()"), what="it")

    code = "import os; print(os.environ['VIRTUAL_ENV'], os.environ['PATH']); exit(4)"
    result = tools.complete(Command((sys.executable, "-c", code), env={"PATH": "mine"}), STEP)

    assert (shell.root / "made").stat().st_mode & 0o777 == 0o644
    assert (result.returncode, shell.stream.getvalue()) == (4, "")
    assert f"{shell.folder / HOME} mine\n" in shell.log()


def test_steps_with_the_same_packages_share_an_environment(shell: Shell) -> None:
    tools, workspace = shell.open(), shell.open().workspace
    with_tests = {"packages-test": workspace.locked("packages", "test")}
    for name, packages in {"packages": workspace.locked("packages"), **with_tests}.items():
        fill_environment(shell.folder / name, packages)

    homes = [tools.python(step).parents[1].name for step in ("train", "doc", "test", "verify")]

    assert homes == ["packages", "packages", "packages-test", HOME]


def test_an_environment_that_changes_while_a_step_runs_fails_it(
    shell: Shell, sentence: Sentence
) -> None:
    tools = shell.open()
    tools.require_unchanged(STEP)
    site = site_packages(tools.python(STEP).parents[1])
    tools.at(tools.workspace).require_unchanged(STEP)
    tools.run(STEP, script(f"open({str(site / 'evil.py')!r}, 'w').close()"), what="it")

    with pytest.raises(StepFailedError, match=r"evil\.py") as caught:
        tools.at(tools.workspace).require_unchanged(STEP)

    sentence(caught.value)
    tools.python(STEP)
    assert not (site / "evil.py").exists()
    assert "evil.py was added; it is made again" in shell.stream.getvalue()
    tools.require_unchanged(STEP)


@pytest.fixture
def packaged(shell: Shell, tmp_path: Path) -> StepEnvironments:
    """Tools of a repository whose one runtime package is a wheel on this disk."""
    members = {"six/part.py": b"VALUE = 1\n"}
    wheel = write_wheel(tmp_path / "wheels", "six", "1.16.0", members=members)
    lock = (shell.root / "Pipfile.lock").read_text(encoding="utf-8")
    (old,) = SIX["hashes"]
    lock = lock.replace(old, f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}")
    write(shell.root, "Pipfile.lock", lock)
    places = {"UV_FIND_LINKS": str(wheel.parent), "UV_CACHE_DIR": str(tmp_path / "cache")}
    return replace(shell.open({"UV_OFFLINE": "1", **places}), folder=tmp_path / "environments")


def test_the_runtime_packages_are_links_and_a_write_through_one_fails_the_step(
    packaged: StepEnvironments, tmp_path: Path, sentence: Sentence
) -> None:
    installer, requirements = packaged.installer(STEP), packaged.workspace.locked("packages")
    home = tmp_path / "environments/packages"

    for _ in range(2):
        with installer.throw_away() as folder, installer.filled(folder / "env", requirements) as on:
            assert on == (home,)
            assert (site_packages(folder / "env") / "six").is_symlink()
    with (
        pytest.raises(StepFailedError) as caught,
        installer.throw_away() as folder,
        installer.filled(folder / "env", requirements),
    ):
        (site_packages(folder / "env") / "six/part.py").write_text("VALUE = 2\n")

    sentence(caught.value)
    packaged.installer(STEP).ensure(home, requirements)
    assert (site_packages(home) / "six/part.py").read_text() == "VALUE = 1\n"


def test_other_packages_than_those_of_the_lock_are_installed(
    packaged: StepEnvironments, tmp_path: Path
) -> None:
    installer, other = packaged.installer(STEP), write_wheel(tmp_path / "wheels", "six", "1.15.0")
    line = f"six==1.15.0 --hash=sha256:{hashlib.sha256(other.read_bytes()).hexdigest()}\n"

    for requirements, is_there in ((line, True), ("", False)):
        with installer.throw_away() as folder, installer.filled(folder / "env", requirements) as on:
            package = site_packages(folder / "env") / "six"
            assert on == ()
            assert (package.is_dir(), package.is_symlink()) == (is_there, False)

    assert not (tmp_path / "environments").exists()
