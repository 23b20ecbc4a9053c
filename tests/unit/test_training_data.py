"""Training data comes from scikit-learn or from a CSV file that says the same."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from oncology_model import MEASUREMENTS, Prediction
from oncology_training.data import DataError, Example, read_examples, to_labels, to_matrix

HEADER = ",".join([*MEASUREMENTS, "diagnosis"])
SMALL = ",".join(["1.0"] * 30)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "tumors.csv"


def write_csv(path: Path, examples: list[Example]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["diagnosis", *MEASUREMENTS])
        writer.writerows([e.diagnosis, *e.tumor.values()] for e in examples)


def test_target_zero_of_the_built_in_data_is_malignant() -> None:
    malignant = [example.diagnosis is Prediction.MALIGNANT for example in read_examples("builtin")]
    assert malignant == (load_breast_cancer().target == 0).tolist()


def test_built_in_values_and_their_columns_are_kept() -> None:
    matrix = to_matrix(read_examples("builtin"))
    np.testing.assert_array_equal(matrix, load_breast_cancer().data)


def test_a_csv_file_gives_back_what_was_written(table: Path) -> None:
    examples = read_examples("builtin")[:20]
    write_csv(table, examples)
    assert read_examples(str(table)) == examples


def test_no_examples_make_a_matrix_of_no_rows() -> None:
    assert to_matrix([]).shape == (0, 30)
    assert to_labels([]).shape == (0,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty: a header with 31 columns is needed"),
        (",".join(MEASUREMENTS), "row 1, column diagnosis: missing"),
        (f"{HEADER}\n{SMALL},benign\nx{SMALL},benign\n", "row 3, column mean_radius: not a number"),
        (f"{HEADER}\n-{SMALL},benign\n", "row 2, column mean_radius: must not be negative"),
        (f"{HEADER}\n{SMALL},B\n", "row 2, column diagnosis: must be benign or malignant, not 'B'"),
        (f"{HEADER}\n{SMALL}\n", "row 2: 30 cells, but the header has 31"),
    ],
)
def test_bad_data_is_named_by_row_and_column(table: Path, content: str, message: str) -> None:
    table.write_text(content)
    with pytest.raises(DataError) as caught:
        read_examples(str(table))
    assert str(caught.value).startswith(message)


def test_a_missing_file_is_a_data_error(table: Path) -> None:
    with pytest.raises(DataError, match=r"^No such file or directory$"):
        read_examples(str(table))
