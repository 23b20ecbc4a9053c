"""Layouts whose training reads tables by pandas and pyarrow, which CI does without."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.layouts import test_layouts
from integration.layouts.files import A, B, opened
from integration.layouts.layout import Answer, Content, Layout, database
from integration.models.samples import lock_for, render_pipfile
from integration.once import Once
from integration.tiny import TinyProject, clean_variables, make_tiny

pytestmark = [pytest.mark.integration, pytest.mark.models]

PACKAGES = ("joblib", "numpy", "pandas", "pyarrow")
WRITES = """\
import sys
import pandas
for number in (1, 2):
    table = pandas.DataFrame({"x": [number]})
    table.to_parquet(f"{sys.argv[1]}/{number}.parquet")
    table.to_feather(f"{sys.argv[1]}/{number}.feather")
    table.to_pickle(f"{sys.argv[1]}/{number}.pkl")
"""
LAYOUTS = (
    *(Layout(f"read_csv by {engine}",
             f"import pandas\nvalue = pandas.read_csv('in/a.csv', engine='{engine}').to_csv()",
             {"in/a.csv": "x\n2\n"}, {"in/a.csv": "x\n1\n", "in/b.csv": "x\n1\n"},
             {"in/b.csv": "x\n2\n"})
      for engine in ("c", "python", "pyarrow")),
    opened("read_table", "import pandas\nvalue = list(pandas.read_table('in/a.txt'))"),
    opened("read_json", "import pandas\nvalue = pandas.read_json('in/a.txt', typ='series', "
           "convert_dates=False, lines=True).to_json()"),
    Layout("read_sql", "import pandas, sqlite3\nvalue = pandas.read_sql('select x from rows', "
           "sqlite3.connect('in/a.db')).x.tolist()",
           {"in/a.db": database(2)}, {"in/a.db": database(1)}, B),
)  # fmt: skip
BINARY = {
    "pkl": ("pandas.read_pickle('in/a.pkl').x.tolist()", Answer.SEEN),
    "parquet": ("pandas.read_parquet('in/a.parquet').x.tolist()", Answer.NOTICED),
    "feather": ("pandas.read_feather('in/a.feather').x.tolist()", Answer.SEEN),
}


@pytest.fixture(scope="session")
def tables(once: Once) -> Path:
    """A folder with a repository, its environments, and tables of two contents."""
    return once.folder("tables", make)


@pytest.fixture(scope="session")
def repository(tables: Path) -> TinyProject:
    """A repository with pandas and pyarrow for its training; to be copied."""
    return TinyProject(tables / "tiny", tables / "environments", clean_variables())


def make(folder: Path) -> None:
    project, pipfile = make_tiny(folder / "tiny", folder / "environments"), render_pipfile(PACKAGES)
    project.write("Pipfile", pipfile)
    project.write("Pipfile.lock", lock_for(pipfile, PACKAGES, folder))
    run = project.nox("train")
    assert run.code == 0, run.output
    for name in ("build", ".trainwheel", "model/tiny_model/artefact"):
        run = project.run("rm", "-r", name)
    (python,) = (folder / "environments").glob("packages*/bin/python")
    run = project.run(str(python), "-c", WRITES, str(folder))
    assert run.code == 0, run.output


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_what_pandas_opens_is_seen(layout: Layout, repository: TinyProject, tmp_path: Path) -> None:
    test_layouts.test_what_training_reads_is_an_input_and_nothing_else(layout, repository, tmp_path)


@pytest.mark.parametrize("kind", BINARY)
def test_what_is_written_by_pandas_is_seen_but_for_what_pyarrow_opens_by_itself(
    kind: str, tables: Path, repository: TinyProject, tmp_path: Path
) -> None:
    code, answer = BINARY[kind]
    one, two = ({f"in/a.{kind}": (tables / f"{n}.{kind}").read_bytes()} for n in (1, 2))
    files: dict[str, Content] = {**one, **A}
    layout = Layout(kind, f"import pandas\nvalue = {code}", {**two}, files, B, answer)
    check = (
        test_layouts.test_what_training_reads_is_an_input_and_nothing_else
        if answer is Answer.SEEN
        else test_layouts.test_what_is_not_seen_has_a_way_out
    )
    check(layout, repository, tmp_path)
