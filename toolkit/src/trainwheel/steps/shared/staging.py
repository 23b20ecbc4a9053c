"""The clean copy that a wheel is built from, the digest of what it ships, what is proved of it."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.markers import Marker

from trainwheel.engine.layout import Layout
from trainwheel.engine.records import read_record
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import LockfileError, RefusedError, StepFailedError, TrainwheelError
from trainwheel.index.versions import newest_in_series
from trainwheel.requirements.lockfile import requirements
from trainwheel.requirements.policy import describe_difference
from trainwheel.requirements.setup_py import read_version, replace_version
from trainwheel.requirements.target import place_of_list
from trainwheel.steps.shared.findings import read_object
from trainwheel.steps.shared.registry import unpublished, wish_of
from trainwheel.steps.shared.release import read_release
from trainwheel.steps.shared.synced import Synced, read_files, sync_files
from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.environ import python_version
from trainwheel.system.files import everything_below, link_or_copy
from trainwheel.wheel.metadata import read_pythons, read_requirements

__all__ = [
    "EXAMPLES",
    "LIBRARIES",
    "describe_tree_drift",
    "is_published",
    "locked_libraries",
    "matrix_key",
    "read_matrix",
    "refuse_other_requirements",
    "refuse_placeholders",
    "release_key",
    "stage",
    "stage_package",
    "what_is_proved",
]

LIBRARIES = ("numpy", "scipy")
"""What decides about numbers, and is another one under another Python."""

_MODE, _FOLDER_MODE = 0o644, 0o755
_SHIPPED_TABLES = ("build-system", "project")


def describe_tree_drift(workspace: Workspace) -> str:
    """Return one line if the declared requirements differ from the lock; else nothing."""
    requirements = _requirements(workspace)
    if not requirements.has_drifted:
        return ""
    return f"{requirements.target} differs from the lock, which the wheel follows: nox -s sync"


def release_key(workspace: Workspace) -> str:
    """Return the digest of what a release would ship, apart from its version."""
    files = {
        path.relative_to(workspace.layout.root).as_posix(): workspace.digests.digest(path)
        for path in (
            *workspace.shipped_package(),
            *workspace.trained(),
            *_texts(workspace),
        )
    }
    requirements = _requirements(workspace)
    if requirements.target not in {"setup.py", "pyproject.toml"}:
        files[requirements.target] = hashlib.sha256(requirements.after).hexdigest()
    pyproject = tomllib.loads(_metadata(workspace, requirements, "pyproject.toml").decode("utf-8"))
    tables = {name: pyproject.get(name) for name in _SHIPPED_TABLES}
    # Only where there is one: a model without it keeps the key under which it is published.
    tables |= {"card": workspace.config.card} if workspace.config.card else {}
    tables["setuptools"] = pyproject.get("tool", {}).get("setuptools")
    setup_py = replace_version(_metadata(workspace, requirements, "setup.py"), "0").decode(
        "latin-1"
    )
    return digest_json({"files": files, "pyproject": tables, "setup.py": setup_py})


def is_published(workspace: Workspace) -> bool:
    """Return whether what a release would ship is published, by what was recorded here.

    Then the steps from version to verify have nothing to do, whatever else has changed, such as
    the commit. No index is asked.
    """
    wish = wish_of(workspace)
    if wish.always or wish.asked is not None:
        return False
    try:
        release = read_release(workspace.layout.release)
        base = read_version(workspace.read_setup_py())
        key, records = release_key(workspace), workspace.layout.records
    except (TrainwheelError, OSError):
        return False
    package, upload = (read_record(records, step) for step in ("package", "upload"))
    versions = {} if release.releases else {release.release_key: release.version}
    if package is not None and upload is not None and not unpublished(workspace, upload):
        versions[package.facts.get("release_key", "")] = package.facts.get("version", "")
    return key in versions and newest_in_series(base, [versions[key]]) is not None


def stage(workspace: Workspace, version: str, folder: Path) -> None:
    """Copy what the wheel is built from into ``folder``, with the version and the locked packages.

    The trained model is not copied: setuptools would read it into memory whole.

    Modes are set, because setuptools copies them into the wheel (pypa/wheel issue 362).

    Raises:
        LockfileError: A runtime package is a file or folder of this machine.
    """
    requirements = _requirements(workspace)
    _refuse_local(workspace, requirements)
    stage_package(workspace, folder / workspace.config.source)
    for path in workspace.metadata_files():
        _copy(path, folder / path.relative_to(workspace.layout.root))
    _write(folder / requirements.target, requirements.after)
    setup_py = replace_version(_metadata(workspace, requirements, "setup.py"), version)
    _write(folder / "setup.py", setup_py)


def refuse_other_requirements(workspace: Workspace, wheel: Path) -> None:
    """Refuse a wheel whose metadata do not require what the lock asks for.

    The copy that it was built from lists that, but setup.py may change the list when it runs.

    Raises:
        StepFailedError: They require something else; the details name each difference.
    """
    differences = describe_difference(_requirements(workspace).plan, read_requirements(wheel))
    if differences:
        more = f", and {len(differences) - 1} more" if len(differences) > 1 else ""
        message = f"the wheel's metadata differ from the lock: {differences[0]}{more}"
        hint = f"the requirements stand in {place_of_list(read_files(workspace.layout.root))}"
        raise StepFailedError(message, hint=hint, details=differences if more else ())


def stage_package(workspace: Workspace, source_root: Path, model: Path | None = None) -> None:
    """Copy the package that is shipped to another source root.

    Args:
        workspace: The model repository.
        source_root: The folder to copy to.
        model: A folder to copy too: that of a trained model, as in the scratch folder of training.
    """
    for path in workspace.shipped_package():
        _copy(path, source_root / path.relative_to(workspace.layout.source))
    if model is not None:
        folder = workspace.layout.artefact.parent.relative_to(workspace.layout.source)
        for path in map(Path, everything_below(model)):
            copy = source_root / folder / path.relative_to(model)
            _make_folder(copy.parent)
            link_or_copy(path, copy)
            workspace.digests.carry(str(path), str(path))  # a link to it changes no byte


def _requirements(workspace: Workspace) -> Synced:
    files = read_files(workspace.layout.root)
    return sync_files(files, workspace.pipfile, workspace.lock, workspace.config.sync)


def _metadata(workspace: Workspace, requirements: Synced, name: str) -> bytes:
    """Return the content of a metadata file; the one that declares requirements gets the locked."""
    if name == requirements.target:
        return requirements.after
    return (
        workspace.read_setup_py()
        if name == "setup.py"
        else (workspace.layout.root / name).read_bytes()
    )


def _refuse_local(workspace: Workspace, requirements: Synced) -> None:
    paths = (package.name for package in workspace.lock.packages() if package.path)
    local = sorted({*requirements.plan.local, *paths})
    if local:
        message = f"the runtime package {local[0]} is a file or folder of this machine"
        hint = (
            "others cannot install it: publish it to an index, and name its version in the Pipfile"
        )
        raise LockfileError(message, hint=hint)


def _texts(workspace: Workspace) -> Iterator[Path]:
    for path in workspace.metadata_files():
        if path.name not in {"setup.py", "pyproject.toml"}:
            yield path


def _copy(source: Path, target: Path) -> None:
    _make_folder(target.parent)
    shutil.copyfile(source, target)
    target.chmod(_MODE)


def _write(target: Path, data: bytes) -> None:
    _make_folder(target.parent)
    target.write_bytes(data)
    target.chmod(_MODE)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir()
        folder.chmod(_FOLDER_MODE)


EXAMPLES = Path(__file__).parents[2] / "scaffold" / "example.json"
"""The sentences of the template about its examples, with the columns that these read."""

_TEXTS = frozenset({".py", ".md", ".rst", ".txt", ".toml", ".cfg"})


def refuse_placeholders(workspace: Workspace) -> None:
    """Refuse a sentence of the scaffold about its example that no longer fits the model.

    It fits as long as the model reads the very columns of the example, from whatever source.
    Looked through are the files that make the metadata, the shipped package and the site.

    Raises:
        RefusedError: A file holds such a sentence; the details name all of them.
    """
    columns = _columns(workspace.layout)
    examples = json.loads(EXAMPLES.read_bytes())
    sentences = [
        sentence
        for example in examples
        if set(example["inputs"]) != columns
        for sentence in example["sentences"]
    ]
    places = [place for path in _files(workspace) for place in _places(path, sentences)]
    if not places:
        return
    lines = [f"{workspace.layout.relative(path)} line {number} says {text}"
             for path, number, text in places]  # fmt: skip
    more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
    message = f"{lines[0]}, which is the example of `trainwheel init` and not this model{more}"
    hint = "write there what your model does, and on which data it is trained"
    raise RefusedError(message, hint=hint, details=lines if more else ())


def _columns(layout: Layout) -> set[str]:
    """Return the names in the first golden or held-out input; empty without any."""
    for path in (layout.golden, layout.holdout):
        if path.is_file():
            with path.open(encoding="utf-8") as stream:
                first: dict[str, Any] = json.loads(stream.readline() or "{}")
            if first:
                return set(first["input"])
    return set()


def _files(workspace: Workspace) -> Iterator[Path]:
    layout = workspace.layout
    yield from workspace.metadata_files()
    for path in (
        *workspace.shipped_package(),
        *workspace.files(layout.root / workspace.config.docs),
    ):
        if path.suffix in _TEXTS:
            yield path


def _places(path: Path, sentences: list[str]) -> Iterator[tuple[Path, int, str]]:
    text = path.read_text(encoding="utf-8", errors="replace")
    for sentence in sentences:
        for match in _pattern(sentence).finditer(text):
            yield path, text.count("\n", 0, match.start()) + 1, json.dumps(sentence)


@functools.cache
def _pattern(sentence: str) -> re.Pattern[str]:
    """Return a pattern that finds a sentence wherever its lines are broken."""
    return re.compile(r"\s+".join(map(re.escape, sentence.split())), re.IGNORECASE)


def matrix_key(workspace: Workspace) -> str:
    """Return a digest of what a matrix of Pythons and libraries is about, whatever its version."""
    golden = digest_file(workspace.layout.golden)
    config = workspace.config
    return digest_json([release_key(workspace), golden, config.predict, config.tolerance])


def read_matrix(workspace: Workspace) -> dict[str, Any]:
    """Return what `prove` wrote; empty unless it did so, and of what a release would ship now."""
    layout = workspace.layout
    record = read_record(layout.records, "prove")
    written = record and record.outputs.get(layout.relative(layout.proved))
    if not written or workspace.digests.output(layout.proved) != written:
        return {}
    matrix = read_object(layout.matrix)
    try:
        is_current = matrix.pop("key", "") == matrix_key(workspace)
    except (TrainwheelError, OSError):
        return {}
    return matrix if is_current else {}


def locked_libraries(workspace: Workspace) -> dict[str, str]:
    """Return name → version, as locked for this Python, of what decides about numbers."""
    locked = requirements(workspace.lock, "packages")
    present = (each for each in locked if not each.marker or Marker(each.marker).evaluate())
    versions = {each.name: each.pin.removeprefix("==") for each in present}
    return {name: versions[name] for name in LIBRARIES if name in versions}


def what_is_proved(workspace: Workspace, wheel: Path) -> dict[str, Any]:
    """Return what is known of the Pythons that a wheel is promised for.

    It is proved with the locked packages under this Python in any case, or is not made.

    Args:
        workspace: The model repository.
        wheel: The wheel, or one with its metadata.
    """
    here = python_version().rpartition(".")[0]
    own = {"python": here, **locked_libraries(workspace)}
    if matrix := read_matrix(workspace):
        return {**matrix, "cells": [own, *(cell for cell in matrix["cells"] if cell != own)]}
    promised = read_pythons(wheel, here)
    unproved = {version: "not tried" for version in promised if version != here}
    return {"promised": [*promised], "cells": [own], "unproved": unproved}
