"""Two repositories of one user that run at the same time leave each other alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from integration.tiny import BOUND, TinyProject, copy_of, wait_for

pytestmark = pytest.mark.integration

CONFTEST = """\
import pathlib
import pytest

@pytest.fixture(scope="session", autouse=True)
def numbers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")  # pytest lists what it made for others
    if pathlib.Path("build/hold").exists():
        pathlib.Path("build/started").touch()
        pathlib.Path("build/hold").read_text()
    return folder
"""


def test_tests_at_the_same_time_both_keep_their_results(
    published: TinyProject, tmp_path: Path
) -> None:
    published.write("tests/conftest.py", CONFTEST)
    other = copy_of(published, tmp_path / "other")
    (tmp_path / "temporary").mkdir()
    variables = {"TMPDIR": str(tmp_path / "temporary")}
    os.mkfifo(published.root / "build/hold")
    process = published.start(*published.argv("test"), **variables)
    wait_for((published.root / "build/started").exists, process)

    during = other.nox("test", **variables)

    assert during.code == 0, during.output
    (published.root / "build/hold").write_text("")
    output, _ = process.communicate(timeout=BOUND)
    assert process.returncode == 0, output
    for project in (published, other):
        again = project.nox("test", **variables)
        assert "unchanged" in again.line("test "), again.output
