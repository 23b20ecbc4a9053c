"""What the portable form of a model costs beside scikit-learn, in processor time of one run.

Both get the same rows in the same process and take turns: rows one at a time, each another one,
and a batch of 10,000. A cold start is a new process, from nothing to the first answer. What is
installed is numpy with the portable form's own files.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import types
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from benchmarks.timing import ROUNDS, Bar, check, machine
from numpy.random import default_rng
from sklearn import datasets, ensemble, linear_model
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from trainwheel.guest.portable import convert, prove_portable

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(3600)]

MODEL = Path(__file__).parents[2] / "model" / "oncology_model"
COLD, SIZE, PROOF = 10.0, 75.0, 0.1  # times, MB, share of the training
SINGLES, BATCH = 1_000, 10_000
THEIRS = 50
"""Rows that scikit-learn gets at a turn: it takes milliseconds for one, through a forest."""

START = """
import importlib, sys, types
package = types.ModuleType("portable_form")
package.__path__ = [sys.argv[1]]
sys.modules["portable_form"] = package
load = importlib.import_module("portable_form.portable").load_portable
with open(sys.argv[2], "rb") as file:
    print(load(file).predict_proba_one([float(number) for number in range(30)])[0])
"""
START_BY_HAND = """
import sys
import joblib
model = joblib.load(sys.argv[2])
print(model.predict_proba([[float(number) for number in range(30)]])[0, 0])
"""

# Name, estimator, times faster for one row, times as long for a batch.
RACES: tuple[tuple[str, Any, float, float], ...] = (
    ("logistic", linear_model.LogisticRegression(), 40, 1.0),
    (
        "scaler, logistic",
        make_pipeline(StandardScaler(), linear_model.LogisticRegression()),
        40,
        1.0,
    ),
    ("ridge", linear_model.Ridge(), 40, 1.0),
    ("forest to depth 5", ensemble.RandomForestClassifier(max_depth=5, random_state=0), 150, 2.0),
    ("forest to depth 8", ensemble.RandomForestClassifier(max_depth=8, random_state=0), 150, 2.0),
    ("forest to depth 12", ensemble.RandomForestClassifier(max_depth=12, random_state=0), 150, 2.0),
    ("forest", ensemble.RandomForestClassifier(random_state=0), 60, 2.0),
    ("extra trees", ensemble.ExtraTreesClassifier(random_state=0), 60, 2.0),
    ("gradient boosting", ensemble.GradientBoostingClassifier(random_state=0), 8, 1.2),
    ("histogram boosting", ensemble.HistGradientBoostingClassifier(random_state=0), 20, 1.2),
)
MIXED: tuple[tuple[str, Any], ...] = (
    ("columns, logistic", linear_model.LogisticRegression()),
    ("columns, forest", ensemble.RandomForestClassifier(50, max_depth=8, random_state=0)),
)


def load(content: bytes) -> Any:
    """Read a portable model with the reference model's interpreter."""
    package = types.ModuleType("portable_form")
    package.__path__ = [str(MODEL)]
    sys.modules.setdefault("portable_form", package)
    return importlib.import_module("portable_form.portable").load_portable(content)


def numbers() -> tuple[Any, Any, Any]:
    x, y = datasets.make_classification(4_000, 20, n_informative=10, random_state=0)
    return x, y, default_rng(1).normal(size=(BATCH, 20)) * 2


def mixed() -> tuple[Any, Any, Any]:
    random = default_rng(0)
    x = np.empty((BATCH, 15), dtype=object)
    x[:, :10] = random.normal(size=(BATCH, 10))
    x[random.random(x.shape) < 0.05] = np.nan
    x[:, 10:] = random.choice(["red", "green", "blue", "grey", "white"], (BATCH, 5))
    return x, random.integers(0, 2, BATCH), x


def cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def race(name: str, estimator: Any, batch: Any, *, row_bar: float, batch_bar: float) -> list[Bar]:
    portable = load(convert(estimator))
    method = "predict_proba" if portable.has_proba else "predict"
    theirs, ours = getattr(estimator, method), getattr(portable, method)
    one = getattr(portable, f"{method}_one")
    rows = batch[:SINGLES].tolist()
    for row in rows:  # a service is warm: trees are compiled by then
        one(row)
    times: dict[str, list[float]] = {key: [] for key in ("row", "our row", "batch", "our batch")}
    for _ in range(ROUNDS):
        times["row"].append(cpu(lambda: [theirs(batch[i : i + 1]) for i in range(THEIRS)]) / THEIRS)
        times["our row"].append(cpu(lambda: [one(row) for row in rows]) / SINGLES)
        times["batch"].append(cpu(lambda: theirs(batch)))
        times["our batch"].append(cpu(lambda: ours(batch)))
    medians = {key: statistics.median(values) for key, values in times.items()}
    faster = medians["row"] / medians["our row"]
    longer = medians["our batch"] / medians["batch"]
    print(
        f"{name:20} row {medians['row'] * 1e6:8.1f} µs to {medians['our row'] * 1e6:6.1f} "
        f"({faster:5.0f} times), batch {medians['batch'] * 1e3:7.2f} ms to "
        f"{medians['our batch'] * 1e3:7.2f} ({longer:.2f} times)"
    )
    return [
        Bar(f"{name}: share of the bar for a row", row_bar / faster, 1.0),
        Bar(f"{name}: times a batch", longer, batch_bar),
    ]


def test_rows_one_at_a_time_and_batches_of_10000() -> None:
    print(f"\n{machine()}")
    bars: list[Bar] = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x, y, batch = numbers()
        for name, estimator, row, many in RACES:
            bars += race(name, estimator.fit(x, y), batch, row_bar=row, batch_bar=many)
        three = linear_model.LogisticRegression().fit(x, y + (x[:, 0] > 1))
        bars += race("logistic, three classes", three, batch, row_bar=40, batch_bar=1.0)
        x, y, batch = mixed()
        for name, estimator in MIXED:
            scaled = make_pipeline(SimpleImputer(), StandardScaler())
            words = OneHotEncoder(handle_unknown="ignore")
            columns = ColumnTransformer([("n", scaled, slice(10)), ("w", words, slice(10, 15))])
            pipeline = make_pipeline(columns, estimator).fit(x, y)
            bars += race(name, pipeline, batch, row_bar=150, batch_bar=1.0)
    check(*bars)


def seconds_of(argv: Sequence[str]) -> tuple[float, str]:
    """Run a process; return the processor's seconds, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, done.stdout.strip()


def test_from_a_cold_start_to_the_first_answer(tmp_path: Path) -> None:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    files = {"by hand": tmp_path / "model.joblib", "ours": tmp_path / "model.npz"}
    estimator = ensemble.RandomForestClassifier(random_state=0).fit(x, y)
    joblib.dump(estimator, files["by hand"])
    files["ours"].write_bytes(convert(estimator))
    scripts = {"by hand": START_BY_HAND, "ours": START}
    times: dict[str, list[float]] = {name: [] for name in scripts}
    answers = {}
    for number in range(ROUNDS + 1):  # the first one compiles, and does not count
        for name, script in scripts.items():
            used, answers[name] = seconds_of(
                [sys.executable, "-c", script, str(MODEL), str(files[name])]
            )
            if number:
                times[name].append(used)
    medians = {name: statistics.median(used) for name, used in times.items()}
    print("\n" + json.dumps({name: f"{used * 1e3:.0f} ms" for name, used in medians.items()}))
    assert answers["ours"] == answers["by hand"]
    check(Bar("of their cold start", medians["ours"] / medians["by hand"], 1 / COLD))


def test_what_is_installed() -> None:
    site = Path(np.__file__).parents[1]
    folders = [path for path in site.iterdir() if path.name.startswith("numpy")]
    files = [file for folder in folders for file in folder.rglob("*")] + [*MODEL.glob("*.py")]
    own = [file for file in files if file.suffix != ".pyc" and file.is_file()]
    size = sum(file.stat().st_size for file in own) / 1e6
    print(f"\n{size:.1f} MB")
    check(Bar("MB of numpy and the package", size, SIZE))


def test_conversion_and_proof_beside_the_training() -> None:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    scaler = make_pipeline(StandardScaler(), linear_model.LogisticRegression())
    with threadpool_limits(1):
        scaler.fit(x, y)
        used = cpu(lambda: prove_portable(scaler, load(convert(scaler)), x[:114], 20_000))
    training = [sys.executable, "-m", "oncology_training", "-o", os.devnull, "-d", "builtin"]
    print(f"\nconversion and 20,000 rows: {used:.2f} s; beside {' '.join(training[1:])}")
    taken = os.environ.get("TRAINWHEEL_BENCH_TRAINING")  # seconds of the reference training
    if taken:
        check(Bar("of the reference training", used / float(taken), PROOF))
