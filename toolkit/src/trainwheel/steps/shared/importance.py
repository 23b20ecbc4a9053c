"""Ask the trained model how much it needs each column, within the answers that the user allows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainwheel.engine.run import Run
from trainwheel.evaluation.importance import Importance, Plan, plan, weigh
from trainwheel.guest import ASK_EACH
from trainwheel.system.process import Command

__all__ = ["weigh_columns"]


def weigh_columns(run: Run, measured: Mapping[str, Any], scratch: Path) -> Importance:
    """Return the importance of each column of the held-out rows.

    Args:
        run: This run.
        measured: The answer of the measuring script.
        scratch: A folder that is removed afterwards, with the rows in it.
    """
    path, limit = run.workspace.layout.holdout, run.workspace.config.importance_calls
    if not (limit and measured and path.is_file()):
        return Importance()
    with path.open(encoding="utf-8") as stream:
        asked = plan([json.loads(line) for line in stream], limit)
    if isinstance(asked, str):
        return Importance(reason=asked)
    answers = _ask(run, asked, scratch)
    if answers is None:
        log = run.workspace.layout.log("report")
        return Importance(reason=f"the model cannot be asked: see {log.name}")
    return weigh(asked, answers, measured["kind"], measured["positive"])


def _ask(run: Run, asked: Plan, scratch: Path) -> list[Any] | None:
    """Return the entry point's answer to each record, None for one that it refuses."""
    inputs, outputs = scratch / "inputs.jsonl", scratch / "outputs.jsonl"
    with inputs.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{json.dumps(record)}\n" for record in asked.records())
    python, function = str(run.tools.python("report")), run.workspace.config.predict
    argv = (python, "-P", str(ASK_EACH), function, str(inputs), str(outputs))
    source = str(run.workspace.layout.source)
    result = run.tools.complete(Command(argv, env={"PYTHONPATH": source}), "report")
    if result.failed:
        return None
    return [json.loads(line) for line in outputs.read_text(encoding="utf-8").splitlines()]
