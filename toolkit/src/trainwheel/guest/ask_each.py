"""Ask a model's entry point about records, some of which it may refuse.

Run by file path with ``-P`` in an environment that holds the model:

    python -P ask_each.py MODULE:FUNCTION INPUTS OUTPUTS

``INPUTS`` holds one JSON object a line; ``OUTPUTS`` gets the answer to each as a line of JSON, null
where the function raises: a record that is put together from several may contradict itself.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(entry_point: str, inputs: str, outputs: str) -> None:
    """Answer each line of ``inputs`` in ``outputs``."""
    module, _, name = entry_point.partition(":")
    owner: Any = importlib.import_module(module)
    predict = functools.reduce(getattr, name.split("."), owner)
    with (
        Path(inputs).open(encoding="utf-8") as records,
        Path(outputs).open("w", encoding="utf-8") as answers,
    ):
        answers.writelines(f"{answer(predict, line)}\n" for line in records)


def answer(predict: Callable[[Any], Any], line: str) -> str:
    """Return the answer to one record as JSON, null where there is none."""
    try:
        return json.dumps(predict(json.loads(line)), allow_nan=False)
    except (Exception, SystemExit):  # noqa: BLE001 - whatever the model's function raises
        return "null"


if __name__ == "__main__":
    main(*sys.argv[1:])
