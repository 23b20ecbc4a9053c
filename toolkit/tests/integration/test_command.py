"""The trainwheel command in a job that has a build's files and credentials, nothing else."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from integration.tiny import RealIndex, TinyProject, copy_of, versions
from trainwheel.system.digest import digest_file

pytestmark = pytest.mark.integration

BUILD_7, BUILD_8 = (f"tiny_model-0.1.{number}-py3-none-any.whl" for number in (7, 8))


@pytest.fixture(scope="module")
def builds(
    published_once: TinyProject, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The folders that two jobs without secrets built the same model in, by wheel."""
    project = copy_of(published_once, tmp_path_factory.mktemp("builds") / "tiny")
    folders = {}
    for name, number in ((BUILD_7, "7"), (BUILD_8, "8")):
        run = project.nox("package", TRAINWHEEL_INDEX="nexus", BUILD_NUMBER=number)
        assert run.code == 0, run.output
        assert f"0.1.{number}, the index cannot be read here" in run.line("version ")
        assert "so the comparison is left to upload" in run.line("version ")
        folders[name] = Path(shutil.copytree(project.wheel.parent, project.root.parent / number))
    return folders


@pytest.fixture
def job(published_once: TinyProject, builds: dict[str, Path], tmp_path: Path) -> TinyProject:
    """A folder that holds what two builds left, and no repository."""
    root = tmp_path / "job"
    root.mkdir()
    for folder in builds.values():
        shutil.copytree(folder, root / "dist", dirs_exist_ok=True)
    return replace(published_once, root=root)


def trainwheel(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "trainwheel", *arguments)


def test_a_job_without_secrets_and_without_a_number_is_told_before_training(
    tiny: TinyProject,
) -> None:
    run = tiny.nox("package", TRAINWHEEL_INDEX="nexus")

    told = run.error("configuration")
    assert "NEXUS_LOCAL_REPO_URL" in told
    assert "and no build number decides in its place" in told
    assert not run.has_trained


def test_a_wheel_is_published_from_its_two_files_and_once(
    job: TinyProject, nexus: RealIndex
) -> None:
    assert sorted(path.name for path in (job.root / "dist").iterdir()) == [
        "tiny_model-0.1.7-py3-none-any.proof.json",
        BUILD_7,
        "tiny_model-0.1.8-py3-none-any.proof.json",
        BUILD_8,
    ]

    first = job.run(*trainwheel("upload", f"dist/{BUILD_7}"), **nexus.variables)
    second = job.run(*trainwheel("upload", f"dist/{BUILD_7}"), **nexus.variables)
    later = job.run(*trainwheel("upload", f"dist/{BUILD_8}"), **nexus.variables)

    assert first.code == second.code == later.code == 0, first.output + second.output
    assert "tiny-model 0.1.7 published in index nexus" in first.line("upload ")
    assert "pip install --no-deps 'http://127.0.0.1:" in first.line("install: ")
    assert "tiny-model 0.1.7 is in index nexus already, identical" in second.line("upload ")
    assert "unchanged since 0.1.7" in later.line("upload ")
    assert "install: " not in later.output
    assert nexus.published() == ["0.1.7"]


