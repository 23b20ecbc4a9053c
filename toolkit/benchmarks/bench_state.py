"""How long it takes to find that nothing is to be done, beside make, doit, weasel and dvc.

All of it is measured on whole processes, in turn, on one machine. The peers' two steps stand in
``peers/project``; their environment is the lock's [bench], which `nox -s bench` makes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from benchmarks import peers
from benchmarks.checkouts import snapshot
from benchmarks.timing import Bar, Entrant, Result, check, describe, machine, race

from integration.tiny import ROOT, TinyProject, make_tiny

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(3600)]

NOTHING_TO_NOX_LIST = 1.6
NOTHING_TO_DVC = 0.35
NOTHING_SECONDS = 0.5
SECONDS_WITH_DATA = 1.0
FILES = 10_000
LARGE = 4 << 30
SPARE = 10 << 30
TO_OPENSSL = 1 / 0.80
MEGABYTES = 100.0
DIGEST = """\
import sys
from pathlib import Path
from trainwheel.system.digest import digest_file
print(digest_file(Path(sys.argv[1])))
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""
"""Prints the digest, and the most memory that the process had, in KiB.

What getrusage says of a child would include what its parent had when it started it.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is removed at once: pytest would keep gigabytes for three runs."""
    with tempfile.TemporaryDirectory(dir=tmp_path) as name:
        yield Path(name)


@pytest.fixture
def large(folder: Path) -> Path:
    """A file of 4 GiB that is really on the disk, and in memory after the first look at it."""
    if (free := shutil.disk_usage(folder).free) < SPARE:
        pytest.skip(f"{free >> 30} GiB are free on the disk, this needs {SPARE >> 30}")
    path, block = folder / "large.csv", os.urandom(64 << 20)
    with path.open("wb") as stream:
        for _ in range(LARGE // len(block)):
            stream.write(block)
        os.fsync(stream.fileno())
    return path


def test_nothing_to_do_in_the_reference_project(folder: Path) -> None:
    project = make_reference(folder)
    rivals = list(peers.entrants(project.root, folder))
    publish(project)
    results = race([nox_list(project), nox(project, "upload"), *rivals])
    print(describe("nothing to do, the reference project", results))
    upload = results["nox -s upload"]
    bars = [
        Bar("seconds", upload.median, at_most=NOTHING_SECONDS),
        Bar("times nox -l", upload / results["nox -l"], at_most=NOTHING_TO_NOX_LIST),
    ]
    if "dvc repro" in results:
        bars.append(Bar("times dvc repro", upload / results["dvc repro"], at_most=NOTHING_TO_DVC))
    check(*bars)


def test_one_file_edited(folder: Path) -> None:
    project = make_project(folder)
    rivals = list(peers.entrants(project.root, folder))
    publish(project)

    def edit(entrant: Entrant, number: int) -> None:
        module = entrant.cwd / "model" / "tiny_training" / "__main__.py"
        module.write_text(f"{module.read_text(encoding='utf-8')}# {number}\n", encoding="utf-8")

    results = race([nox(project, "train"), *rivals], edit)
    print(describe("one module of the training edited, until it is trained again", results))
    results = race([nox(project, "upload")], edit)
    print(describe("the same, until the whole chain has settled", results))


def test_nothing_to_do_with_10000_files_of_data(folder: Path) -> None:
    project = make_project(folder)
    write_data(project, FILES)
    results = race_with_data(project, f"nothing to do, {FILES} files of data")
    check(Bar("seconds", results["nox -s upload"].median, at_most=SECONDS_WITH_DATA))


def test_nothing_to_do_with_a_large_file_of_data(folder: Path, large: Path) -> None:
    project = make_project(folder)
    place = project.root / "data" / "00" / "large.csv"
    place.parent.mkdir(parents=True)
    large.rename(place)
    results = race_with_data(project, f"nothing to do, one file of {LARGE >> 30} GiB as data")
    check(Bar("seconds", results["nox -s upload"].median, at_most=SECONDS_WITH_DATA))


def test_digest_of_a_large_file_beside_openssl(folder: Path, large: Path) -> None:
    def entrant(name: str, found: str, *argv: str) -> Entrant:
        (folder / name).mkdir()
        return Entrant(name, (*argv, str(large)), folder / name, os.environ, found, large)

    openssl = shutil.which("openssl") or pytest.skip("openssl is not installed")
    told = subprocess.run((openssl, "version"), check=True, capture_output=True, text=True)
    ours = entrant("trainwheel", version("trainwheel"), sys.executable, "-c", DIGEST)
    theirs = entrant("openssl", told.stdout.strip(), openssl, "dgst", "-sha256", "-r")
    results = race([theirs, ours])
    print(describe(f"the digest of {LARGE >> 30} GiB that are in memory", results))
    for name, result in results.items():
        print(f"{name}: {LARGE / result.median / 1e6:.0f} MB/s")
    first, second = ((folder / f"{name}.log").read_text().split()[0] for name in results)
    assert first == second
    check(Bar("times openssl", results["trainwheel"] / results["openssl"], at_most=TO_OPENSSL))


def test_digest_of_a_large_file_needs_little_memory(folder: Path) -> None:
    sparse = folder / "sparse.csv"
    with sparse.open("wb") as stream:
        stream.truncate(LARGE)
    argv = (sys.executable, "-c", DIGEST, str(sparse))
    run = subprocess.run(argv, check=True, capture_output=True, text=True)
    peak = int(run.stdout.split()[1]) << 10
    print(f"\nthe most memory while {LARGE >> 30} GiB, sparse, are digested\n{machine()}")
    check(Bar("MB", peak / 1e6, at_most=MEGABYTES))


def make_reference(folder: Path) -> TinyProject:
    """Copy the model project that stands at the root of this repository."""
    root = snapshot(ROOT, folder / "reference", skip="toolkit/")
    return replace(make_project(folder), root=root)


def make_project(folder: Path) -> TinyProject:
    """Copy the tiny project; its tools keep what they compile, as a user's do."""
    return make_tiny(folder / "tiny", folder / "env").without("PYTHONDONTWRITEBYTECODE")


def write_data(project: TinyProject, files: int) -> None:
    """Write so many files of 100 rows, in up to 100 folders."""
    for number in range(files):
        text = "".join(f"{number},{row}\n" for row in range(100))
        project.write(f"data/{number % 100:02}/{number:05}.csv", text)


def publish(project: TinyProject) -> None:
    """Run the whole chain, and once more: the version was the first, now it is unchanged."""
    for _ in range(2):
        run = project.nox("upload")
        assert run.code == 0, run.output


def race_with_data(project: TinyProject, title: str) -> dict[str, Result]:
    """Measure the runs that have nothing to do, in a project that trains on its ``data``."""
    project.configure('data = ["data"]')
    rivals = list(peers.entrants(project.root, project.root.parent))
    publish(project)
    results = race([nox_list(project), nox(project, "upload"), *rivals])
    print(describe(title, results))
    return results


def nox(project: TinyProject, session: str) -> Entrant:
    """Return the command that runs one of our sessions, and those that it needs."""
    (artefact,) = project.root.glob("model/*/artefact/model.joblib")
    return Entrant(
        f"nox -s {session}", project.argv(session), project.root, project.variables,
        f"trainwheel {version('trainwheel')}", artefact,
    )  # fmt: skip


def nox_list(project: TinyProject) -> Entrant:
    """Return the command that only lists our sessions."""
    argv = (*project.argv()[:-1], "-l")
    return replace(nox(project, "l"), name="nox -l", argv=argv, version=f"nox {version('nox')}")
