"""Writes what trainwheel reads: what the model says of rows that it has never seen."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def write_report(
    folder: Path,
    inputs: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Iterable[Any]],
    golden: Iterable[Mapping[str, Any]],
) -> None:
    """Write ``predictions.csv``, ``holdout.jsonl`` and ``golden.jsonl``.

    ``columns`` are those of ``predictions.csv``: y_true, y_pred and a score for each class.
    """
    table = {name: list(values) for name, values in columns.items()}
    with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    held_out = [
        {"input": row, "truth": truth} for row, truth in zip(inputs, table["y_true"], strict=True)
    ]
    for name, rows in (("holdout.jsonl", held_out), ("golden.jsonl", golden)):
        lines = [json.dumps(row) + "\n" for row in rows]
        (folder / name).write_text("".join(lines), encoding="utf-8")
