"""The training host: Python as it would be, with progress and measures on the side."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from trainwheel.engine.entry_points import words_of_python
from trainwheel.guest import TRAIN
from trainwheel.steps.train import host_command, show_progress
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment

MEASURES = {"seconds", "processor_seconds", "peak_memory", "python", "packages"}


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("python -m training -o x", ((), ("-m", "training", "-o", "x"))),
        ("python3.11 -X dev -u train.py a", (("-X", "dev", "-u"), ("train.py", "a"))),
        ("python -mtraining a", ((), ("-m", "training", "a"))),
        ("python -Im training", (("-I",), ("-m", "training"))),
        ("python -Wignore -m t", (("-Wignore",), ("-m", "t"))),
        ("python -c pass", None),
        ("python", None),
        ("python -m", None),
        ("bash train.sh", None),
    ],
)
def test_a_python_command_is_divided(
    command: str, found: tuple[tuple[str, ...], tuple[str, ...]] | None
) -> None:
    assert words_of_python(command.split()) == found


def test_another_command_is_left_as_it_is(tmp_path: Path) -> None:
    assert host_command(("bash", "train.sh"), tmp_path) == ("bash", "train.sh")


def host(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    plan = {"measures": str(folder / "measures.json"), "refusal": "", "cluster": None}
    (folder / "plan.json").write_text(json.dumps(plan))
    argv = host_command((sys.executable, *words), folder / "plan.json")
    assert str(TRAIN) in argv
    return subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def measures(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "measures.json").read_bytes())
    return found


TELLS = """
import sys
print(__name__, sys.argv[1:], __spec__ and __spec__.name)
import beside
"""


def test_a_module_runs_as_python_runs_it(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("print('beside')")
    (tmp_path / "job.py").write_text(TELLS)

    module, script = host(tmp_path, "-m", "job", "-x", "1"), host(tmp_path, "job.py", "-x")

    assert module.stdout == "__main__ ['-x', '1'] job\nbeside\n", module.stderr
    assert script.stdout == "__main__ ['-x'] None\nbeside\n", script.stderr
    assert measures(tmp_path).keys() == MEASURES


@pytest.mark.parametrize(
    ("text", "code", "last"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("import sys; sys.exit('no rows')", 1, "no rows"),
        ("raise ValueError('no rows')", 1, "ValueError: no rows"),
    ],
)
def test_how_training_ends_is_how_the_host_ends(
    tmp_path: Path, text: str, code: int, last: str
) -> None:
    (tmp_path / "job.py").write_text(text)

    found = host(tmp_path, "-m", "job")

    assert found.returncode == code
    assert found.stderr.strip().endswith(last)
    assert measures(tmp_path).keys() == MEASURES


def test_measures_tell_memory_time_and_packages(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(
        "import numpy, sklearn\nkept = numpy.ones(30_000_000)\nprint(sum(range(2_000_000)))"
    )

    assert host(tmp_path, "-m", "job").returncode == 0

    found = measures(tmp_path)
    assert isinstance(found["peak_memory"], int)
    assert found["peak_memory"] > 240_000_000
    assert isinstance(found["processor_seconds"], float)
    assert found["processor_seconds"] > 0
    assert isinstance(found["packages"], dict)
    assert {"numpy", "scikit-learn"} <= found["packages"].keys()


PARALLEL = """
import time
from joblib import Parallel, delayed
for jobs in (1, 2):
    Parallel(n_jobs=jobs)(delayed(time.sleep)(0.15) for _ in range(6))
"""
SEARCH = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
x = np.random.default_rng(0).normal(size=(200, 3))
GridSearchCV(LogisticRegression(), {"C": [0.1, 1, 10]}, cv=5).fit(x, x[:, 0] > 0)
"""


@pytest.mark.parametrize(
    ("text", "last"),
    [(PARALLEL, ["tasks", "6", "6"]), (SEARCH, ["tasks", "15", "15"])],
    ids=["joblib", "search"],
)
def test_tasks_are_counted(tmp_path: Path, text: str, last: list[str]) -> None:
    (tmp_path / "job.py").write_text(text)

    found = host(tmp_path, "-m", "job")

    assert found.returncode == 0, found.stderr
    told = [line[1:].split("\t") for line in found.stdout.split("\n") if line[:1] == "\x1e"]
    assert last in told
    done = [int(count) for label, count, _ in told if label == "tasks"]
    assert min(done) < max(done)


DUMPS = f"""{SEARCH}
import joblib, sys
joblib.dump(LogisticRegression().fit(x, x[:, 0] > 0), sys.argv[1])
"""


def test_watching_changes_nothing_of_what_is_dumped(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(DUMPS)

    assert host(tmp_path, "-m", "job", "watched").returncode == 0
    plain = subprocess.run((sys.executable, "job.py", "plain"), cwd=tmp_path, check=False)

    assert plain.returncode == 0
    assert (tmp_path / "watched").read_bytes() == (tmp_path / "plain").read_bytes()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_that_is_overwritten() -> None:
    stream = Terminal()
    echo = show_progress(Console(Environment({}), stream))

    echo("\x1etasks\t3\t12")
    echo("chose forest")

    bar, _, rest = stream.getvalue().removeprefix("\r\033[K").partition("\r\033[K")
    assert bar == f"train    [{'=' * 6}{' ' * 18}] tasks 3 of 12"
    assert rest == "  chose forest\n"


def test_elsewhere_there_is_a_line_every_ten_seconds() -> None:
    stream, now = io.StringIO(), [0.0]
    echo = show_progress(Console(Environment({}), stream), lambda: now[0])

    for second in range(25):
        now[0] = float(second)
        echo(f"\x1etasks\t{second}\t0")

    assert stream.getvalue() == "  tasks: 10\n  tasks: 20\n"
