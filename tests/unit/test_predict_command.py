"""The predict command prints a table, or one line that says what is wrong."""

import io
from pathlib import Path

import pytest

from oncology_model import MEASUREMENTS, Classifier
from oncology_model.__main__ import main

HEADER = ",".join(MEASUREMENTS)
SMALL = ",".join(["1.0"] * 30)
LARGE = ",".join(["9.0"] * 30)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "tumors.csv"


def test_each_row_gets_a_prediction_and_a_probability(
    artefact: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_text(f"{HEADER}\n{LARGE}\n{SMALL}\n")
    assert main(["predict", str(table)], classifier=Classifier(artefact)) == 0
    header, first, second = capsys.readouterr().out.splitlines()
    assert header == "prediction,probability"
    assert first.startswith("malignant,0.9")
    assert second.startswith("benign,0.0")


def test_a_dash_reads_standard_input(
    artefact: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO(f"\ufeff{HEADER}\r\n{LARGE}\r\n".encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content))
    assert main(["predict", "-"], classifier=Classifier(artefact)) == 0
    assert capsys.readouterr().out.count("malignant") == 1


def test_a_header_alone_gives_a_header_alone(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_text(f"{HEADER}\n")
    assert main(["predict", str(table)]) == 0
    assert capsys.readouterr().out == "prediction,probability\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "empty: a header with 30 columns is needed"),
        (f"id,{HEADER}\n", "row 1, column id: unknown name"),
        (f"{HEADER}\n{SMALL}\n{SMALL[:-3]}x\n", "row 3, column worst_fractal_dimension: not a"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    artefact: Path, table: Path, capsys: pytest.CaptureFixture[str], content: str, problem: str
) -> None:
    table.write_text(content)
    assert main(["predict", str(table)], classifier=Classifier(artefact)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"oncology_model: {table}: {problem}")
    assert captured.err.count("\n") == 1


def test_a_missing_file_is_one_line_and_code_2(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(table)]) == 2
    assert capsys.readouterr().err == f"oncology_model: {table}: No such file or directory\n"


def test_an_untrained_model_is_one_line_and_code_1(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_text(f"{HEADER}\n{SMALL}\n")
    assert main(["predict", str(table)], classifier=Classifier(tmp_path / "absent.joblib")) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "COMMAND" in capsys.readouterr().err
