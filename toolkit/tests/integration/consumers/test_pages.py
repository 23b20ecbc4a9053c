"""The commands that the pages show to those who use the model print what the pages say."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.consumers.consumer import Release
from integration.environments import clone_environment
from integration.tiny import ROOT
from trainwheel.install.environments import find_uv

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Prints what each command printed, and leaves its exit code to the next one.
STEP = "{ %s\n} 2>&1; code=$?; printf '\\036'; (exit $code)\n"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, libraries: Path, release: Release) -> Path:
    """The console script of the installed model."""
    python = clone_environment(libraries, tmp_path_factory.mktemp("pages") / "env")
    words = ("pip", "install", "--quiet", "--offline", "--no-deps", "--python", python)
    subprocess.run((find_uv(), *words, release.wheel), check=True)
    return python.with_name("oncology-model")


@pytest.fixture
def place(tmp_path: Path, release: Release) -> Path:
    """A folder with the tables that the pages speak of."""
    rows = [{"id": number, **row.input} for number, row in enumerate(release.golden, 1)]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (tmp_path / "tumors.jsonl").write_text(lines, encoding="utf-8")
    faulty = [rows[0], {**rows[1], "mean_area": "n/a"}, rows[2]]
    for name, table in (("tumors", rows), ("faulty", faulty)):
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
    return tmp_path


def read_blocks(page: Path) -> Iterator[list[tuple[str, str]]]:
    """Yield the console blocks of a page that use the command: command → what it shows."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        steps = [step.partition("\n") for step in block.split("$ ")[1:]]
        if any("oncology-model" in command for command, _, _ in steps):
            yield [(command, shown) for command, _, shown in steps]


def matches(shown: str, printed: str) -> bool:
    """Say whether this was printed; an ellipsis is any text, and on a line of its own any lines.

    How far the columns of a table are apart depends on the longest name in it.
    """
    shown, printed = (re.sub(" {2,}", "  ", text) for text in (shown, printed))
    escaped = re.escape(shown).replace("\\\n", "\n")
    pattern = escaped.replace("\n…\n", "\n(?s:.*)").replace("…", ".*")
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize("page", ["docs/usage.md", "toolkit/docs/how-to/batch.md"])
def test_the_commands_of_a_page_print_what_it_shows(page: str, program: Path, place: Path) -> None:
    blocks = list(read_blocks(ROOT / page))
    assert len(blocks) > 3
    variables = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    for steps in blocks:
        script = "".join(STEP % command for command, _ in steps)
        done = subprocess.run(
            ("bash", "-c", script), cwd=place, env=variables, capture_output=True, check=False
        )
        results = done.stdout.decode().split("\036")
        for (command, shown), printed in zip(steps, results, strict=False):
            assert matches(shown, printed), f"$ {command}\n{printed}"
