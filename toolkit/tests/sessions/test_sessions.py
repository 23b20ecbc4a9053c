"""A session runs its step; what goes wrong is one line where the user can fix it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from nox import registry

import trainwheel
from sessions.recording import RecordingSession, SessionEndedError
from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.records import Record, read_record, write_record
from trainwheel.steps import load_chain
from unit.repository import PYPROJECT, SETUP_PY, write, write_lock

STEPS = load_chain().steps


def run(
    root: Path, name: str, *posargs: str, manifest: Sequence[str] = (), without: str = ""
) -> RecordingSession:
    """Run a session as Nox does, in a run of its own."""
    registry.reset()
    trainwheel.register(exclude=[without] if without else ())
    session = RecordingSession(name, root, *posargs, manifest=manifest)
    registry.get()[name].func(session)
    return session


def error_of(root: Path, name: str, *posargs: str, manifest: Sequence[str] = ()) -> str:
    """Return the one line that a session ended with."""
    with pytest.raises(SessionEndedError) as caught:
        run(root, name, *posargs, manifest=manifest)
    shown = str(caught.value)
    assert len(shown.splitlines()) == 1
    assert caught.value.__cause__ is None
    return shown


def test_a_session_says_what_became_of_its_step(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(root, "version")

    assert capsys.readouterr().out.startswith("version  0.1.0, the first release")
    assert json.loads((root / "build/version.json").read_bytes())["version"] == "0.1.0"


@pytest.mark.parametrize("name", ["train", "clean"])
def test_an_unknown_flag_ends_every_session_with_one_line(root: Path, name: str) -> None:
    assert error_of(root, name, "--vrebose").startswith(
        "configuration: no session knows the option --vrebose; did you mean --verbose?"
    )


def test_a_word_may_be_meant_for_another_session_of_the_run(root: Path) -> None:
    run(root, "version", "small-model==0.1.0", manifest=["version", "verify"])

    assert error_of(root, "version", "small-model==0.1.0") == (
        "configuration: no session of this run takes 'small-model==0.1.0'"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("test", "failed: model/small_model/artefact/model.joblib does not exist; train the model"),
        ("version", "failed: model/small_model/artefact/model.joblib does not exist; train the"),
        ("package", "failed: train has not run here; run it first: nox -s train"),
        ("upload", "failed: no version has been decided here; decide it with: nox -s version"),
        ("verify", "failed: no wheel has been packaged here; make it with: make package.model"),
    ],
)
def test_a_step_without_what_it_builds_on_says_what_to_run(
    root: Path, name: str, told: str
) -> None:
    (root / "model/small_model/artefact/model.joblib").unlink()

    assert error_of(root, name).startswith(told)


@pytest.mark.parametrize("port", ["65536", "-1x", "http", "1.5", "٣"])
def test_what_is_no_port_is_refused(root: Path, port: str) -> None:
    assert error_of(root, "index", f"--port={port}").startswith("configuration: --port ")


def test_a_wrong_configuration_is_one_line_with_every_problem(root: Path) -> None:
    write(root, "pyproject.toml", PYPROJECT + "tolerance = 7\nsources = 'src'\n")

    shown = error_of(root, "train")

    assert shown.startswith("configuration: pyproject.toml: tool.trainwheel.tolerance = 7")
    assert "unknown key tool.trainwheel.sources" in shown


STALE = 'six = ">=2"'


@pytest.mark.parametrize(
    "name", [step.name for step in STEPS if step.name not in {"clean", "lock"}]
)
def test_a_stale_lock_ends_a_session_before_it_does_anything(root: Path, name: str) -> None:
    write(root, "Pipfile", (root / "Pipfile").read_text().replace('six = "*"', STALE))

    assert error_of(root, name).startswith("configuration: Pipfile.lock")
    assert not (root / "build").exists()


def test_a_clean_needs_no_lock(root: Path) -> None:
    (root / "Pipfile.lock").unlink()
    write(root, "build/version.json", "{}")
    kept = write(root, ".trainwheel/index/small_model-0.1.0-py3-none-any.whl", "")

    run(root, "clean")

    run(root, "clean")
    assert not (root / "build").exists()
    assert not (root / "model/small_model/artefact/model.joblib").exists()
    assert (root / "model/small_model/classifier.py").is_file()
    assert kept.is_file()


def test_steps_that_are_registered_in_parts_do_not_keep_each_other_out(root: Path) -> None:
    trainwheel.register(only=["clean"])
    trainwheel.register(only=["sync"])
    sessions = registry.get()

    for name in ("clean", "sync"):
        sessions[name].func(RecordingSession(name, root, manifest=["clean", "sync"]))


def test_a_model_without_a_site_skips_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(root, "doc")

    assert capsys.readouterr().out == "doc      skipped: docs/conf.py does not exist\n"


def test_a_release_is_checked_before_anything_of_the_run(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINWHEEL_VERSION", "next")

    shown = error_of(root, "doc", manifest=["doc", "train", "version"])

    assert shown.startswith("configuration: version asked for 'next' is not a PEP 440 version")
    assert not (root / "build").exists()


def test_a_run_without_a_release_does_not_look_at_its_version(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINWHEEL_VERSION", "next")

    run(root, "doc", manifest=["doc", "test"])


def test_an_index_that_is_asked_for_and_unknown_is_refused_before_training(root: Path) -> None:
    shown = error_of(root, "train", "--to", "other", manifest=["train", "version", "upload"])

    assert shown.startswith("configuration: there is no index called 'other'")


SAME = {
    "name": "small-model", "version": "0.1.0", "releases": False, "always": False,
    "reason": "unchanged since 0.1.0", "release_key": "",
}  # fmt: skip
UPLOADED = Fingerprint({"small_model-0.1.0-py3-none-any.whl": "ab" * 32}, {"the index": "here"})
VERIFIES = ("verify", ("--to", "embedded"))
OTHER = Fingerprint({"small_model-0.1.0-py3-none-any.whl": "cd" * 32}, {"the index": "here"})


def leave_records(root: Path, **marks: Fingerprint) -> None:
    """Leave the records of earlier steps, and a decision that there is nothing to release."""
    write(root, "build/version.json", json.dumps(SAME))
    for step, mark in marks.items():
        write_record(root / "build/.trainwheel", Record(step, mark, {}, 0.0, {}))


@pytest.mark.parametrize(
    ("marks", "notified"),
    [
        ({}, []),
        ({"upload": UPLOADED, "verify": UPLOADED}, []),
        ({"upload": UPLOADED}, [VERIFIES]),
        ({"upload": UPLOADED, "verify": OTHER}, [VERIFIES]),
        ({"verify": UPLOADED}, []),
    ],
    ids=["never uploaded", "verified", "never verified", "another verified", "no upload"],
)
def test_verification_follows_an_upload_once(
    root: Path, marks: dict[str, Fingerprint], notified: list[tuple[str, tuple[str, ...]]]
) -> None:
    leave_records(root, **marks)

    assert run(root, "upload", "--to", "embedded").notified == notified


def test_a_verification_that_was_excluded_is_not_asked_for(root: Path) -> None:
    leave_records(root, upload=UPLOADED)

    assert run(root, "upload", without="verify").notified == []


def test_nothing_is_packaged_where_nothing_is_released(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, "build/version.json", json.dumps(SAME))
    trainwheel.register(only=["package"])

    registry.get()["package"].func(RecordingSession("package", root))

    assert capsys.readouterr().out == ("package  nothing to package, unchanged since 0.1.0\n")
    assert read_record(root / "build/.trainwheel", "package") is None


def test_sync_brings_setup_py_up_to_date_once(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock(root, six="==1.17.0")

    run(root, "sync")
    assert (root / "setup.py").read_text() == SETUP_PY.replace("1.16.0", "1.17.0")
    assert capsys.readouterr().out.startswith("sync ")


def test_a_check_of_sync_shows_the_difference_and_writes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock(root, six="==1.17.0")

    shown = error_of(root, "sync", "--check")

    assert shown.startswith("failed: ")
    assert "six>=1.17.0" in capsys.readouterr().out
    assert (root / "setup.py").read_text() == SETUP_PY
