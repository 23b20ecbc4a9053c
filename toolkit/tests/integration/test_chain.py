"""The whole chain, as a user runs it, on a tiny model repository."""

from __future__ import annotations

import json
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


def test_a_changed_test_is_run_and_releases_nothing(published: TinyProject) -> None:
    published.replace("tests/system/test_tiny_model.py", "4.0", "4")

    run = published.nox("upload")

    assert run.code == 0, run.output
    assert "unchanged" in run.line("train ")
    assert "1 tests passed" in run.line("test ")
    assert "unchanged since 0.1.0" in run.line("upload ")
    assert published.published() == ["0.1.0"]


def test_training_that_makes_the_same_model_again_releases_nothing(
    published: TinyProject,
) -> None:
    published.write(TRAINING, f"{published.read(TRAINING)}\n# the same\n")

    run = published.nox("upload")

    assert run.code == 0, run.output
    assert "trained" in run.line("train ")
    assert "unchanged since 0.1.0" in run.line("upload ")


def test_a_patch_asked_for_by_name_is_released_though_nothing_changed_and_once(
    published: TinyProject,
) -> None:
    run = published.nox("upload", TRAINWHEEL_VERSION="175")

    assert run.code == 0, run.output
    assert "0.1.175, asked for by name" in run.line("version ")
    assert published.published() == ["0.1.0", "0.1.175"]
    again = published.nox("upload", TRAINWHEEL_VERSION="175")
    assert "0.1.175 is in the embedded index already, identical" in again.line("upload ")


def test_a_whole_version_asked_for_by_name_is_taken_as_it_is(published: TinyProject) -> None:
    run = published.nox("version", TRAINWHEEL_VERSION="1.2.0", BUILD_NUMBER="7")

    assert "1.2.0, asked for by name" in run.line("version ")
    assert json.loads(published.read("build/version.json"))["version"] == "1.2.0"


@pytest.mark.parametrize(
    ("variables", "version"),
    [
        ({"BUILD_NUMBER": "7", "GITHUB_RUN_NUMBER": "8"}, "0.1.7"),
        ({"GITHUB_RUN_NUMBER": "8"}, "0.1.8"),
    ],
    ids=["Jenkins", "GitHub"],
)
def test_the_build_number_is_the_patch_of_what_changed(
    published: TinyProject, variables: dict[str, str], version: str
) -> None:
    unchanged = published.nox("version", **variables)
    change_the_model(published)

    run = published.nox("version", **variables)

    assert "unchanged since 0.1.0" in unchanged.line("version ")
    assert version in run.line("version ")
    assert json.loads(published.read("build/version.json"))["version"] == version


@pytest.mark.slow
def test_a_release_at_every_build_can_be_configured(published: TinyProject) -> None:
    published.configure('version.release = "always"\nversion.build-number-offset = 100')

    run = published.nox("upload", BUILD_NUMBER="7")

    assert run.code == 0, run.output
    assert "0.1.107, unchanged since 0.1.0, released all the same" in run.line("version ")
    assert published.published() == ["0.1.0", "0.1.107"]


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


def test_verifying_publishes_nothing(published: TinyProject) -> None:
    (published.index / "tiny_model-0.1.0-py3-none-any.whl").unlink()

    told = published.nox("verify").error("failed")

    assert "the embedded index has no tiny-model 0.1.0; publish it first" in told
    assert published.published() == []


def test_a_published_wheel_can_be_verified_by_name(published: TinyProject) -> None:
    run = published.nox("verify", "--", "tiny-model==0.1.0")
    other = published.nox("verify", "--", "tiny-model==0.2.0")

    assert run.code == 0, run.output
    assert "repeats 3 golden predictions" in run.line("verify ")
    assert "no proof of tiny-model==0.2.0 here" in other.error("configuration")


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


def test_a_source_edited_after_the_tests_is_not_packaged(tiny: TinyProject) -> None:
    assert tiny.nox("test", "version").code == 0
    change_the_model(tiny)

    run = tiny.run(*tiny.argv("package"), "--no-dependencies")

    told = run.error("failed")
    assert f"{MODEL} changed after train ran; run the same command again" in told
    assert "build/dist" not in tiny.made()


def test_a_test_edited_after_the_tests_is_not_packaged(published: TinyProject) -> None:
    published.replace("tests/system/test_tiny_model.py", "4.0", "4")

    run = published.run(*published.argv("package"), "--no-dependencies")

    assert "tests/system/test_tiny_model.py changed after test ran" in run.error("failed")


