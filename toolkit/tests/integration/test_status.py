"""``trainwheel status`` agrees with what the next run does, and shows a run that is at work."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from integration.tiny import BOUND, TinyProject, wait_for

pytestmark = pytest.mark.integration

TRAINING = "model/tiny_training/__main__.py"
HOLDS = """
import time

Path("build/started").touch()
while Path("build/started").exists():
    time.sleep(0.01)
"""
"""Training that is held up until a file is removed."""


def status(project: TinyProject) -> dict[str, dict[str, Any]]:
    """Return name → status as the command prints it for programs."""
    run = project.run("trainwheel", "status", "--json")
    assert run.code == 0, run.output
    return {step["step"]: step for step in json.loads(run.output)}


def times(root: Path) -> dict[Path, tuple[int, int]]:
    """Return when each file and folder was changed, git's index among them."""
    stats = {path: path.stat() for path in root.rglob("*")}
    return {path: (each.st_mtime_ns, each.st_ctime_ns) for path, each in stats.items()}


def test_a_commit_that_ships_the_same_bytes_is_nothing_to_do(published: TinyProject) -> None:
    published.write("NOTES", "not shipped, not read\n")
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")
    for words in (
        ("add", "-A"),
        ("commit", "-qm", "More"),
        ("commit", "-qm", "x", "--allow-empty"),
    ):
        assert published.run("git", *identity, *words).code == 0
    os.utime(published.root / "setup.py")  # git would look at it and write that into its index
    before = times(published.root)

    run = published.run("trainwheel", "status", "--exit-code")

    assert run.code == 0, run.output
    assert not {"stale", "waits", "not run"} & {*run.output.split()}
    assert times(published.root) == before
    assert "nothing to package" in published.nox("upload").output
    assert published.run("trainwheel", "status", "--exit-code").code == 0
    # Here nothing was ever packaged or uploaded: the index alone knows the release.
    for step in ("package", "upload", "verify"):
        (published.root / f"build/.trainwheel/{step}.json").unlink()
    published.write("model/tiny_model/__init__.py", published.read("model/tiny_model/__init__.py"))
    assert published.run("trainwheel", "status", "--exit-code").code == 0


def test_a_run_at_work_its_kill_a_failure_and_the_way_back(published: TinyProject) -> None:
    text = published.read(TRAINING)
    published.write(TRAINING, text + HOLDS)
    process = published.start(*published.argv("upload"))
    wait_for((published.root / "build/started").exists, process)

    running = {name: step["running"] for name, step in status(published).items() if step["running"]}

    assert {(name, each["command"]) for name, each in running.items()} == {
        ("train", "nox -s upload")
    }
    assert running["train"]["pid"] == process.pid
    second = published.nox("lint", "--", "--verbose").error("failed")
    assert "another run is at work here: nox -s upload, now at train (process " in second
    assert second.rstrip(".").endswith("wait for it with: nox -s lint -- --verbose --wait")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=BOUND)
    assert not any(step["running"] or step["failure"] for step in status(published).values())

    published.write(TRAINING, 'raise SystemExit("no data today")\n')
    assert published.nox("upload").code == 1
    train = status(published)["train"]
    assert train["failure"]["message"].endswith("exit code 1: no data today")
    assert "no data today" in published.read(train["failure"]["log"])
    assert published.run("trainwheel", "why", "train", "--exit-code").code == 1

    published.write(TRAINING, text)
    assert status(published)["train"]["state"] == "up to date"
    (published.root / "model/tiny_model/artefact/model.joblib").unlink()
    assert "the cache holds it" in published.run("trainwheel", "status").output
    assert published.nox("upload").code == 0
    assert not status(published)["train"]["failure"]
    assert published.run("trainwheel", "status", "--exit-code").code == 0
