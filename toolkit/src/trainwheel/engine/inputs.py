"""What a step depends on: its files, its parameters, its packages and its Python."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from trainwheel.engine.chain import Files, Step
from trainwheel.engine.closure import Closure, import_closure, source_files
from trainwheel.engine.entry_points import entries_of, files_named
from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError
from trainwheel.requirements.lockfile import LockedRequirement, requirements
from trainwheel.settings.config import SNAPSHOT
from trainwheel.system.digest import digest_json
from trainwheel.system.environ import python_version
from trainwheel.system.files import everything_below

__all__ = [
    "ARTEFACT",
    "DATA",
    "MEASURED",
    "PACKAGE",
    "SHIPPED",
    "SOURCE",
    "TRAINING",
    "close",
    "digests_of",
    "files",
    "fingerprint",
    "learned_facts",
    "read_inputs",
]

_PYTHON, _PLATFORM, _PACKAGE = "Python", "the platform", "package "


def fingerprint(
    workspace: Workspace, step: Step, learned: Mapping[str, str] | None = None
) -> Fingerprint:
    """Return what a step depends on now.

    Args:
        workspace: The model repository.
        step: The step.
        learned: Facts that only a run finds out.

    Raises:
        ConfigurationError: Data is missing, or a link leads round in a circle.
        StepFailedError: The decision of an earlier step is missing.
    """
    names = sorted(map(str, read_inputs(workspace, step).files))
    facts = {
        **step.facts(workspace),
        **(learned or {}),
        _PYTHON: f"{sys.implementation.name} {python_version()}",
        **_packages(workspace, step),
    }
    if not step.is_portable:
        facts[_PLATFORM] = sysconfig.get_platform()
    return Fingerprint(workspace.digests.digests(workspace.layout.root, names), facts)


def digests_of(workspace: Workspace, *groups: Files) -> Mapping[str, str]:
    """Return the digest of each file of some groups: path relative to the root → sha256."""
    names = sorted({str(path) for group in groups for path in group.read(workspace).files})
    return workspace.digests.digests(workspace.layout.root, names)


def learned_facts(step: Step, record: Fingerprint) -> dict[str, str]:
    """Return the facts of a fingerprint that only a run finds out."""
    return {name: record.facts[name] for name in step.learns if name in record.facts}


def read_inputs(workspace: Workspace, step: Step) -> Closure:
    """Return the files that a step depends on now.

    Raises:
        ConfigurationError: Data is missing, or a link leads round in a circle.
    """
    closures = [group.read(workspace) for group in step.inputs]
    widened_by = next((each.widened_by for each in closures if each.widened_by), "")
    return Closure(frozenset().union(*(each.files for each in closures)), widened_by)


def files(words: str, read: Callable[[Workspace], Iterable[Path]]) -> Files:
    """Return a group of inputs.

    Args:
        words: Their description, for the manual.
        read: Returns the files as they are now.
    """
    return Files(words, lambda workspace: Closure(frozenset(read(workspace))))


def close(workspace: Workspace, tests: tuple[Path, ...] = ()) -> Closure:
    """Return the files that training, the shipped classifier and tests import, and the tests.

    Raises:
        ConfigurationError: A link leads round in a circle.
    """
    root, source = workspace.layout.root, workspace.layout.source
    command = workspace.training_command(Path("MODEL"), Path("REPORT"))
    entries = entries_of(command, root, source)
    classifier = workspace.config.predict.partition(":")[0]
    closure = import_closure(
        (*(path for path in tests if path.suffix == ".py"), *(entries or ()), classifier),
        root=root,
        source=source,
        scan=workspace.digests.imports,
    )
    data = [root / name for name in workspace.tracked_data]
    arguments = (path for path in files_named(command, root)
                 if not any(path.is_relative_to(place) for place in data))  # fmt: skip
    paths = {*closure.files, *tests, *arguments}
    widened_by = closure.widened_by
    if entries is None:
        paths.update(source_files(source, root))
        widened_by = "tool.trainwheel.train.command"
    belongs = workspace.made_by_training()
    return Closure(frozenset(path for path in paths if not belongs(path)), widened_by)


def _source(workspace: Workspace) -> Iterator[Path]:
    belongs = workspace.made_by_training()
    return (path for path in workspace.files(workspace.layout.source) if not belongs(path))


def _data(workspace: Workspace) -> Iterator[Path]:
    # DVC keeps the digest of the data in its own file: the data need not be read, or be there.
    config, dvc_names = workspace.config, workspace.tracked_data
    for name in (*config.training_data, *config.inputs):
        path = f"{name}.dvc" if name in dvc_names else name
        yield from _existing(workspace, path)


def _shipped(workspace: Workspace) -> Iterator[Path]:
    yield from (*workspace.shipped_package(), *workspace.trained())
    yield from (*workspace.metadata_files(), workspace.layout.root / "Pipfile.lock")


def _measured(workspace: Workspace) -> Iterator[Path]:
    layout = workspace.layout
    paths = (layout.metrics, layout.predictions, layout.holdout, layout.parameters,
             layout.data_digests, layout.run_facts)  # fmt: skip
    return (path for path in paths if path.is_file())


TRAINING = Files(
    "what training and `predict` import, directly or not, and the other files of those packages",
    close,
)
SOURCE = files("the sources below `source`", _source)
DATA = files("`data` and `inputs`", _data)
PACKAGE = files("the package that is shipped", Workspace.shipped_package)
ARTEFACT = files("the trained model", Workspace.trained)
SHIPPED = files(
    "the package, the model, the files that make the metadata, `Pipfile.lock`", _shipped
)
MEASURED = files("what training wrote of itself", _measured)
"""The files of training that the report and the gate read."""


def _existing(workspace: Workspace, name: str) -> list[Path]:
    place = workspace.layout.root / name
    if not place.exists():
        message = f"{name}, which training reads, does not exist"
        hint = "fetch the data, or correct tool.trainwheel.data in pyproject.toml"
        if name == SNAPSHOT:
            hint = "fetch it with: nox -s data"
        raise ConfigurationError(message, hint=hint)
    paths = list(workspace.files(place))
    if not paths and any(everything_below(place)):
        message = f"every file of {name} is ignored by its name"
        raise ConfigurationError(message, hint="name fewer in tool.trainwheel.ignore")
    return paths


def _packages(workspace: Workspace, step: Step) -> Mapping[str, str]:
    categories = step.categories(workspace.config)
    if categories not in workspace.package_facts:
        workspace.package_facts[categories] = {
            f"{_PACKAGE}{each.name}": f"{each.pin.removeprefix('==')} {_digest(each)}"
            for each in requirements(workspace.lock, *categories)
        }
    return workspace.package_facts[categories]


def _digest(each: LockedRequirement) -> str:
    return digest_json([each.pin, each.extras, each.marker, each.hashes, each.kind])[:12]
