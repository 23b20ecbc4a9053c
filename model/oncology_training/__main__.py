"""Train the model: ``python -m oncology_training -o MODEL -d DATA -t REPORT``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from oncology_training.data import BUILTIN, DataError, read_examples
from oncology_training.protocol import Training, train
from oncology_training.report import write_origin, write_report
from oncology_training.writing import write_model


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the program's name; those of the process by default.

    Returns:
        The exit code: 0 done, 1 the results cannot be written, 2 the data cannot be used.
    """
    options = _parse_arguments(argv)
    try:
        examples = read_examples(options.data)
        # First, as it would be a pity to find out after the training.
        options.report.mkdir(parents=True, exist_ok=True)
        training = train(examples)
        metrics = write_report(training, options.report)
        if options.data == BUILTIN:
            write_origin(examples, options.report)
        # Last, so that a model on disk means that its whole report is there too.
        write_model(training.choice.estimator, options.model)
    except DataError as error:
        return _fail(f"{options.data}: {error}", code=2)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}", code=1)
    _print_summary(training, metrics["accuracy"])
    return 0


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="oncology_training", description=__doc__)
    parser.add_argument("-o", dest="model", metavar="MODEL", type=Path, required=True)
    parser.add_argument(
        "-d",
        dest="data",
        metavar="DATA",
        required=True,
        help=f"a CSV file, or {BUILTIN!r} for the data that scikit-learn ships",
    )
    parser.add_argument(
        "-t",
        dest="report",
        metavar="REPORT",
        type=Path,
        required=True,
        help="a folder for metrics, held-out predictions and golden inputs",
    )
    return parser.parse_args(argv)


def _print_summary(training: Training, accuracy: float) -> None:
    sys.stdout.write(
        f"chose {training.choice.name} on {len(training.rows)} rows; "
        f"accuracy on {len(training.holdout)} held-out rows: {accuracy:.3f}\n"
    )


def _fail(message: str, *, code: int) -> int:
    sys.stderr.write(f"oncology_training: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
