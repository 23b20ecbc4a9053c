"""What the reference model's classifier costs beside plain joblib and scikit-learn by hand.

Both start from the same: for a start, a row of numbers and the file of the model; for a prediction,
checked tumours. By hand means `joblib.load`, then `predict_proba` on the measurements that
`operator.attrgetter` takes from a tumour, as lists or as one array, whichever is faster.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks.timing import ROUNDS, Bar, check, machine

from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
IMPORT, SINGLE, BATCH, MEMORY = 50.0, 20.0, 1.05, 1.05  # ms, µs, ratio, ratio

FOREST = """
import sys
import joblib, numpy
from sklearn.ensemble import ExtraTreesClassifier

random = numpy.random.default_rng(0)
rows = random.lognormal(size=(40_000, 30))
labels = random.choice(["benign", "malignant"], 40_000)
forest = ExtraTreesClassifier(40, random_state=0, n_jobs=2).fit(rows, labels)
forest.n_jobs = None
joblib.dump(forest, sys.argv[1])
"""

# VmHWM is the peak of resident memory of this process alone.
MEMORY_NOW = """
with open("/proc/self/status") as status:
    found = dict(line.split(":") for line in status)
print(found["VmRSS"].split()[0], found["VmHWM"].split()[0])
"""
BY_HAND = f"""
import sys
import joblib
model = joblib.load(sys.argv[1])
row = [float(number) for number in range(1, 31)]
print(model.predict_proba([row])[0, list(model.classes_).index("malignant")])
{MEMORY_NOW}"""
OURS = f"""
from oncology_model import MEASUREMENTS, Classifier, Tumor
row = [float(number) for number in range(1, 31)]
classifier = Classifier()
print(classifier.predict_proba(Tumor(**dict(zip(MEASUREMENTS, row)))))
{MEMORY_NOW}"""

# They take turns at every call, so that whatever else the machine does hits all of them.
WARM = """
import json, sys, time
from operator import attrgetter
import joblib, numpy
from oncology_model import MEASUREMENTS, Classifier, Tumor

path, singles, batches, size = sys.argv[1], *map(int, sys.argv[2:])
rows = numpy.random.default_rng(1).lognormal(size=(size, 30)).tolist()
tumors = [Tumor(**dict(zip(MEASUREMENTS, row))) for row in rows]
classifier, model, measure = Classifier(), joblib.load(path), attrgetter(*MEASUREMENTS)
malignant, first = list(model.classes_).index("malignant"), tumors[0]

def by_hand_one():
    return float(model.predict_proba([measure(first)])[0, malignant])

def by_hand_lists():
    return model.predict_proba([measure(tumor) for tumor in tumors])[:, malignant].tolist()

def by_hand_array():
    matrix = numpy.array([measure(tumor) for tumor in tumors])
    return model.predict_proba(matrix)[:, malignant].tolist()

def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

races = {
    "single": (singles, {"by hand": by_hand_one, "ours": lambda: classifier.predict_proba(first)}),
    "batch": (batches, {
        "by hand, lists": by_hand_lists,
        "by hand, an array": by_hand_array,
        "ours": lambda: classifier.predict_proba_many(tumors),
    }),
}
assert by_hand_one() == classifier.predict_proba(first)  # warm, and the same
assert by_hand_lists() == by_hand_array() == classifier.predict_proba_many(tumors)
taken = {}
for race, (rounds, entrants) in races.items():
    taken[race] = {name: [] for name in entrants}
    for _ in range(rounds):
        for name, work in entrants.items():
            taken[race][name].append(seconds(work))
