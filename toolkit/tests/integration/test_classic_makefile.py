"""The page that moves the classic Makefile: each of its commands runs, and leads to a release."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from integration.test_init import run, variables_of
from integration.tiny import ROOT, versions

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

PAGE = ROOT / "toolkit" / "docs" / "how-to" / "classic-makefile.md"
CLASSIC = ROOT / "toolkit" / "benchmarks" / "peers" / "classic"


def test_the_classic_chain_is_released_by_the_commands_of_the_page(tmp_path: Path) -> None:
    root = tmp_path / "classic"
    shutil.copytree(CLASSIC, root, ignore=lambda *_: ["Pipfile.lock"])
    variables = variables_of(tmp_path / "home")
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    begin = "git init --quiet && git add --all && git commit --quiet --message Classic"
    assert run(root, "sh", "-euc", begin, variables=variables).code == 0
    page = PAGE.read_text(encoding="utf-8")
    outputs = []

    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        done = run(root, "sh", "-euc", block, variables=variables)
        assert done.code == 0, f"{block}\n{done.output}"
        outputs.append(done.output)

    assert versions(root / ".trainwheel" / "index") == ["0.1.0"]
    assert "repeats 5 golden predictions" in outputs[-1], outputs[-1]
    doctor = run(root, ".venv/bin/trainwheel", "doctor", variables=variables)
    assert doctor.code == 0, doctor.output
    assert run(root, "git", "status", "--porcelain", variables=variables).output == (
        "D  Makefile.classic\n"
    )
