"""The training host: Python as it would be, with progress and measures on the side."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from trainwheel.guest import TRAIN
from trainwheel.steps.train import host_command

MEASURES = {"seconds", "processor_seconds", "peak_memory", "python", "packages"}


def host(
    folder: Path, *words: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    names = {name: str(folder / f"{name}.json") for name in ("measures", "loaded", "refusal")}
    plan = {**names, "cluster": None}
    (folder / "plan.json").write_text(json.dumps(plan))
    argv = host_command((sys.executable, *words), folder / "plan.json")
    assert str(TRAIN) in argv
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120}
    environment = {**os.environ, **(variables or {})}
    return subprocess.run(argv, cwd=folder, env=environment, check=False, **options)


def measures(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "measures.json").read_bytes())
    return document


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """Variables of an environment without joblib and scikit-learn, which start quickly."""
    (tmp_path / "absent").mkdir()
    for name in ("joblib", "sklearn"):
        (tmp_path / "absent" / f"{name}.py").write_text("raise ImportError(__name__)")
    return {"PYTHONPATH": str(tmp_path / "absent")}


SAYS = """
import sys
print(__name__, sys.argv[1:], __spec__ and __spec__.name)
import beside
"""


def test_a_module_runs_as_python_runs_it(tmp_path: Path, bare: dict[str, str]) -> None:
    (tmp_path / "beside.py").write_text("print('beside')")
    (tmp_path / "job.py").write_text(SAYS)

    module = host(tmp_path, "-m", "job", "-x", "1", variables=bare)
    script = host(tmp_path, "job.py", "-x", variables=bare)

    assert module.stdout == "__main__ ['-x', '1'] job\nbeside\n", module.stderr
    assert script.stdout == "__main__ ['-x'] None\nbeside\n", script.stderr
    assert measures(tmp_path).keys() == MEASURES


@pytest.mark.parametrize(("text", "code", "last"), [
    ("raise SystemExit(3)", 3, ""), ("import sys; sys.exit('no rows')", 1, "no rows"),
    ("raise ValueError('no rows')", 1, "ValueError: no rows"),
])  # fmt: skip
def test_how_training_ends_is_how_the_host_ends(
    tmp_path: Path, bare: dict[str, str], text: str, code: int, last: str
) -> None:
    (tmp_path / "job.py").write_text(text)

    ended = host(tmp_path, "-m", "job", variables=bare)

    assert ended.returncode == code
    assert ended.stderr.strip().endswith(last)
    assert measures(tmp_path).keys() == MEASURES


TRAINING = """
import sys, time
import numpy as np
from joblib import Parallel, delayed, dump
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
memory = np.ones(30_000_000)
for jobs in (1, 2):
    Parallel(n_jobs=jobs)(delayed(time.sleep)(0.15) for _ in range(6))
print("search", flush=True)
x = np.random.default_rng(0).normal(size=(200, 3))
y = x[:, 0] > 0
GridSearchCV(LogisticRegression(), {"C": [0.1, 1, 10]}, cv=5).fit(x, y)
dump(LogisticRegression().fit(x, y), "watched")
"""
PLAIN = TRAINING[: TRAINING.index("memory")] + TRAINING[TRAINING.index("x = ") :].replace(
    "watched", "plain"
)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One training under watch, for all that is asked of it: its folder and its output."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "job.py").write_text(TRAINING)
    ended = host(folder, "-m", "job")
    assert ended.returncode == 0, ended.stderr
    return folder, ended.stdout


def test_measures_tell_memory_time_and_packages(training: tuple[Path, str]) -> None:
    taken = measures(training[0])

    assert taken.keys() == MEASURES
    assert 240_000_000 < taken["peak_memory"] < 2_000_000_000
    assert taken["processor_seconds"] > 0.1
    assert 1.2 < taken["seconds"] < 120
    assert taken["python"] == platform.python_version()
    expected = {name: metadata.version(name) for name in ("numpy", "scikit-learn")}
    assert expected.items() <= taken["packages"].items()


@pytest.mark.parametrize(("part", "total"), [(0, "6"), (1, "15")], ids=["joblib", "search"])
def test_tasks_are_counted(training: tuple[Path, str], part: int, total: str) -> None:
    output = training[1].split("search\n")[part]

    marks = [line[1:].split("\t") for line in output.split("\n") if line[:1] == "\x1e"]
    assert ["tasks", total, total] in marks
    counts = [int(count) for label, count, _ in marks if label == "tasks"]
    # The tasks of the search are so short that all may have ended before progress is shown again.
    assert part or min(counts) < int(total)


def test_watching_changes_nothing_of_what_is_dumped(training: tuple[Path, str]) -> None:
    folder = training[0]
    (folder / "plain.py").write_text(PLAIN)

    subprocess.run((sys.executable, "plain.py"), cwd=folder, check=True)

    assert (folder / "watched").read_bytes() == (folder / "plain").read_bytes()