print(json.dumps(taken))
"""


@dataclass(frozen=True)
class Site:
    """A folder as pip leaves it, with the model in it, and the interpreter of its packages."""

    folder: Path
    python: Path

    @property
    def artefact(self) -> Path:
        return self.folder / "oncology_model" / "artefact" / "model.joblib"

    def run(self, script: str, *arguments: str) -> str:
        """Run a script to its end and return what it printed."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        return subprocess.run(
            (str(self.python), "-c", script, *arguments),
            env={**kept, "PYTHONPATH": str(self.folder)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout


def make_python(folder: Path) -> Path:
    """Return an interpreter with the packages that the model needs, as they are locked."""
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    packages = render_requirements(requirements(lock, "packages", "sklearn"))
    return Installer(read_environment()).ensure(folder / "env", packages)


def make_site(folder: Path, python: Path, *, is_forest: bool = False) -> Site:
    """Install the reference model, with what it was trained to or with a large forest."""
    shutil.copytree(
        ROOT / "model", folder / "site", ignore=shutil.ignore_patterns("artefact", "__pycache__")
    )
    site = Site(folder / "site", python)
    site.artefact.parent.mkdir()
    if is_forest:
        site.run(FOREST, str(site.artefact))
    else:
        options = ["-o", str(site.artefact), "-d", "builtin", "-t", str(folder / "report")]
        site.run(f"from oncology_training.__main__ import main; main({options})")
    versions = "joblib.__version__, numpy.__version__, sklearn.__version__"
    found = site.run(f"import joblib, numpy, sklearn; print({versions})").split()
    content = site.artefact.read_bytes()
    document = {
        "schema": 1,
        "format": "joblib",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "versions": dict(zip(("joblib", "numpy", "scikit-learn"), found, strict=True)),
    }
    site.artefact.with_name("model.joblib.json").write_text(json.dumps(document))
    kind = "a forest" if is_forest else "the reference model"
    print(f"\n{kind}, {len(content) / 1e6:.3f} MB; {machine()}")
    return site


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_python(tmp_path_factory.mktemp("env"))


@pytest.fixture(params=["the reference model", "a forest"])
def site(request: pytest.FixtureRequest, tmp_path: Path, python: Path) -> Site:
    return make_site(tmp_path, python, is_forest=request.param == "a forest")


def test_from_a_cold_start_to_the_first_prediction(site: Site) -> None:
    scripts = {
        "python alone": ("pass",),
        "the import alone": ("import oncology_model",),
        "by hand": (BY_HAND, str(site.artefact)),
        "ours": (OURS,),
    }
    times: dict[str, list[float]] = {name: [] for name in scripts}
    printed: dict[str, str] = {}
    for number in range(ROUNDS + 1):  # the first one compiles, and does not count
        for name, argv in scripts.items():
            started = time.perf_counter()
            printed[name] = site.run(*argv)
            if number:
                times[name].append(time.perf_counter() - started)
    medians = print_medians("a new process", times, "ms", 1e3)
    answers = {name: printed[name].split() for name in ("by hand", "ours")}
    for name, (_, resident, peak) in answers.items():
        print(f"{name:24} {int(resident) / 1024:.1f} MiB resident, peak {int(peak) / 1024:.1f} MiB")
    assert answers["ours"][0] == answers["by hand"][0]
    check(
        Bar("ms to import", medians["the import alone"] - medians["python alone"], IMPORT),
        Bar("times the peak by hand", int(answers["ours"][2]) / int(answers["by hand"][2]), MEMORY),
    )


def test_warm_predictions_one_by_one_and_in_batches_of_10000(site: Site) -> None:
    is_large = site.artefact.stat().st_size > 1_000_000
    singles, batches = (10 * ROUNDS, ROUNDS) if is_large else (500 * ROUNDS, 5 * ROUNDS)
    argv = (str(site.artefact), str(singles), str(batches), "10000")
    taken = json.loads(site.run(WARM, *argv))
    single = print_medians("a single prediction", taken["single"], "µs", 1e6)
    batch = print_medians("a batch of 10,000", taken["batch"], "ms", 1e3)
    bars = [Bar("times the faster way by hand", batch["ours"] / min(by_hand(batch)), BATCH)]
    if not is_large:  # there, 20 µs are less than one run differs from the next
        bars.append(Bar("µs more than by hand", single["ours"] - min(by_hand(single)), SINGLE))
    check(*bars)


def by_hand(medians: Mapping[str, float]) -> list[float]:
    """Return the medians of the ways by hand."""
    return [median for name, median in medians.items() if name.startswith("by hand")]


def print_medians(
    what: str, times: Mapping[str, Sequence[float]], unit: str, factor: float
) -> dict[str, float]:
    """Print a table of times in seconds, and return the medians in another unit."""
    print(f"{what}: medians of {len(next(iter(times.values())))} in turn")
    medians = {name: statistics.median(found) * factor for name, found in times.items()}
    for name, median in medians.items():
        print(f"{name:24} {median:10.1f} {unit}, best {min(times[name]) * factor:10.1f} {unit}")
    return medians
