"""The shipped classifier, through its public door, with the trained artefact."""

import hashlib
import importlib.metadata
import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import oncology_model
from oncology_model import (
    MEASUREMENTS,
    ArtefactError,
    Classifier,
    DamagedArtefactError,
    InvalidTumorError,
    Prediction,
    Tumor,
    VersionMismatchError,
)
from oncology_model.__main__ import main
from oncology_model.classifier import predict_record
from oncology_model.loading import Form
from oncology_model.provenance import list_engines

BENIGN_TARGET = 1
FORKS = "ignore::DeprecationWarning"  # Python from 3.12 on warns of every fork beside threads
FILES: dict[Form, str] = {"portable": "model.npz", "sklearn": "model.joblib"}
SHIPPED = Path(oncology_model.__file__).parent / "artefact"
# A pipeline with a part that is not known has no arrays.
FORMS = [form for form in FILES if form in (list_engines(SHIPPED.parent) or ["sklearn"])]
INFORM = """\
import sys, oncology_model.__main__
code = oncology_model.__main__.main(["info"])
assert not {"sklearn", "numpy", "joblib"} & set(sys.modules)  # neither does importing it
sys.exit(code)
"""


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier()


@pytest.fixture(scope="module")
def tumors() -> list[Tumor]:
    rows = load_breast_cancer().data.tolist()
    return [Tumor.from_mapping(dict(zip(MEASUREMENTS, row, strict=True))) for row in rows]


@pytest.fixture(scope="module")
def typical() -> dict[Prediction, dict[str, float]]:
    """Give the medians of each diagnosis, by name of measurement."""
    data = load_breast_cancer()
    benign = data.target == BENIGN_TARGET
    medians = {
        Prediction.BENIGN: np.median(data.data[benign], axis=0),
        Prediction.MALIGNANT: np.median(data.data[~benign], axis=0),
    }
    return {
        diagnosis: dict(zip(MEASUREMENTS, row.tolist(), strict=True))
        for diagnosis, row in medians.items()
    }


@pytest.fixture
def malignant(typical: dict[Prediction, dict[str, float]]) -> Tumor:
    return Tumor.from_mapping(typical[Prediction.MALIGNANT])


@pytest.fixture
def table(typical: dict[Prediction, dict[str, float]]) -> str:
    """Give a CSV table with a typical tumour of each diagnosis."""
    rows = [typical[diagnosis].values() for diagnosis in Prediction]
    return "\n".join([",".join(MEASUREMENTS), *(",".join(map(str, row)) for row in rows)])


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Give a copy of the shipped model, with its manifest."""
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    return tmp_path / "model.joblib"


def sample(size: int) -> list[int]:
    """List up to about 100 positions, both ends among them."""
    return sorted({*range(0, size, size // 100 + 1), size - 1})


def flip(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :]


def run_python(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], input=text, capture_output=True, text=True, check=False
    )


def fork(call: Callable[[], object]) -> str:
    """Call a function in a child, for the text of what it returns or raises."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(30)  # ends a child that hangs
        try:
            text = str(call())
        except BaseException as error:  # noqa: BLE001 - the parent shows it
            text = repr(error)
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return text


def fork_while_importing(module: str, tumor: Tumor, form: Form) -> str:
    """Predict in a thread that imports a module again, and in a child that forks meanwhile.

    A new process would import all of scikit-learn for it, which takes as long as all other tests
    here. What stops the thread stays for good, so this process must be a child itself.
    """
    importing, forking = threading.Event(), threading.Event()
    source = sys.modules.pop(module).__file__

    def pause(event: str, arguments: tuple[CodeType, ...]) -> None:
        # Python holds the lock of this module while it executes it, and no other.
        if event == "exec" and arguments[0].co_filename == source:
            importing.set()
            forking.wait(timeout=20)

    sys.addaudithook(pause)
    os.register_at_fork(before=forking.set)
    classifier = Classifier(engine=form)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(classifier.predict, tumor)
        assert importing.wait(timeout=20)
        return f"child: {fork(lambda: classifier.predict(tumor))}, parent: {answer.result()}"


def carries_provenance() -> bool:
    """Tell whether the package is from a wheel of trainwheel, rather than a checkout."""
    folder = str(SHIPPED.parents[1])
    found = importlib.metadata.distributions(name="oncology-model", path=[folder])
    return any(d.read_text("trainwheel/provenance.json") for d in found)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("diagnosis", Prediction)
def test_a_typical_tumor_is_recognized(
    classifier: Classifier, typical: dict[Prediction, dict[str, float]], diagnosis: Prediction
) -> None:
    assert classifier.predict(Tumor.from_mapping(typical[diagnosis])) is diagnosis


def test_the_data_set_is_recognized_right_way_round(
    classifier: Classifier, tumors: list[Tumor]
) -> None:
    # No measure of quality, as most rows were trained on: it tells a sound artefact apart
    # from one with swapped classes or columns.
    predicted = [p is Prediction.BENIGN for p in classifier.predict_many(tumors)]
    assert np.mean(np.equal(predicted, load_breast_cancer().target == BENIGN_TARGET)) > 0.9


def test_one_by_one_is_as_good_as_many(classifier: Classifier, tumors: list[Tumor]) -> None:
    singly = [classifier.predict_proba(tumor) for tumor in tumors[:50]]
    assert singly == pytest.approx(classifier.predict_proba_many(tumors[:50]), abs=1e-9)
    assert classifier.predict_many(tumors[:50]) == [classifier.predict(t) for t in tumors[:50]]


