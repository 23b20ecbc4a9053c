"""The reference project at the root, seen from a Nox that is not its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

NOX_WITHOUT_TRAINWHEEL = """\
import sys

sys.modules["trainwheel"] = None
from nox.__main__ import main

main()
"""

pytestmark = pytest.mark.integration


def test_a_nox_of_another_environment_is_told_which_one_to_use() -> None:
    completed = subprocess.run(
        [sys.executable, "-c", NOX_WITHOUT_TRAINWHEEL, "-l", "-f", str(ROOT / "noxfile.py")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert completed.returncode == 1
    assert completed.stderr.splitlines() == [
        "configuration: this nox has no trainwheel; run `make install`, use `.venv/bin/nox`"
    ]
