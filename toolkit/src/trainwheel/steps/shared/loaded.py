"""What training loaded: locked packages alone, and a notice of files that nobody saw it read."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from itertools import starmap
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from trainwheel.engine.inputs import read_inputs, unwatched
from trainwheel.engine.observed import TOOL_FOLDERS
from trainwheel.engine.records import Record, read_record
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import RefusedError
from trainwheel.install.bytecode import site_packages
from trainwheel.install.installed import HOOKS
from trainwheel.install.stamp import sum_up
from trainwheel.requirements.lockfile import LockedRequirement, requirements
from trainwheel.system.opened import watch_opened
from trainwheel.system.text import shown

__all__ = ["LOADED", "OPENED", "check_loaded", "notice_unseen", "opened_meanwhile"]

LOADED = "loaded.json"
"""The file in which training's host lists the modules that were loaded, see `guest.train`."""

_PACKAGES = re.compile(r"((?:.*/)?(?:site|dist)-packages)/([^/.]+)")
_Origin = tuple[str, str]
"""A folder of packages, and the first name below it."""


def check_loaded(run: Run, path: Path) -> None:
    """Check that the modules that training loaded are the repository's, or of locked packages.

    Args:
        run: This run.
        path: What the host wrote; missing where training is not a Python program.

    Raises:
        RefusedError: One is not locked, or is from another environment.
    """
    if not path.is_file():
        return
    workspace, site = run.workspace, site_packages(run.tools.python("train").parents[1])
    config = workspace.config
    engine = ("engine",) if config.engine != "local" else ()
    categories = (*config.model_categories, "train", *engine)
    locked = {row.name: row for row in requirements(workspace.lock, *categories)}
    loaded = _Loaded(workspace.layout.root, str(site), locked)
    folders = defaultdict[str, set[str]](set)
    for origin in filter(None, starmap(loaded.origin, json.loads(path.read_bytes()).items())):
        folders[origin[0]].add(origin[1])
    problems = {problem for each in folders.items() for problem in loaded.problems(*each)}
    if problems:
        message = f"training loaded {sum_up(sorted(problems))}"
        hint = "add what it needs to the Pipfile, run `nox -s lock`, and import it from there"
        raise RefusedError(message, hint=hint)


@dataclass(frozen=True)
class _Loaded:
    """What was loaded, beside what is locked.

    Args:
        root: The repository.
        site: Where the environment of training has its packages.
        locked: The locked packages that training may have, by name.
    """

    root: Path
    site: str
    locked: Mapping[str, LockedRequirement]

    def origin(self, name: str, file: str) -> _Origin | None:
        """Return where a module is from; None for one of the repository, and below another one."""
        if file.startswith(f"{self.site}/"):
            return self.site, file.removeprefix(f"{self.site}/").partition("/")[0].partition(".")[0]
        roots = (f"{root}/" for root in (self.root, self.root.resolve()))
        root = next(filter(file.startswith, roots), "")
        # There are other environments below the root, too.
        if match := _PACKAGES.match(file.removeprefix(root)):
            return f"{root}{match[1]}", match[2]
        if root or "." in name:
            return None
        path = Path(file)
        return str(path.parents[1 if path.stem == "__init__" else 0]), name

    def problems(self, folder: str, names: Iterable[str]) -> Iterator[str]:
        """Yield what is wrong with modules in a folder, each as the object of *loaded*.

        Args:
            folder: Where they were loaded from.
            names: The first names below it.
        """
        where = "" if folder == self.site else f" from {folder}"
        files = [(each, _files(each)) for each in distributions(path=[folder])]
        for name in names:
            pattern = re.compile(rf"^{re.escape(name)}(?:[./]|$)", re.MULTILINE)
            owners = [owner for owner, listed in files if pattern.search(listed)]
            for owner in owners:
                yield from self._problem(owner, where)
            if not owners and _PACKAGES.match(f"{folder}/{name}") and f"{name}.py" not in HOOKS:
                yield f"{name}{where} (of no package)"

    def _problem(self, owner: Distribution, where: str) -> Iterator[str]:
        row = self.locked.get(canonicalize_name(owner.name))
        subject = f"{owner.name} {owner.version}{where}"
        if row is None:
            yield f"{subject} (not locked)"
        elif row.kind == "release" and not _is_same(owner.version, row.pin.removeprefix("==")):
            yield f"{subject} ({row.pin.removeprefix('==')} is locked)"
        elif row.kind != "local" and where:
            yield f"{subject} (another environment)"


def _files(distribution: Distribution) -> str:
    """Return the names of a package's files, one a line, or at least of its modules."""
    return distribution.read_text("RECORD") or distribution.read_text("top_level.txt") or ""


def _is_same(version: str, other: str) -> bool:
    try:
        return Version(version) == Version(other)
    except InvalidVersion:
        return version == other


OPENED = "opened"
"""A fact of training's record: the files that anybody opened meanwhile, as a JSON list."""

_MOST, _MOST_NAMED = 50, 3


@contextlib.contextmanager
def opened_meanwhile(workspace: Workspace) -> Iterator[list[str]]:
    """Yield a list that has, after the block, files that were opened and are not data."""
    layout, names = workspace.layout, list[str]()
    skip = {*TOOL_FOLDERS, "__pycache__", *(str(layout.root / place) for place in _data(workspace))}
    with watch_opened(layout.root, {*skip, *unwatched(workspace, layout.root / ".nox")}) as opened:
        yield names
    belongs = workspace.made_by_training()
    names += [
        name
        for name in sorted(opened)
        if not (workspace.ignored.matches(name) or workspace.is_data(name))
        and not belongs(layout.root / name)
    ][:_MOST]


def _data(workspace: Workspace) -> tuple[str, ...]:
    return (*workspace.config.training_data, *workspace.config.inputs)


def notice_unseen(run: Run, record: Record) -> None:
    """Name the files that somebody opened while training ran, and the line that declares them.

    What steps beside it read is theirs.
    """
    # uv reads two of them where it makes the environments of later steps meanwhile.
    known = {"pyproject.toml", "uv.toml", *record.fingerprint.files}
    root = str(run.workspace.layout.root)
    for step in run.others.unfinished(record.step):
        beside = read_record(run.workspace.layout.records, step.name)
        known.update(beside.fingerprint.files if beside is not None else ())
        known |= read_inputs(run.workspace, step)
    names = [name for name in json.loads(record.facts.get(OPENED, "[]")) if name not in known]
    # The system names the file that a link leads to.
    files = known if names else ()
    paths = {os.path.realpath(os.path.join(root, name)) for name in files}  # noqa: PTH118
    names = [name for name in names if os.path.realpath(f"{root}/{name}") not in paths]
    if record.observed is None or not names:
        return
    inputs = [*run.workspace.config.inputs, *names[:_MOST_NAMED]]
    line = ", ".join(json.dumps(name, ensure_ascii=False) for name in inputs)
    more = f" (and {len(names) - _MOST_NAMED} more)" if len(names) > _MOST_NAMED else ""
    run.console.notice(
        f"while training ran, {shown(names[0])} was opened, though not by a Python that is "
        f"watched; if training reads it: inputs = [{line}]{more} in [tool.trainwheel]"
    )
