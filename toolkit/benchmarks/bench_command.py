"""What the reference model's command costs on a table of a million rows: memory, and time.

Memory is that of the whole process at its highest, over that of a process that imports the
libraries and predicts one row.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from benchmarks.bench_loading import MEMORY_NOW, OURS, Site, make_python, make_site
from benchmarks.timing import Bar, check

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(3600)]

ROWS = int(os.environ.get("TRAINWHEEL_BENCH_ROWS", "1000000"))
MEMORY, RATE = 200.0, 10_000.0  # MB, rows a second

# The rows of the data set that the model learnt from, over and over.
WRITE = """
import itertools, json, sys
from sklearn.datasets import load_breast_cancer
from oncology_model import MEASUREMENTS

path, count, is_json = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "jsonl"
rows = itertools.cycle(load_breast_cancer().data.tolist())
with open(path, "w") as stream:
    if not is_json:
        print("id", *MEASUREMENTS, sep=",", file=stream)
    for number, row in zip(range(count), rows):
        if is_json:
            print(json.dumps({"id": number, **dict(zip(MEASUREMENTS, row))}), file=stream)
        else:
            print(number, *row, sep=",", file=stream)
"""
PREDICT = f"""
import sys
from oncology_model.__main__ import main
assert main(["predict", sys.argv[1], "--output", sys.argv[2]]) == 0
{MEMORY_NOW}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("command")
    return make_site(folder, make_python(folder))


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_million_rows_take_the_memory_of_a_thousand(
    site: Site, tmp_path: Path, suffix: str
) -> None:
    table, answers = tmp_path / f"table.{suffix}", tmp_path / f"answers.{suffix}"
    site.run(WRITE, str(table), str(ROWS), suffix)
    libraries = int(site.run(OURS).split()[-1]) / 1024
    started = time.perf_counter()
    peak = int(site.run(PREDICT, str(table), str(answers)).split()[-1]) / 1024
    seconds = time.perf_counter() - started
    with answers.open() as stream:
        lines = sum(1 for _ in stream)
    assert lines == ROWS + (suffix == "csv")
    size, rate = table.stat().st_size / 1e6, ROWS / seconds
    print(f"{ROWS:,} rows, {size:.0f} MB of {suffix}: {seconds:.1f} s, {rate:,.0f} a second")
    print(f"peak {peak:.1f} MiB; the libraries and one prediction {libraries:.1f} MiB")
    check(
        Bar("MiB over the libraries", peak - libraries, MEMORY),
        Bar("times the slowest rate", RATE / rate, 1.0),
    )
