"""What it costs to evaluate what ships, beside asking the same function in a warm process.

Both answer the same held-out rows with the reference model. The warm process has imported the model
and answered once; `evaluate` starts one process that imports and answers, and one that measures,
which imports numpy. The bar is about the work without these imports.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.timing import ROUNDS, Bar, Entrant, check, machine

from integration.conftest import train_reference
from integration.tiny import TinyProject, clean_variables
from trainwheel.guest import MEASURING, PREDICT
from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
ROWS = (124, 2_000, 20_000)
"""The reference model's own, and as many as bootstrap intervals rest on at most."""
BAR, SMALLEST = 1.5, 20_000
PROVED_WITHIN = 60.0
"""Seconds for twelve."""
PREDICT_RECORD = "oncology_model.classifier:predict_record"

WARM = """
import json, sys, time
from oncology_model.classifier import predict_record

rows = [json.loads(line) for line in open(sys.argv[1])]
predict_record(rows[0])
started = time.perf_counter()
for row in rows:
    json.dumps(predict_record(row))
seconds = time.perf_counter() - started
open(sys.argv[2], "w").write(str(seconds))
"""
COLD = f"{WARM.partition('started')[0]}open(sys.argv[2], 'w').write('')"

Command = Callable[..., tuple[float, float]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference model, trained, with what its training reported."""
    folder = tmp_path_factory.mktemp("evaluate")
    unwanted = shutil.ignore_patterns("artefact", "__pycache__")
    shutil.copytree(ROOT / "model", folder / "model", ignore=unwanted)
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    packages = render_requirements(requirements(lock, "packages", "sklearn", "train"))
    Installer(read_environment()).ensure(folder / "env", packages)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Command:
    """Run Python in the model's environment; return the seconds that it took."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env = {**kept, "PYTHONPATH": os.pathsep.join(map(str, (folder / "model", MEASURING.parent)))}

    def run(*words: str | Path) -> tuple[float, float]:
        argv = (str(folder / "env/bin/python"), *map(str, words))
        return Entrant("python", argv, folder, env, "", folder / "none").run()

    return run


@pytest.fixture(scope="module", autouse=True)
def _trained(folder: Path, run: Command) -> None:
    """Train the model, and give it a manifest to be loaded by."""
    (folder / "artefact").mkdir()
    artefact = folder / "artefact" / "model.joblib"
    run("-m", "oncology_training", "-o", artefact, "-d", "builtin", "-t", folder / "report")
    script = (
        "import hashlib, json, platform, sys, joblib, numpy, scipy, sklearn, pathlib\n"
        "path = pathlib.Path(sys.argv[1]); data = path.read_bytes()\n"
        "versions = dict(zip(('scikit-learn', 'numpy', 'scipy', 'joblib'), (m.__version__ for m in "
        "(sklearn, numpy, scipy, joblib))))\n"
        "document = dict(schema=1, format='joblib', sha256=hashlib.sha256(data).hexdigest(), "
        "size=len(data), versions=versions, python=platform.python_version())\n"
        "path.with_name('model.joblib.json').write_text(json.dumps(document))"
    )
    run("-c", script, artefact)
    shutil.copytree(artefact.parent, folder / "model/oncology_model/artefact")


def write_rows(folder: Path, count: int) -> None:
    """Write this many held-out rows, the reference model's over and over, and their inputs."""
    lines = (folder / "report/holdout.jsonl").read_text(encoding="utf-8").splitlines()
    rows = list(itertools.islice(itertools.cycle(lines), count))
    inputs = (json.dumps(json.loads(row)["input"]) for row in rows)
    (folder / "holdout.jsonl").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    (folder / "inputs.jsonl").write_text("".join(f"{row}\n" for row in inputs), encoding="utf-8")
    request = {
        "task": "classification",
        "labels": [],
        "positive": "malignant",
        "claims": {},
        "names": ["accuracy", "sensitivity", "roc_auc"],
        "holdout": str(folder / "holdout.jsonl"),
        "answers": str(folder / "outputs.jsonl"),
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")


@pytest.mark.parametrize("count", ROWS)
def test_evaluating_costs_little_more_than_asking(folder: Path, run: Command, count: int) -> None:
    write_rows(folder, count)
    inputs, outputs = folder / "inputs.jsonl", folder / "outputs.jsonl"
    commands: dict[str, tuple[str | Path, ...]] = {
        "the import, one row": ("-P", "-c", COLD, inputs, folder / "warm"),
        "numpy": ("-P", "-c", "import numpy"),
        "evaluate: ask": ("-P", PREDICT, PREDICT_RECORD, inputs, outputs),
        "evaluate: measure": ("-P", "-m", MEASURING.name, folder / "request.json", folder / "done"),
        "a warm process": ("-P", "-c", WARM, inputs, folder / "warm"),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(ROUNDS + 1):  # the first one compiles, and does not count
        for name, words in commands.items():
            seconds, _ = run(*words)
            if name == "a warm process":
                seconds = float((folder / "warm").read_text())
            if number:
                times[name].append(seconds)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"\n{count:,} rows; {machine()}")
    for name, median in medians.items():
        print(f"{name:24} {median:8.3f} s")
    imports, batch = medians["the import, one row"] + medians["numpy"], medians["a warm process"]
    ratio = (medians["evaluate: ask"] + medians["evaluate: measure"] - imports) / batch
    print(f"{'beyond the imports':24} {ratio:8.2f} times the batch")
    if count >= SMALLEST:  # with few rows, starting two processes is more than all of them
        check(Bar("times the same rows in a warm process", ratio, BAR))


def test_twelve_installations_are_proved_within_a_minute(tmp_path: Path) -> None:
    """With uv's and the library's caches warm: with kept environments, and with fresh ones."""
    train_reference(tmp_path)
    project = TinyProject(tmp_path / "project", tmp_path / "environments", clean_variables())
    noxfile = 'import trainwheel\n\ntrainwheel.register(exclude=["doc", "test"])\n'
    (project.root / "noxfile.py").write_text(noxfile, encoding="utf-8")
    assert project.nox("prove").code == 0
    matrix = project.root / "build" / "prove" / "matrix.json"
    count, taken = len(json.loads(matrix.read_bytes())["cells"]), {}
    for kind in ("kept", "fresh"):
        for home in project.envdir.glob("prove-*" if kind == "fresh" else "none"):
            shutil.rmtree(home)
        started = time.perf_counter()
        done = project.nox("prove", "--", "--force")
        taken[kind] = time.perf_counter() - started
        assert done.code == 0, done.output
        print(f"{count} installations, {kind} environments: {taken[kind]:.1f} s")
    assert taken["kept"] * 12 / count <= PROVED_WITHIN
