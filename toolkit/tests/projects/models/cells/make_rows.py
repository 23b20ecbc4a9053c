"""Write made-up rows in the form of the Wisconsin data: ``python make_rows.py FOLDER``.

A row is a number, nine measurements from 1 to 10 and a class, 2 or 4. Of the bare nuclei some are
not known, which is a question mark.
"""

import csv
import random
import sys
from pathlib import Path

MEASUREMENTS = [
    "clump_thickness",
    "cell_size",
    "cell_shape",
    "adhesion",
    "epithelial_size",
    "bare_nuclei",
    "chromatin",
    "nucleoli",
    "mitoses",
]

choice = random.Random(7)  # noqa: S311 - made-up rows are no secret
with Path(sys.argv[1], "cells.csv").open("w", newline="", encoding="utf-8") as stream:
    writer = csv.writer(stream)
    writer.writerow(["sample", *MEASUREMENTS, "class"])
    for number in range(1000, 1700):
        kind, mean = (4, 6.0) if choice.random() < 0.35 else (2, 2.5)  # noqa: PLR2004
        cells: list[int | str] = [
            min(10, max(1, round(choice.gauss(mean, 2)))) for _ in MEASUREMENTS
        ]
        if choice.random() < 0.03:  # noqa: PLR2004
            cells[MEASUREMENTS.index("bare_nuclei")] = "?"
        writer.writerow([number, *cells, kind])
