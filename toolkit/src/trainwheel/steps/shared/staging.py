"""The clean copy that a wheel is built from, and the digest of what it ships."""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

from trainwheel.engine.layout import manifest_of
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import LockfileError
from trainwheel.requirements.setup_py import replace_version
from trainwheel.steps.shared.synced import Synced, compare, read_files
from trainwheel.system.digest import digest_json
from trainwheel.system.files import link_or_copy

__all__ = ["describe_tree_drift", "release_key", "stage", "stage_package"]

_MODE, _FOLDER_MODE = 0o644, 0o755
_SHIPPED_TABLES = ("build-system", "project")


def describe_tree_drift(workspace: Workspace) -> str:
    """Return one line if the work tree's list disagrees with the lock; else nothing."""
    synced = _synced(workspace)
    if not synced.has_drifted:
        return ""
    return f"{synced.target} disagrees with the lock; the wheel takes the lock's word: nox -s sync"


def release_key(workspace: Workspace) -> str:
    """Return the digest of what a release would ship, apart from its version."""
    files = {
        path.relative_to(workspace.layout.root).as_posix(): workspace.digests.digest(path)
        for path in (
            *workspace.shipped_package(),
            *sorted(workspace.layout.trained),
            *_texts(workspace),
        )
    }
    synced = _synced(workspace)
    if synced.target in files:
        files[synced.target] = hashlib.sha256(synced.after).hexdigest()
    pyproject = tomllib.loads(_metadata(workspace, synced, "pyproject.toml").decode("utf-8"))
    tables = {name: pyproject.get(name) for name in _SHIPPED_TABLES}
    tables["setuptools"] = pyproject.get("tool", {}).get("setuptools")
    setup_py = replace_version(_metadata(workspace, synced, "setup.py"), "0").decode("latin-1")
    return digest_json({"files": files, "pyproject": tables, "setup.py": setup_py})


def stage(workspace: Workspace, version: str, folder: Path) -> None:
    """Copy what the wheel is built from into ``folder``, with the version and the locked packages.

    What training made is not among it: setuptools would read it whole.

    Modes are set, for setuptools copies them into the wheel (pypa/wheel issue 362).

    Raises:
        LockfileError: A runtime package is a file or folder of this machine.
    """
    synced = _synced(workspace)
    _refuse_local(workspace, synced)
    stage_package(workspace, folder / workspace.config.source)
    for path in workspace.metadata_files():
        _copy(path, folder / path.name)
    _write(folder / synced.target, synced.after)
    setup_py = replace_version(_metadata(workspace, synced, "setup.py"), version)
    _write(folder / "setup.py", setup_py)


def stage_package(workspace: Workspace, source_root: Path, artefact: Path | None = None) -> None:
    """Copy the package that is shipped under a source root elsewhere.

    Args:
        workspace: The model repository.
        source_root: Where to.
        artefact: A trained model that goes with it, as does the manifest beside it.
    """
    for path in workspace.shipped_package():
        _copy(path, source_root / path.relative_to(workspace.layout.source))
    if artefact is not None:
        target = source_root / workspace.layout.artefact.relative_to(workspace.layout.source)
        for made, final in ((artefact, target), (manifest_of(artefact), manifest_of(target))):
            _make_folder(final.parent)
            link_or_copy(made, final)


def _synced(workspace: Workspace) -> Synced:
    files = read_files(workspace.layout.root)
    return compare(files, workspace.pipfile, workspace.lock, workspace.config.sync)


def _metadata(workspace: Workspace, synced: Synced, name: str) -> bytes:
    """Return a metadata file with the locked packages, where it is the one that lists them."""
    if name == synced.target:
        return synced.after
    return (
        workspace.read_setup_py()
        if name == "setup.py"
        else (workspace.layout.root / name).read_bytes()
    )


def _refuse_local(workspace: Workspace, synced: Synced) -> None:
    locked = (package.name for package in workspace.lock.packages() if package.path)
    local = sorted({*synced.plan.local, *locked})
    if local:
        message = f"the runtime package {local[0]} is a file or folder of this machine"
        hint = "whoever installs the wheel lacks it: put it on an index and name its version"
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