def test_probabilities_are_plain_floats_between_zero_and_one(
    classifier: Classifier, tumors: list[Tumor]
) -> None:
    probabilities = classifier.predict_proba_many(tumors)
    assert {type(probability) for probability in probabilities} == {float}
    assert 0.0 <= min(probabilities) < 0.1
    assert 0.9 < max(probabilities) <= 1.0


def test_threads_share_one_classifier(tumors: list[Tumor]) -> None:
    shared = Classifier()
    with ThreadPoolExecutor(4) as pool:
        probabilities = list(pool.map(shared.predict_proba, tumors[:40]))
    assert probabilities == [shared.predict_proba(tumor) for tumor in tumors[:40]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings(FORKS)
@pytest.mark.parametrize("form", FORMS)
def test_a_child_answers_that_was_forked_while_a_thread_loads(malignant: Tumor, form: Form) -> None:
    module = type(joblib.load(SHIPPED / "model.joblib")).__module__
    module = module if form == "sklearn" else "oncology_model.portable"
    importlib.import_module(module)
    answers = fork(lambda: fork_while_importing(module, malignant, form))
    assert answers == "child: malignant, parent: malignant"


def test_a_pickled_classifier_answers_the_same(classifier: Classifier, malignant: Tumor) -> None:
    pickled = pickle.loads(pickle.dumps(classifier))
    assert pickled.predict_proba(malignant) == classifier.predict_proba(malignant)


def test_a_record_is_answered_in_json_and_always_the_same(
    typical: dict[Prediction, dict[str, float]],
) -> None:
    answers = {json.dumps(predict_record(typical[Prediction.MALIGNANT])) for _ in range(3)}
    assert len(answers) == 1
    answer = json.loads(answers.pop())
    assert set(answer) == {"prediction", "probability"}
    assert answer["prediction"] == "malignant"
    assert answer["probability"] > 0.5


def test_a_bad_record_names_the_measurement(
    typical: dict[Prediction, dict[str, float]],
) -> None:
    with pytest.raises(InvalidTumorError, match=r"^mean_area: must not be negative"):
        predict_record(typical[Prediction.BENIGN] | {"mean_area": -1.0})


@pytest.mark.parametrize("form", FORMS)
def test_a_model_with_a_changed_byte_or_cut_off_is_refused(
    copied: Path, malignant: Tumor, form: Form
) -> None:
    file = copied.with_name(FILES[form])
    content = file.read_bytes()
    assert Classifier(copied, engine=form).predict(malignant) is Prediction.MALIGNANT
    for position in sample(len(content)):
        for damaged in (flip(content, position), content[:position]):
            file.write_bytes(damaged)
            with pytest.raises(DamagedArtefactError):
                Classifier(copied, engine=form).predict(malignant)


def test_both_forms_answer_the_same(tumors: list[Tumor]) -> None:
    first, *others = (Classifier(engine=form).predict_proba_many(tumors) for form in FORMS)
    assert others == [pytest.approx(first, rel=1e-12)] * (len(FORMS) - 1)
    assert Classifier().predict_many(tumors) == Classifier(engine="sklearn").predict_many(tumors)


def test_a_manifest_with_a_changed_byte_is_refused_or_harmless(
    copied: Path, malignant: Tumor
) -> None:
    manifest = copied.with_name(f"{copied.name}.json")
    content, refused = manifest.read_bytes(), 0
    positions = sample(len(content))
    for position in positions:
        manifest.write_bytes(flip(content, position))
        try:
            assert Classifier(copied).predict(malignant) is Prediction.MALIGNANT
        except ArtefactError:
            refused += 1
    assert refused > len(positions) / 2


def test_a_model_for_another_scikit_learn_is_refused(copied: Path, malignant: Tumor) -> None:
    manifest = copied.with_name(f"{copied.name}.json")
    document = json.loads(manifest.read_bytes())
    document["versions"]["scikit-learn"] = "1.3.2"
    manifest.write_text(json.dumps(document))
    with pytest.raises(VersionMismatchError, match=r'pip install "scikit-learn==1\.3\.2"$'):
        Classifier(copied, engine="sklearn").predict(malignant)
    if "portable" in FORMS:
        assert Classifier(copied, engine="portable").predict(malignant) is Prediction.MALIGNANT


def test_the_command_shows_without_scikit_learn_where_the_model_comes_from() -> None:
    result = run_python("-c", INFORM)
    if carries_provenance():
        document = json.loads(run_python("-m", "oncology_model", "info", "--json").stdout)
        assert (result.returncode, result.stderr) == (0, "")
        assert document["version"] == importlib.metadata.version(document["name"])
        assert document["artefact"]["sha256"] == digest(SHIPPED / "model.joblib")
    else:  # in a checkout, the manifest has to do
        assert (result.returncode, result.stderr.count("\n")) == (1, 1)
        assert result.stderr.startswith("oncology-model: no provenance: ")
    assert digest(SHIPPED / "model.joblib") in result.stdout


def test_the_golden_predictions_are_repeated() -> None:
    result = run_python("-m", "oncology_model", "verify")
    if carries_provenance():
        assert (result.returncode, result.stderr) == (0, "")
        assert " golden predictions repeat" in result.stdout
    else:
        assert (result.returncode, result.stdout) == (1, "")


def test_the_command_predicts_from_standard_input(
    table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(table.encode())))
    assert main(["predict", "-"]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    header, *answers = output.splitlines()
    assert header == "prediction,probability"
    assert [answer.split(",")[0] for answer in answers] == list(Prediction)


def test_the_command_refuses_bad_input_in_one_line() -> None:
    result = run_python("-m", "oncology_model", "predict", "-", text="mean_radius\n1\n")
    assert result.returncode == 2
    assert result.stderr.startswith("oncology-model: -: row 1, column mean_texture: missing")
    assert result.stderr.count("\n") == 1
