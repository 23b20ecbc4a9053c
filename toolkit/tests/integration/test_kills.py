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
from _pytest.mark import ParameterSet

from integration.faults import Faults, plant
from integration.tiny import BOUND, Run, TinyProject, copy_of, make_tiny

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STEPS = ("train", "test", "package", "upload")
WHEEL = "tiny_model-0.1.0-py3-none-any.whl"
SPARE = 200
"""More runs than this no step needs."""


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory, envdir: Path) -> dict[str, TinyProject]:
    """A project as it stands before each step, and in the end; to be copied."""
    folder = tmp_path_factory.mktemp("stages")
    project = make_tiny(folder / "start", envdir)
    plant(project)
    found = {}
    for step in STEPS:
        found[step] = copy_of(project, folder / step)
        run = project.nox(step)
        assert run.code == 0, run.output
    return {**found, "end": project}


@pytest.fixture
def wheel(stages: dict[str, TinyProject]) -> bytes:
    """What an undisturbed run publishes."""
    return (stages["end"].index / WHEEL).read_bytes()


def beside(step: str) -> ParameterSet:
    """Return a step that is disturbed where there is time for it, and not in CI."""
    return pytest.param(step, marks=pytest.mark.bench)


def disturb(faults: Faults, step: str) -> Iterator[Run]:
    """Run a step again and again, each time up to what no run has met before, until it ends."""
    for _ in range(SPARE):
        run = faults.project.nox(step)
        if run.code == 0:
            return
        yield run
        faults.use_up()
    pytest.fail(f"{step} did not end")


def finish(project: TinyProject) -> bytes:
    run = project.nox("upload")
    assert run.code == 0, run.output
    assert project.published() == ["0.1.0"]
    assert (project.root / "build/.trainwheel/verify.json").exists(), run.output
    assert "unchanged since 0.1.0" in project.nox("upload").line("upload ")
    return (project.index / WHEEL).read_bytes()


@pytest.mark.parametrize(
    "step",
    [
        "train",
        "upload",
        *(pytest.param(step, marks=pytest.mark.bench) for step in ("test", "package")),
    ],
)
def test_a_kill_at_any_write_rename_or_start_loses_nothing(
    stages: dict[str, TinyProject], wheel: bytes, tmp_path: Path, step: str
) -> None:
    faults = Faults(copy_of(stages[step], tmp_path / "tiny"), tmp_path, "kill")

    for run in disturb(faults, step):
        assert run.code == -signal.SIGKILL, run.output
        assert "Traceback" not in run.output

    events = faults.events()
    assert len(events) > 10
    assert {event.split()[0] for event in events} >= {"open", "os.rename", "start"}
    assert finish(faults.finished) == wheel


@pytest.mark.parametrize(
    "step",
    [
        "package",
        *(pytest.param(step, marks=pytest.mark.bench) for step in ("train", "test", "upload")),
    ],
)
def test_a_full_disk_at_any_write_is_one_line_and_loses_nothing(
    stages: dict[str, TinyProject], wheel: bytes, tmp_path: Path, step: str
) -> None:
    faults = Faults(copy_of(stages[step], tmp_path / "tiny"), tmp_path, "full")

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


@pytest.mark.parametrize("free", [8, 160])
def test_a_disk_that_is_really_full_is_one_line_and_loses_nothing(
    stages: dict[str, TinyProject], small_disk: Path, wheel: bytes, free: int
) -> None:
    project = copy_of(stages["train"], small_disk / "tiny")
    left = shutil.disk_usage(small_disk).free - free * 1024
    (small_disk / "filler").write_bytes(bytes(left))

    run = project.nox("package")

    assert run.code == 1, run.output
    assert "No space left on device" in run.output
    assert run.output.count("\nnox > ") <= 1
    run.line("failed: ")
    (small_disk / "filler").unlink()
    again = project.nox("package")
    assert again.code == 0, again.output
    assert project.wheel.read_bytes() == wheel


def kill_after(project: TinyProject, seconds: float) -> None:
    """Start an upload, and kill Nox, and only Nox, after a while."""
    process = project.start(*project.argv("upload"))
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    process.wait(BOUND)
    assert process.stdout is not None
    process.stdout.close()


def kill_at_moments(
    project: TinyProject, folder: Path, wheel: bytes, numbers: range, seed: int
) -> None:
    moments = random.Random(seed)  # noqa: S311 - where to kill is no secret
    started = time.monotonic()
    for number in numbers:
        copy = copy_of(project, folder / f"tiny-{number}")
        kill_after(copy, moments.uniform(0.1, 7.0))
        assert finish(copy) == wheel, number
        assert copy.survivors() == []
        shutil.rmtree(copy.root)
    assert time.monotonic() - started < len(numbers) * BOUND


def test_a_kill_at_a_random_moment_loses_nothing(
    stages: dict[str, TinyProject], wheel: bytes, tmp_path: Path
) -> None:
    kill_at_moments(stages["train"], tmp_path, wheel, range(2), 1)


@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_forty_kills_at_random_moments_lose_nothing(
    stages: dict[str, TinyProject], wheel: bytes, tmp_path: Path
) -> None:
    kill_at_moments(stages["train"], tmp_path, wheel, range(40), 40)
