"""The whole chain, as a user runs it, on a tiny model repository."""

from __future__ import annotations

import zipfile

import pytest

from importing import needless_imports
from integration.tiny import Run, TinyProject

pytestmark = pytest.mark.integration

TRAINING = "model/tiny_training/__main__.py"
MODEL_CLASS = """\
class Doubler:
    def __getitem__(self, name):
        return {"factor": 2.0, "border": 10}[name]
"""
OFFLINE = {
    "UV_OFFLINE": "1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple/",
}
"""No index of packages can be reached."""


def test_the_chain_publishes_a_verified_wheel(first_upload: tuple[TinyProject, Run]) -> None:
    project, run = first_upload

    assert project.published() == ["0.1.0"]
    assert "repeats 3 golden predictions" in run.line("verify ")
    assert project.run("git", "status", "--porcelain").output == ""


def test_a_second_run_does_nothing_and_needs_no_network(published: TinyProject) -> None:
    run = published.nox("upload", **OFFLINE, PYTHONPROFILEIMPORTTIME="1")

    assert run.code == 0, run.output
    assert "unchanged since 0.1.0" in run.line("upload ")
    heads = {line.partition(" ")[0] for line in run.output.splitlines()}
    assert not {"evaluate", "report", "verify"} & heads
    assert not needless_imports(run.output)


def test_the_wheel_holds_the_package_and_metadata_and_nothing_else(published: TinyProject) -> None:
    with zipfile.ZipFile(published.wheel) as wheel:
        members = wheel.namelist()
        requires = wheel.read("tiny_model-0.1.0.dist-info/METADATA").decode()

    assert sorted(members) == [
        "tiny_model-0.1.0.dist-info/METADATA",
        "tiny_model-0.1.0.dist-info/RECORD",
        "tiny_model-0.1.0.dist-info/WHEEL",
        "tiny_model-0.1.0.dist-info/sboms/tiny-model.cdx.json",
        "tiny_model-0.1.0.dist-info/top_level.txt",
        "tiny_model-0.1.0.dist-info/trainwheel/golden.jsonl",
        "tiny_model-0.1.0.dist-info/trainwheel/provenance.json",
        "tiny_model/__init__.py",
        "tiny_model/artefact/model.joblib",
        "tiny_model/artefact/model.joblib.json",
        "tiny_model/classifier.py",
        "tiny_model/py.typed",
    ]
    assert "Requires-Dist: joblib" in requires
    assert "trainwheel" not in requires.partition("\n\n")[0]
    # An index shows the model card.
    assert "| accuracy | 1 |" in requires.partition("\n\n")[2]


def test_a_class_that_the_wheel_does_not_ship_is_caught_before_anyone_can_publish_it(
    tiny: TinyProject,
) -> None:
    tiny.write("model/tiny_training/doubler.py", MODEL_CLASS)
    tiny.replace(
        TRAINING,
        'joblib.dump({"factor": 2.0, "border": 10}, model)',
        "from tiny_training.doubler import Doubler\njoblib.dump(Doubler(), model)",
    )

    line = tiny.nox("upload").error("refused")

    assert "tiny_training.doubler.Doubler" in line
    assert "move it to tiny_model" in line
    assert tiny.made() == []
    assert tiny.published() == []
