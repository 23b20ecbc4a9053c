"""The model as arrays, and as scikit-learn fitted it: which is used, and what is refused."""

import hashlib
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from oncology_model import (
    MEASUREMENTS,
    ArtefactError,
    Classifier,
    DamagedArtefactError,
    Prediction,
    Tumor,
    VersionMismatchError,
)
from oncology_model.lazy_model import LazyModel
from oncology_model.loading import Form
from oncology_model.provenance import list_engines

Write = Callable[..., Path]
WITHOUT = """
import json, sys
sys.modules.update(dict.fromkeys(["sklearn", "scipy", "pandas", "joblib", "threadpoolctl"]))
from oncology_model import Classifier
model = Classifier.load(sys.argv[1])
record = dict.fromkeys(json.loads(sys.argv[2]), 9.0)
print(model.predict(record), model.predict_result(record).prediction)
"""
LACKING = """
import json, sys
path, names, missing, options = map(json.loads, sys.argv[1:])
sys.modules[missing] = None
from oncology_model import Classifier, VersionMismatchError
model, record = Classifier(path, **options), dict.fromkeys(names, 9.0)
asks = [model.predict, model.predict_proba, model.predict_result]
manies = [model.predict_many, model.predict_proba_many, lambda many: list(model.results(many))]
calls = [(ask, record) for ask in asks] + [(many, [record]) for many in manies]
for ask, given in [*calls, (lambda _: model.check(), None)]:
    try:
        ask(given)
    except VersionMismatchError as error:
        assert missing in error.problem, error
        print(*error.requirements)
"""


def make_arrays(*, schema: int = 1, by: float = 1.0) -> bytes:
    """Give a model as arrays: a first measurement above 5, times *by*, is malignant."""
    count = len(MEASUREMENTS)
    graph = {
        "schema": schema,
        "made_with": "1.9.1",
        "features": count,
        "names": None,
        "text": False,
        "numeric": True,
        "tolerance": 1e-12,
        "graph": {
            "kind": "linear",
            "link": "sigmoid",
            "rule": "positive",
            "classes": {"array": ["texts", 0, [2]]},
            "coef": {"array": ["numbers", 0, [1, count]]},
            "intercept": {"array": ["numbers", count, [1]]},
        },
    }
    numbers = np.array([by, *[0.0] * (count - 1), -5.0 * by])
    text = np.frombuffer(json.dumps(graph).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, graph=text, texts=np.array(["benign", "malignant"]), numbers=numbers)
    return file.getvalue()


def describe(path: Path) -> dict[str, object]:
    content = path.read_bytes()
    kind = "joblib" if path.suffix == ".joblib" else "npz"
    digest = hashlib.sha256(content).hexdigest()
    return {"sha256": digest, "size": len(content), "format": kind}


@pytest.fixture
def write_forms(artefact: Path, write_manifest: Write) -> Write:
    """Write the manifest of an artefact that is arrays too."""

    def write(content: bytes | None = None, *, is_default: bool = True) -> Path:
        arrays = artefact.with_suffix(".npz")
        arrays.write_bytes(make_arrays() if content is None else content)
        files = {path.name: describe(path) for path in (artefact, arrays)}
        form = {"file": arrays.name, "is_default": is_default}
        write_manifest(artefact, files=files, portable=form)
        return artefact

    return write


@pytest.fixture
def between() -> Tumor:
    """Give a tumour of which the two forms of these tests say different things."""
    return Tumor.from_mapping(dict.fromkeys(MEASUREMENTS, 9.0) | {MEASUREMENTS[0]: 1.0})


@pytest.mark.parametrize(
    ("is_default", "engine", "answer"),
    [
        (True, None, Prediction.BENIGN),
        (True, "portable", Prediction.BENIGN),
        (True, "sklearn", Prediction.MALIGNANT),
        (False, None, Prediction.MALIGNANT),
        (False, "portable", Prediction.BENIGN),
    ],
)
def test_the_form_is_the_one_that_is_asked_for_or_that_the_manifest_prefers(
    write_forms: Write, between: Tumor, *, is_default: bool, engine: Form | None, answer: Prediction
) -> None:
    path = write_forms(is_default=is_default)
    assert Classifier(path, engine=engine).predict(between) is answer


