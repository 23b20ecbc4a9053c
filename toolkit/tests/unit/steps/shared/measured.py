"""A measuring host that gives fixed answers, and a model with held-out rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainwheel.steps.shared.baseline import find_published
from trainwheel.steps.shared.measure import measure_model
from unit.recording_tools import Call
from unit.repository import write
from unit.steps.session import Session

MEASURED = {"rows": 2, "measured": {}, "named": {}}
COMPARED = {"new": 0.9, "old": 0.8, "lowest": 0.05, "highest": 0.15, "visible": 0.02}
HELD_OUT = '{{"input": {{"prediction": "{0}"}}, "truth": "{1}"}}\n'


def host(sample: Any = None) -> Callable[[Call], str]:
    """Return a measuring host that answers the same for all predictions and comparisons."""

    def answer(call: Call) -> str:
        if "-m" in call.argv:
            predictions = {**MEASURED, **({} if sample is None else {"sample": sample})}
            document: dict[str, Any] = {"predictions": predictions}
            if "old" in request(call):
                document["comparison"] = {"rows": 40, "metrics": {"accuracy": COMPARED}}
            Path(call.argv[-1]).write_text(json.dumps(document))
        return ""

    return answer


def hold_out(root: Path, *, training: str = "ab", wheel: str = "ab") -> None:
    """Write two held-out rows: what training predicted, and what the wheel's function answers."""
    write(root, "build/train/holdout.jsonl", "".join(map(HELD_OUT.format, wheel, "ab")))
    cells = "".join(f"{truth},{label}\n" for truth, label in zip("ab", training, strict=True))
    write(root, "build/train/predictions.csv", f"y_true,y_pred\n{cells}")


def measure(session: Session) -> dict[str, Any]:
    """Measure in a fresh folder, and return the document that was written."""
    scratch = session.run.workspace.layout.root / "scratch"
    scratch.mkdir()
    facts = measure_model(session.run, find_published(session.run, None), scratch)
    document: dict[str, Any] = json.loads((scratch / "evaluate/evaluation.json").read_bytes())
    assert facts["summary"].startswith(document["verdict"]["outcome"] or "measured")
    return document


def request(call: Call) -> dict[str, Any]:
    """Return the request to the host."""
    document: dict[str, Any] = json.loads(Path(call.argv[-2]).read_bytes())
    return document