def test_a_model_that_was_replaced_by_hand_is_trained_again(published: TinyProject) -> None:
    artefact = published.root / "model/tiny_model/artefact/model.joblib"
    before = artefact.read_bytes()
    artefact.write_bytes(b"something else")

    run = published.nox("upload")

    assert "trained" in run.line("train ")
    assert "unchanged since 0.1.0" in run.line("upload ")
    assert artefact.read_bytes() == before


def test_a_record_that_cannot_be_read_counts_as_absent(published: TinyProject) -> None:
    published.write("build/.trainwheel/test.json", '{"schema": 1, "key": ')

    run = published.nox("upload")

    assert "unchanged" in run.line("train ")
    assert "the record of test cannot be read" in run.line("notice: ")
    assert "1 tests passed" in run.line("test     ")
    assert "unchanged since 0.1.0" in run.line("upload ")


def test_after_a_clean_the_chain_finds_that_nothing_is_to_be_released(
    published: TinyProject,
) -> None:
    cleaned = published.nox("clean")

    assert "removed build/" in cleaned.line("clean ")
    assert published.made() == []
    run = published.nox("upload")
    assert run.code == 0, run.output
    assert "unchanged since 0.1.0" in run.line("upload ")
    assert published.published() == ["0.1.0"]


def test_only_the_steps_that_are_registered_exist(tiny: TinyProject) -> None:
    tiny.replace("noxfile.py", "register()", 'register(only=["train", "test"], exclude=["test"])')

    listed = tiny.run(*tiny.argv("train")[:-2], "--list")
    unknown = tiny.nox("test")

    assert "train ->" in listed.output.replace("  ", " ")
    assert "test ->" not in listed.output
    assert unknown.code != 0


@pytest.mark.slow
def test_a_step_that_is_left_out_is_not_asked_for(tiny: TinyProject) -> None:
    tiny.replace("noxfile.py", "register()", 'register(exclude=["doc", "test", "verify"])')

    run = tiny.nox("upload")

    assert run.code == 0, run.output
    assert tiny.published() == ["0.1.0"]
    assert {line.split()[0] for line in run.output.splitlines()} == {
        *("train", "evaluate", "report", "version", "package", "upload")
    }


def test_a_setup_py_that_drifted_is_shown_by_a_check_and_noticed_by_package(
    published: TinyProject,
) -> None:
    published.replace("setup.py", "joblib>=1.6.0,<2", "joblib>=1.0")
    drifted = published.read("setup.py")

    checked = published.nox("sync", "--", "--check")
    packaged = published.nox("package", TRAINWHEEL_VERSION="9")

    assert "setup.py does not agree with the lock; run " in checked.error("failed")
    assert "joblib" in checked.output
    assert packaged.code == 0, packaged.output
    assert "setup.py disagrees with the lock" in packaged.line("notice: ")
    assert published.read("setup.py") == drifted
    assert "setup.py updated" in published.nox("sync").line("sync ")
    assert "joblib>=1.6.0,<2" in published.read("setup.py")
    assert "agrees" in published.nox("sync", "--", "--check").line("sync ")


@pytest.mark.slow
def test_a_secret_of_the_data_is_shown_to_training_and_to_no_other_step(tiny: TinyProject) -> None:
    tiny.configure('secrets.data = ["LAKE_TOKEN"]')
    training = tiny.read("model/tiny_training/__main__.py")
    check = 'import os\nassert os.environ["LAKE_TOKEN"] == "t0ken-Of-The-Lake"\n'
    check += 'print("opened with", os.environ["LAKE_TOKEN"])\n'
    head, mark, rest = training.partition("from __future__ import annotations\n")
    tiny.write(
        "model/tiny_training/__main__.py", head + mark + check + rest if mark else check + head
    )
    tiny.write(
        "tests/test_secret.py",
        'import os\n\n\ndef test_none():\n    assert "LAKE_TOKEN" not in os.environ\n',
    )

    run = tiny.nox("test", LAKE_TOKEN="t0ken-Of-The-Lake")

    assert run.code == 0, run.output
    assert "  opened with ***" in run.output.splitlines()
    assert "t0ken-Of-The-Lake" not in run.output + tiny.read("build/log/train.log")
