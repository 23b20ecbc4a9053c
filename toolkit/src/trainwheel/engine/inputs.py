"""What a step depends on: its files, its parameters, its packages and its Python."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trainwheel.engine.chain import Files, Step
from trainwheel.engine.closure import import_closure, source_files
from trainwheel.engine.entry_points import code_of, entries_of, files_named, is_watched
from trainwheel.engine.fingerprint import Fingerprint, explain
from trainwheel.engine.layout import Layout
from trainwheel.engine.observed import TOOL_FOLDERS, Observed
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError
from trainwheel.guest import WATCH
from trainwheel.requirements.lockfile import LockedRequirement, requirements
from trainwheel.settings.config import SNAPSHOT
from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.environ import python_version
from trainwheel.system.files import everything_below

__all__ = [
    "ARTEFACT",
    "COMMAND",
    "DATA",
    "MEASURED",
    "PACKAGE",
    "SHIPPED",
    "SOURCE",
    "TRAINING",
    "Fence",
    "code_of_training",
    "completed",
    "counted",
    "declared_inputs",
    "digests_of",
    "fingerprint",
    "learned_facts",
    "makers",
    "read_inputs",
    "results_in",
    "unwatched",
]

_SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys",
           "/usr", "/var/cache")  # fmt: skip
_TOOL_CACHES = ("fontconfig", "matplotlib", "pip", "trainwheel", "uv")
_PYTHON, _PLATFORM, _PACKAGE = "Python", "the platform", "package "
_WATCH = "what watches its processes"


def fingerprint(
    workspace: Workspace,
    step: Step,
    learned: Mapping[str, str] | None = None,
    observed: Observed | None = None,
) -> Fingerprint:
    """Return what a step depends on now.

    Args:
        workspace: The model repository.
        step: The step.
        learned: Facts that only a run finds out.
        observed: What its processes read in a run; where there is none, what is assumed counts.

    Raises:
        ConfigurationError: Data is missing, or a link leads round in a circle.
        StepFailedError: The decision of an earlier step is missing.
    """
    return completed(workspace, step, declared_inputs(workspace, step, learned), observed)


def declared_inputs(
    workspace: Workspace, step: Step, learned: Mapping[str, str] | None = None
) -> Fingerprint:
    """Return the part that does not depend on what a run read, as `fingerprint` does."""
    facts = {
        **step.facts(workspace),
        **(learned or {}),
        _PYTHON: f"{sys.implementation.name} {python_version()}",
        **_packages(workspace, step),
    }
    if not step.is_portable:
        facts[_PLATFORM] = sysconfig.get_platform()
    if step.assumed:
        facts[_WATCH] = digest_file(WATCH)
    return Fingerprint(digests_of(workspace, *step.inputs), facts)


def completed(
    workspace: Workspace, step: Step, declared: Fingerprint, observed: Observed | None
) -> Fingerprint:
    """Return declared inputs with those that a run read; where there is none, what is assumed."""
    if observed is None:
        return replace(declared, files={**declared.files, **digests_of(workspace, *step.assumed)})
    root, ignored = workspace.layout.root, workspace.ignored
    files = workspace.digests.digests(root, observed.files_now(root, ignored, declared.files))
    facts = {**declared.facts, **observed.names_now(root, ignored)}
    return Fingerprint({**declared.files, **files}, facts)


def digests_of(workspace: Workspace, *groups: Files) -> Mapping[str, str]:
    """Return the digest of each file of some groups: path relative to the root → sha256."""
    names = sorted({str(path) for group in groups for path in group.read(workspace)})
    return workspace.digests.digests(workspace.layout.root, names)


def learned_facts(step: Step, record: Fingerprint) -> dict[str, str]:
    """Return the facts of a fingerprint that only a run finds out."""
    return {name: record.facts[name] for name in step.learns if name in record.facts}


def read_inputs(workspace: Workspace, step: Step) -> frozenset[str]:
    """Return the absolute paths that a step depends on now, whatever its processes read.

    Raises:
        ConfigurationError: Data is missing, or a link leads round in a circle.
    """
    return frozenset(str(path) for group in step.inputs for path in group.read(workspace))


def code_of_training(workspace: Workspace) -> frozenset[Path]:
    """Return the files that training and the shipped classifier import, by their text.

    Raises:
        ConfigurationError: A link leads round in a circle.
    """
    root, source = workspace.layout.root, workspace.layout.source
    entries = entries_of(_command(workspace), root, source)
    if entries is None:
        return frozenset(_source(workspace))
    classifier = workspace.config.predict.partition(":")[0]
    belongs = workspace.made_by_training()
    closure = import_closure((*entries, classifier), root=root, source=source)
    return frozenset(path for path in closure if not belongs(path))


def _named(workspace: Workspace) -> Iterator[Path]:
    """Yield the files that the training command names.

    Nobody sees what a program reads that is not a Python of the environment, or a worker of a
    cluster: what there is below the source root counts as well.
    """
    root, command = workspace.layout.root, _command(workspace)
    is_seen = is_watched(command) and workspace.config.engine == "local"
    places = [root / name for name in (*workspace.tracked_data, *workspace.config.training_data)]
    paths = {*files_named(command, root)}
    if not is_seen:
        code = code_of(command, root, workspace.layout.source)
        paths |= {*_source(workspace), *(path for path in code if isinstance(path, Path))}
    belongs = workspace.made_by_training()
    return (path for path in paths if not belongs(path)
            and not any(path.is_relative_to(place) for place in places))  # fmt: skip


def _command(workspace: Workspace) -> tuple[str, ...]:
    return workspace.training_command(Path("MODEL"), Path("REPORT"))


def unwatched(workspace: Workspace, environments: Path) -> tuple[str, ...]:
    """Return the folders of environments, interpreters and the system: nobody's inputs."""
    environment = workspace.environment
    home = environment.get("HOME") or "/nonexistent"
    caches = Path(environment.get("XDG_CACHE_HOME") or f"{home}/.cache")
    root = workspace.layout.root
    own = (environments, *(root / name for name in TOOL_FOLDERS - {"build"}))
    places = (*own, Path(__file__).parents[1], *map(Path, {sys.prefix, sys.base_prefix}),
              *(caches / name for name in _TOOL_CACHES))  # fmt: skip
    return tuple(
        sorted({*map(str, places), *(os.path.realpath(each) for each in places), *_SYSTEM})
    )


