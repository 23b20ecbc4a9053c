"""Tables to make models of: one of made-up customers, and those that packages ship."""

from __future__ import annotations

import csv
import random
import subprocess
from pathlib import Path

from integration.environments import make_environment
from integration.once import Once
from integration.tiny import ROOT

__all__ = ["write_customers", "write_shipped_tables"]

SCRIPT = ROOT / "toolkit" / "tests" / "projects" / "tables" / "write_tables.py"
PINS = ("palmerpenguins==0.1.6", "vega-datasets==0.9.0", "statsmodels==0.15.0")
HEADER = (
    *("customer_id", "tenure", "Monthly Fee (CHF)", "age", "city", "contract", "joined"),
    *("last call", "is_member", "calls", "rating ", "class", "note", "Größe", "discount %"),
    *("device", "language", "zip", "referrals", "churned"),
)


def write_customers(path: Path, rows: int = 900) -> None:
    """Write a table of 20 columns: numbers, categories, dates, texts, missing cells, a name."""
    draw = random.Random(5)  # noqa: S311 - made-up rows
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        writer.writerows(_customer(draw, number) for number in range(rows))


def _customer(draw: random.Random, number: int) -> list[object]:
    tenure, fee, calls = draw.randrange(1, 72), draw.gauss(60, 20), draw.randrange(8)
    contract = draw.choice(["monthly", "yearly", "two years"])
    risk = fee / 20 - tenure / 12 + calls / 2 + 2 * (contract == "monthly") + draw.gauss(0, 1)
    day = f"{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
    return [
        *(f"C{number:06}", tenure, f"{fee:.2f}" if draw.random() > 0.05 else ""),
        *(draw.randrange(18, 90), draw.choice(["Bern", "Basel", "Zürich"]), contract),
        *(f"20{draw.randrange(10, 24)}-{day}", draw.choice(["", f"2024-{day} 12:30"])),
        *(draw.random() < 0.4, calls, draw.choice(["?", "1.5", "2", "3.7", "5"])),
        *(draw.choice("ABC"), f"said {draw.choice(['this', 'that'])} of the fee {number % 400}"),
        *(draw.randrange(150, 200), draw.randrange(30), draw.choice(["phone ", "tablet"])),
        *(draw.choice(["de", "fr"]), draw.randrange(3000, 3020), draw.randrange(5)),
        "yes" if risk > 3 else "no",
    ]


def write_shipped_tables(once: Once) -> Path:
    """Return a folder with the tables of packages that are installed for it, pinned."""

    def write(folder: Path) -> None:
        python = make_environment(folder / "env", *PINS, "scikit-learn==1.9.1")
        subprocess.run([python, SCRIPT, folder], check=True)

    return once.folder("shipped-tables", write)
