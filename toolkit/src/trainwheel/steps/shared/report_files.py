"""What training and evaluation left in files, as provenance, report and model card tell of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trainwheel.engine.project import Project
from trainwheel.evaluation.metrics import intervals_of, parse_data_digests, parse_metrics

__all__ = [
    "read_data_digests",
    "read_engine",
    "read_intervals",
    "read_metrics",
    "read_object",
    "read_training",
]


def read_metrics(project: Project) -> dict[str, int | float]:
    """Return what training wrote to ``metrics.json``; empty where it wrote none.

    Raises:
        StepFailedError: It is no JSON object of finite numbers.
    """
    path = project.root / "build/train/metrics.json"
    return parse_metrics(path.read_bytes()) if path.is_file() else {}


def read_data_digests(project: Project) -> dict[str, str]:
    """Return what training wrote to ``data.json``: name of data that is no file → sha256.

    Raises:
        StepFailedError: It is no JSON object of such digests.
    """
    path = project.root / "build/train/data.json"
    return parse_data_digests(path.read_bytes()) if path.is_file() else {}


def read_intervals(project: Project) -> dict[str, tuple[float, float]]:
    """Return the interval of every metric that the report shows with one.

    Raises:
        StepFailedError: metrics.json is not as it should be.
    """
    measured: Mapping[str, Any] = read_object(project, "build/judge/judged.json").get(
        "measured", {}
    )
    return intervals_of(read_metrics(project), measured)


def read_training(project: Project) -> dict[str, Any]:
    """Return what is known of the run that trained the model; empty where that cannot be read."""
    return read_object(project, "build/train/training.json")


def read_engine(project: Project) -> str:
    """Return where the training that stands ran, ``local`` or ``dask``.

    The configuration tells only where the next one will.
    """
    return "dask" if read_training(project).get("cluster") else "local"


def read_object(project: Project, name: str) -> dict[str, Any]:
    """Return the JSON object in a file of the repository; empty where there is none."""
    try:
        document = json.loads((project.root / name).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
