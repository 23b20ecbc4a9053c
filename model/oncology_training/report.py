"""The report folder: what the training says of itself, in plain files."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from oncology_model.datamodel import Prediction, Tumor
from oncology_model.ranges import measure_ranges
from oncology_training.candidates import SEED
from oncology_training.data import BUILTIN_NAME, Example, digest_examples
from oncology_training.golden import draw_golden
from oncology_training.metrics import measure
from oncology_training.protocol import Training
from oncology_training.search import FOLDS
from oncology_training.writing import write_text


def write_report(training: Training, folder: Path) -> dict[str, float]:
    """Write the six files of the report and give the metrics back.

    ``metrics.json`` numbers by name; ``params.json`` what was chosen, and from what;
    ``predictions.csv`` truth, prediction and one score per class for each held-out row;
    ``golden.jsonl`` synthetic inputs; ``holdout.jsonl`` held-out inputs with their truth, in
    the order of ``predictions.csv``; ``inputs.json`` the ranges of what was learnt from.

    Args:
        training: what came out of the training.
        folder: made if need be; files of these names are replaced.

    Raises:
        OSError: a file cannot be written.
    """
    metrics = measure(training)
    write_text(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_text(folder / "params.json", json.dumps(_list_parameters(training), indent=2) + "\n")
    write_text(folder / "predictions.csv", _render_predictions(training))
    write_text(folder / "golden.jsonl", _render_lines(draw_golden(training.rows)))
    write_text(folder / "holdout.jsonl", _render_holdout(training))
    ranges = measure_ranges(Tumor, (example.tumor.values() for example in training.rows))
    write_text(folder / "inputs.json", json.dumps(ranges, indent=2) + "\n")
    return metrics


def write_origin(examples: Iterable[Example], folder: Path) -> None:
    """Write ``data.json``: the name and the sha256 of data that is not a file of the repository.

    Args:
        examples: the data set that scikit-learn ships.
        folder: of the report; made if need be.

    Raises:
        OSError: the file cannot be written.
    """
    text = json.dumps({BUILTIN_NAME: digest_examples(examples)}, indent=2) + "\n"
    write_text(folder / "data.json", text)


def _list_parameters(training: Training) -> dict[str, object]:
    return {
        "chosen": training.choice.name,
        "candidates": sorted(training.choice.losses),
        "folds": FOLDS,
        "seed": SEED,
    }


def _render_predictions(training: Training) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["y_true", "y_pred", "score_benign", "score_malignant"])
    for example, malignancy in zip(training.holdout, training.malignancies, strict=True):
        predicted = Prediction.from_probability(malignancy)
        writer.writerow([example.diagnosis, predicted, 1 - malignancy, malignancy])
    return text.getvalue()


def _render_holdout(training: Training) -> str:
    return _render_lines(
        {"input": asdict(example.tumor), "truth": example.diagnosis} for example in training.holdout
    )


def _render_lines(records: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)
