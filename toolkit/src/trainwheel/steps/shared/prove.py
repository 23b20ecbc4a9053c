"""Prove a wheel: install it into an empty environment, away from the sources, and use it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.golden import GoldenRow, compare_answers, join, show_difference
from trainwheel.guest import PREDICT
from trainwheel.install.environments import Installer, python_of
from trainwheel.system.environ import Environment
from trainwheel.system.process import Command, run
from trainwheel.wheel.proof import Proof

__all__ = ["Model", "SystemTests", "ask", "prove"]

_NOTICE, _CARRIES = "notice: ", "carries: "


@dataclass(frozen=True)
class SystemTests:
    """Tests that the installed wheel must pass.

    Args:
        folder: The tests; they run from a copy elsewhere.
        requirements: Locked packages that they need in addition, with hashes.
    """

    folder: Path
    requirements: str


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
        _repeat_golden(proof, python, folder / "golden", installer)
        if tests is not None:
            installer.install(python, tests.requirements)
            _run_tests(tests, python, folder / "tests", installer)


def ask(  # noqa: PLR0913 - a model's answers, and two callbacks
    model: Model,
    inputs: Sequence[dict[str, object]],
    folder: Path,
    *,
    notice: Callable[[str], None] | None = None,
    carries: Callable[[str], None] | None = None,
    artefact: Path | None = None,
    what: str = "golden records",
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
    folder.mkdir()
    records = "".join(f"{json.dumps(record)}\n" for record in inputs)
    (folder / "inputs.jsonl").write_text(records, encoding="utf-8")
    argv = (
        *(str(model.python), "-P", str(PREDICT), model.function, "inputs.jsonl", "outputs.jsonl"),
        *((str(artefact),) if artefact is not None else ()),
    )
    result = run(Command(argv, cwd=folder, env=model.variables), model.environment, log=model.log)
    if result.failed:
        message = f"{model.function} does not predict the {what}: {result.last_line}"
        raise StepFailedError(message)
    for line in result.output.splitlines():
        for report, start in ((notice, _NOTICE), (carries, _CARRIES)):
            if report is not None and line.startswith(start):
                report(line.removeprefix(start))
    return join(inputs, (folder / "outputs.jsonl").read_text(encoding="utf-8"))


def _repeat_golden(proof: Proof, python: Path, folder: Path, installer: Installer) -> None:
    inputs = [row.input for row in proof.golden]
    model = Model(proof.predict, python, installer.environment, installer.log)
    differences = compare_answers(proof.golden, ask(model, inputs, folder), proof.tolerance)
    if differences:
        message = f"{proof.wheel} predicts differently than in training: {differences[0]}"
        if len(differences) > 1:
            message += f", and {len(differences) - 1} more"
        raise StepFailedError(message, details=show_difference(differences[0]))


def _run_tests(tests: SystemTests, python: Path, folder: Path, installer: Installer) -> None:
    shutil.copytree(tests.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    argv = (
        *(str(python), "-P", "-m", "pytest", "-q", "--import-mode=importlib"),
        *("-p", "no:cacheprovider", "--rootdir", str(folder), "-c", os.devnull, str(folder)),
    )
    result = run(Command(argv, cwd=folder), installer.environment, log=installer.log)
    if result.failed:
        message = f"the wheel does not pass the system tests: {result.last_line}"
        raise StepFailedError(message)
