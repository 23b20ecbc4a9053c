"""Predictions for the shell: ``python -m oncology_model predict FILE.csv``."""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from oncology_model.classifier import ArtefactError, Classifier
from oncology_model.datamodel import MEASUREMENTS, Prediction, Tumor
from oncology_model.table import TableError, decode, parse_tumor, read_rows


def main(argv: Sequence[str] | None = None, *, classifier: Classifier | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the program's name; those of the process by default.
        classifier: what predicts; the shipped model by default.

    Returns:
        The exit code: 0 done, 1 the model cannot be used, 2 the input cannot be read.
    """
    source: str = _parse_arguments(argv).file
    try:
        tumors = _read_tumors(source)
        probabilities = (classifier or Classifier()).predict_proba_many(tumors)
    except OSError as error:
        return _fail(f"{source}: {error.strerror}", code=2)
    except TableError as error:
        return _fail(f"{source}: {error}", code=2)
    except ArtefactError as error:
        return _fail(str(error), code=1)
    _print_predictions(probabilities)
    return 0


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="oncology_model", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    predict = commands.add_parser("predict", help="predict for each row of a table")
    predict.add_argument(
        "file",
        metavar="FILE.csv|-",
        help="a CSV file with the thirty measurements as columns, or - for standard input",
    )
    return parser.parse_args(argv)


def _read_tumors(source: str) -> list[Tumor]:
    content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    return [parse_tumor(row, cells) for row, cells in read_rows(decode(content), MEASUREMENTS)]


def _print_predictions(probabilities: Sequence[float]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["prediction", "probability"])
    # Six decimals: the last bits of a float differ between kinds of CPU.
    writer.writerows([Prediction.from_probability(p), f"{p:.6f}"] for p in probabilities)


def _fail(message: str, *, code: int) -> int:
    sys.stderr.write(f"oncology_model: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
