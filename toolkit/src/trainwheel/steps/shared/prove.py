"""Prove a wheel: install it into an empty environment, away from the sources, and use it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.golden import GoldenRow, compare_answers, join, show_difference
from trainwheel.guest import PREDICT, PROVE
from trainwheel.install.bytecode import site_packages
from trainwheel.install.environments import Installer, python_of
from trainwheel.system.environ import Environment
from trainwheel.system.process import Command, Completed, run
from trainwheel.wheel.proof import Proof

__all__ = ["Model", "SystemTests", "ask", "prove"]

_NOTICE, _CARRIES = "notice: ", "carries: "
_GOLDEN = "golden records"


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


def prove(
    proof: Proof,
    wheel: str,
    installer: Installer,
    *,
    wheel_installer: Installer | None = None,
    tests: SystemTests | None = None,
) -> None:
    """Install a wheel and check that it is complete, consistent, and predicts as in training.

    Args:
        proof: The predictions and packages to hold the wheel to.
        wheel: The requirement line that installs it by digest and nothing else.
        installer: Installs the locked packages.
        wheel_installer: Installs the wheel, if that comes from another index.
        tests: The model's system tests.

    Raises:
        StepFailedError: It cannot be installed, or predicts something else, which is named.
    """
    with installer.throw_away() as folder:
        python = python_of(folder / "env")
        (wheel_installer or installer).install(python, wheel, "--no-deps", "--no-cache")
        installer.install(python, proof.requirements)
        installer.check(python)
        beside = () if tests is None else (tests.home,)
        variables = installer.variables(folder / "env", *beside)
        model = Model(proof.predict, python, installer.environment, installer.log, variables)
        if tests is None:
            rows = ask(model, [row.input for row in proof.golden], folder / "golden")
            _compare(proof, rows)
        else:
            _ask_and_test(proof, model, tests, folder)


def ask(  # noqa: PLR0913 - a model's answers, and two callbacks
    model: Model,
    inputs: Sequence[dict[str, object]],
    folder: Path,
    *,
    notice: Callable[[str], None] | None = None,
    carries: Callable[[str], None] | None = None,
    artefact: Path | None = None,
    what: str = _GOLDEN,
) -> tuple[GoldenRow, ...]:
    """Return a model's predictions for inputs, made in a process of its own.

    Args:
        model: The model.
        inputs: The records.
        folder: A folder that is made here.
        notice: Called with each oddity of the estimators that were loaded.
        carries: Called with each class of estimator that contains training rows.
        artefact: The model's file, to be inspected if the function keeps no model.
        what: What an error calls the inputs.

    Raises:
        StepFailedError: The function failed or returned no JSON value; the row is named.
    """
    files = _write_inputs(inputs, folder)
    argv = (
        *(str(model.python), "-P", str(PREDICT), model.function, *files),
        *((str(artefact),) if artefact is not None else ()),
    )
    result = run(Command(argv, cwd=folder, env=model.variables), model.environment, log=model.log)
    if result.failed:
        _refuse_failure(model, what, result)
    for line in result.output.splitlines():
        for report, start in ((notice, _NOTICE), (carries, _CARRIES)):
            if report is not None and line.startswith(start):
                report(line.removeprefix(start))
    return join(inputs, (folder / "outputs.jsonl").read_text(encoding="utf-8"))


def _write_inputs(inputs: Sequence[dict[str, object]], folder: Path) -> tuple[str, str]:
    """Write the records, and return the names of this file and of that of the predictions."""
    folder.mkdir()
    records = "".join(f"{json.dumps(record)}\n" for record in inputs)
    (folder / "inputs.jsonl").write_text(records, encoding="utf-8")
    return "inputs.jsonl", "outputs.jsonl"


def _refuse_failure(model: Model, what: str, result: Completed) -> NoReturn:
    message = f"{model.function} does not predict the {what}: {result.last_line}"
    raise StepFailedError(message)


def _ask_and_test(proof: Proof, model: Model, tests: SystemTests, folder: Path) -> None:
    """Repeat the golden predictions, and run the system tests in the same process."""
    copy, golden = folder / "tests", folder / "golden"
    shutil.copytree(tests.folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    inputs = [row.input for row in proof.golden]
    files = _write_inputs(inputs, golden)
    packages = site_packages(tests.home)
    words = (model.function, *files, str(packages), str(copy))
    command = Command(
        (str(model.python), "-P", str(PROVE), *words), cwd=golden, env=model.variables
    )
    result = run(command, model.environment, log=model.log)
    outputs = golden / files[-1]
    if not outputs.is_file():
        _refuse_failure(model, _GOLDEN, result)
    _compare(proof, join(inputs, outputs.read_text(encoding="utf-8")))
    if result.failed:
        message = f"the wheel does not pass the system tests: {result.last_line}"
        raise StepFailedError(message)


def _compare(proof: Proof, rows: Sequence[GoldenRow]) -> None:
    """Check that predictions are those of training.

    Raises:
        StepFailedError: One is not.
    """
    differences = compare_answers(proof.golden, rows, proof.tolerance)
    if differences:
        message = f"{proof.wheel} predicts differently than in training: {differences[0]}"
        if len(differences) > 1:
            message += f", and {len(differences) - 1} more"
        raise StepFailedError(message, details=show_difference(differences[0]))
