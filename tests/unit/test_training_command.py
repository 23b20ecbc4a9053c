"""The training command writes everything or says in one line why not."""

import csv
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest

from oncology_model import MEASUREMENTS, Classifier, Prediction, Tumor
from oncology_training import candidates
from oncology_training.__main__ import main
from oncology_training.data import BUILTIN, Example, read_examples
from oncology_training.writing import write_model, write_text

# The command itself, with forests as small as those here.
PROGRAM = """\
import runpy, sys
from oncology_training import candidates
candidates.TREES = 3
runpy.run_module("oncology_training", run_name="__main__", alter_sys=True)
"""
REPORT = {"metrics.json", "params.json", "predictions.csv", "golden.jsonl", "holdout.jsonl"} | {
    "inputs.json"
}


def write_data(path: Path, examples: list[Example]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*MEASUREMENTS, "diagnosis"])
        writer.writerows([*e.tumor.values(), e.diagnosis] for e in examples)
    return path


@pytest.fixture
def data(tmp_path: Path, make_examples: Callable[[int], list[Example]]) -> Path:
    return write_data(tmp_path / "data.csv", make_examples(80))


@pytest.fixture(autouse=True, scope="module")
def few_trees() -> Iterator[None]:
    """Let forests be small: their candidates, seeds and search are those of a real training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "TREES", 3)
        yield


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
    make_examples: Callable[[int], list[Example]],
    few_trees: None,  # noqa: ARG001 - before the training
) -> Path:
    """Train once for every test that only looks at what came out."""
    folder = tmp_path_factory.mktemp("trained")
    data = write_data(folder / "data.csv", make_examples(80))
    arguments = ["-o", str(folder / "new" / "m.joblib"), "-d", str(data)]
    assert main([*arguments, "-t", str(folder / "report")]) == 0
    return folder


def read_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_outputs_are_complete_and_agree(trained: Path) -> None:
    report = trained / "report"
    assert {path.name for path in report.iterdir()} == REPORT
    assert [path.name for path in (trained / "new").iterdir()] == ["m.joblib"]

    metrics = json.loads((report / "metrics.json").read_text())
    assert all(type(value) in {int, float} for value in metrics.values())
    parameters = json.loads((report / "params.json").read_text())
    assert parameters["candidates"] == sorted(candidates.list_candidates())

    classifier = Classifier(trained / "new" / "m.joblib", verify=False)
    holdout = read_lines(report / "holdout.jsonl")
    tumors = [Tumor.from_mapping(line["input"]) for line in holdout]  # type: ignore[arg-type]
    with (report / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["y_true", "y_pred", "score_benign", "score_malignant"]
    assert [row["y_true"] for row in rows] == [line["truth"] for line in holdout]
    assert [row["y_pred"] for row in rows] == classifier.predict_many(tumors)
    scores = np.array([[float(row["score_benign"]), float(row["score_malignant"])] for row in rows])
    np.testing.assert_allclose(scores[:, 1], classifier.predict_proba_many(tumors))
    np.testing.assert_allclose(scores.sum(axis=1), 1.0)
    hits = sum(row["y_true"] == row["y_pred"] for row in rows)
    assert metrics["accuracy"] == hits / len(rows) == hits / metrics["holdout_rows"]


def test_data_that_scikit_learn_ships_is_named_with_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "_INVERSE_PENALTIES", (1.0,))  # one candidate will do
    monkeypatch.setattr(candidates, "_LEAF_SIZES", ())
    outputs = ["-o", str(tmp_path / "m.joblib"), "-t", str(tmp_path / "report")]
    assert main([*outputs, "-d", BUILTIN]) == 0
    assert {path.name for path in (tmp_path / "report").iterdir()} == {*REPORT, "data.json"}
    (told,) = json.loads((tmp_path / "report" / "data.json").read_text()).items()
    lines = (json.dumps([*e.tumor.values(), str(e.diagnosis)]) for e in read_examples(BUILTIN))
    text = "".join(f"{line}\n" for line in lines)
    assert told == (
        "sklearn.datasets.load_breast_cancer", hashlib.sha256(text.encode()).hexdigest()
    )  # fmt: skip


def test_golden_inputs_are_predictable_and_of_both_kinds(trained: Path) -> None:
    golden = read_lines(trained / "report" / "golden.jsonl")
    predictions = Classifier(trained / "new" / "m.joblib", verify=False).predict_many(
        Tumor.from_mapping(line) for line in golden
    )
    assert set(predictions) == set(Prediction)


@pytest.mark.slow
def test_training_gives_the_same_bytes_under_another_hash_seed(
    trained: Path, tmp_path: Path
) -> None:
    data, model = trained / "data.csv", tmp_path / "m.joblib"
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "-d", data, "-o", model, "-t", tmp_path],
        env={**os.environ, "PYTHONHASHSEED": "2"},
        check=True,
        timeout=120,
    )
    first = {path.name: path.read_bytes() for path in (trained / "report").iterdir()}
    first["m.joblib"] = (trained / "new" / "m.joblib").read_bytes()
    assert set(first) == {*REPORT, "m.joblib"}
    assert first == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.slow
def test_a_spawned_worker_predicts_the_same(trained: Path, small: Tumor, large: Tumor) -> None:
    classifier = Classifier(trained / "new" / "m.joblib", verify=False)
    answers = [classifier.predict_proba(tumor) for tumor in (small, large)]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(classifier.predict_proba, [small, large], timeout=60)) == answers


def test_bad_data_is_one_line_and_leaves_nothing(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data.write_text(data.read_text().replace("benign", "unclear", 1))
    outputs = ["-o", str(tmp_path / "m.joblib"), "-t", str(tmp_path / "report")]
    assert main([*outputs, "-d", str(data)]) == 2
    expected = f"oncology_training: {data}: row 2, column diagnosis: must be benign or malignant"
    captured = capsys.readouterr()
    assert captured.err.startswith(expected)
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [data]


def test_a_missing_file_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent, model = tmp_path / "absent.csv", tmp_path / "m.joblib"
    assert main(["-o", str(model), "-d", str(absent), "-t", str(tmp_path)]) == 2
    expected = f"oncology_training: {absent}: No such file or directory\n"
    assert capsys.readouterr().err == expected


def test_an_unwritable_report_is_one_line_code_1_and_no_model(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocker, model = tmp_path / "report", tmp_path / "m.joblib"
    blocker.write_text("a file where the folder should be")
    assert main(["-o", str(model), "-d", str(data), "-t", str(blocker)]) == 1
    assert capsys.readouterr().err == f"oncology_training: {blocker}: File exists\n"
    assert not model.exists()


def test_a_failed_write_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "m.joblib"
    write_text(path, "before")
    with pytest.raises(Exception, match="pickle"):
        write_model(lambda: None, path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_model_is_as_readable_as_any_other_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_model("anything", tmp_path / "m.joblib")
    assert (tmp_path / "m.joblib").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert joblib.load(tmp_path / "m.joblib") == "anything"
