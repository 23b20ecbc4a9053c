"""The script that checks a finished wheel, with the locked twine and check-wheel-contents."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from integration.environments import locked_packages
from integration.once import once_for
from trainwheel.guest import CHECK_WHEEL
from trainwheel.install.environments import Installer, python_of
from trainwheel.system.environ import read_environment
from unit.wheels import write_wheel

pytestmark = pytest.mark.integration

MARKDOWN = "Description-Content-Type: text/markdown"
LONG = "a-folder-with-a-long-name-" * 4
"""Longer than the 80 characters after which twine would break a line."""


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the lock's [package]."""
    packages = locked_packages("package")
    installer = Installer(read_environment())
    once = once_for(tmp_path_factory)
    folder = once.folder("check", lambda folder: installer.ensure(folder / "package", packages))
    return python_of(folder / "package")


Check = Callable[[str, Mapping[str, bytes], str], tuple[int, str]]


@pytest.fixture
def run(python: Path, tmp_path: Path) -> Check:
    """Runs the script on a wheel with these headers and members, below this configuration.

    Returns the exit code and the output, without the name of the wheel's folder.
    """

    def check(headers: str, members: Mapping[str, bytes], pyproject: str) -> tuple[int, str]:
        wheel = write_wheel(tmp_path / LONG, members=members, headers=headers)
        (tmp_path / "pyproject.toml").write_text(pyproject)
        argv = [str(python), "-P", str(CHECK_WHEEL), str(wheel)]
        pipe = subprocess.PIPE
        result = subprocess.run(
            argv, cwd=tmp_path, stdout=pipe, stderr=subprocess.STDOUT, text=True, check=False
        )
        return result.returncode, result.stdout.replace(str(wheel), "THE.whl")

    return check


TESTS = {"tests/__init__.py": b"", "tests/a-b.py": b"x"}
MANY = {f"tests/{number:03}-.py": b"%d" % number for number in range(99)}
IGNORE = '[tool.check-wheel-contents]\nignore = ["W004", "W005", "W009"]\n'
CONTENTS = "check-wheel-contents: W004: Module is not located at importable path: tests/"
MARKUP = "twine check: FAILED `long_description` has syntax errors in markup"


@pytest.mark.parametrize(("headers", "members", "pyproject", "reasons"), [
    (MARKDOWN, {}, "", []), (MARKDOWN, TESTS, IGNORE, []),
    ("Summary: x", {}, "", ["twine check: FAILED due to warnings `long_description_content_type"]),
    ("Description-Content-Type: text/x-rst\n\n|a\nb", {}, "", [MARKUP]),
    (f"{MARKDOWN}\nRequires-Dist: six !", {}, "", ["twine check: InvalidDistribution: "]),
    (MARKDOWN, TESTS, "", [f"{CONTENTS}a-b.py W005: Wheel contains "]),
    (MARKDOWN, {}, IGNORE.replace("W009", "X"), ["check-wheel-contents: Usage: "]),
    ("Summary: x", TESTS, "", ["twine check: FAILED", f"; {CONTENTS}a-b.py"]),
    (MARKDOWN, MANY, "", [f"{CONTENTS}000-.py", " …"]),
], ids=["passes", "configured", "warning", "markup", "invalid", "contents", "configuration", "both",
        "long"])  # fmt: skip
def test_a_wheel_is_refused_by_either_tool_with_one_line(
    run: Check, headers: str, members: Mapping[str, bytes], pyproject: str, reasons: list[str]
) -> None:
    code, output = run(headers, members, pyproject)

    assert code == bool(reasons), output
    assert output.startswith("Checking THE.whl: ")
    assert "\nTHE.whl: " in output or "\nUsage: check-wheel-contents " in output
    last = output.splitlines()[-1]
    assert [reason for reason in reasons if reason not in last] == []
    assert "THE.whl" not in last if reasons else last == "THE.whl: OK"
    assert len(last) < 400
