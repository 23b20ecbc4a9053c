"""The whole chain, as a user runs it, on a tiny model repository."""

from __future__ import annotations

import zipfile

import pytest

from integration.tiny import Run, TinyProject

pytestmark = pytest.mark.integration

MODEL = "model/tiny_model/classifier.py"
TRAINING = "model/tiny_training/__main__.py"
OFFLINE = {
    "UV_OFFLINE": "1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple/",
}
"""No index of packages can be reached."""


def change_the_model(project: TinyProject) -> None:
    project.replace(MODEL, '"small"', '"little"')


def test_the_chain_publishes_a_verified_wheel_and_a_second_run_does_nothing(
    first_upload: tuple[TinyProject, Run],
) -> None:
    project, first = first_upload

    second = project.nox("upload")

    assert project.published() == ["0.1.0"]
    assert "repeats 3 golden predictions" in first.line("verify ")
    assert second.code == 0, second.output
    assert "unchanged since 0.1.0" in second.line("upload ")
    assert "verify" not in second.output
    assert project.run("git", "status", "--porcelain").output == ""


def test_a_run_with_nothing_to_do_needs_no_network(published: TinyProject) -> None:
    run = published.nox("upload", **OFFLINE)

    assert run.code == 0, run.output
    assert "unchanged since 0.1.0" in run.line("upload ")


def test_a_changed_model_is_released_as_the_next_patch_and_the_old_one_stays(
    published: TinyProject,
) -> None:
    change_the_model(published)

    run = published.nox("upload")

    assert run.code == 0, run.output
    assert "0.1.1, the next free patch" in run.line("version ")
    assert published.published() == ["0.1.0", "0.1.1"]
    assert "tiny-model 0.1.1 repeats 3 golden predictions" in run.line("verify ")


def test_the_wheel_holds_the_package_and_metadata_and_nothing_else(
    published: TinyProject,
) -> None:
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


def test_a_wheel_that_the_index_changed_is_not_verified(published: TinyProject) -> None:
    path = published.index / "tiny_model-0.1.0-py3-none-any.whl"
    path.write_bytes(path.read_bytes() + b"\0")

    told = published.nox("verify").error("failed")

    assert "the embedded index serves tiny_model-0.1.0-py3-none-any.whl with sha256" in told


def test_a_file_edited_while_training_runs_stops_the_chain_and_training_stays_stale(
    tiny: TinyProject,
) -> None:
    edit = "Path(__file__).write_text(Path(__file__).read_text() + '# edited\\n')\n"
    tiny.write(TRAINING, tiny.read(TRAINING) + edit)

    first = tiny.nox("test")
    second = tiny.nox("test")

    told = f"{TRAINING} changed while train ran; what it made is kept in build/.trainwheel/aside"
    assert told in first.error("failed")
    assert told in second.error("failed")
    assert tiny.made() == []
