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
        folder: Where they stand; they run from a copy elsewhere.
        requirements: Locked packages that they need on top, with hashes.
    """

    folder: Path
    requirements: str


@dataclass(frozen=True)
class Model:
    """A model that can be asked.

    Args:
        door: Its public function, ``MODULE:FUNCTION``.
        python: An interpreter whose environment can import it.
        environment: The variables of this run.
        log: Where its output is kept.
        variables: Set for the process that answers.
    """

    door: str
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
    """Install a wheel and check that it is whole, fits together, and predicts as it was trained.

    Args:
        proof: What the wheel promises.
        wheel: The requirement line that installs it by digest and nothing else.
        installer: Installs the locked packages.
        wheel_installer: Installs the wheel, where it comes from an index of its own.
        tests: The model's system tests.

    Raises:
        StepFailedError: It does not keep its promise; says what it did instead.
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


def ask(  # noqa: PLR0913 - what is asked, and who is told
    model: Model,
    inputs: Sequence[dict[str, object]],
    folder: Path,
    *,
    notice: Callable[[str], None] | None = None,
    carries: Callable[[str], None] | None = None,
    artefact: Path | None = None,
    what: str = "golden records",
) -> tuple[GoldenRow, ...]:
    """Return a model's answers to inputs, given by a process of its own.

    Args:
        model: Whom to ask.
        inputs: The records.
        folder: A fresh folder, which is made.
        notice: Is told what is odd about the estimators that were loaded.
        carries: Is told of each kind of estimator among them that carries training rows.
        artefact: The model's file, to be looked into where the function keeps no model.
        what: What the inputs are called, should one of them have no answer.

    Raises:
        StepFailedError: The function failed, or answered with what is no JSON value; names the row.
    """
    folder.mkdir()
    records = "".join(f"{json.dumps(record)}\n" for record in inputs)
    (folder / "inputs.jsonl").write_text(records, encoding="utf-8")
    argv = (
        *(str(model.python), "-P", str(PREDICT), model.door, "inputs.jsonl", "outputs.jsonl"),
        *((str(artefact),) if artefact is not None else ()),
    )
    completed = run(
        Command(argv, cwd=folder, env=model.variables), model.environment, log=model.log
    )
    if completed.failed:
        message = f"{model.door} does not predict the {what}: {completed.last_line}"
        raise StepFailedError(message)
    for line in completed.output.splitlines():
        for told, start in ((notice, _NOTICE), (carries, _CARRIES)):
            if told is not None and line.startswith(start):
                told(line.removeprefix(start))
    return join(inputs, (folder / "outputs.jsonl").read_text(encoding="utf-8"))


def _repeat_golden(proof: Proof, python: Path, folder: Path, installer: Installer) -> None:
    inputs = [row.input for row in proof.golden]
    model = Model(proof.predict, python, installer.environment, installer.log)
    differences = compare_answers(proof.golden, ask(model, inputs, folder), proof.tolerance)
    if differences:
        message = f"{proof.wheel} predicts otherwise than training did: {differences[0]}"
        if len(differences) > 1:
            message += f", and {len(differences) - 1} more"
        raise StepFailedError(message, details=show_difference(differences[0]))


def _run_tests(tests: SystemTests, python: Path, folder: Path, installer: Installer) -> None:
    shutil.copytree(tests.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    argv = (
        *(str(python), "-P", "-m", "pytest", "-q", "--import-mode=importlib"),
        *("-p", "no:cacheprovider", "--rootdir", str(folder), "-c", os.devnull, str(folder)),
    )
    completed = run(Command(argv, cwd=folder), installer.environment, log=installer.log)
    if completed.failed:
        message = f"the wheel does not pass the system tests: {completed.last_line}"
        raise StepFailedError(message)
