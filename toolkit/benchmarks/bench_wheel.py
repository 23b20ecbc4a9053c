"""What packaging a large model takes, beside the plain build; and whether 5 GB are still a wheel.

The forest is a real one, dumped by joblib: ten trees fitted to noise, each held so often that the
file has about 1 GB. To a compressor with a window of 32 KiB, trees that repeat are other trees.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from uv import find_uv_bin

from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment
from trainwheel.wheel.record import check_record

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(3600)]

LOCK = Path(__file__).parents[2] / "Pipfile.lock"
MODEL = "big_model/model.joblib"
PEAK, PEAK_OF_SPARSE = 200, 64  # MB
SIZE = 5_000_000_001
MEGA = 1_000_000

FOREST = """
import copy, sys
import joblib, numpy
from sklearn.ensemble import RandomForestClassifier

random = numpy.random.default_rng(0)
rows = random.normal(size=(60_000, 12))
labels = random.integers(0, 2, 60_000)
forest = RandomForestClassifier(10, random_state=0, n_jobs=2).fit(rows, labels)
forest.n_jobs = None
nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
times = round(1_000_000_000 / (nodes * 80))
forest.estimators_ = [copy.deepcopy(tree) for tree in forest.estimators_ * times]
forest.n_estimators = len(forest.estimators_)
joblib.dump(forest, sys.argv[1])
"""

# VmHWM is what ru_maxrss says, without the memory of the process that started this one.
FINISH = """
import sys
from pathlib import Path
from trainwheel.wheel.finish import finish
built, target, name, artefact, above = sys.argv[1:]
finish(Path(built), Path(target), {name: Path(artefact)}, store_above=int(above))
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""

# The build runs setuptools in a process of its own, which is the large one.
BUILD = """
import resource, subprocess, sys
options = ("--wheel", "--no-isolation", "--outdir", sys.argv[2], sys.argv[1])
subprocess.run((sys.executable, "-m", "build", *options), check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""

SETUP = """
from setuptools import setup
setup(name="big-model", version="1.0", packages=["big_model"], package_data={"": ["*.joblib"]})
"""


@dataclass(frozen=True)
class Measured:
    """What a process took: seconds by the clock, and its peak of memory in MB."""

    seconds: float
    peak: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.peak:.0f} MB of memory"


def measure(script: str, *arguments: str) -> Measured:
    """Run a script that prints a peak in KiB."""
    started = time.perf_counter()
    argv = (sys.executable, "-c", script, *arguments)
    printed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return Measured(time.perf_counter() - started, int(printed.split()[-1]) * 1024 / MEGA)


def write_project(folder: Path) -> Path:
    package = folder / "big_model"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A model."""\n')
    (folder / "setup.py").write_text(SETUP)
    requires = (
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    )
    (folder / "pyproject.toml").write_text(requires)
    return folder


def build(project: Path, outdir: Path) -> tuple[Path, Measured]:
    took = measure(BUILD, str(project), str(outdir))
    return next(outdir.glob("*.whl")), took


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk with enough room, emptied afterwards."""
    if shutil.disk_usage(tmp_path).free < 40_000 * MEGA:
        pytest.skip("needs 40 GB of free disk")
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux's /proc to measure memory")
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_a_forest_of_1_gb_beside_the_plain_build(roomy: Path) -> None:
    locked = parse_lockfile(LOCK.read_text(encoding="utf-8"))
    packages = render_requirements(requirements(locked, "packages"))
    python = Installer(read_environment()).ensure(roomy / "env", packages)
    artefact = roomy / "model.joblib"
    subprocess.run((str(python), "-c", FOREST, str(artefact)), check=True)
    size = artefact.stat().st_size

    project = write_project(roomy / "theirs")
    shutil.copyfile(artefact, project / MODEL)
    theirs, peer = build(project, roomy / "dist-theirs")
    print(f"\nforest of {size / MEGA:.0f} MB")
    print(f"plain build: {peer}, wheel of {theirs.stat().st_size / MEGA:.0f} MB")
    project = write_project(roomy / "ours")
    for how, above in (("stored, as by default", size - 1), ("deflated", size)):
        outdir = roomy / f"dist-{how}"
        built, building = build(project, outdir)
        arguments = (str(built), str(outdir / "finished.whl"), MODEL, str(artefact), str(above))
        finishing = measure(FINISH, *arguments)
        total = building.seconds + finishing.seconds
        finished = (outdir / "finished.whl").stat().st_size / MEGA
        print(f"ours, {how}: {total:.1f} s, of which {building.seconds:.1f} s the build;")
        print(f"  finishing {finishing}, wheel of {finished:.0f} MB")
        print(f"  {peer.seconds / total:.1f} times as fast as the plain build")
        assert finishing.peak < PEAK
        if above < size:  # otherwise deflating is most of the work, for both
            assert total < peer.seconds
        check_record(outdir / "finished.whl")


def test_5_gb_are_a_wheel_for_pip_uv_and_zipfile(roomy: Path) -> None:
    artefact = roomy / "model.joblib"
    with artefact.open("wb") as stream:
        stream.truncate(SIZE)
    built, _ = build(write_project(roomy / "ours"), roomy / "dist")
    wheel = roomy / "finished" / built.name
    wheel.parent.mkdir()
    arguments = (str(built), str(wheel), MODEL, str(artefact), str(256 * MEGA))

    took = measure(FINISH, *arguments)

    print(f"\n5 GB: {took}, wheel of {wheel.stat().st_size / MEGA:.0f} MB")
    assert took.peak < PEAK_OF_SPARSE
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo(MODEL).file_size == SIZE
        assert archive.testzip() is None
    options = ("--no-deps", "--no-index", "--target", str(roomy / "installed"), str(wheel))
    pip = (sys.executable, "-m", "pip", "install", "--no-compile", *options)
    uv = (os.fspath(find_uv_bin()), "pip", "install", "--offline", "--no-cache", *options)
    for name, argv in (("pip", pip), ("uv", uv)):
        started = time.perf_counter()
        subprocess.run(argv, check=True, capture_output=True)
        print(f"{name}: {time.perf_counter() - started:.1f} s")
        assert (roomy / "installed" / MODEL).stat().st_size == SIZE
        shutil.rmtree(roomy / "installed")
