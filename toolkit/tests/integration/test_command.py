"""The trainwheel command in a job that has a build's files and credentials, nothing else."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.tiny import RealIndex, TinyProject
from trainwheel.cli.main import main
from trainwheel.requirements.pylock import pylock_path
from trainwheel.system.digest import digest_file
from trainwheel.wheel.sbom import bill_path

pytestmark = pytest.mark.integration

STEM = "tiny_model-0.1.0-py3-none-any"
WHEEL, PROOF = f"{STEM}.whl", f"{STEM}.proof.json"


@pytest.fixture
def job(published_once: TinyProject, tmp_path: Path) -> TinyProject:
    """A folder that holds what a build made, and no repository."""
    root = tmp_path / "job"
    shutil.copytree(published_once.wheel.parent, root / "dist")
    others = {path(published_once.wheel).name for path in (pylock_path, bill_path)}
    assert {path.name for path in (root / "dist").iterdir()} == {*others, PROOF, WHEEL}
    return replace(published_once, root=root)


def trainwheel(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "trainwheel", *arguments)


def test_a_wheel_is_published_from_its_two_files_once_and_verified(
    job: TinyProject, shut_nexus: RealIndex
) -> None:
    where = ("--to", "team", "--url-env", "WHERE_URL")
    words = (*where, "--username-env", "WHO", "--password-env", "PIN")
    job = job.with_variables(
        WHERE_URL=shut_nexus.url, WHO=shut_nexus.username, PIN=shut_nexus.password
    )

    first = job.run(*trainwheel("upload", *words, "--name", "Tiny_Model", f"dist/{WHEEL}"))
    second = job.run(*trainwheel("upload", *words, f"dist/{WHEEL}"))
    (job.root / "dist" / WHEEL).unlink()
    verified = job.run(*trainwheel("verify", *words, "--proofs", "dist"))

    assert first.code == second.code == verified.code == 0, first.output + second.output
    assert "tiny-model 0.1.0 published in index team" in first.line("upload ")
    assert "install: " not in first.output
    assert verified.line("install: ").startswith("install:  pip install 'http://127.0.0.1:")
    assert "tiny-model 0.1.0 is in index team already" in second.line("upload ")
    assert re.search(r"tiny-model 0\.1\.0 repeats [1-9]\d* golden", verified.line("verify "))
    assert "in index team" in verified.line("published tiny-model 0.1.0")
    assert shut_nexus.published() == ["0.1.0"]
    assert shut_nexus.password not in first.output + second.output + verified.output
    assert not (job.root / ".trainwheel").exists()


def test_a_prediction_that_does_not_repeat_is_shown_beside_what_was_expected(
    job: TinyProject, nexus: RealIndex
) -> None:
    shutil.copy(job.root / "dist" / WHEEL, nexus.folder)
    path = job.root / "dist" / PROOF
    proof = json.loads(path.read_text())
    ((name, value),) = proof["golden"][1]["input"].items()
    got, proof["golden"][1]["prediction"] = proof["golden"][1]["prediction"], "another"
    path.write_text(json.dumps(proof))

    run = job.run(*trainwheel("verify", "tiny-model==0.1.0", "--proofs", "dist"), **nexus.variables)

    assert run.code == 1
    lines = [line.split("  ") for line in run.output.splitlines()]
    table = [[cell.strip() for cell in line if cell] for line in lines]
    assert [f"input {name}", json.dumps(value)] in table
    assert ["expected", '"another"'] in table
    assert ["got", json.dumps(got)] in table


@pytest.fixture
def here(job: TinyProject, nexus: RealIndex, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the job, for the command in this process, which sets handlers of signals."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.chdir(job.root)
    for name, value in nexus.variables.items():
        monkeypatch.setenv(name, value)
    yield job.root
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("place", ["file", "metadata", "proof", "index"])
def test_a_wheel_of_another_model_or_content_is_refused_with_a_code_of_its_own(
    here: Path, nexus: RealIndex, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel, proof = here / "dist" / WHEEL, here / "dist" / PROOF
    document = json.loads(proof.read_text())
    if place == "metadata":
        with zipfile.ZipFile(wheel) as archive:
            members = {info: archive.read(info) for info in archive.infolist()}
        with zipfile.ZipFile(wheel, "w") as archive:
            for info, data in members.items():
                archive.writestr(info, data.replace(b"Name: tiny-model", b"Name: other-model"))
    elif place == "file":
        wheel = wheel.rename(wheel.with_name(WHEEL.replace("tiny", "other")))
        proof = proof.rename(proof.with_name(proof.name.replace("tiny", "other")))
    elif place == "index":
        (nexus.folder / WHEEL).write_bytes(wheel.read_bytes() + b"\0")
    else:
        document["name"] = "other-model"
    document |= {"wheel": wheel.name, "sha256": digest_file(wheel)}
    proof.write_text(json.dumps(document))

    assert main(["upload", "--name", "tiny-model", f"dist/{wheel.name}"]) == 3
    assert ("other-model" in capsys.readouterr().err) is (place != "index")
    assert nexus.published() == (["0.1.0"] if place == "index" else [])


@pytest.mark.parametrize("words", [["upload", f"dist/{WHEEL}"], ["verify", "--proofs", "dist"]])
def test_what_is_not_there_is_one_line_and_publishes_nothing(
    here: Path, nexus: RealIndex, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if words[0] == "upload":
        (here / "dist" / PROOF).unlink()

    assert main(words) == (2 if words[0] == "upload" else 1)
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert nexus.published() == []