def test_a_published_wheel_is_verified_by_its_proof(job: TinyProject, nexus: RealIndex) -> None:
    shutil.copy(job.root / "dist" / BUILD_7, nexus.folder)
    (job.root / "dist" / BUILD_7).unlink()
    argv = trainwheel("verify", "tiny-model==0.1.7", "--proofs", "dist")

    run = job.run(*argv, **nexus.variables)

    assert run.code == 0, run.output
    told = run.line("verify ")
    assert re.search(r"tiny-model 0\.1\.7 repeats [1-9]\d* golden predictions", told), told
    assert "published tiny-model 0.1.7  sha256 " in run.output
    assert "in index nexus" in run.output


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("upload", "dist/nosuch-1-py3-none-any.whl"), 2, "does not exist; make it with"),
        (("upload", "dist/nosuch.whl"), 2, "is not named as a wheel is"),
        (("verify", "tiny-model==9"), 2, "build/dist holds no proof of tiny-model==9; name the"),
        (("verify", "tiny-model==9", "--proofs", "dist"), 2, "dist holds no proof of"),
        (("verify", "tiny-model==0.1.8", "--proofs", "dist"), 1, "has no tiny-model 0.1.8"),
        (("upload", f"dist/{BUILD_7}", "--to", "nosuch"), 2, "no index called 'nosuch'"),
        (("upload", f"dist/{BUILD_7}", "--url-env", "SOME_URL"), 2, "name it: --to NAME"),
        (
            ("upload", f"dist/{BUILD_7}", "--to", "team", "--url-env", "SOME_URL"),
            2,
            "index team cannot be used: SOME_URL is missing",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(
    job: TinyProject, nexus: RealIndex, arguments: tuple[str, ...], code: int, told: str
) -> None:
    run = job.run(*trainwheel(*arguments), **nexus.variables)

    assert told in run.error("configuration" if code == 2 else "failed")
    assert run.code == code
    assert nexus.published() == []


def test_an_index_that_only_the_command_line_tells_of_is_published_to_and_verified(
    job: TinyProject, shut_nexus: RealIndex
) -> None:
    where = ("--to", "team", "--url-env", "WHERE_URL")
    told = (*where, "--username-env", "WHO", "--password-env", "PIN")
    job = job.with_variables(
        WHERE_URL=shut_nexus.url, WHO=shut_nexus.username, PIN=shut_nexus.password
    )

    sent = job.run(*trainwheel("upload", *told, f"dist/{BUILD_7}"))
    (job.root / "dist" / "tiny_model-0.1.8-py3-none-any.proof.json").unlink()
    verified = job.run(*trainwheel("verify", *told, "--proofs", "dist"))

    assert sent.code == verified.code == 0, sent.output + verified.output
    assert "tiny-model 0.1.7 published in index team" in sent.line("upload ")
    assert "in index team" in verified.line("published tiny-model 0.1.7")
    assert shut_nexus.published() == ["0.1.7"]
    assert shut_nexus.password not in sent.output + verified.output


@pytest.mark.parametrize("name", ["tiny-model", "Tiny_Model"])
def test_a_wheel_of_the_model_that_is_asked_for_is_published(
    job: TinyProject, nexus: RealIndex, name: str
) -> None:
    argv = trainwheel("upload", "--name", name, f"dist/{BUILD_7}")
    assert job.run(*argv, **nexus.variables).code == 0
    assert nexus.published() == ["0.1.7"]


@pytest.mark.parametrize("place", ["file", "metadata", "proof"])
def test_a_wheel_of_another_model_is_refused_wherever_it_says_so(
    job: TinyProject, nexus: RealIndex, place: str
) -> None:
    wheel = job.root / "dist" / BUILD_7
    proof = wheel.with_name("tiny_model-0.1.7-py3-none-any.proof.json")
    told = json.loads(proof.read_text())
    if place == "metadata":
        with zipfile.ZipFile(wheel) as archive:
            members = {info: archive.read(info) for info in archive.infolist()}
        with zipfile.ZipFile(wheel, "w") as archive:
            for info, data in members.items():
                archive.writestr(info, data.replace(b"Name: tiny-model", b"Name: other-model"))
    elif place == "file":
        wheel = wheel.rename(wheel.with_name(BUILD_7.replace("tiny", "other")))
        proof = proof.rename(proof.with_name(proof.name.replace("tiny", "other")))
    else:
        told["name"] = "other-model"
    told |= {"wheel": wheel.name, "sha256": digest_file(wheel)}
    proof.write_text(json.dumps(told))

    argv = trainwheel("upload", "--name", "tiny-model", f"dist/{wheel.name}")
    run = job.run(*argv, **nexus.variables)

    assert f"dist/{wheel.name} is a wheel of other-model, not of tiny-model" in run.error("refused")
    assert run.code == 3
    assert nexus.published() == []


def test_users_are_told_of_the_index_that_they_install_from(
    job: TinyProject, nexus: RealIndex
) -> None:
    where = ("--to", "team", "--url-env", "WHERE_URL", "--install-url", "http://127.0.0.1/all/")
    who = ("--username-env", "NEXUS_USERNAME", "--password-env", "NEXUS_PASSWORD")
    variables = {**nexus.variables, "WHERE_URL": nexus.url}

    run = job.run(*trainwheel("upload", *where, *who, f"dist/{BUILD_7}"), **variables)
    user = (*where[:-1], "http://me:pin@127.0.0.1/all/")
    shut = job.run(*trainwheel("upload", *user, *who, f"dist/{BUILD_8}"), **variables)

    assert run.line("install: ").endswith(
        "pip install --index-url http://127.0.0.1/all/ tiny-model==0.1.7"
    )
    assert "install-url holds a user name or password" in shut.error("configuration")
    assert ":pin@" not in shut.output


def test_a_prediction_that_does_not_repeat_is_shown_beside_what_was_expected(
    job: TinyProject, nexus: RealIndex
) -> None:
    shutil.copy(job.root / "dist" / BUILD_7, nexus.folder)
    path = job.root / "dist" / "tiny_model-0.1.7-py3-none-any.proof.json"
    proof = json.loads(path.read_text())
    ((name, value),) = proof["golden"][1]["input"].items()
    got, proof["golden"][1]["prediction"] = proof["golden"][1]["prediction"], "another"
    path.write_text(json.dumps(proof))

    run = job.run(*trainwheel("verify", "tiny-model==0.1.7", "--proofs", "dist"), **nexus.variables)

    assert run.code == 1
    assert "predicts differently than in training: golden row 2: it was 'another'" in run.output
    lines = [line.split("  ") for line in run.output.splitlines()]
    table = [[cell.strip() for cell in line if cell] for line in lines]
    assert [f"input {name}", json.dumps(value)] in table
    assert ["expected", '"another"'] in table
    assert ["got", json.dumps(got)] in table


def test_each_of_several_wheels_is_settled_by_itself(job: TinyProject, nexus: RealIndex) -> None:
    (job.root / "dist" / "tiny_model-0.1.7-py3-none-any.proof.json").unlink()
    argv = trainwheel("upload", f"dist/{BUILD_7}", f"dist/{BUILD_8}")

    run = job.run(*argv, **nexus.variables)

    assert "tiny_model-0.1.7-py3-none-any.proof.json is not beside" in run.error("configuration")
    assert run.code == 2
    assert "tiny-model 0.1.8 published in index nexus" in run.line("upload ")
    assert versions(nexus.folder) == ["0.1.8"]


def test_a_wheel_without_its_proof_is_not_published(job: TinyProject, nexus: RealIndex) -> None:
    (job.root / "dist" / "tiny_model-0.1.7-py3-none-any.proof.json").unlink()

    run = job.run(*trainwheel("upload", f"dist/{BUILD_7}"), **nexus.variables)

    assert "tiny_model-0.1.7-py3-none-any.proof.json is not beside" in run.error("configuration")
    assert run.code == 2
    assert nexus.published() == []


def test_a_wheel_that_is_not_the_one_that_was_proved_is_not_published(
    job: TinyProject, nexus: RealIndex
) -> None:
    with (job.root / "dist" / BUILD_7).open("ab") as stream:
        stream.write(b"\0")

    run = job.run(*trainwheel("upload", f"dist/{BUILD_7}"), **nexus.variables)

    assert "was proved; take the wheel and its proof from one build" in run.error("failed")
    assert run.code == 1
    assert nexus.published() == []


def test_a_version_that_holds_other_content_is_refused_with_a_code_of_its_own(
    job: TinyProject, nexus: RealIndex
) -> None:
    shutil.copy(job.root / "dist" / BUILD_8, nexus.folder / BUILD_7)

    run = job.run(*trainwheel("upload", f"dist/{BUILD_7}"), **nexus.variables)

    assert f"index nexus holds other content as {BUILD_7}" in run.error("refused")
    assert run.code == 3
    assert versions(nexus.folder) == ["0.1.7"]


def test_missing_credentials_publish_nothing_anywhere(job: TinyProject) -> None:
    run = job.run(*trainwheel("upload", f"dist/{BUILD_7}"), TRAINWHEEL_INDEX="nexus")

    assert "NEXUS_LOCAL_REPO_URL is missing" in run.error("configuration")
    assert run.code == 2
    assert not (job.root / ".trainwheel").exists()
