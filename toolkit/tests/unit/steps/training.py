"""What a training command does: it writes a model, golden inputs and what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from trainwheel.guest import CONVERT
from unit.recording_tools import Call

GOLDEN = '{"x": 1}\n'
MEASURES = {"seconds": 1.5, "processor_seconds": 2.5, "peak_memory": 1 << 20}
"""What the host writes of the run."""


def training(
    weights: str | None = "weights", files: Mapping[str, str] | None = None, *,
    golden: str | None = GOLDEN, prints: str = "", encoding: str = "utf-8",
) -> Callable[[Call], str]:  # fmt: skip
    """Return tools that train.

    Args:
        weights: The model; None for training that writes none.
        files: What it writes to the report's folder, by name.
        golden: The golden inputs; None for training that writes none.
        prints: What it prints.
        encoding: Of the files.
    """

    def answer(call: Call) -> str:
        assert call.step == "train"
        model, report = (Path(call.argv[call.argv.index(word) + 1]) for word in ("-o", "-t"))
        if weights is not None:
            model.write_text(weights)
        contents = {**(files or {}), **({} if golden is None else {"golden.jsonl": golden})}
        for name, text in contents.items():
            (report / name).write_text(text, encoding=encoding)
        measures = json.loads(Path(call.argv[3]).read_bytes())["measures"]
        Path(measures).write_text(json.dumps(MEASURES))
        return prints

    return answer


def converting(reason: str = "") -> Callable[[Call], str]:
    """Return tools that train, and derive the portable form of the model unless there is why not.

    Args:
        reason: Why it has none.
    """
    others = training()

    def answer(call: Call) -> str:
        if str(CONVERT) not in call.argv:
            return others(call)
        form, result = map(Path, call.argv[5:7])
        form.write_text(reason or "arrays")
        result.write_text(json.dumps({"reason": reason}))
        return ""

    return answer
