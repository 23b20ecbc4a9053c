"""The model in the shell: ``python -m oncology_model predict FILE.csv``, and ``info``."""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from oncology_model.classifier import Classifier
from oncology_model.datamodel import MEASUREMENTS, Prediction, Tumor
from oncology_model.errors import ArtefactError
from oncology_model.table import TableError, decode, parse_tumor, read_rows


def main(
    argv: Sequence[str] | None = None,
    *,
    classifier: Classifier | None = None,
    package: Path | None = None,
) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the program's name; those of the process by default.
        classifier: what predicts; the shipped model by default.
        package: the installed package to tell of; this one by default.

    Returns:
        The exit code: 0 done, 1 the model cannot be used or says nothing of itself, 2 the
        input cannot be read.
    """
    options = _parse_arguments(argv)
    if options.command == "info":
        return _inform(package or Path(__file__).parent, as_json=options.json)
    return _predict(options.file, classifier or Classifier())


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="oncology_model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    predict = commands.add_parser("predict", help="predict for each row of a table")
    predict.add_argument(
        "file",
        metavar="FILE.csv|-",
        help="a CSV file with the thirty measurements as columns, or - for standard input",
    )
    info = commands.add_parser("info", help="show where the installed model comes from")
    info.add_argument("--json", action="store_true", help="print the whole record, as JSON")
    return parser.parse_args(argv)


def _predict(source: str, classifier: Classifier) -> int:
    try:
        probabilities = classifier.predict_proba_many(_read_tumors(source))
    except OSError as error:
        return _fail(f"{source}: {error.strerror}", code=2)
    except TableError as error:
        return _fail(f"{source}: {error}", code=2)
    except ArtefactError as error:
        return _fail(str(error), code=1)
    _print_predictions(probabilities)
    return 0


def _read_tumors(source: str) -> list[Tumor]:
    content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    return [parse_tumor(row, cells) for row, cells in read_rows(decode(content), MEASUREMENTS)]


def _print_predictions(probabilities: Sequence[float]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["prediction", "probability"])
    # Six decimals: the last bits of a float differ between kinds of CPU.
    writer.writerows([Prediction.from_probability(p), f"{p:.6f}"] for p in probabilities)


def _inform(package: Path, *, as_json: bool) -> int:
    # Only here, as finding the installed wheel takes modules that predictions do not need.
    from oncology_model.provenance import read_manifest, read_provenance, render  # noqa: PLC0415

    try:
        document = read_provenance(package)
        if document is not None:
            table = render(document)
            sys.stdout.write(document if as_json else table)
            return 0
    except ValueError as error:
        return _fail(f"the provenance is damaged, install the package again: {error}", code=1)
    manifest = read_manifest(package)
    if manifest is not None and not as_json:
        sys.stdout.write(render(manifest))
    return _fail("no provenance: this package is not from a wheel that trainwheel made", code=1)


def _fail(message: str, *, code: int) -> int:
    sys.stderr.write(f"oncology_model: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
