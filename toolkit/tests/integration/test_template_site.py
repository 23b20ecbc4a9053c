"""The site of a generated repository says what its model reads, as the record has it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from integration.tables import write_customers
from integration.test_template import render_quietly
from integration.test_template_table import render_table
from trainwheel.scaffold.columns import Kind
from trainwheel.scaffold.target import Wishes

pytestmark = pytest.mark.integration


def columns_of(root: Path) -> str:
    """Return the table that the site puts where a page says ``{{ columns }}``."""
    code = "import runpy; print(runpy.run_path('docs/conf.py')['myst_substitutions']['columns'])"
    done = subprocess.run(
        (sys.executable, "-B", "-c", code), cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_customers(tmp_path / "customers.csv", 200)
    wishes = Wishes("churned", kinds={"note": Kind.TEXT})
    return render_table(tmp_path, tmp_path / "customers.csv", wishes, 5)


def test_the_columns_of_a_table_are_those_of_the_record(root: Path) -> None:
    lines = columns_of(root).splitlines()

    assert lines[0] == "| column | what it is | unit | values | may be missing |"
    for line in (
        "| `tenure` | a whole number |  | at least 0 | no |",
        "| `Monthly Fee (CHF)` | a number | CHF | at least 0 | yes |",
        "| `contract` | one of some texts |  | `monthly`, `two years`, `yearly` | no |",
        "| `is_member` | true or false |  |  | no |",
        "| `joined` | a date |  |  | no |",
        "| `note` | a text |  |  | no |",
    ):
        assert line in lines
    assert lines[-1].endswith("and so do these: `?`.")


def test_what_is_written_into_the_record_reaches_the_page(root: Path) -> None:
    datamodel = root / "model" / "ppppp" / "datamodel.py"
    text = datamodel.read_text(encoding="utf-8")
    declared = 'tenure: Annotated[int, Number(unit="", at_least=0)]'
    more = declared.replace('""', '"months | weeks"').replace("=0", "=1, at_most=1200")
    assert declared in text
    datamodel.write_text(text.replace(declared, more), encoding="utf-8")

    line = "| `tenure` | a whole number | months \\| weeks | at least 1, at most 1,200 | no |"
    assert line in columns_of(root).splitlines()


@pytest.mark.parametrize(("task", "line"), [
    ("classification", "| `hue` | a number | at least 0 | no |"),
    ("regression", "| `bmi` | a number | no |"),
])  # fmt: skip
def test_the_sample_says_what_its_columns_are(tmp_path: Path, task: str, line: str) -> None:
    render_quietly(tmp_path / "small", {"name": "small", "package": "small", "task": task,
                                        "gate": [], "ci": []})  # fmt: skip
    # No column of the table would be empty.
    assert line in columns_of(tmp_path / "small").splitlines()


def test_the_reference_of_the_record_is_not_a_paragraph_of_annotations(root: Path) -> None:
    page = (root / "docs" / "index.md").read_text(encoding="utf-8")
    assert re.search(r"^\.\. autoclass:: ppppp\.Customer\(\*\*columns\)$", page, re.MULTILINE)
    assert "{{ columns }}" in page
