"""What the template writes for tables of many kinds is code that the linters take."""

from __future__ import annotations

import csv
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from integration.tables import write_customers
from integration.test_template import render_quietly
from trainwheel.scaffold.answers import Source, describe, table_answers
from trainwheel.scaffold.columns import Kind, examine
from trainwheel.scaffold.draft import draft
from trainwheel.scaffold.table import find_layout
from trainwheel.scaffold.target import Wishes

pytestmark = pytest.mark.integration

ROWS = 60
UGLY: dict[str, Sequence[object]] = {
    "class": ["a", "b"] * 30,
    'the "best"': ["it's", 'a "b"', "c"] * 20,
    "a, b": [*range(7), ""] * 7 + [9] * 4,
    "labels": ["x" * 60, "y" * 60] * 30,
    "teh": ["recieve", "ND"] * 30,
    "date": ["31.12.2024", "1.1.2025", "none"] * 20,
    "Ärger (mm)" * 4: [row / 7 for row in range(ROWS)],
    "年齢": [str(row) for row in range(0, 2 * ROWS, 2)],
    "{{ name }} {x} %s": ["{% if x %}", "{{ y }}", "a\nb"] * 20,
    "line\nbreak  ": [row / 3 for row in range(ROWS)],
    "How content are you, on the whole, with the service that you have had from us in this year?": [
        "Neither content nor discontent, if you ask me",
        "Not content",
        "年齢" * 25,
    ]
    * 20,
    "年齢 " * 25: [row / 9 for row in range(ROWS)],
    "big": [row * 1e60 + 0.5 for row in range(ROWS)],
    "target": [0, 1, 2] * 20,
}


def render_table(folder: Path, path: Path, wishes: Wishes, length: int, **more: object) -> Path:
    """Render a repository for a table, and return it."""
    layout = find_layout(path)
    made = draft(examine(path, layout), wishes)
    source = Source(path, layout, **more)  # type: ignore[arg-type]
    root = folder / "new model"
    texts = render_quietly(root, {
        "name": "n" * length, "package": "p" * length, "task": made.task, "gate": [], "ci": [],
        "description": describe(made, source.name), "table": table_answers(made, source, root),
    })  # fmt: skip
    settings = tomllib.loads(texts["pyproject.toml"])["tool"]["trainwheel"]
    assert settings.get("labels", []) == list(made.labels)
    assert not [name for name, text in texts.items() if "[=" in text or "[%" in text]
    sample = ("load_wine", "load_diabetes", "builtin", "wines of three growers")
    assert not [word for word in sample for text in texts.values() if word in text]
    return root


def assert_clean(root: Path) -> None:
    for argv in (("ruff", "check", "--no-cache", "."), ("ruff", "format", "--check", "."),
                 ("codespell",)):  # fmt: skip
        program = str(Path(sys.executable).with_name(argv[0]))
        done = subprocess.run(
            (program, *argv[1:]), cwd=root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("wishes", "length", "more"), [
    (Wishes("churned", kinds={"note": Kind.TEXT}), 40, {}),
    (Wishes("churned", key="zip", positive="no"), 3, {"is_copied": True}),
    (Wishes("age", drop=("customer_id",)), 25, {"command": "sqlite3 'a b.db' \"select 1\""}),
    (Wishes("city", drop=("joined", "last call", "is_member")), 17, {}),
])  # fmt: skip
def test_a_table_of_all_kinds(
    tmp_path: Path, wishes: Wishes, length: int, more: dict[str, object]
) -> None:
    write_customers(tmp_path / "customers.csv", 200)
    assert_clean(render_table(tmp_path, tmp_path / "customers.csv", wishes, length, **more))


@pytest.mark.parametrize(("command", "problem"), [
    ("sh -c 'echo half; exit 2'", "exited with status 2"),
    ("no-such-program --csv", "cannot be run: "),
])  # fmt: skip
def test_a_command_that_fails_is_one_line_and_leaves_nothing(
    tmp_path: Path, command: str, problem: str
) -> None:
    write_customers(tmp_path / "customers.csv", 200)
    wishes = Wishes("age", drop=("customer_id",))
    root = render_table(tmp_path, tmp_path / "customers.csv", wishes, 9, command=command)
    (tmp_path / "fetched").mkdir()

    argv = (sys.executable, root / "tools" / "fetch.py", tmp_path / "fetched")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{command} {problem}")
    assert "tools/fetch.py" in line
    assert not list((tmp_path / "fetched").iterdir())


def test_the_version_of_what_a_command_prints_changes_with_it(tmp_path: Path) -> None:
    write_customers(tmp_path / "customers.csv", 200)
    wishes, file = Wishes("age", drop=("customer_id",)), tmp_path / "what it prints"
    root = render_table(tmp_path, tmp_path / "customers.csv", wishes, 9, command=f"cat '{file}'")
    versions = []
    for text in ("a\n", "a\n", "b\n"):
        file.write_text(text)
        argv = (sys.executable, root / "tools" / "fetch.py", "version")
        versions.append(subprocess.run(argv, capture_output=True, check=True).stdout)
    assert versions[0] == versions[1] != versions[2]
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["trainwheel"]["data"]
    assert settings["version-command"] == "python tools/fetch.py version"


@pytest.mark.parametrize("columns", [
    list(UGLY), ["class", "target"], ['the "best"', "target"], ["a, b", "target"],
    ["date", "labels", "target"],
])  # fmt: skip
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_columns_of_any_name_and_any_few_of_them(
    tmp_path: Path, columns: list[str], task: str
) -> None:
    path = tmp_path / '1 ugly\'s "table".csv'
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*(UGLY[name] for name in columns), strict=True))
    assert_clean(render_table(tmp_path, path, Wishes("target", task=task), 24))


@pytest.mark.parametrize(
    "target", ['"""', "a\\", "a\nb", "{{ name }}", "年齢 " * 30, "Are you well? " * 8]
)
def test_a_target_of_any_name(tmp_path: Path, target: str) -> None:
    path = tmp_path / f"{'days of a long name ' * 5}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([("fee", target), *((row / 7, f"c{row % 2}") for row in range(ROWS))])
    assert_clean(render_table(tmp_path, path, Wishes(target.strip()), 40))


def test_classes_of_any_name(tmp_path: Path) -> None:
    path = tmp_path / "ugly.csv"
    names = ["it's", 'a "b" \'c\' "d"', "Zürich", "a\\b"]
    path.write_text("".join(f'{2.5 * row},"{names[row % 4].replace(chr(34), chr(34) * 2)}"\n'
                            for row in range(80)).join(["fee,target\n", ""]))  # fmt: skip
    assert_clean(render_table(tmp_path, path, Wishes("target"), 24))
