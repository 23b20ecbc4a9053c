"""The installed model's types, as the type checkers of its consumers see them."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.consumers.consumer import Release
from integration.environments import clone_environment, install_tool
from integration.once import Once
from integration.tiny import TESTS, Run, run_to_end
from trainwheel.install.environments import find_uv

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# pyright, in a wheel that brings its own node.
PYRIGHT = ("basedpyright", "basedpyright==1.40.2")
STRICTEST = ("--disallow-any-expr", "--disallow-any-unimported", "--disallow-any-decorated")
CONFIGURATION = {"typeCheckingMode": "strict", "reportAny": "error", "reportExplicitAny": "error"}


@dataclass(frozen=True)
class Project:
    """A consumer's project, and beside it an environment that holds the model.

    Args:
        folder: Where it is.
        pyright: The program.
    """

    folder: Path
    pyright: Path

    def check(self, checker: str, name: str) -> Run:
        """Check a file with a type checker, as strictly as the file allows."""
        if checker == "pyright":
            return self.run_pyright(self.folder, name)
        python = self.folder.parent / "env" / "bin" / "python"
        options = ["--strict", "--no-error-summary", "--python-executable", str(python)]
        options += STRICTEST if name == "right.py" else ()
        return run_to_end([sys.executable, "-P", "-m", "mypy", *options, name], self.folder, {})

    def run_pyright(self, folder: Path, *words: str) -> Run:
        """Run pyright in a folder."""
        # It finds the environment by PATH; --pythonpath does not hold for --verifytypes.
        return run_to_end(
            [str(self.pyright), *words], folder, {"PATH": f"{self.folder}/../env/bin"}
        )


@pytest.fixture(scope="module")
def project(
    once: Once, libraries: Path, release: Release, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    folder = tmp_path_factory.mktemp("types") / "consumer"
    shutil.copytree(TESTS / "projects" / "consumer", folder)
    (folder / "pyrightconfig.json").write_text(json.dumps(CONFIGURATION))
    python = clone_environment(libraries, folder.parent / "env")
    words = ("pip", "install", "--no-deps", "--python", python, release.wheel)
    assert run_to_end([find_uv(), *map(str, words)], folder, {}).code == 0
    return Project(folder, install_tool(once, *PYRIGHT))


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_right_use_has_the_types_that_it_should_and_no_any(checker: str, project: Project) -> None:
    run = project.check(checker, "right.py")

    assert run.code == 0, run.output


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_each_mistake_is_reported(checker: str, project: Project) -> None:
    lines = (project.folder / "wrong.py").read_text().splitlines()
    mistakes = {number for number, line in enumerate(lines, 1) if "# wrong: " in line}

    run = project.check(checker, "wrong.py")

    reported = re.findall(r"wrong\.py:(\d+)(?::\d+)?(?:: error| - error)", run.output)
    assert len(mistakes) > 10
    assert set(map(int, reported)) == mistakes, run.output


def test_all_types_of_its_modules_are_complete(project: Project, tmp_path: Path) -> None:
    run = project.run_pyright(tmp_path, "--verifytypes", "oncology_model", "--ignoreexternal")

    assert run.code == 0, run.output
    assert "Type completeness score: 100%" in run.output
