"""Predict golden records with an installed model, and run its system tests in the same process.

Run by file path with ``-P`` in an environment that has the wheel and what it requires.

    python -P prove.py MODULE:FUNCTION INPUTS OUTPUTS PACKAGES TESTS

The first three are those of ``predict.py``. ``PACKAGES`` is the site-packages folder of an
environment that has pytest: it is added when the predictions are written, so that they show that
the model works without it. ``TESTS`` is the folder of the system tests.
"""

from __future__ import annotations

import importlib
import os
import runpy
import site
import sys
import sysconfig
from pathlib import Path


def main(entry_point: str, inputs: str, outputs: str, packages: str, tests: str) -> int:
    """Answer the records, then run the tests; return pytest's exit code."""
    predict = runpy.run_path(str(Path(__file__).with_name("predict.py")))
    predict["main"](entry_point, inputs, outputs)
    # For the processes that tests start.
    link = Path(sysconfig.get_path("purelib"), "trainwheel-system-tests.pth")
    link.write_text(f"{packages}\n", encoding="utf-8")
    site.addsitedir(packages)
    os.chdir(tests)
    options = ("-q", "--import-mode=importlib", "-p", "no:cacheprovider", "-c", os.devnull)
    return int(importlib.import_module("pytest").main([*options, "--rootdir", tests, tests]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
