"""Prove the wheel with each Python that it is promised for, and what would be installed there."""

from __future__ import annotations

import contextlib
import contextvars
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from trainwheel.engine.chain import FORCE, JOBS, VERBOSE, WAIT, Files, Step
from trainwheel.engine.execute import run_step, settle
from trainwheel.engine.inputs import SHIPPED
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError, NoEnvironmentError, StepFailedError
from trainwheel.guest import PREDICT
from trainwheel.steps.package import build_plain, finish_wheel
from trainwheel.steps.report import write_report
from trainwheel.steps.shared.release import Release, read_release
from trainwheel.steps.shared.staging import (
    LIBRARIES,
    is_published,
    locked_libraries,
    matrix_key,
)
from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.environ import python_version
from trainwheel.system.files import remove, scratch_folder
from trainwheel.system.turns import aside, turn
from trainwheel.wheel.metadata import read_pythons, read_requirements

if TYPE_CHECKING:
    from trainwheel.index.pip import UvSettings
    from trainwheel.install.bytecode import Interpreter
    from trainwheel.install.environments import Installer
    from trainwheel.wheel.proof import Proof

__all__ = ["STEP"]

INSTALLED = "what would be installed"
"""What only the machine and its index know."""

_PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)
_AT_ONCE = 2
"""Models in memory beside each other."""


@dataclass(frozen=True)
class Cell:
    """A Python, and what the requirements of the wheel would install there.

    Args:
        python: As ``3.12``.
        interpreter: The Python of this machine.
        packages: Lines with pins and digests.
    """

    python: str
    interpreter: Interpreter
    packages: str

    @property
    def versions(self) -> dict[str, str]:
        """Name → version of each of the libraries that decide about numbers."""
        return _libraries(self.packages)

    @property
    def home(self) -> str:
        """The name of its environment."""
        return f"prove-{self.python}-{digest_json(asdict(self))[:12]}"

    def __str__(self) -> str:
        """Return what an error calls it."""
        return ", ".join([f"Python {self.python}", *map(" ".join, self.versions.items())])


@dataclass(frozen=True)
class Plan:
    """What is to be proved, and why the rest of what is promised is not."""

    promised: tuple[str, ...]
    cells: tuple[Cell, ...]
    unproved: Mapping[str, str]


def _libraries(packages: str) -> dict[str, str]:
    pins = dict(_PIN.findall(packages))
    return {name: pins[name] for name in LIBRARIES if name in pins}


def _run(run: Run) -> None:
    """Prove the wheel that would be released, unless that is done or published already."""
    layout = run.workspace.layout
    release = read_release(layout.release)
    if not release.releases:
        run.console.outcome("prove", f"nothing to prove, {release.reason}")
        return
    with scratch_folder(layout.scratch, "prove-plain") as folder:
        plain = build_plain(run, release, folder, "prove")
        plan = _plan(run, plain)
        learned = {INSTALLED: digest_json(asdict(plan))}
        run_step(run, STEP, lambda at: _prove(run, release, plain, plan, at), learned=learned)
    current = {cell.home for cell in plan.cells}
    for home in run.tools.folder.glob("prove-*"):
        if home.name not in current:
            remove(home)
    settle(run, STEP)
    if layout.verdict.is_file():
        write_report(run)


def _plan(run: Run, wheel: Path) -> Plan:
    """Return what is to be proved; nothing is fetched but pages of the index.

    Raises:
        StepFailedError: An index does not answer, or nothing can be installed under this Python.
    """
    from trainwheel.install.lock_environment import read_interpreter

    here = python_version().rpartition(".")[0]
    promised, unproved = read_pythons(wheel, here), dict[str, str]()
    cells: list[Cell] = []
    with _resolver(run, wheel) as resolver:
        for python in promised:
            try:
                interpreter = read_interpreter(python, run.environment)
            except ConfigurationError:
                unproved[python] = "not on this machine"
                continue
            under = replace(resolver, python=interpreter.program, version=python)
            try:
                listings, reasons = under.corners()
            except _NothingFitsError as error:
                # Without a word of wheels it is the index that has not what the lock is made of.
                if python == here and "wheels" not in error.message:
                    message = f"nothing can be installed under Python {python}: {error.message}"
                    raise StepFailedError(message) from None
                run.console.notice(f"Python {python} is not proved: {error.message}")
                unproved[python] = "no wheels that fit"
                continue
            unproved |= {f"{python}{what}": reason for what, reason in reasons.items()}
            cells += [Cell(python, interpreter, text) for text in dict.fromkeys(listings)]
    return Plan(promised, tuple(cells), unproved)


@contextlib.contextmanager
def _resolver(run: Run, wheel: Path) -> Iterator[_Resolver]:
    from trainwheel.index.access import for_uv, parse_address

    installer, environment = run.tools.installer("prove"), run.environment
    with run.tools.served_index() as address:
        settings = installer.settings
        if address:
            index = parse_address("the indexes", address, environment.secrets)
            settings = for_uv(index, environment.variables)
        yield _Resolver(installer, settings, read_requirements(wheel))


@dataclass(frozen=True)
class _Resolver:
    """Asks uv what would be installed.

    Args:
        installer: Starts uv.
        settings: Where it looks.
        requirements: Those of the wheel.
        python: The program for which it is asked.
        version: Of that Python, as ``3.12``.
    """

    installer: Installer
    settings: UvSettings
    requirements: Sequence[str]
    python: str = ""
    version: str = ""

    def corners(self) -> tuple[list[str], dict[str, str]]:
        """Return what pip may install: the newest and the oldest numpy, with such a scipy.

        What the wheel requires through others is the newest in any case: how old that may be is
        their promise.

        Returns:
            Lines with pins and digests for each, and why some of them are not there.

        Raises:
            _NothingFitsError: No wheels fit together.
        """
        newest = self.resolve()
        new = _libraries(newest)
        oldest = self.resolve(*new, is_oldest=True)
        old, first = _libraries(oldest), next(iter(new), "")
        listings, reasons = [newest, oldest], dict(self._unreached(old))
        if len(new) == len(LIBRARIES) and old[first] != new[first]:
            listings.append(self.resolve(*new, f"{first}=={new[first]}", is_oldest=True))
            listings.append(self.resolve(*new, f"{first}=={old[first]}"))
        return listings, reasons

    def _unreached(self, oldest: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield each lower bound in the wheel's requirements that no wheel reaches."""
        here = {"python_version": self.version, "python_full_version": f"{self.version}.0"}
        for requirement in map(Requirement, self.requirements):
            name, marker = canonicalize_name(requirement.name), requirement.marker
            counts = name in oldest and (marker is None or marker.evaluate({**here, "extra": ""}))
            for bound in requirement.specifier if counts else ():
                if bound.operator == ">=" and Version(bound.version) < Version(oldest[name]):
                    yield f" with {name} {bound.version}", "no wheel that fits"

    def resolve(self, *more: str, is_oldest: bool = False) -> str:
        """Return lines with pins and digests for the wheel's requirements and more lines.

        Raises:
            _NothingFitsError: No wheels fit together.
            StepFailedError: uv failed otherwise.
        """
        plain = ("--quiet", "--no-header", "--no-annotate", "--generate-hashes")
        place = ("--only-binary", ":all:", "--python", self.python, *self.settings.arguments)
        options = (*plain, *place, "--resolution", "lowest-direct" if is_oldest else "highest")
        text = "".join(f"{line}\n" for line in (*self.requirements, *more))
        try:
            result = self.installer.uv(
                "pip", "compile", *options, "-", stdin=text, settings=self.settings
            )
        except StepFailedError as error:
            _, is_solver, reason = error.message.partition("No solution found")
            if is_solver:
                raise _NothingFitsError(reason.partition(":")[2].strip()) from None
            raise
        return result.output


class _NothingFitsError(StepFailedError):
    """No wheels fit the requirements and the Python; the message is uv's explanation."""


def _prove(run: Run, release: Release, plain: Path, plan: Plan, scratch: Path) -> Mapping[str, str]:
    """Prove each cell, and write the matrix of them.

    Raises:
        StepFailedError: The wheel cannot be installed or predicts something else in one of them.
    """
    workspace, folder = run.workspace, scratch / run.workspace.layout.proved.name
    folder.mkdir()
    wheel = scratch / plain.name
    proof = finish_wheel(run, release, plain, wheel, {})
    _each(plan.cells, lambda cell: _prove_cell(run, proof, wheel, cell), at_once=run.jobs)
    cells = [{"python": cell.python, **cell.versions} for cell in plan.cells]
    # Two of them may differ in other packages.
    rows = [cell for number, cell in enumerate(cells) if cell not in cells[:number]]
    rows.sort(key=lambda cell: [Version(version) for version in cell.values()])
    matrix = {"promised": plan.promised, "cells": rows, "unproved": plan.unproved}
    matrix["key"] = matrix_key(workspace)
    path = folder / workspace.layout.matrix.name
    path.write_text(json.dumps(matrix, indent=1) + "\n", encoding="utf-8")
    pythons = list(dict.fromkeys(cell.python for cell in plan.cells))
    summary = f"{len(cells)} installations, Python {', '.join(pythons)}"
    return {"summary": "; ".join([summary, *_unproved(plan.unproved)])}


def _unproved(unproved: Mapping[str, str]) -> Iterator[str]:
    return (f"not proved: Python {what} ({reason})" for what, reason in unproved.items())


def _each(cells: Iterable[Cell], work: Callable[[Cell], object], *, at_once: int) -> None:
    """Do something with each cell, two at a time; raise the error of the first that failed."""

    def in_turn(cell: Cell) -> None:
        with turn():
            work(cell)

    with aside(), ThreadPoolExecutor(min(at_once, _AT_ONCE)) as pool:
        # Each prints, and gives way to others, as this step does.
        run_here = [(contextvars.copy_context().run, cell) for cell in cells]
        futures = [pool.submit(run, in_turn, cell) for run, cell in run_here]
        try:
            for future in futures:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _prove_cell(run: Run, proof: Proof, wheel: Path, cell: Cell) -> None:
    from trainwheel.steps.shared.prove import prove_file

    plain, home = run.tools.installer("prove"), run.tools.folder / cell.home
    bytecode = plain.bytecode and replace(plain.bytecode, interpreter=cell.interpreter)
    own = replace(plain, interpreter=cell.interpreter, bytecode=bytecode)
    installer = replace(own, holding=lambda packages: _hold(own, home, packages))
    try:
        prove_file(replace(proof, requirements=cell.packages), wheel, installer)
    except NoEnvironmentError:
        raise  # that is not for the model's code
    except StepFailedError as error:
        message, hint = f"{cell}: {error.message}", _advise(run.workspace, cell)
        raise StepFailedError(message, hint=hint, details=error.details) from None


@contextlib.contextmanager
def _hold(installer: Installer, home: Path, packages: str) -> Iterator[Path]:
    """Yield the environment of a cell, which later runs use again, and check it afterwards."""
    from trainwheel.install.stamp import changes_in, sum_up

    installer.ensure(home, packages)
    yield home
    if changes := changes_in(home):
        message = f"its environment changed while it predicted: {sum_up(changes)}"
        raise StepFailedError(message)


def _advise(workspace: Workspace, cell: Cell) -> str:
    """Return how to promise less, or what differs from the packages that it was tested with."""
    tested = locked_libraries(workspace)
    bounds = [
        f'{name} = "{">=" if Version(version) < Version(tested[name]) else "<="}{tested[name]}"'
        for name, version in cell.versions.items()
        if tested.get(name, version) != version
    ]
    less = f"narrow python_requires and the classifiers to leave out Python {cell.python}"
    if not bounds:
        return less
    bound = f"bound it in [packages] of the Pipfile, as in {' and '.join(bounds)}"
    return f"{bound}, and run `nox -s lock sync`; or {less}"


def _facts(workspace: Workspace) -> dict[str, str]:
    config = workspace.config
    return {
        **workspace.environment.facts,
        "the release": read_release(workspace.layout.release).release_key,
        "tool.trainwheel.predict": config.predict,
        "tool.trainwheel.tolerance": str(config.tolerance),
        "the script that predicts": digest_file(PREDICT),
    }


STEP = Step(
    name="prove",
    target="prove.model",
    help="Prove the wheel with each Python that it is promised for",
    run=_run,
    needs=("report", "version"),
    awaits=("test",),
    is_link=True,
    is_optional=True,
    category="package",
    alone=True,
    inputs=(
        SHIPPED,
        Files("the golden predictions", lambda here: here.files(here.layout.golden)),
    ),
    facts=_facts,
    learns=(INSTALLED,),
    outputs=lambda layout: (layout.proved,),
    is_settled=is_published,
    follows_records=("train", "version"),
    flags=(FORCE, WAIT, VERBOSE, JOBS),
)
