"""A model of two files and a folder, from training to a proved wheel; and what it left behind."""

from __future__ import annotations

import hashlib
import json
import zipfile

import pytest

from integration.tiny import TinyProject
from trainwheel.wheel.provenance import parse_provenance

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TRAINING = "model/tiny_training/__main__.py"
FOLDER = "model/tiny_model/artefact"
MORE = """\
words = model.with_name("vocabulary.json")
words.write_text(json.dumps({"big": "large", "small": "little"}))
(model.parent / "encoder").mkdir()
(model.parent / "encoder" / "shift, é.txt").write_text("0")
model.with_name("notes.txt").write_text("of this machine alone")
"""
CLASSIFIER = """\
import json
from importlib.resources import as_file, files

import joblib


def predict_record(record):
    folder = files("tiny_model") / "artefact"
    words = json.loads((folder / "vocabulary.json").read_text())
    shift = int((folder / "encoder" / "shift, é.txt").read_text())
    with as_file(folder / "model.joblib") as path:
        model = joblib.load(path)
    label = "big" if record["x"] > model["border"] else "small"
    return {"label": words[label], "value": record["x"] * model["factor"] + shift}
"""


def members(project: TinyProject) -> dict[str, bytes]:
    with zipfile.ZipFile(project.wheel) as wheel:
        return {
            name.removeprefix("tiny_model/artefact/"): wheel.read(name)
            for name in wheel.namelist()
            if "/artefact/" in name or name.endswith("provenance.json")
        }


def test_a_model_of_several_files_ships_whole_and_an_earlier_one_no_more(tiny: TinyProject) -> None:
    tiny.configure(
        'artefact = ["artefact/model.joblib", "artefact/vocabulary.json", "artefact/encoder"]'
    )
    tiny.replace(TRAINING, '(report / "golden.jsonl")', f'{MORE}(report / "golden.jsonl")')
    tiny.write("model/tiny_model/classifier.py", CLASSIFIER)
    tiny.write(f"{FOLDER}/left.joblib", "of an earlier day")

    run = tiny.nox("package")

    assert run.code == 0, run.output
    assert "artefact/notes.txt, which tool.trainwheel.artefact does not name" in run.output
    assert f"not in the wheel: {FOLDER}/left.joblib;" in run.output
    contents = members(tiny)
    provenance = parse_provenance(
        contents.pop("tiny_model-0.1.0.dist-info/trainwheel/provenance.json")
    )
    names = {"model.joblib", "vocabulary.json", "encoder/shift, é.txt"}
    assert contents.keys() == {*names, "model.joblib.json"}
    files = json.loads(contents["model.joblib.json"])["files"]
    assert files.keys() == names
    for name in names:
        digest = hashlib.sha256(contents[name]).hexdigest()
        assert files[name]["sha256"] == digest
        assert provenance.artefact.files[f"tiny_model/artefact/{name}"].sha256 == digest

    # A part that changed after training is not shipped: the whole model is made again.
    tiny.write(f"{FOLDER}/vocabulary.json", '{"big": "planted", "small": "planted"}')
    run = tiny.nox("package")
    assert run.code == 0, run.output
    assert members(tiny)["vocabulary.json"] == contents["vocabulary.json"]

    # Under another name, nothing of the model as it was is left or ships.
    tiny.replace("pyproject.toml", "artefact/model.joblib", "artefact/doubler.joblib")
    tiny.replace("model/tiny_model/classifier.py", "model.joblib", "doubler.joblib")
    run = tiny.nox("package")
    assert run.code == 0, run.output
    assert not (tiny.root / FOLDER / "model.joblib").exists()
    assert members(tiny).keys() >= {"doubler.joblib", "doubler.joblib.json", *names} - {
        "model.joblib"
    }
    assert "model.joblib" not in members(tiny)
