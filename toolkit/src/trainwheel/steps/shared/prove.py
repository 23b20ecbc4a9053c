"""Prove a wheel: install it into an empty environment, away from the sources, and use it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.golden import GoldenRow, compare_answers, join, show_difference
from trainwheel.guest import PREDICT, PROVE
from trainwheel.index.pip import UvSettings
from trainwheel.install.bytecode import site_packages
from trainwheel.install.environments import Installer, python_of
from trainwheel.system.command import Command, Completed
from trainwheel.system.environ import Environment
from trainwheel.system.ignored import IGNORED_NAMES
from trainwheel.system.process import run
from trainwheel.wheel.proof import Proof

__all__ = ["Model", "Repeated", "SystemTests", "ask", "prove", "prove_file"]

_NOTICE, _CARRIES = "notice: ", "carries: "
_WIDTH = 400


@dataclass(frozen=True)
class SystemTests:
    """Tests that the installed wheel must pass.

    Args:
        folder: The tests; they run from a copy elsewhere.
        home: An environment with the packages that they need in addition.
    """

    folder: Path
    home: Path


@dataclass(frozen=True)
class Model:
    """A model that can predict.

    Args:
        function: Its public function, ``MODULE:FUNCTION``.
        python: An interpreter that can import it.
        environment: The variables of this run.
        log: The file that gets its output.
        variables: Set for the process that predicts.
    """

    function: str
    python: Path
    environment: Environment
    log: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Repeated:
    """Held-out rows that a wheel answers again.

    Args:
        rows: Number of the row in ``holdout.jsonl``, from 1 → the record and its answer.
        folder: Where they may be written while they are asked: below ``build/``, which they never
            leave.
    """

    rows: Mapping[int, GoldenRow]
    folder: Path

    @property
    def names(self) -> list[str]:
        """What an error calls each row."""
        return [f"row {number} of holdout.jsonl" for number in self.rows]


def prove(  # noqa: PLR0913 - a wheel, what installs it, and what it is held to
    proof: Proof,
    install: Callable[[Path], object],
    installer: Installer,
    *,
    is_last: bool = False,
    tests: SystemTests | None = None,
    held_out: Repeated | None = None,
) -> None:
    """Install a wheel and check that it is complete, consistent, and predicts as in training.

    Args:
        proof: The predictions and packages to hold the wheel to.
        install: Installs it into an environment.
        installer: Installs the locked packages.
        is_last: Whether it is installed after them, by what would fetch them otherwise.
        tests: The model's system tests.
        held_out: Held-out rows, whose answers must be those that were measured.

    Raises:
        StepFailedError: It cannot be installed, or predicts something else, which is named.
    """
    with installer.throw_away() as folder:
        rows = held_out or Repeated({}, folder / "golden")
        home, python = folder / "env", python_of(folder / "env")
        if not is_last:
            install(home)
        with installer.filled(home, proof.requirements) as beside:
            if is_last:
                install(home)
            installer.check(python)
            homes = beside if tests is None else (*beside, tests.home)
            variables = installer.variables(home, *homes)
            model = Model(proof.predict, python, installer.environment, installer.log, variables)
            question = Question(
                [row.input for row in (*proof.golden, *rows.rows.values())],
                rows.folder,
                [*_names("golden.jsonl", len(proof.golden)), *rows.names],
            )
            script: tuple[Path | str, ...] = (PREDICT, proof.predict, *question.files)
            if tests is not None:
                copy = folder / "tests"
                shutil.copytree(tests.folder, copy, ignore=shutil.ignore_patterns(*IGNORED_NAMES))
                script = (PROVE, *script[1:], site_packages(tests.home), copy)
            result = _run(model, question, script, folder)
        _compare(proof, rows, question.answers(model, result))
        if result.failed:
            message = f"the wheel does not pass the system tests: {result.reason}"
            hint = f"they do not get {result.withheld}" if result.withheld else ""
            raise StepFailedError(message, hint=hint)


def prove_file(
    proof: Proof,
    wheel: Path,
    installer: Installer,
    *,
    tests: SystemTests | None = None,
    held_out: Repeated | None = None,
) -> None:
    """Prove a wheel on this disk, as `prove` does; nothing else can be what is installed."""
    line = f"{proof.name} @ {wheel.as_uri()} --hash=sha256:{proof.sha256}\n"
    alone = replace(installer, bound_to=UvSettings({}, ("--no-index",)))

    def install(home: Path) -> None:
        alone.install(python_of(home), line, "--no-deps", "--no-cache")

    prove(proof, install, installer, tests=tests, held_out=held_out)


def ask(  # noqa: PLR0913 - a model's answers, and two callbacks
    model: Model,
    inputs: Sequence[dict[str, object]],
    folder: Path,
    *,
    notice: Callable[[str], None] | None = None,
    carries: Callable[[str], None] | None = None,
    artefact: Path | None = None,
    what: str = "golden.jsonl",
) -> tuple[GoldenRow, ...]:
    """Return a model's predictions for inputs, made in a process of its own.

    Args:
        model: The model.
        inputs: The records.
        folder: A folder that is made here.
        notice: Called with each oddity of the estimators that were loaded.
        carries: Called with each class of estimator that contains training rows.
        artefact: The model's file, to be inspected if the function keeps no model.
        what: The file that an error says the inputs are rows of.

    Raises:
        StepFailedError: The function failed or returned no JSON value; the row is named.
    """
    question = Question(inputs, folder, _names(what, len(inputs)))
    more = () if artefact is None else (artefact,)
    result = _run(model, question, (PREDICT, model.function, *question.files, *more), folder)
    rows = question.answers(model, result)
    if result.failed:
        question.refuse(model, result)
    for line in result.output.splitlines():
        for report, start in ((notice, _NOTICE), (carries, _CARRIES)):
            if report is not None and line.startswith(start):
                report(line.removeprefix(start))
    return rows


def _run(model: Model, question: Question, script: Sequence[Path | str], folder: Path) -> Completed:
    """Let a script predict the records, in a folder away from the sources."""
    question.write()
    argv = (str(model.python), "-P", *map(str, script))
    return run(Command(argv, cwd=folder, env=model.variables), model.environment, log=model.log)


def _names(file: str, count: int) -> list[str]:
    return [f"row {number} of {file}" for number in range(1, count + 1)]


@dataclass(frozen=True)
class Question:
    """Records that a process is asked to predict, and the files by which that happens.

    Args:
        inputs: The records.
        folder: A folder that is made for the files.
        names: What an error calls each record.
    """

    inputs: Sequence[dict[str, Any]]
    folder: Path
    names: Sequence[str]

    @property
    def files(self) -> tuple[Path, Path]:
        """The file of the records, and that of the predictions."""
        return self.folder / "inputs.jsonl", self.folder / "outputs.jsonl"

    def write(self) -> None:
        """Write the records."""
        self.folder.mkdir()
        text = "".join(f"{json.dumps(record)}\n" for record in self.inputs)
        self.files[0].write_text(text, encoding="utf-8")

    def answers(self, model: Model, result: Completed) -> tuple[GoldenRow, ...]:
        """Return each record with the answer to it.

        Raises:
            StepFailedError: There is none to one of them, which is named.
        """
        outputs = self.files[1]
        if not outputs.is_file():
            self.refuse(model, result)
        return join(self.inputs, outputs.read_text(encoding="utf-8"))

    def refuse(self, model: Model, result: Completed) -> NoReturn:
        """Raise an error with all that is known of a record that was not answered."""
        failure, part = (self.folder / f"outputs.jsonl.{end}" for end in ("failure", "part"))
        early = f"its process ended with exit code {result.returncode} before it had answered"
        reason = result.reason if result.returncode < 0 else early
        facts: dict[str, Any] = {"error": [reason], "place": "", "hint": ""}
        if failure.is_file():
            facts = json.loads(failure.read_bytes())
        elif part.is_file():
            # It died, and the answers up to then are there.
            facts["number"] = part.read_bytes().count(b"\n") + 1
        number, redact = facts.get("number", 0), model.environment.secrets.redact
        lines = redact("\n".join(facts["error"])).splitlines()
        name = self.names[number - 1] if 0 < number <= len(self.names) else ""
        does = f"does not predict {name}" if name else "cannot be asked"
        message = f"{model.function} {does}: {' '.join(' '.join(lines).split())[:_WIDTH]}"
        place = ", ".join(filter(None, (name, facts["place"])))
        details = [f"{place}:", *(f"  {line}" for line in lines)]
        asked = f"it does not get {result.withheld}" if result.withheld else ""
        hints = (facts["hint"], asked, f"see {_path(model.log)}" if model.log else "")
        hint = "; ".join(filter(None, hints))
        raise StepFailedError(message, hint=hint, details=details if facts["place"] else ())


def _path(log: Path) -> Path:
    return log.relative_to(Path.cwd()) if log.is_relative_to(Path.cwd()) else log


def _compare(proof: Proof, held_out: Repeated, rows: Sequence[GoldenRow]) -> None:
    """Check that predictions are those of training.

    Raises:
        StepFailedError: One is not.
    """
    count = len(proof.golden)
    golden = compare_answers(proof.golden, rows[:count], proof.tolerance)
    others = compare_answers([*held_out.rows.values()], rows[count:], proof.tolerance)
    more = len(golden) + len(others) - 1
    rest = f", and {more} more" if more > 0 else ""
    for first in golden:
        message = f"{proof.wheel} predicts differently than in training: {first}{rest}"
        raise StepFailedError(message, details=show_difference(first))
    for first in others:
        # Its input is not shown: held-out rows leave the build folder nowhere.
        message = (
            f"{proof.wheel} answers {held_out.names[first.number - 1]} differently than the "
            f"sources do: {first.where} was {first.expected!r}, is {first.got!r}{rest}"
        )
        hint = "let the wheel contain all that predict reads, and predict depend on nothing else"
        raise StepFailedError(message, hint=hint)
