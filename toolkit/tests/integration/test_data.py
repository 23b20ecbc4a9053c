"""Data from where it lives: a command of the user's, and real DVC with a folder as its remote."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from integration.learner import PIPFILE_OF_LEARNER, learner_lock
from integration.tiny import RealIndex, TinyProject

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TRAINING = "model/tiny_training/__main__.py"
FETCH = '''\
"""A warehouse of one table, whose state is a folder beside the project."""

import os
import sys
from pathlib import Path

warehouse = Path(os.environ["WAREHOUSE"])
with (warehouse / "queries").open("a") as log:
    log.write(f"{sys.argv[1]}\\\\n")
assert os.environ["WAREHOUSE_PASSWORD"] == "pa55-Of-The-Warehouse"
if sys.argv[1] == "version":
    print((warehouse / "version").read_text())
else:
    Path(sys.argv[2], "rows.csv").write_text((warehouse / "rows.csv").read_text())
'''.replace("\\\\n", "\\n")
CONFIGURATION = """\
data.command = "python fetch.py rows {folder}"
data.version-command = "python fetch.py version"
data.max-row-change = 0.5
secrets.data = ["WAREHOUSE_PASSWORD"]
"""
READS = """
import os
rows = Path(sys.argv[3], "rows.csv").read_text()
assert "WAREHOUSE_PASSWORD" not in os.environ
print("read", len(rows.splitlines()), "lines")
"""


RAGGED = """
import sys
from pathlib import Path
print(1)
if sys.argv[1] == "rows":
    Path(sys.argv[2], "a.csv").write_text("x,y\\n1\\n")
"""


class Warehouse:
    """Where the data lives, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.put("1", "age,name\n1,a\n2,b\n3,c\n4,d\n")

    def put(self, version: str, rows: str) -> None:
        (self.folder / "rows.csv").write_text(rows)
        (self.folder / "version").write_text(version)
        self.forget()

    def forget(self) -> None:
        (self.folder / "queries").write_text("")

    @property
    def queries(self) -> list[str]:
        return (self.folder / "queries").read_text().split()


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


@pytest.fixture
def fed(tiny: TinyProject, learner_envdir: Path, warehouse: Warehouse) -> TinyProject:
    """A tiny project whose data comes from the warehouse, in environments of that lock."""
    tiny = replace(tiny, envdir=learner_envdir)
    tiny.write("Pipfile", PIPFILE_OF_LEARNER)
    tiny.write("Pipfile.lock", learner_lock(PIPFILE_OF_LEARNER))
    tiny.write("fetch.py", FETCH)
    tiny.configure(CONFIGURATION)
    tiny.replace("pyproject.toml", "{model} {report}", "{model} {report} {data}")
    tiny.write(TRAINING, tiny.read(TRAINING) + READS)
    return tiny.with_variables(
        WAREHOUSE=str(warehouse.folder), WAREHOUSE_PASSWORD="pa55-Of-The-Warehouse"
    )


def test_the_first_upload_brings_the_data_whatever_the_index(
    fed: TinyProject, nexus: RealIndex
) -> None:
    run = fed.nox("upload", **nexus.variables)

    assert run.code == 0, run.output
    assert nexus.published() == ["0.1.0"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("age\n1\n2\n3\n4\n", "column name of rows.csv is gone"),
        ("age,name\nold,a\n2,b\n3,c\n4,d\n", "column age of rows.csv was integer, is text"),
        ("age,name\n1,a\n", "there are 1 rows and were 4, more than 50% off"),
    ],
)
def test_data_that_changed_its_shape_is_refused_until_it_is_accepted(
    fed: TinyProject, warehouse: Warehouse, rows: str, told: str
) -> None:
    assert fed.nox("data").code == 0
    warehouse.put("2", rows)

    refused = fed.nox("train")
    accepted = fed.nox("data", "--", "--accept")
    trained = fed.nox("train")

    line = refused.error("refused")
    assert told in line
    assert "nox -s data -- --accept" in line
    assert not refused.has_trained
    assert accepted.code == 0, accepted.output
    assert "data-schema.json written: commit it" in accepted.output
    assert trained.code == 0, trained.output
    # In a fresh checkout the file that git keeps is what counts.
    warehouse.put("3", "other\n1\n")
    assert fed.nox("clean").code == 0
    assert "is gone" in fed.nox("train").error("refused")


@pytest.fixture(scope="module")
def dvc_envdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dvc-environments")


@pytest.fixture
def tracked(tiny: TinyProject, dvc_envdir: Path, tmp_path: Path) -> TinyProject:
    """A project whose data DVC tracks, with a folder as its remote, and not yet here."""
    pipfile = PIPFILE_OF_LEARNER.replace("[data]\n", '[data]\ndvc = "*"\n')
    tiny.write("Pipfile", pipfile)
    tiny.write("Pipfile.lock", learner_lock(pipfile, extra="bench"))
    tiny.configure('data = ["data/rows.csv"]')
    tiny.replace("pyproject.toml", "{model} {report}", "{model} {report} {data}")
    tiny.write(
        TRAINING, tiny.read(TRAINING) + "print('rows', Path(sys.argv[3]).read_text().split())\n"
    )
    project = TinyProject(tiny.root, dvc_envdir, {**tiny.variables, "DVC_NO_ANALYTICS": "1"})
    made = project.nox("data")  # nothing is tracked yet
    assert made.code == 0, made.output
    install(project)
    project.write("data/rows.csv", "x\n1\n")
    remote = str(tmp_path / "remote")
    for words in (
        ("init", "-q"),
        ("remote", "add", "-q", "-d", "store", remote),
        ("add", "-q", "data/rows.csv"),
        ("push", "-q"),
    ):
        dvc(project, *words)
    forget_data(project)
    return project


def install(project: TinyProject) -> None:
    """Make the environment [data], which the step makes when there is something to fetch."""
    project.write("data/rows.csv.dvc", "outs: []\n")
    project.nox("data")
    (project.root / "data/rows.csv.dvc").unlink()


def dvc(project: TinyProject, *words: str) -> None:
    python = project.envdir / "data" / "bin" / "python"
    run = project.run(str(python), "-m", "dvc", *words)
    assert run.code == 0, run.output


def forget_data(project: TinyProject) -> None:
    """Leave what a fresh clone has: the .dvc file alone."""
    (project.root / "data/rows.csv").unlink()
    for path in sorted((project.root / ".dvc/cache").rglob("*"), reverse=True):
        path.chmod(0o755)
        path.unlink() if path.is_file() else path.rmdir()


def test_what_dvc_tracks_is_pulled_once_and_counts_by_its_digest(tracked: TinyProject) -> None:
    first = tracked.nox("train")
    os.utime(tracked.root / "data/rows.csv.dvc")
    second = tracked.nox("train")
    tracked.write("data/rows.csv", "x\n1\n2\n")
    dvc(tracked, "add", "-q", "data/rows.csv")
    dvc(tracked, "push", "-q")
    forget_data(tracked)
    third = tracked.nox("train")

    assert first.code == 0, first.output
    assert "1 tracked by DVC" in first.line("data ")
    assert "  rows ['x', '1']" in first.output
    assert second.line("data ") == "data     unchanged"
    assert second.line("train ") == "train    unchanged"
    assert "  rows ['x', '1', '2']" in third.output
    record = json.loads(tracked.read("build/.trainwheel/train.json"))
    assert "data/rows.csv.dvc" in record["fingerprint"]["files"]
    assert "data/rows.csv" not in record["fingerprint"]["files"]
