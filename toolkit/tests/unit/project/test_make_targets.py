"""The targets of the Makefile run the steps that declare them."""

from __future__ import annotations

import re
from pathlib import Path

from trainwheel.steps import load_chain

ROOT = Path(__file__).resolve().parents[4]


def test_make_targets_run_their_steps() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    recipes = re.findall(r"^([a-z.]+):.*\n\t@\$\(NOX\) -s (\w+)$", makefile, re.MULTILINE)

    # `make clean` must work without an environment, so it does by itself what the session does.
    targets = {step.target: step.name for step in load_chain().steps if step.target}
    assert targets.pop("clean") == "clean"
    assert dict(recipes) == targets
    assert re.search(r"^clean:", makefile, re.MULTILINE)
