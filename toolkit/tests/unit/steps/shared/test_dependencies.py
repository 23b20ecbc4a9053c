"""What a model's file refers to must be where the wheel is installed."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.errors import RefusedError, StepFailedError
from trainwheel.install.bytecode import site_packages
from trainwheel.steps.shared.dependencies import check_dependencies
from unit.repository import write, write_lock
from unit.steps.session import lock_more, open_with
from unit.steps.training import training

MODELS = Path(__file__).parents[3] / "projects" / "models"
INSTALLED = {
    "six": "six.py",
    "LightGBM": "lightgbm/__init__.py\nlightgbm/sklearn.py\nlightgbm/lib/lib_lightgbm.so",
    "google-auth": "google/auth/__init__.py",
    "google-cloud": "google/cloud/__init__.py\ngoogle/cloud/model.cpython-311.so",
    "helper": "helper/__init__.py",
    "by-hand": "by_hand.py",
}


@pytest.fixture
def installed(root: Path) -> Path:
    """The repository, with an environment of training and packages in it."""
    write_lock(root, helper="./helper")
    lock_more(root, "train", "lightgbm", "google-cloud")
    write(root, "tests/fakes.py", "class Fake: ...\n")
    for name, files in INSTALLED.items():
        folder = f"{name.replace('-', '_')}-1.0.dist-info"
        lines = "".join(f"{line},sha256=x,1\n" for line in [*files.split(), f"{folder}/RECORD"])
        site = site_packages(root / ".nox" / "train").relative_to(root).as_posix()
        write(root, f"{site}/{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\n")
        write(root, f"{site}/{folder}/RECORD", lines)
    return root


def check(root: Path, content: bytes) -> tuple[frozenset[str], str]:
    """Return what a file needs, and what was said."""
    (root / "model.joblib").write_bytes(content)
    session = open_with(root)
    return check_dependencies(session.run, [root / "model.joblib"]), session.output


def referring(*references: str) -> bytes:
    """Return a pickle that refers to values, each a module and a name with a space between."""
    lines = "".join("c{}\n{}\n0".format(*each.split()) for each in references)
    return f"{lines}N.".encode()


@pytest.mark.parametrize("reference", [
    "small_model.classifier Clip", "small_model Clip", "collections OrderedDict", "six Thing",
    "functools partial", "builtins getattr", "pathlib PosixPath", "_codecs encode",
    "__builtin__ set", "copy_reg _reconstructor", "datetime date.min",
])  # fmt: skip
def test_what_will_be_there_passes(installed: Path, reference: str) -> None:
    needed, output = check(installed, referring(reference))

    assert ("six" in needed) == reference.startswith("six")
    assert needed >= {"numpy", "joblib", "scikit-learn"}
    assert output == ""


REFUSED = {
    "__main__ Clip": ["__main__.Clip", "training script", "move it to small_model"],
    "__mp_main__ Clip": ["training script"],
    "small_training.fitting Clip": ["small_training.fitting.Clip", "move it to small_model"],
    "tests.fakes Fake": ["tests.fakes.Fake", "wheel does not ship"],
    "small_model.gone Clip": ["small_model.gone.Clip", "wheel does not ship"],
    "small_models Clip": ["neither"], "small_model_extra.a Clip": ["neither"],
    "lightgbm.sklearn LGBMClassifier": ["package lightgbm", "[train] only", "nox -s lock"],
    "google.cloud.model Model": ["package google-cloud", "[train] only"],
    "google.auth Model": ["package google-auth", "not locked"],
    "by_hand Thing": ["package by-hand", "not locked", "[packages]"],
    "helper Thing": ["package helper", "local", "small_model"],
    "nowhere Thing": ["nowhere.Thing", "neither"], "os system": ["os.system", "run anything"],
    "posix system": ["run anything"], "builtins eval": ["builtins.eval", "run anything"],
    "__builtin__ eval": ["builtins.eval", "run anything"], "subprocess Popen": ["run anything"],
    "importlib.util find_spec": ["run anything"], "_pickle loads": ["run anything"],
    "six os.system": ["six.os.system", "run anything"],
    "cloudpickle.cloudpickle _make_function": ["code of a function", "lambda", "small_model"],
    "cloudpickle.cloudpickle _make_skeleton_class": ["code of a function"],
    "joblib.externals.cloudpickle.cloudpickle _make_skeleton_enum": ["code of a function"],
    "dill._dill _create_function": ["code of a function"],
    "dill._dill _create_type": ["code of a function"], "types CodeType": ["code of a function"],
}  # fmt: skip


@pytest.mark.parametrize("reference", REFUSED)
def test_what_will_not_be_there_is_refused_with_what_to_do(
    installed: Path, reference: str, sentence: Callable[[str], None]
) -> None:
    with pytest.raises(RefusedError) as caught:
        check(installed, referring("six Thing", reference))

    text = str(caught.value)
    sentence(text)
    assert [word for word in REFUSED[reference] if word not in text] == []


def test_all_that_is_refused_is_shown_at_once(installed: Path) -> None:
    names = ("nowhere Thing", "__main__ Clip", "six Thing", "by_hand Thing", "os system")
    with pytest.raises(RefusedError, match=r"os\.system") as caught:
        check(installed, referring(*names))

    assert [line.split(",")[0] for line in caught.value.details] == [
        "the model refers to __main__.Clip",
        "the model refers to by_hand.Thing of the package by-hand",
        "the model refers to nowhere.Thing",
    ]


def test_a_refusal_leaves_the_old_model_and_loads_nothing(installed: Path) -> None:
    weights = referring("small_training.fitting Clip").decode()
    session = open_with(installed, training(weights))

    with pytest.raises(RefusedError, match=r"small_training\.fitting\.Clip"):
        session.step("train")

    assert (installed / "model/small_model/artefact/model.joblib").read_text() == "weights"
    assert not (installed / "build/train").exists()
    assert len(session.calls) == 1


def test_the_versions_of_what_it_refers_to_are_in_the_manifest(installed: Path) -> None:
    open_with(installed, training(referring("six Thing").decode())).step("train")

    manifest = installed / "model/small_model/artefact/model.joblib.json"
    assert json.loads(manifest.read_bytes())["versions"] == {"six": "1.16.0"}


@pytest.mark.parametrize("category", ["default", "train"])
def test_a_native_file_needs_the_library_of_its_format(installed: Path, category: str) -> None:
    content = json.loads((installed / "Pipfile.lock").read_bytes())
    content[category]["xgboost-cpu"] = content["default"]["six"]
    write(installed, "Pipfile.lock", json.dumps(content))
    shutil.rmtree(installed / ".nox" / "train" / "lib")

    needed, output = check(installed, (MODELS / "xgboost.ubj").read_bytes())

    assert needed == ({"xgboost-cpu"} if category == "default" else frozenset())
    assert ("[packages] has no xgboost" in output) == (category == "train")


def test_classes_and_functions_in_a_skops_file_are_checked_too(installed: Path) -> None:
    with pytest.raises(RefusedError, match="numpy") as caught:
        check(installed, (MODELS / "scaler.skops").read_bytes())

    details = "".join(caught.value.details)
    assert all(name in details for name in ("numpy.log1p", "sklearn.pipeline.Pipeline"))


@pytest.mark.parametrize(("content", "words"), [
    (b"weights\0", ["format", "not known"]), (b"\xffweights", ["format", "not known"]),
    (b"\x28\xb5\x2f\xfd" + bytes(40), ["format", "not known"]),
    (gzip.compress(b"a,b\n1,2\n", mtime=0), ["format", "not known"]),
])  # fmt: skip
def test_what_cannot_be_read_is_noticed(installed: Path, content: bytes, words: list[str]) -> None:
    _, output = check(installed, content)

    assert [word for word in ["model.joblib", *words] if word not in output] == []


def test_what_lz4_hides_is_noticed_and_lz4_is_needed(installed: Path) -> None:
    frame = b"\x04\x22\x4d\x18\x60\x40\x82\x10\0\0\0\xf0\x01\x80\x04\x95\0\0"
    (installed / "model.joblib").write_bytes(frame)
    session = open_with(installed)

    with pytest.raises(RefusedError, match=r"lz4\.frame"):
        check_dependencies(session.run, [installed / "model.joblib"])

    assert "lz4" in session.output


@pytest.mark.parametrize("content", [
    pickle.dumps({"a": 1})[:-1], gzip.compress(pickle.dumps({"a": 1}), mtime=0)[:-9],
    gzip.compress(b"", mtime=0)[:9], b"\x80\x04\xff.",
])  # fmt: skip
def test_a_damaged_pickle_fails_with_one_line(installed: Path, content: bytes) -> None:
    with pytest.raises(StepFailedError, match=r"model\.joblib is .*damaged"):
        check(installed, content)


def test_a_text_names_no_code_and_needs_no_notice(
    installed: Path,
) -> None:
    assert "notice" not in check(installed, "wörter\n".encode() * 999)[1]