def counted(workspace: Workspace, step: Step, observed: Observed) -> Observed:
    """Return what counts of what a step's processes read.

    That is not: ignored names, what steps make, what a digest of DVC stands for, and what the
    step's tool reads of its own settings, for which there are facts. What was read in a copy of
    the package is a file of the package.
    """
    layout, ignored, belongs = workspace.layout, workspace.ignored, workspace.made_by_training()
    tracked = tuple(f"{name}/" for name in workspace.tracked_data)
    package = workspace.config.package_folder.removeprefix(workspace.config.source).lstrip("/")
    outputs = {path for each in step.outputs(layout) for path in (each, *each.parents)}
    # These are not there before the first run, and a search would list them from then on.
    own = {layout.relative(path) for path in outputs if layout.root in path.parents}
    copy = re.compile(rf"build/\.trainwheel/tmp/[^/]+/[^/]+/(?={re.escape(package)}/)")

    is_around = f"{workspace.config.tests}/".startswith  # where pytest looks for settings

    def original(name: str) -> str:
        return str(Path(copy.sub(f"{workspace.config.source}/", name)))

    def is_setting(name: str) -> bool:
        folder, _, last = name.rpartition("/")
        return last in step.settings and is_around(f"{folder}/" if folder else "")

    def counts(name: str, by: str = "-") -> bool:
        if ignored.matches(name) or (not by and is_setting(name)):
            return False
        if name.startswith("/"):
            return step.keeps_results  # what data is fetched from says itself whether it changed
        if name.startswith("build/"):
            return name.startswith("build/data/")
        return not (name in workspace.tracked_data or name.startswith(tracked)
                    or belongs(layout.root / name))  # fmt: skip

    def is_search(folder: str, by: str) -> bool:
        return counts(f"{folder}/") and bool(by or not step.settings)

    files = {original(name): each for name, each in observed.files.items()}
    return replace(
        observed,
        files={name: each for name, each in files.items() if counts(name, each.by)},
        absent=tuple(name for name in map(original, observed.absent) if counts(name)),
        folders={name: by for name, by in observed.folders.items() if is_search(name, by)},
        globs={each: by for each, by in observed.globs.items() if is_search(each.folder, by)},
        places=tuple(place for place in observed.places if counts(f"{place}/")),
        written=tuple(sorted({*filter(counts, observed.written), *own})),
        results=results_in(observed),
    )


