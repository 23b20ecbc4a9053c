"""Two models with different scikit-learns in one environment: the page's commands, as written."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.consumers.consumer import Release
from integration.consumers.second import make_second
from integration.environments import clone_environment, make_environment
from integration.once import Once
from integration.tiny import TESTS, Run, run_to_end
from trainwheel.install.environments import Installer, python_of
from trainwheel.system.environ import read_environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PAGE = (TESTS.parent / "docs" / "how-to" / "share-environment.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^\$ (.+)\n((?:(?!\$|```).*\n)*)", re.MULTILINE)
FAILS = {
    'pip install "oncology-model[sklearn]" renal-model==0.1.0': 1,
    'uv pip install "oncology-model[sklearn]" renal-model==0.1.0': 1,
    "pip check": 1,
    "renal-model predict cases.csv": 1,
    "renal-model verify": 1,
}
"""The exit codes of commands when they are run for the first time; all others are 0."""
CODE = re.compile(r"```python\n(.+?)```", re.DOTALL)


@dataclass(frozen=True)
class Shell:
    """An active environment that has the packages of both models, and a folder with a table.

    Args:
        folder: The folder.
        wheels: Has the models.
    """

    folder: Path
    wheels: Path

    def run(self, *argv: str) -> Run:
        """Run a command, in which installers find the models beside the public index."""
        env = self.folder / ".venv"
        variables = {**os.environ, **Installer(read_environment()).settings.variables}
        for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
            variables[name] = " ".join([*variables.get(name, "").split(), str(self.wheels)])
        variables["UV_FIND_LINKS"] = variables["UV_FIND_LINKS"].replace(" ", ",")
        variables["PATH"] = f"{env}/bin:{variables['PATH']}"
        variables |= {"VIRTUAL_ENV": str(env), "PIP_PYTHON": str(python_of(env))}
        return run_to_end(argv, self.folder, variables)


@pytest.fixture(scope="module")
def shell(
    once: Once, libraries: Path, release: Release, tmp_path_factory: pytest.TempPathFactory
) -> Shell:
    def fill(folder: Path) -> None:
        pins = ("scikit-learn==1.8.0", "numpy==2.4.6", "scipy==1.17.1", "joblib==1.6.0")
        older = make_environment(folder / "env", *pins)
        make_second(release, folder, older, "0.1.0")
        make_second(release, folder, python_of(libraries), "0.2.0")
        shutil.copy(release.wheel, folder)

    folder = tmp_path_factory.mktemp("sharing")
    clone_environment(libraries, folder / ".venv")
    shutil.copy(release.table, folder / "cases.csv")
    return Shell(folder, once.folder("two-models", fill))


def test_the_commands_of_the_page_do_what_it_says(shell: Shell) -> None:
    commands = COMMAND.findall(PAGE)
    codes = dict(FAILS)
    assert len(commands) > 12
    (shell.folder / "both.py").write_text(CODE.findall(PAGE)[0])

    for command, expected in commands:
        run = shell.run("/bin/sh", "-euc", command)

        assert run.code == codes.pop(command, 0), f"{command}\n{run.output}"
        shown = " ".join(run.output.split())
        assert [line for line in expected.splitlines() if line not in shown] == [], run.output
    assert codes == {}
    tables = (shell.folder / name for name in ("oncology.csv", "renal.csv"))
    assert {table.read_text().count("\n") for table in tables} == {25}


def test_the_program_of_the_page_asks_both(shell: Shell) -> None:
    _, code = CODE.findall(PAGE)

    run = shell.run("python", "-c", code)

    assert run.code == 0, run.output
    pairs = [line.split() for line in run.output.splitlines() if "Installed" not in line]
    assert len(pairs) == 24
    assert {label for pair in pairs for label in pair} == {"benign", "malignant"}
