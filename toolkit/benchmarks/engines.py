"""Parallel work of one length, timed on one engine: run by file path in training's environment.

``python -P engines.py HOSTS ENGINE ADDRESS ARCHIVE`` prints seconds per case as JSON; an engine is
``serial``, ``loky``, ``dask`` (ours) or ``joblib`` (joblib's own backend for Dask).
"""

import contextlib
import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path

import joblib
import numpy as np

CASES = {"1 ms": (0.001, 400, 0), "30 ms": (0.03, 100, 0), "300 ms": (0.3, 20, 0),
         "30 ms, 80 MB": (0.03, 20, 10_000_000)}  # fmt: skip
ROUNDS = 5


def work(seconds, data):
    """Compute for a while: a sleeping task would not need a core."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return float(data[:10].sum())


def measure():
    """Return the median seconds of each case, after one round that is not counted."""
    found = {}
    for name, (seconds, calls, size) in CASES.items():
        data, taken = np.ones(max(size, 10)), []
        for _ in range(ROUNDS + 1):
            started = time.perf_counter()
            joblib.Parallel(n_jobs=2)(joblib.delayed(work)(seconds, data) for _ in range(calls))
            taken.append(time.perf_counter() - started)
        found[name] = statistics.median(taken[1:])
    return found


@contextlib.contextmanager
def on_engine(hosts, engine, address, archive):
    """Let joblib work there."""
    if engine == "dask":
        spec = importlib.util.spec_from_file_location("train", Path(hosts) / "train.py")
        train = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(train)
        train._load_cluster()
        session = importlib.import_module("trainwheel_cluster.session")
        plan = {"address": address, "security": {}, "name": "bench", "archive": archive,
                "digest": "0" * 64, "folders": [".trainwheel"], "modules": []}  # fmt: skip
        with session.working_on(plan, lambda _: None, sys.exit):
            yield
    elif engine == "joblib":
        import distributed  # noqa: PLC0415 - only this engine needs it

        with distributed.Client(address), joblib.parallel_config(backend="dask"):
            yield
    else:
        jobs = {"serial": "sequential"}.get(engine, engine)
        with joblib.parallel_config(backend=jobs):
            yield


if __name__ == "__main__":
    with on_engine(*sys.argv[1:]):
        print(json.dumps(measure()))
