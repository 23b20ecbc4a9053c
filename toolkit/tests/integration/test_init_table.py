"""``trainwheel init --from``: a table becomes a model that is published, and what is said of it."""

from __future__ import annotations

import json
import random
import re
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from integration.environments import make_environment
from integration.once import once_for
from integration.repositories import make_repository
from integration.tables import write_customers, write_shipped_tables
from integration.tiny import versions
from trainwheel.wheel.metadata import list_members, read_member, read_requirements

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

TABLES = {
    "penguins.csv": ("species", ()),
    "cars.csv": ("Miles_per_Gallon", ("--copy",)),
    "penguins-raw.csv": ("Species", ("--drop", "studyName", "--text", "Comments")),
    "seattle-weather.csv": ("weather", ()),
    "airports.csv": ("longitude", ("--as", "city=category")),
    "tumors.csv": ("target", ("--positive", "0")),
    "diabetes.csv": ("target", ()),
    "wines.tsv": ("target", ("--task", "classification")),
    "anes96.csv": ("vote", ()),
    "fair.csv": ("affairs", ()),
}
ASKS = """\
import json, math, sys
from a_model.classifier import Classifier, predict_record
golden = [json.loads(line) for line in sys.stdin]
for each in golden:
    answer, expected = predict_record(each["input"]), each["prediction"]
    assert math.isclose(answer.pop("probability"), expected.pop("probability"), abs_tol=1e-9)
    assert answer == expected
many = Classifier().predict_many([each["input"] for each in golden])
assert many == [each["prediction"]["prediction"] for each in golden]
assert not {"sklearn", "pandas"} & {*sys.modules}
"""
PARQUET = ("pandas==3.1.1", "pyarrow==26.0.1")
WRITES = """\
import sqlite3
import pandas
table = pandas.read_csv("customers.csv", na_values="?")
table.to_parquet("customers.parquet")
table.to_sql("customers", sqlite3.connect("customers.db"), index=False)
"""
PRINTS = """\
import csv, sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("select * from customers order by customer_id")
csv.writer(sys.stdout).writerows([[each[0] for each in rows.description], *rows])
"""
QUICK = ("cars.csv",)
"""What CI runs too; all others run at night. Models of classes are below, and on a Debian."""


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shipped_tables(once_for(tmp_path_factory))


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow if name in QUICK else pytest.mark.models)
    for name in TABLES
])  # fmt: skip
def test_a_table_that_a_package_ships_becomes_a_published_model(
    name: str, tables: Path, tmp_path: Path
) -> None:
    target, options = TABLES[name]
    words = ("--from", str(tables / name), "--target", target, "--ci", "none", *options)

    repository = make_repository(tmp_path, "a-model", *words)
    published = repository.run("make", "upload.model")
    checked = repository.run("make", "check")

    assert published.code == 0, published.output
    assert "golden predictions" in published.line("verify ")
    assert checked.code == 0, checked.output
    assert repository.run("git", "status", "--porcelain").output == ""
    assert versions(repository.root / ".trainwheel" / "index") == ["0.1.0"]
    params = json.loads((repository.root / "build" / "train" / "params.json").read_text())
    assert params["scores"][params["chosen"]] > params["scores"]["dummy"]
    gate = tomllib.loads((repository.root / "pyproject.toml").read_text())["tool"]["trainwheel"]
    ((metric, rule),) = gate["gate"].items()
    assert rule["min"] > {"roc_auc": 0.5, "balanced_accuracy": 0.1, "r2": -1e-9}[metric]
    (wheel,) = (repository.root / ".trainwheel" / "index").rglob("*.whl")
    metadata = read_member(wheel, "METADATA").decode()
    assert f"Summary: Predicts {target} from " in metadata
    assert "wine" not in metadata.replace(name, "")


@pytest.mark.slow
def test_a_table_of_every_kind_of_column_ships_as_arrays(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    write_customers(tmp_path / "customers.csv")
    words = ("--from", str(tmp_path / "customers.csv"), "--target", "churned", "--ci", "none")

    repository = make_repository(folder, "a-model", *words)
    published = repository.run("make", "upload.model")

    assert published.code == 0, published.output
    assert "no portable form" not in published.output
    fields = (repository.root / "model" / "a_model" / "datamodel.py").read_text()
    assert {"Number", "Category", "Day", "Flag"} <= {*re.findall(r"[A-Z]\w+", fields)}
    (fitting,) = repository.root.glob("model/*/fitting.py")
    assert 'TEXTS = ["note"]' in fitting.read_text()
    (wheel,) = (repository.root / ".trainwheel" / "index").rglob("*.whl")
    needed = [each for each in read_requirements(wheel) if "extra ==" not in each]
    assert [re.match(r"[\w-]+", each)[0] for each in needed] == ["numpy"]  # type: ignore[index]
    (member,) = [name for name in list_members(wheel) if name.endswith(".joblib.json")]
    with zipfile.ZipFile(wheel) as archive:
        manifest = json.loads(archive.read(member))
    assert manifest["portable"]["is_default"] is True
    python = make_environment(tmp_path / "alone", wheel)
    golden = (repository.root / "build" / "train" / "golden.jsonl").read_text()
    assert golden
    subprocess.run([python, "-c", ASKS], input=golden, text=True, check=True)


@pytest.mark.models
@pytest.mark.parametrize("origin", ["database", "Parquet"])
def test_a_table_of_another_origin_becomes_a_published_model(origin: str, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    write_customers(tmp_path / "customers.csv")
    python = make_environment(tmp_path / "tools", *PARQUET)
    subprocess.run([python, "-c", WRITES], cwd=tmp_path, check=True)
    command = f"python3 {tmp_path / 'rows.py'} {tmp_path / 'customers.db'}"
    (tmp_path / "rows.py").write_text(PRINTS)
    words = {
        "database": ("--from-command", command),
        "Parquet": ("--from", str(tmp_path / "customers.parquet")),
    }
    beside = PARQUET if origin == "Parquet" else ()

    repository = make_repository(
        folder, "a-model", *words[origin], "--target", "churned", "--ci", "none", beside=beside
    )
    published = repository.run("make", "upload.model")

    assert published.code == 0, published.output
    assert "golden predictions" in published.line("verify ")
    assert "no portable form" not in published.output
    assert versions(repository.root / ".trainwheel" / "index") == ["0.1.0"]


@pytest.mark.models
def test_a_million_rows_become_a_published_model(tmp_path: Path) -> None:
    rows, draw = 1_000_000, random.Random(11)  # noqa: S311 - made-up rows
    folder, path = tmp_path / "made", tmp_path / "visits.csv"
    folder.mkdir()
    with path.open("w", encoding="utf-8") as stream:
        stream.write("minutes,pages,country,day,bought\n")
        for _ in range(rows):
            minutes, pages = draw.random() * 30, draw.randrange(20)
            bought = "yes" if minutes + pages + draw.gauss(0, 9) > 30 else "no"
            day = f"2024-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
            stream.write(f"{minutes:.2f},{pages},{draw.choice(('CH', 'AT'))},{day},{bought}\n")
    words = ("--from", str(path), "--target", "bought", "--ci", "none")

    repository = make_repository(folder, "a-model", *words)
    published = repository.run("make", "upload.model")

    assert published.code == 0, published.output
    assert versions(repository.root / ".trainwheel" / "index") == ["0.1.0"]
    metrics = json.loads((repository.root / "build" / "train" / "metrics.json").read_text())
    assert metrics["train_rows"] + metrics["holdout_rows"] == rows
    assert metrics["roc_auc"] > 0.8