def test_a_form_can_be_chosen_for_all_models_and_a_model_keeps_its_own(
    write_forms: Write, between: Tumor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_forms()
    monkeypatch.setattr(LazyModel, "preferred", "sklearn")
    assert Classifier(path).predict(between) is Prediction.MALIGNANT
    assert Classifier(path, engine="portable").predict(between) is Prediction.BENIGN


def test_a_copy_in_another_process_keeps_the_form(write_forms: Write, between: Tumor) -> None:
    model = pickle.loads(pickle.dumps(Classifier(write_forms(), engine="sklearn")))
    assert model.predict(between) is Prediction.MALIGNANT


def test_arrays_predict_without_scikit_learn(write_forms: Write) -> None:
    words = (write_forms(), json.dumps(MEASUREMENTS))
    output = subprocess.check_output([sys.executable, "-c", WITHOUT, *words], text=True)
    assert output == "malignant malignant\n"


@pytest.mark.parametrize(
    ("missing", "options", "needed"),
    [
        ("numpy", {}, "numpy>=2.0,<3"),
        ("numpy", {"engine": "sklearn"}, "scikit-learn=="),
        ("sklearn", {"engine": "sklearn"}, "scikit-learn=="),
        ("joblib", {"engine": "sklearn", "any_version": True}, "joblib"),
        ("joblib", {"verify": False}, "joblib"),
        ("sklearn", {"verify": False}, "scikit-learn"),
    ],
)
def test_whoever_lacks_a_package_is_told_what_to_install_however_the_model_is_asked(
    write_forms: Write, missing: str, options: dict[str, object], needed: str
) -> None:
    words = map(json.dumps, (str(write_forms()), MEASUREMENTS, missing, options))
    output = subprocess.check_output([sys.executable, "-c", LACKING, *words], text=True)
    lines = output.splitlines()
    assert (len(lines), set(lines)) == (7, {lines[0]})
    assert needed in lines[0]


def test_arrays_do_not_care_who_made_the_estimator(
    write_forms: Write, write_manifest: Write, between: Tumor
) -> None:
    path = write_forms()
    manifest = path.with_name(f"{path.name}.json")
    document = json.loads(manifest.read_bytes())
    write_manifest(path, **document | {"versions": document["versions"] | {"scikit-learn": "1.0"}})
    assert Classifier(path).predict(between) is Prediction.BENIGN
    with pytest.raises(VersionMismatchError, match=r"scikit-learn 1\.0"):
        Classifier(path, engine="sklearn").predict(between)


def test_a_flipped_byte_of_the_arrays_is_refused_before_they_are_read(
    write_forms: Write, between: Tumor
) -> None:
    arrays = write_forms().with_suffix(".npz")
    content = arrays.read_bytes()
    for place in range(0, len(content), len(content) // 50):
        arrays.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        with pytest.raises(DamagedArtefactError, match=arrays.name):
            Classifier(arrays.with_suffix(".joblib")).predict(between)


def test_arrays_of_another_model_are_refused(write_forms: Write, between: Tumor) -> None:
    path = write_forms()
    path.with_suffix(".npz").write_bytes(make_arrays(by=-1.0))
    with pytest.raises(DamagedArtefactError, match="digest"):
        Classifier(path).predict(between)


@pytest.mark.parametrize(
    ("content", "named"), [(b"PK", "damaged"), (make_arrays(schema=9), "schema 9")]
)
def test_arrays_that_this_package_cannot_read_are_refused(
    write_forms: Write, between: Tumor, content: bytes, named: str
) -> None:
    with pytest.raises(ArtefactError, match=named):
        Classifier(write_forms(content)).predict(between)


def test_missing_arrays_are_refused(write_forms: Write, between: Tumor) -> None:
    path = write_forms()
    path.with_suffix(".npz").unlink()
    with pytest.raises(ArtefactError, match=r"\.npz.* missing"):
        Classifier(path).predict(between)


def test_a_model_without_arrays_says_so(artefact: Path, between: Tumor) -> None:
    assert Classifier(artefact, engine="sklearn").predict(between) is Prediction.MALIGNANT
    with pytest.raises(ArtefactError, match="no portable form"):
        Classifier(artefact, engine="portable").predict(between)


def test_without_verification_the_estimator_is_loaded_unless_arrays_are_asked_for(
    write_forms: Write, between: Tumor
) -> None:
    path = write_forms()
    assert Classifier(path, verify=False).predict(between) is Prediction.MALIGNANT
    model = Classifier(path, verify=False, engine="portable")
    assert model.predict(between) is Prediction.BENIGN


def test_numpy_1_is_refused_with_what_to_install(
    write_forms: Write, between: Tumor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_forms()
    monkeypatch.setattr(np, "__version__", "1.26.4")
    with pytest.raises(VersionMismatchError, match=r"numpy 2, but 1\.26\.4") as caught:
        Classifier(path).predict(between)
    assert "numpy>=2.0,<3" in str(caught.value)


@pytest.mark.parametrize(
    ("is_default", "engines"), [(True, ["portable", "sklearn"]), (False, ["sklearn", "portable"])]
)
def test_the_engines_of_a_package_are_listed_the_preferred_one_first(
    write_forms: Write, tmp_path: Path, *, is_default: bool, engines: list[str]
) -> None:
    path = write_forms(is_default=is_default)
    (tmp_path / "artefact").mkdir()
    path.with_name(f"{path.name}.json").rename(tmp_path / "artefact" / "model.joblib.json")
    assert list_engines(tmp_path) == engines


def test_a_package_with_one_form_or_no_manifest_lists_no_engines(
    artefact: Path, tmp_path: Path
) -> None:
    assert list_engines(tmp_path) == []
    (tmp_path / "artefact").mkdir()
    artefact.with_name(f"{artefact.name}.json").rename(tmp_path / "artefact" / "model.joblib.json")
    assert list_engines(tmp_path) == []
