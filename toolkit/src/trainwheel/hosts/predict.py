"""Predict golden records through the model's public door.

Run by file path with ``-P`` in an environment that holds the model, so that this folder shadows
nothing and the toolkit's own process never loads a model.

    python -P predict.py MODULE:FUNCTION INPUTS OUTPUTS

``INPUTS`` holds one JSON object a line; ``OUTPUTS`` gets the function's answer to each, one JSON
value a line.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main(door: str, inputs: str, outputs: str) -> None:
    """Answer each line of ``inputs`` in ``outputs``."""
    module, _, name = door.partition(":")
    found: Any = importlib.import_module(module)
    predict = functools.reduce(getattr, name.split("."), found)
    records = map(json.loads, Path(inputs).read_text(encoding="utf-8").splitlines())
    answers = [json.dumps(predict(record), allow_nan=False) for record in records]
    Path(outputs).write_text("".join(f"{answer}\n" for answer in answers), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
