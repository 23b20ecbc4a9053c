"""Trains once on a table, away from the repository, to find out what can be asked of the model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.evaluation.data_shape import FileShape, markers_of, merge, parse_shape, render_shape
from trainwheel.guest import DESCRIBE_DATA, MEASURING
from trainwheel.install.environments import Installer, python_of
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.scaffold.answers import Source
from trainwheel.scaffold.table import copy_plainly
from trainwheel.settings.config import ESTIMATOR_EXTRA
from trainwheel.system.command import Command
from trainwheel.system.environ import Environment
from trainwheel.system.process import run

__all__ = ["Trial", "gate_lines", "try_out"]

_DIGITS = 100
_MAX_DROP = "0.03"


@dataclass(frozen=True)
class Trial:
    """What the first training came to.

    Args:
        metric: What the gate asks for.
        value: Of the model, on the rows that were held out.
        low: The lower bound of its 95 % interval.
        dummy: What a model has that looks at no column.
        rows: How many were held out.
        shape: The columns of the table, for ``data-schema.json``.
    """

    metric: str
    value: float
    low: float
    dummy: float
    rows: int
    shape: str

    @property
    def least(self) -> float:
        """What the gate asks for: the lower bound, and no less than a dummy has."""
        # Without a single mistake the bound is 1; with 95 % confidence there are up to 3 in so
        # many rows (Hanley and Lippman-Hand, 1983).
        low = min(self.low, 1 - 3 / self.rows)
        return max(math.floor(low * _DIGITS) / _DIGITS, self.dummy)


def gate_lines(trial: Trial) -> list[str]:
    """Return the lines of the gate in pyproject.toml."""
    had = f"{trial.metric} {trial.value:.3f} on {trial.rows} held-out rows"
    return [
        f"# The first model had {had}; a dummy that looks at no column",
        f"# has {trial.dummy:.3g}. What is asked for is the lower bound, with 95 % confidence.",
        f"{trial.metric} = {{ min = {trial.least:.4g}, max-drop = {_MAX_DROP} }}",
    ]


def try_out(
    root: Path, environment: Environment, source: Source, table: Mapping[str, Any], training: str
) -> Trial:
    """Train as the first `make train` will, in an environment that is thrown away.

    Args:
        root: The repository, with its lock.
        environment: The variables of this run.
        source: The table.
        table: What the template was told of it.
        training: The package that trains.

    Raises:
        ConfigurationError: The training cannot use the table.
        StepFailedError: The packages cannot be installed, or the training fails.
    """
    lock = parse_lockfile((root / "Pipfile.lock").read_text(encoding="utf-8"))
    locked = render_requirements(requirements(lock, "packages", ESTIMATOR_EXTRA, "data", "train"))
    installer = Installer(environment)
    with installer.throw_away() as folder:
        python = python_of(folder / "env")
        installer.install(python, locked)
        (folder / "data").mkdir()
        path, model, report = (folder / name for name in (f"data/{source.name}", "model", "report"))
        copy_plainly(source.path, source.layout, path)
        variables = {"PYTHONPATH": str(root / "model"), "PYTHONDONTWRITEBYTECODE": "1"}
        variables |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        words = ("-m", training, "-o", model, "-d", path, "-t", report)
        with _explained(path):
            _run(environment, (python, *words), variables, f"training on {source.name}")
        measured = _measure(environment, python, folder, table)
        return _conclude(measured, table, _shape_of(environment, python, folder, table))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in one line what the training says of a table that it cannot use."""
    try:
        yield
    except StepFailedError as error:
        last = error.details[-1] if error.details else ""
        _, mark, problem = last.partition(f"{path}: ")
        if not mark:
            raise
        hint = "nothing was made; change the table, or what is made of it: trainwheel init --help"
        message = f"{path.name}: {problem}"
        raise ConfigurationError(message, hint=hint) from None


def _run(
    environment: Environment, argv: tuple[object, ...], variables: Mapping[str, str], what: str
) -> None:
    result = run(Command(tuple(map(str, argv)), env=variables), environment)
    if result.failed:
        message = f"{what} failed: {result.reason}"
        hint = "nothing was made; if the table is sound, please report it"
        raise StepFailedError(message, hint=hint, details=result.output.splitlines()[-30:])


def _measure(
    environment: Environment, python: Path, folder: Path, table: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the metrics of the held-out rows with their intervals, as the gate will have them."""
    request = {
        "task": "classification" if table["labels"] else "regression",
        "labels": table["labels"],
        "positive": table["positive"] or None,
        "names": list(table["metrics"]),
        "claims": {},
        "predictions": str(folder / "report" / "predictions.csv"),
    }
    path, answer = folder / "request.json", folder / "answer.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    argv = (python, "-P", "-m", MEASURING.name, path, answer)
    _run(environment, argv, {"PYTHONPATH": str(MEASURING.parent)}, "measuring the model")
    document: dict[str, Any] = json.loads(answer.read_bytes())["predictions"]
    return document


def _conclude(measured: Mapping[str, Any], table: Mapping[str, Any], shape: str) -> Trial:
    metric = next(iter(table["metrics"]))
    value = measured["measured"][metric]
    dummy = 1 / len(table["labels"]) if table["labels"] else 0.0
    low = value["value"] if value["low"] is None else value["low"]
    return Trial(metric, value["value"], low, dummy, measured["rows"], shape)


def _shape_of(
    environment: Environment, python: Path, folder: Path, table: Mapping[str, Any]
) -> str:
    """Return what ``data-schema.json`` says of the table, as `nox -s data -- --accept` would."""
    markers = tuple(table["missing"])
    declared = {table["file"]: FileShape(None, {}, markers)}
    answer = folder / "shape.json"
    words = (folder / "data", answer, json.dumps(markers_of(declared)))
    _run(environment, (python, "-P", DESCRIBE_DATA, *words), {}, "reading the table")
    observed = parse_shape(answer.read_bytes(), "the table")
    return render_shape(merge(declared, observed))
