"""Read the result files of training and evaluation, for provenance, report and model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainwheel.engine.layout import Layout
from trainwheel.engine.records import read_record
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError
from trainwheel.evaluation.data_shape import columns_digest, parse_shape, rows_of
from trainwheel.evaluation.gate import Baseline, Difference, MetricCheck, Verdict
from trainwheel.evaluation.metrics import intervals_of, parse_data_digests, parse_metrics

__all__ = [
    "Evaluation",
    "read_claims",
    "read_data_digests",
    "read_engine",
    "read_evaluation",
    "read_intervals",
    "read_metrics",
    "read_object",
    "read_snapshot",
]


@dataclass(frozen=True)
class Evaluation:
    """The results of an evaluation.

    Args:
        verdict: Of the gate.
        baseline: What is published.
        measured: The answer of the measuring script; empty where nothing was measured.
        compared: Metric → new and published value on the same rows.
    """

    verdict: Verdict
    baseline: Baseline
    measured: Mapping[str, Any]
    compared: Mapping[str, Difference]


def read_evaluation(layout: Layout) -> Evaluation:
    """Return the results of the evaluation.

    Raises:
        StepFailedError: The model has not been evaluated.
    """
    document = read_object(layout.verdict)
    if not document:
        message = f"{layout.relative(layout.verdict)} does not exist or cannot be read"
        raise StepFailedError(message, hint="evaluate the model first: nox -s evaluate")
    verdict = dict(document["verdict"])
    checks = tuple(MetricCheck(**check) for check in verdict.pop("checks"))
    verdict.pop("outcome")
    return Evaluation(
        Verdict(checks, **verdict),
        Baseline(**document["baseline"]),
        document["measured"],
        {name: Difference(**row) for name, row in document["compared"].items()},
    )


def read_metrics(layout: Layout) -> dict[str, int | float]:
    """Return the metrics by which the model was judged; those of training where nothing did.

    Raises:
        StepFailedError: metrics.json is malformed.
    """
    judged = read_object(layout.verdict).get("metrics")
    return read_claims(layout) if judged is None else dict(judged)


def read_claims(layout: Layout) -> dict[str, int | float]:
    """Return the metrics in ``metrics.json``; empty without that file.

    Raises:
        StepFailedError: It is not a JSON object of finite numbers.
    """
    path = layout.metrics
    return parse_metrics(path.read_bytes()) if path.is_file() else {}


def read_data_digests(layout: Layout) -> dict[str, str]:
    """Return the digests in ``data.json``: name of data outside of files → sha256.

    Raises:
        StepFailedError: It is not a JSON object of digests.
    """
    path = layout.data_digests
    return parse_data_digests(path.read_bytes()) if path.is_file() else {}


def read_intervals(layout: Layout) -> dict[str, tuple[float, float]]:
    """Return the interval of every metric that the report shows with one.

    Raises:
        StepFailedError: metrics.json is malformed.
    """
    measurements: Mapping[str, Any] = read_object(layout.verdict).get("measured", {})
    return intervals_of(read_metrics(layout), measurements)


def read_snapshot(workspace: Workspace) -> dict[str, object] | None:
    """Return the provenance's part about the data; None if no command fetched it."""
    record = read_record(workspace.layout.records, "data")
    if not workspace.config.data_command or record is None or "shape" not in record.facts:
        return None
    shape = parse_shape(record.facts["shape"], "the record of data")
    return {
        "version": record.facts.get("version") or None,
        "rows": rows_of(shape),
        "columns": {
            name: {column: entry.as_json() for column, entry in file.columns.items()}
            for name, file in shape.items()
        },
        "columns_digest": columns_digest(shape),
    }


def read_engine(layout: Layout) -> str:
    """Return the engine that trained the current model, ``local`` or ``dask``.

    The configuration names only the engine of the next training.
    """
    return "dask" if read_object(layout.run_facts).get("cluster") else "local"


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; empty if there is none."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