@dataclass(frozen=True)
class Fence:
    """What a step depends on as it was when the step began, to see whether it is so at the end.

    Args:
        workspace: The model repository.
        step: The step.
        inputs: What it depended on, by what was known then.
        start: When it began, in nanoseconds by the file system's clock.
        signatures: Of those files, where being written to counts as well.
    """

    workspace: Workspace
    step: Step
    inputs: Fingerprint
    start: int
    signatures: Mapping[str, tuple[int, int, int] | None]

    @classmethod
    def around(cls, workspace: Workspace, step: Step, inputs: Fingerprint) -> Fence:
        """Return the fence of a step that begins now."""
        digests, names = workspace.digests, inputs.files if step.watches_writes else ()
        start = digests.now()
        return cls(workspace, step, inputs, start, digests.signatures(workspace.layout.root, names))

    def change(self, now: Fingerprint, observed: Observed) -> str:
        """Return the first change of an input since the start, as a clause; empty for none.

        Args:
            now: What the step depends on, by what it has read.
            observed: What it has read.
        """
        digests, root = self.workspace.digests, self.workspace.layout.root
        changes = explain(self.inputs, now)
        declared = read_inputs(self.workspace, self.step) if changes else frozenset()
        for reason in changes:
            path = root / reason.what
            is_first_seen = reason.old is None and str(path) not in declared
            if not is_first_seen and (reason.new is not None or str(path) in declared):
                return str(reason)
            if is_first_seen and digests.is_touched(path, self.start):
                return f"{reason.what} changed"
            if reason.new is None and reason.what in self.inputs.files and not path.exists():
                return str(reason)
        # The root changes whenever a tool makes its folder there.
        for folder in observed.folders.keys() - {"."}:
            own = any(name.startswith(f"{folder}/") for name in observed.written)
            if not own and digests.is_touched(root / folder, self.start) and self._adds(folder):
                return f"what is in {folder} changed"
        then, again = self.signatures, digests.signatures(root, self.signatures)
        written = (name for name in then if name in now.files and again.get(name) != then[name])
        return next((f"{name} was written" for name in written), "")

    def _adds(self, folder: str) -> bool:
        """Return whether what counts in a folder has changed: editors come and go there as well."""
        ignored = self.workspace.ignored
        paths = (self.workspace.layout.root / folder).iterdir()
        counted = (path for path in paths if not ignored.matches(f"{folder}/{path.name}"))
        return any(self.workspace.digests.is_touched(path, self.start) for path in counted)


def results_in(observed: Observed) -> tuple[str, ...]:
    """Return what was read, looked for or listed below ``build``."""
    names = {*observed.files, *observed.absent, *observed.folders}
    return tuple(sorted(name for name in names if name.startswith("build/")))


def makers(layout: Layout, steps: Iterable[Step], results: Iterable[str]) -> frozenset[str]:
    """Return those of some steps that make one of the results, or the folder that holds it."""
    names = [f"{each}/" for each in results]
    return frozenset(
        step.name
        for step in steps
        for path in step.outputs(layout)
        if any(name.startswith(f"{layout.relative(path)}/") for name in names)
    )


def _source(workspace: Workspace) -> Iterator[Path]:
    belongs, layout = workspace.made_by_training(), workspace.layout
    files = source_files(layout.source, layout.root, workspace.ignored)
    return (path for path in files if not belongs(path))


def _data(workspace: Workspace) -> Iterator[str]:
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


COMMAND = Files("the files that the training command names", _named)
TRAINING = Files("what training and `predict` import", code_of_training)
SOURCE = Files("the sources below `source`", _source)
DATA = Files("`data` and `inputs`", _data)
PACKAGE = Files("the package that is shipped", Workspace.shipped_package)
ARTEFACT = Files("the trained model", Workspace.trained)
SHIPPED = Files(
    "the package, the model, the files that make the metadata, `Pipfile.lock`", _shipped
)
MEASURED = Files("what training wrote of itself", _measured)
"""The files of training that the report and the gate read."""


def _existing(workspace: Workspace, name: str) -> list[str]:
    place = workspace.layout.root / name
    if not place.exists():
        message = f"{name}, which training reads, does not exist"
        hint = "fetch the data, or correct tool.trainwheel.data in pyproject.toml"
        if name == SNAPSHOT:
            hint = "fetch it with: nox -s data"
        raise ConfigurationError(message, hint=hint)
    paths = list(everything_below(place, workspace.ignored))
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
