"""Data from where it lives: a command of the user's, and real DVC with a folder as its remote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from integration.tiny import LEARNER, TinyProject, lock_for, make_tiny
from trainwheel.cli.opening import open_run
from trainwheel.steps import load_chain
from trainwheel.system.environ import Environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TRAINING = "model/tiny_training/__main__.py"
FETCH = '''\
"""A warehouse of one table, whose state is a folder beside the project."""

import os
import sys
from pathlib import Path

warehouse = Path(os.environ["WAREHOUSE"])
assert os.environ["WAREHOUSE_PASSWORD"] == "pa55-Of-The-Warehouse"
if sys.argv[1] == "version":
    print((warehouse / "version").read_text())
else:
    Path(sys.argv[2], "rows.csv").write_text((warehouse / "rows.csv").read_text())
'''
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


def put(warehouse: Path, version: str, rows: str) -> None:
    (warehouse / "rows.csv").write_text(rows)
    (warehouse / "version").write_text(version)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    folder = tmp_path / "warehouse"
    folder.mkdir()
    put(folder, "1", "age,name\n1,a\n2,b\n3,c\n4,d\n")
    return folder


@pytest.fixture
def fed(tmp_path: Path, warehouse: Path) -> TinyProject:
    """A project whose data comes from the warehouse, in environments of its own."""
    tiny = make_tiny(tmp_path / "tiny", tmp_path / "environments", LEARNER)
    tiny.write("fetch.py", FETCH)
    tiny.configure(CONFIGURATION)
    tiny.replace("pyproject.toml", "{model} {report}", "{model} {report} {data}")
    tiny.write(TRAINING, tiny.read(TRAINING) + READS)
    return tiny.with_variables(WAREHOUSE=str(warehouse), WAREHOUSE_PASSWORD="pa55-Of-The-Warehouse")


def test_data_that_changed_its_shape_is_refused_until_it_is_accepted(
    fed: TinyProject, warehouse: Path
) -> None:
    assert fed.nox("train").code == 0
    put(warehouse, "2", "age\n1\n2\n3\n4\n")

    refused = fed.nox("train")
    accepted = fed.nox("train", "data", "--", "--accept")

    line = refused.error("refused")
    assert "column name of rows.csv" in line
    assert "nox -s data -- --accept" in line
    assert not refused.has_trained
    assert accepted.code == 0, accepted.output
    assert "data-schema.json written" in accepted.output
    assert "trained" in accepted.line("train ")


@pytest.fixture
def tracked(tmp_path: Path) -> TinyProject:
    """A project whose data DVC tracks, with a folder as its remote, and not yet here."""
    pipfile = LEARNER.replace("[data]\n", '[data]\ndvc = "*"\n')
    project = make_tiny(tmp_path / "tiny", tmp_path / "environments", pipfile)
    project.write("Pipfile.lock", lock_for(pipfile, data="bench"))
    project.configure('data = ["data/rows.csv"]')
    project.replace("pyproject.toml", "{model} {report}", "{model} {report} {data}")
    read = "print('rows', Path(sys.argv[3]).read_text().split())\n"
    project.write(TRAINING, project.read(TRAINING) + read)
    project = project.with_variables(DVC_NO_ANALYTICS="1")
    install(project)
    dvc(project, "init", "-q")
    dvc(project, "remote", "add", "-q", "-d", "store", str(tmp_path / "remote"))
    track(project, "x\n1\n")
    return project


def install(project: TinyProject) -> None:
    """Make the environment of [data], which the step makes when there is something to fetch."""
    run = open_run(
        project.root, project.envdir, Environment(dict(project.variables)), load_chain().categories
    )
    run.tools.python("data")


def dvc(project: TinyProject, *words: str) -> None:
    python = project.envdir / "data" / "bin" / "python"
    run = project.run(str(python), "-m", "dvc", *words)
    assert run.code == 0, run.output


def track(project: TinyProject, rows: str) -> None:
    """Add the data and push it, and leave what a fresh clone has: the .dvc file alone."""
    project.write("data/rows.csv", rows)
    dvc(project, "add", "-q", "data/rows.csv")
    dvc(project, "push", "-q")
    (project.root / "data/rows.csv").unlink()
    for path in sorted((project.root / ".dvc/cache").rglob("*"), reverse=True):
        path.chmod(0o755)
        path.unlink() if path.is_file() else path.rmdir()


def test_what_dvc_tracks_is_pulled_and_counts_by_its_digest(tracked: TinyProject) -> None:
    first = tracked.nox("train")
    track(tracked, "x\n1\n2\n")
    second = tracked.nox("train")

    assert first.code == 0, first.output
    assert "1 tracked by DVC" in first.line("data ")
    assert "  rows ['x', '1']" in first.output
    assert "  rows ['x', '1', '2']" in second.output
    record = json.loads(tracked.read("build/.trainwheel/train.json"))
    assert "data/rows.csv.dvc" in record["fingerprint"]["files"]
    assert "data/rows.csv" not in record["fingerprint"]["files"]
