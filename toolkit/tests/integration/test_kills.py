"""A run may be killed, or find the disk full, at any moment; the same command then finishes it."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.faults import Faults
from integration.tiny import BOUND, Run, TinyProject, clear, copy_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STEPS = ("train", "test", "package", "upload")
ALONE, BESIDE = ("--", "--jobs", "1"), ("--", "--jobs", "2")
"""Steps one after the other, and beside each other whatever cores this machine has."""
WHEEL = "tiny_model-0.1.0-py3-none-any.whl"
ARTEFACT = "model/tiny_model/artefact/model.joblib"
POINTS = (
    f"^os.rename .* {ARTEFACT}.json$",
    "^os.rename .* build/dist$",
    "^open build/.trainwheel/.upload.json",
)
"""The model is in place without its manifest; the wheel is proved; the wheel is published."""
SPARE = 200
"""More runs than this no step needs."""


@pytest.fixture
def fresh(published: TinyProject) -> TinyProject:
    """A project of the same commit as the published one, where nothing has run."""
    return clear(published)


@pytest.fixture
def wheel(published_once: TinyProject) -> bytes:
    """What an undisturbed run publishes."""
    return (published_once.index / WHEEL).read_bytes()


def before(project: TinyProject, step: str) -> TinyProject:
    """Run the steps before a step."""
    for earlier in STEPS[: STEPS.index(step)]:
        run = project.nox(earlier, *ALONE)
        assert run.code == 0, run.output
    return project


def disturb(faults: Faults, step: str) -> Iterator[Run]:
    """Run a step again and again, each time up to what no run has met before, until it ends."""
    for _ in range(SPARE):
        run = faults.project.nox(step, *BESIDE)
        if run.code == 0:
            return
        yield run
        faults.use_up()
    pytest.fail(f"{step} did not end")


def finish(project: TinyProject) -> bytes:
    run = project.nox("upload", *BESIDE)
    assert run.code == 0, run.output
    assert project.published() == ["0.1.0"]
    assert (project.root / "build/.trainwheel/verify.json").exists(), run.output
    return (project.index / WHEEL).read_bytes()


def test_a_kill_where_something_is_half_done_loses_nothing(
    fresh: TinyProject, wheel: bytes, tmp_path: Path
) -> None:
    faults = Faults(fresh, tmp_path, "kill", "|".join(POINTS))

    runs = list(disturb(faults, "upload"))

    assert [run.code for run in runs] == [-signal.SIGKILL] * len(POINTS), runs
    assert fresh.published() == ["0.1.0"]
    assert (fresh.index / WHEEL).read_bytes() == wheel
    assert (fresh.root / "build/.trainwheel/verify.json").exists()
    assert fresh.survivors() == []


@pytest.mark.bench
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("first", "last"), [*zip(STEPS, STEPS, strict=True), ("train", "upload")])
def test_a_kill_at_any_write_rename_or_start_loses_nothing(
    fresh: TinyProject, wheel: bytes, tmp_path: Path, first: str, last: str
) -> None:
    faults = Faults(before(fresh, first), tmp_path, "kill")

    for run in disturb(faults, last):
        assert run.code == -signal.SIGKILL, run.output
        assert "Traceback" not in run.output

    events = faults.events()
    assert len(events) > 10
    assert {event.split()[0] for event in events} >= {"open", "os.rename", "start"}
    assert finish(faults.finished) == wheel


@pytest.mark.bench
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_at_any_write_is_one_line_and_loses_nothing(
    fresh: TinyProject, wheel: bytes, tmp_path: Path, step: str
) -> None:
    faults = Faults(before(fresh, step), tmp_path, "full")

    for run in disturb(faults, step):
        assert "No space left on device" in run.error("failed")

    assert len(faults.events()) > 3
    assert finish(faults.finished) == wheel


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    argv = ("mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder))
    if subprocess.run(argv, check=False, capture_output=True).returncode:
        pytest.skip("only root may make a small file system")
    yield folder
    subprocess.run(("umount", "--lazy", str(folder)), check=True)


def test_a_disk_that_is_really_full_is_one_line_and_loses_nothing(
    fresh: TinyProject, small_disk: Path, published_once: TinyProject
) -> None:
    project = copy_of(fresh, small_disk / "tiny")
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free - 8 * 1024))

    run = project.nox("train")

    assert run.code == 1, run.output
    assert "No space left on device" in run.error("failed")
    (small_disk / "filler").unlink()
    again = project.nox("train")
    assert again.code == 0, again.output
    trained = (project.root / ARTEFACT).read_bytes()
    assert trained == (published_once.root / ARTEFACT).read_bytes()


def kill_after(project: TinyProject, seconds: float) -> None:
    """Start an upload, and kill Nox, and only Nox, after a while."""
    process = project.start(*project.argv("upload", *BESIDE))
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    process.wait(BOUND)
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_forty_kills_at_random_moments_lose_nothing(
    fresh: TinyProject, wheel: bytes, tmp_path: Path
) -> None:
    moments = random.Random(40)  # noqa: S311 - where to kill is no secret
    started = time.monotonic()
    for number in range(40):
        copy = copy_of(fresh, tmp_path / f"tiny-{number}")
        kill_after(copy, moments.uniform(0.1, 7.0))
        assert finish(copy) == wheel, number
        assert copy.survivors() == []
        shutil.rmtree(copy.root)
    assert time.monotonic() - started < 40 * BOUND
