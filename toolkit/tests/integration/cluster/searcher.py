"""The tiny project with a grid search of 200 fits, and real Dask clusters for it to work on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration.tiny import PIPFILE, ROOT, Run, TinyProject, clean_variables, make_tiny, wait_for
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile

ADDRESS = "TRAINWHEEL_DASK_SCHEDULER"
FITS = 200
PIPFILE_OF_SEARCHER = PIPFILE.replace(
    "[train]\n", '[train]\n\n[engine]\ndistributed = "*"\ncryptography = "*"\n'
).replace('joblib = "*"\n', 'joblib = "*"\nnumpy = "*"\nscikit-learn = "*"\n')

# Each fit writes a line, by which a test knows how far the search is, and what was done twice.
ESTIMATOR = '''\
"""An estimator that only this repository has."""

import os
import time

from sklearn.linear_model import LogisticRegression


class Patient(LogisticRegression):
    """Takes its time."""

    def fit(self, X, y):
        """Fit, after a pause."""
        if "TINY_BREAKS_IMPORT" in os.environ:
            raise ImportError("imported too late")
        time.sleep(float(os.environ.get("TINY_PAUSE", "0")))
        if name := os.environ.get("TINY_FITS"):
            with open(name, "a") as stream:
                stream.write(f"{self.C}\\n")
        return super().fit(X, y)


if "TINY_LACKS_PACKAGE" in os.environ:
    import a_package_that_only_the_laptop_has
'''
SEARCHES = '''\
"""Train: ``python -m tiny_training MODEL REPORT``, by code that knows of no cluster."""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV

from tiny_training.estimator import Patient

model, report = Path(sys.argv[1]), Path(sys.argv[2])
rows, truth = load_breast_cancer(return_X_y=True)
rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
grid = {"C": np.logspace(-3, 2, 40).tolist()}
search = GridSearchCV(Patient(max_iter=500), grid, cv=5, n_jobs=2).fit(rows, truth)
joblib.dump({"factor": search.best_params_["C"], "border": 10}, model)
scores = {name: found.tolist() for name, found in search.cv_results_.items()
          if name.startswith(("split", "mean_test", "rank"))}
(report / "scores.json").write_text(json.dumps({"best": search.best_params_, **scores}))
(report / "metrics.json").write_text(json.dumps({"accuracy": float(search.best_score_)}))
(report / "golden.jsonl").write_text("".join(json.dumps({"x": x}) + "\\n" for x in (1, 11)))
'''
EXAMPLE = ROOT / "toolkit/docs/how-to/examples/remembering_search.py"
REMEMBERS = '''\
"""Train by the search that the manual shows."""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer

from tiny_training.estimator import Patient
from tiny_training.search import search

model, report = Path(sys.argv[1]), Path(sys.argv[2])
rows, truth = load_breast_cancer(return_X_y=True)
rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
found = search(Patient(max_iter=500), {"C": np.logspace(-3, 2, 40).tolist()}, rows, truth)
joblib.dump({"factor": found[0][0]["C"], "border": 10}, model)
(report / "scores.json").write_text(json.dumps(found))
(report / "golden.jsonl").write_text(json.dumps({"x": 1}))
'''


@dataclass(frozen=True)
class Scheduler:
    """A running scheduler.

    Args:
        address: Where it is.
        dask: The program that starts its workers.
        folder: For their files.
        options: That open it.
        workers: Those that were started.
    """

    address: str
    dask: Path
    folder: Path
    options: Sequence[str] = ()
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add_worker(self, **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker with one thread, away from every source, and wait until it has joined."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        argv = (
            *(str(self.dask), "worker", self.address, "--nthreads", "1", "--no-nanny"),
            *("--no-dashboard", "--local-directory", str(self.folder), *self.options),
        )
        process = _start(argv, self.folder, log, variables)
        self.workers.append(process)
        wait_for(lambda: b"Registered to" in log.read_bytes())
        return process


def project_in(folder: Path) -> TinyProject:
    """Return the project that `make_searcher` made in a folder."""
    return TinyProject(folder / "tiny", folder / "environments", clean_variables())


def make_searcher(root: Path, envdir: Path) -> TinyProject:
    """Copy the tiny project to ``root`` with a training that searches."""
    project = make_tiny(root, envdir)
    project.write("Pipfile", PIPFILE_OF_SEARCHER)
    project.write("Pipfile.lock", searcher_lock(PIPFILE_OF_SEARCHER))
    project.write("model/tiny_training/estimator.py", ESTIMATOR)
    project.write("model/tiny_training/__main__.py", SEARCHES)
    return project


def searcher_lock(pipfile: str) -> str:
    """Return a lock with this repository's runtime and its engine."""
    document = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    names = ("_meta", "train", "engine", "test", "package", "upload")
    kept = {name: document[name] for name in names}
    kept |= {"default": document["sklearn"], "develop": {}}
    return stamp_lock(json.dumps(kept), parse_pipfile(pipfile))


def use_engine(project: TinyProject, *lines: str) -> None:
    """Let training run on Dask, with these lines of ``[tool.trainwheel.train.dask]``."""
    project.configure('train.engine = "dask"')
    for line in lines:
        project.configure(f"train.dask.{line}")


def use_example(project: TinyProject) -> None:
    """Let training search as the manual shows, by an example that remembers."""
    project.write("model/tiny_training/search.py", EXAMPLE.read_text(encoding="utf-8"))
    project.write("model/tiny_training/__main__.py", REMEMBERS)


def scores(project: TinyProject) -> Any:
    """Return what the search found."""
    return json.loads(project.read("build/train/scores.json"))


def count_fits(path: Path) -> int:
    """Return how many fits were begun."""
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


def train(project: TinyProject, *words: str, **variables: str) -> Run:
    """Train, and tell how that went."""
    return project.nox("train", *words, **variables)


@contextlib.contextmanager
def run_scheduler(env: Path, folder: Path, *options: str, **variables: str) -> Iterator[Scheduler]:
    """Yield a real scheduler on loopback, and end it and its workers afterwards.

    Args:
        env: An environment that has distributed.
        folder: For its files; made.
        options: Of the scheduler and of its workers, such as keys.
        variables: Of the scheduler.
    """
    folder.mkdir()
    dask, log = env / "bin" / "dask", folder / "scheduler.log"
    argv = (
        *(str(dask), "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
        *("--scheduler-file", str(folder / "scheduler.json"), *options),
    )
    process = _start(argv, folder, log, variables)
    scheduler: Scheduler | None = None
    try:
        wait_for(lambda: _address(folder) is not None)
        scheduler = Scheduler(_address(folder) or "", dask, folder, options)
        yield scheduler
    finally:
        for started in (*(() if scheduler is None else scheduler.workers), process):
            started.send_signal(signal.SIGKILL)
            started.wait()


def _address(folder: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError):
        return str(json.loads((folder / "scheduler.json").read_bytes())["address"])
    return None


def _start(
    argv: Sequence[str], folder: Path, log: Path, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    kept = {k: v for k, v in clean_variables().items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    with log.open("wb") as stream:
        return subprocess.Popen(
            argv, cwd=folder, env={**kept, **os.environ, "OMP_NUM_THREADS": "1", **variables},
            stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip
