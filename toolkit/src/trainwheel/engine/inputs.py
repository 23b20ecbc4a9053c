"""What a step depends on: its files, its parameters, its packages and its Python."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwheel.engine.chain import REPEATABILITY, STEP_BY_NAME
from trainwheel.engine.closure import Closure, import_closure, source_files
from trainwheel.engine.entry_points import entries_of, files_named
from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.project import Project
from trainwheel.errors import ConfigurationError
from trainwheel.requirements.lockfile import LockedRequirement, requirements
from trainwheel.settings.config import SNAPSHOT
from trainwheel.system.digest import digest_json
from trainwheel.system.files import everything_below, list_files

__all__ = ["Inputs", "fingerprint", "read_inputs", "told_facts", "training_closure"]

MEASURED = (
    *("metrics.json", "predictions.csv", "holdout.jsonl"),
    *("params.json", "data.json", "training.json"),
)
"""What the report and the gate look at, of all that training writes."""

_PYTHON, _PLATFORM, _PACKAGE = "Python", "the platform", "package "


@dataclass(frozen=True)
class Inputs:
    """The files that a step depends on.

    Args:
        names: Absolute paths.
        widened_by: The import that cannot be told from its text, for which every file under the
            source root counts; empty where there is none.
    """

    names: frozenset[str]
    widened_by: str = ""


def fingerprint(project: Project, step: str, facts: Mapping[str, str]) -> Fingerprint:
    """Return what a step depends on now.

    Args:
        project: The model repository.
        step: The step's name.
        facts: What counts beside files, Python and the locked packages.

    Raises:
        ConfigurationError: Data is missing, or a link leads round in a circle.
    """
    names = sorted(read_inputs(project, step).names)
    python = ".".join(map(str, sys.version_info[:3]))
    own = {_PYTHON: f"{sys.implementation.name} {python}", **_packages(project, step)}
    if not STEP_BY_NAME[step].is_portable:
        own[_PLATFORM] = sysconfig.get_platform()
    return Fingerprint(project.digests.digests(project.root, names), {**facts, **own})


def told_facts(known: Fingerprint) -> dict[str, str]:
    """Return the facts of a fingerprint that it did not find out by itself."""
    return {
        name: value
        for name, value in known.facts.items()
        if name not in {_PYTHON, _PLATFORM} and not name.startswith(_PACKAGE)
    }


def read_inputs(project: Project, step: str) -> Inputs:
    """Return the files that a step depends on now.

    Raises:
        ConfigurationError: Data is missing, or a link leads round in a circle.
    """
    names: set[str] = set()
    widened_by = ""
    for group in STEP_BY_NAME[step].inputs:
        match group:
            case "training":
                closure = training_closure(project)
            case "tests":
                closure = _close(project, _tests(project))
            case _:
                closure = Closure(frozenset(_files(project, group)))
        names.update(map(str, closure.files))
        widened_by = widened_by or closure.widened_by
    return Inputs(frozenset(names), widened_by)


def training_closure(project: Project) -> Closure:
    """Return the files that training and the shipped classifier are made of.

    Raises:
        ConfigurationError: A link leads round in a circle.
    """
    return _close(project, ())


def _close(project: Project, tests: tuple[Path, ...]) -> Closure:
    """Return what training and the shipped classifier import, and these tests, with the tests."""
    root, source = project.root, project.source
    command = project.training_command(Path("MODEL"), Path("REPORT"))
    entries = entries_of(command, root, source)
    classifier = project.config.predict.partition(":")[0]
    closure = import_closure(
        (*(path for path in tests if path.suffix == ".py"), *(entries or ()), classifier),
        root=root,
        source=source,
        scan=project.digests.imports,
    )
    tracked = [root / name for name in project.tracked_data]
    named = (path for path in files_named(command, root)
             if not any(path.is_relative_to(place) for place in tracked))  # fmt: skip
    files = {*closure.files, *tests, *named}
    widened_by = closure.widened_by
    if entries is None:
        files.update(source_files(source, root))
        widened_by = "tool.trainwheel.train.command"
    return Closure(frozenset(files - project.trained), widened_by)


def _tests(project: Project) -> tuple[Path, ...]:
    """Return the tests, with the conftest.py of every folder above them up to the root."""
    folder = project.root / project.config.tests
    above = (
        parent / "conftest.py"
        for parent in folder.parents
        if project.root in (parent, *parent.parents)
    )
    return (*list_files(folder), *(path for path in above if path.is_file()))


def _files(project: Project, group: str) -> Iterator[Path]:
    config, root = project.config, project.root
    match group:
        case "source":
            yield from (path for path in list_files(project.source) if path not in project.trained)
        case "data":
            # What DVC tracks is told by the digest in its file, without being read.
            tracked = project.tracked_data
            for name in (*config.training_data, *config.inputs):
                told = f"{name}.dvc" if name in tracked else name
                yield from map(Path, _existing(root, told))
        case "tracked":
            yield from (root / f"{name}.dvc" for name in project.tracked_data)
        case "measured":
            written = (root / "build/train" / name for name in MEASURED)
            yield from (path for path in written if path.is_file())
        case "artefact":
            yield from project.trained
        case "package":
            yield from project.shipped_package()
        case "shipped":
            yield from (*project.shipped_package(), *project.trained)
            yield from (*project.metadata_files(), root / "Pipfile.lock")
        case _:
            yield from list_files(root / _folder(project, group))


def _folder(project: Project, group: str) -> str:
    return {
        "docs": project.config.docs,
        "system-tests": project.config.system_tests,
        "settings": "pyproject.toml",
        "golden": "build/train/golden.jsonl",
        "card": "build/train/model_card.md",
        "judged": "build/judge",
        "repeated": REPEATABILITY,
    }[group]


def _existing(root: Path, name: str) -> Iterator[str]:
    if not (root / name).exists():
        message = f"{name}, which training reads, does not exist"
        hint = "bring the data there, or correct tool.trainwheel.data in pyproject.toml"
        if name == SNAPSHOT:
            hint = "bring it with: nox -s data"
        raise ConfigurationError(message, hint=hint)
    return everything_below(root / name)


def _packages(project: Project, step: str) -> Mapping[str, str]:
    categories = project.categories(step)
    if categories not in project.package_facts:
        project.package_facts[categories] = {
            f"{_PACKAGE}{locked.name}": f"{locked.pin.removeprefix('==')} {_digest(locked)}"
            for locked in requirements(project.lock, *categories)
        }
    return project.package_facts[categories]


def _digest(locked: LockedRequirement) -> str:
    row = [locked.pin, locked.extras, locked.marker, locked.hashes, locked.kind]
    return digest_json(row)[:12]
