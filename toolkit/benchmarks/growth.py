"""How the seconds of a small project grow: with its tests, its data, its artefact, its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.bench_state import nox, publish, write_data
from benchmarks.page import Growth
from benchmarks.timing import ROUNDS, Entrant, Times, race

from integration.tiny import TinyProject, make_tiny
from trainwheel.steps import load_chain

TESTS = (10, 100, 1_000)
FILES = (10, 10_000)
MEGABYTES = {"some bytes": 0, "1 GB": 1_000}
FEW_ROUNDS = max(1, ROUNDS // 3)
"""Of what takes minutes with 1 GB."""

_TESTS_A_FILE = 10
_TRAINING = "model/tiny_training/__main__.py"
_DUMP = 'joblib.dump({"factor": 2.0, "border": 10}, model)'
# A compressor with a window of 32 KiB does not see that it repeats. Each edit makes another one.
_DUMP_MORE = """\
noise = random.Random(0).randbytes(1_000_000) * MEGABYTES + Path(__file__).read_bytes()
joblib.dump({"factor": 2.0, "border": 10, "noise": noise}, model)"""


def with_tests(folder: Path) -> Growth:
    """Measure a project with ever more tests, beside pytest alone in the same environment."""
    rows = {}
    for count in TESTS:
        project = _project(folder, f"{count}-tests")
        for number in range(count // _TESTS_A_FILE):
            project.write(f"tests/unit/test_{number:03}.py", _tests_of(number))
        publish(project)
        idle = race([nox(project, "upload")])
        busy = race([_pytest(project), _step(project, "test")], _edit("tests/unit/test_000.py"))
        rows[f"{count:,}"] = (*busy.values(), *idle.values())
    about = "One file of tests is edited before each run; pytest alone also measures coverage."
    heads = ("tests", "`pytest` alone", "`nox -s test`", "idle: `nox -s upload`")
    return Growth("Tests of the model", about, heads, rows)


def with_data(folder: Path) -> Growth:
    """Measure a project with ever more files of data."""
    rows = {}
    for count in FILES:
        project = _project(folder, f"{count}-files")
        project.configure('data = ["data"]')
        write_data(project, count)
        publish(project)
        idle = race([nox(project, "upload")])
        busy = race([_step(project, "train")], _edit("data/00/00000.csv"))
        rows[f"{count:,}"] = (*busy.values(), *idle.values())
    about = "Each file has 100 rows; one of them is edited before each training, which reads none."
    heads = ("files", "`nox -s train`", "idle: `nox -s upload`")
    return Growth("Files of data", about, heads, rows)


def with_artefact(folder: Path) -> Growth:
    """Measure a project whose training writes 1 GB, beside one that writes some bytes."""
    rows = {}
    for name, megabytes in MEGABYTES.items():
        project = _project(folder, f"{megabytes}-megabytes")
        project.replace(_TRAINING, _DUMP, _DUMP_MORE.replace("MEGABYTES", str(megabytes)))
        publish(project)
        idle = race([nox(project, "upload")])
        steps = [_step(project, session) for session in ("train", "package", "upload")]
        busy = race(steps, _edit(_TRAINING, only="nox -s train"), FEW_ROUNDS)
        rows[name] = (*busy.values(), *idle.values())
    about = (
        "The training is edited before each round. `package` tests, builds and proves as well,\n"
        "`upload` verifies too. The model reads its artefact anew for each answer.\n"
        f"Rounds: {FEW_ROUNDS}."
    )
    heads = ("artefact", *(f"`nox -s {name}`" for name in ("train", "package", "upload")), "idle")
    return Growth("Size of the artefact", about, heads, rows)


def with_steps(listing: Times, *idle: Times, sessions: Sequence[str]) -> Growth:
    """Return the table of idle runs by how many steps each looks at.

    Args:
        listing: `nox -l`, which looks at none.
        idle: A run with nothing to do of each session.
        sessions: Their names.
    """
    rows = {"0 (`nox -l`)": (listing,)}
    for name, times in zip(sessions, idle, strict=True):
        rows[f"{len(_reach(name))} (`nox -s {name}`)"] = (times,)
    about = "The reference model, published; nothing has changed."
    return Growth("Idle, by the number of steps", about, ("steps", "idle"), rows)


def _project(folder: Path, name: str) -> TinyProject:
    """Return a project; all share the environments, for they have one lock."""
    return make_tiny(folder / name, folder / "env")


def _step(project: TinyProject, session: str) -> Entrant:
    """Return a session whose step must run: its record is written anew."""
    record = project.root / "build" / ".trainwheel" / f"{session}.json"
    return replace(nox(project, session), product=record)


def _pytest(project: TinyProject) -> Entrant:
    python = project.envdir / "packages-test" / "bin" / "python"
    report = project.root / "build" / "plain.xml"
    options = ("-q", "-p", "no:cacheprovider", "--cov=tiny_model", f"--junitxml={report}")
    argv = (str(python), "-m", "pytest", "tests", *options)
    env = {**project.variables, "PYTHONPATH": "model"}
    return Entrant("pytest", argv, project.root, env, "", report)


def _edit(name: str, *, only: str = "") -> Callable[[Entrant, int], None]:
    """Return what adds a line to a file before each run, or before those of one command."""

    def edit(entrant: Entrant, number: int) -> None:
        if not only or entrant.name == only:
            with (entrant.cwd / name).open("a", encoding="utf-8") as stream:
                stream.write(f"# {number} {entrant.name}\n")

    return edit


def _tests_of(number: int) -> str:
    lines = ["from tiny_model.classifier import predict_record"]
    for test in range(_TESTS_A_FILE):
        lines += ["", "", f"def test_{test}():", f'    record = {{"x": {number * 10 + test}}}']
        lines += [f'    assert predict_record(record)["value"] == {(number * 10 + test) * 2}']
    return "\n".join(lines) + "\n"


def _reach(name: str) -> set[str]:
    """Return a step and all that it needs."""
    needs = {step.name: step.needs for step in load_chain().steps}
    return {name}.union(*map(_reach, needs[name]))
