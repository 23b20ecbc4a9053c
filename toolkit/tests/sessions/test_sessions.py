"""A session runs its step; what goes wrong is one line where the user can fix it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from nox import registry

import trainwheel
from sessions.recording import RecordingSession, SessionEndedError
from trainwheel.steps import load_chain
from unit.repository import write

STEPS = load_chain().steps


def run(root: Path, name: str, *posargs: str, manifest: Sequence[str] = ()) -> RecordingSession:
    """Run a session as Nox does, in a run of its own and without what it needs."""
    registry.reset()
    trainwheel.register(only=manifest or (name,))
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


@pytest.mark.parametrize(("name", "message", "before"), [
    ("test", "model/small_model/artefact/model.joblib does not exist; train the", "nox -s train"),
    ("version", "model/small_model/artefact/model.joblib does not exist; train", "nox -s train"),
    ("package", "no version has been decided here; decide it with:", "nox -s version"),
    ("upload", "no version has been decided here; decide it with:", "nox -s version"),
    ("verify", "no wheel has been packaged here; make it with:", "make package.model"),
])  # fmt: skip
def test_a_step_without_what_it_builds_on_says_what_to_run_before_it(
    root: Path, name: str, message: str, before: str
) -> None:
    (root / "model/small_model/artefact/model.joblib").unlink()

    error = error_of(root, name)

    assert error.startswith(f"failed: {message}")
    assert error.endswith(f"{before}, then nox -s {name}")


STALE = 'six = ">=2"'


@pytest.mark.parametrize(
    "name", [step.name for step in STEPS if step.name not in {"clean", "lock"}]
)
def test_a_stale_lock_ends_a_session_before_it_does_anything(root: Path, name: str) -> None:
    write(root, "Pipfile", (root / "Pipfile").read_text().replace('six = "*"', STALE))

    assert error_of(root, name).startswith("configuration: Pipfile.lock")
    assert not (root / "build").exists()


def test_steps_that_are_registered_in_parts_do_not_keep_each_other_out(root: Path) -> None:
    trainwheel.register(only=["clean"])
    trainwheel.register(only=["sync"])
    sessions = registry.get()

    for name in ("clean", "sync"):
        sessions[name].func(RecordingSession(name, root, manifest=["clean", "sync"]))


def test_a_version_is_checked_before_anything_of_a_run_that_releases(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINWHEEL_VERSION", "next")

    run(root, "doc", manifest=["doc", "clean"])
    shown = error_of(root, "doc", manifest=["doc", "train", "version"])

    assert shown.startswith("configuration: version asked for 'next' is not a PEP 440 version")
    assert not (root / "build").exists()
