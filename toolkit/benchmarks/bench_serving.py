"""What checked records cost beside an estimator that is asked by hand, at 10,000 rows.

By hand means `predict_proba` of the fitted estimator on a matrix of float64 that is there already
(`bare`), and on the same rows as lists, which it turns into a matrix itself. Of these the second is
what somebody has who starts from parsed JSON, as we do.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.bench_loading import Site, print_medians, python, site
from benchmarks.timing import ROUNDS, Bar, check

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(3600)]

__all__ = ["python", "site"]

FASTER, BATCH, SINGLE = 3.0, 4.0, 60.0  # times, times, µs

# What a mapping cost before records had kinds: each name looked up in a list, each value checked
# by a call, the values set one by one. They take turns at every call.
RACE = """
import difflib, json, math, sys, time
from dataclasses import make_dataclass
from numbers import Real
import joblib, numpy
from oncology_model import MEASUREMENTS, Classifier, Tumor

path, rounds, size = sys.argv[1], *map(int, sys.argv[2:])
Plain = make_dataclass("Plain", MEASUREMENTS, frozen=True, slots=True, kw_only=True)

def simply(values):
    names = list(values)
    for name in names:
        if name not in MEASUREMENTS:
            raise ValueError(name)
    missing = next((name for name in MEASUREMENTS if name not in names), None)
    made = Plain(**values)
    for name in MEASUREMENTS:
        value = getattr(made, name)
        if missing or not (type(value) is float and 0.0 < value < math.inf):
            object.__setattr__(made, name, float(value) + 0.0)
    return made

random = numpy.random.default_rng(1)
matrix = random.lognormal(size=(size, 30))
rows = matrix.tolist()
records = [dict(zip(MEASUREMENTS, row)) for row in rows]
marked = [record | {"mean_area": -1.0} if not i % 100 else record
          for i, record in enumerate(records)]
classifier, model = Classifier(), joblib.load(path)
malignant = list(model.classes_).index("malignant")
one = records[0]

def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

races = {
    "from_mapping": (rounds, {
        "simply": lambda: [simply(record) for record in records],
        "ours": lambda: [Tumor.from_mapping(record) for record in records],
    }),
    "batch": (rounds, {
        "bare, a matrix": lambda: model.predict_proba(matrix)[:, malignant].tolist(),
        "bare, lists": lambda: model.predict_proba(rows)[:, malignant].tolist(),
        "ours": lambda: classifier.predict_proba_many(records),
        "ours, every 100th bad": lambda: classifier.predict_many(marked, on_error="mark"),
        "ours, with warnings": lambda: list(classifier.results(records)),
    }),
    "single": (100 * rounds, {
        "bare, a matrix": lambda: float(model.predict_proba(matrix[:1])[0, malignant]),
        "ours": lambda: classifier.predict_proba(one),
    }),
}
by_hand, ours = (races["batch"][1][name]() for name in ("bare, a matrix", "ours"))
assert numpy.allclose(by_hand, ours, rtol=0, atol=1e-12)
taken = {}
for race, (count, entrants) in races.items():
    taken[race] = {name: [] for name in entrants}
    for _ in range(count):
        for name, work in entrants.items():
            taken[race][name].append(seconds(work))
print(json.dumps(taken))
"""


def test_records_are_checked_at_little_cost(site: Site) -> None:
    taken = json.loads(site.run(RACE, str(site.artefact), str(ROUNDS), "10000"))
    making = print_medians("10,000 records of mappings", taken["from_mapping"], "ms", 1e3)
    batch = print_medians("a batch of 10,000 mappings", taken["batch"], "ms", 1e3)
    single = print_medians("a single mapping", taken["single"], "µs", 1e6)
    bare = batch["bare, lists"]
    print(f"beside a matrix that is there: {batch['ours'] / batch['bare, a matrix']:.1f} times")
    bars = [
        Bar("times as long as simply", making["ours"] / making["simply"], 1 / FASTER),
        Bar("times the estimator on lists", batch["ours"] / bare, BATCH),
    ]
    if Path(site.artefact).stat().st_size < 1_000_000:
        bars.append(Bar("µs more than bare", single["ours"] - single["bare, a matrix"], SINGLE))
    check(*bars)
