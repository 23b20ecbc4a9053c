"""What ``doctor --ci`` looks at, as the first job of a build: what would end a later one."""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shutil import disk_usage

from trainwheel.cli.checks import (
    PROBLEM,
    Look,
    MachineCheck,
    check_branch,
    check_pointers,
    check_shared_memory,
    settle,
)
from trainwheel.engine.run import Run
from trainwheel.index.bindings import Bindings
from trainwheel.install.environments import Installer
from trainwheel.install.routing import routing_of
from trainwheel.requirements.lockfile import LockedRequirement, render_requirements, requirements
from trainwheel.system.environ import Environment

__all__ = ["find_pointers", "look_at_job", "packages_of", "read_branches", "smallest", "try_shared"]

Git = Callable[..., str]
"""Runs git with some words, and returns what it prints; nothing where it fails."""

_SHARED = Path("/dev/shm")  # noqa: S108  # nosec B108 - is looked at
_POINTER = b"version https://git-lfs.github.com/spec/v1"
_POINTER_SIZE = 1024
"""By that specification a pointer is smaller."""
_HEADS = "refs/heads/"


def look_at_job(root: Path, environment: Environment, git: Git) -> Iterator[MachineCheck]:
    """Yield what the machine and the checkout of a job are checked for.

    Args:
        root: The repository's folder.
        environment: The variables of this run.
        git: Asks git about it.
    """
    yield check_shared_memory(*try_shared(_SHARED), environment.variables)
    names = git("ls-files", "-z", "--", ".")
    # Also where git refuses the folder of somebody else, as in many containers.
    yield check_pointers(find_pointers(root, names.split("\0")) if names else None)
    yield check_branch(*read_branches(environment, git))


def try_shared(folder: Path) -> tuple[int | None, str]:
    """Return the bytes of the memory that processes share, and why it cannot be used.

    Args:
        folder: Where Linux mounts it.
    """
    if not sys.platform.startswith("linux"):
        return None, ""
    try:
        size = disk_usage(folder).total
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"\0")
        # What joblib makes when it is imported.
        multiprocessing.get_context("fork").Lock()
    except OSError as error:
        return None, error.strerror or str(error)
    return size, ""


def find_pointers(root: Path, names: Iterable[str]) -> list[str]:
    """Return the files that hold a pointer of Git LFS in place of their content.

    Args:
        root: The repository's folder.
        names: Of files in it, with slashes.
    """
    return [name for name in names if name and _is_pointer(root / name)]


def _is_pointer(path: Path) -> bool:
    with suppress(OSError):
        if not path.is_symlink() and path.is_file() and path.stat().st_size < _POINTER_SIZE:
            return path.read_bytes().startswith(_POINTER)
    return False


def read_branches(environment: Environment, git: Git) -> tuple[str, str]:
    """Return the branch that is built and the default one, each empty where nothing says it.

    Args:
        environment: The variables of this run: of GitHub, GitLab or Jenkins.
        git: Is asked where they say nothing.
    """
    get = environment.get
    branch, default = "", get("CI_DEFAULT_BRANCH") or ""
    if ref := get("GITHUB_REF"):
        branch = ref.removeprefix(_HEADS)
        # By the clock GitHub starts the default branch alone, and its event may not name it.
        by_clock = branch if get("GITHUB_EVENT_NAME") == "schedule" else ""
        default = _default_of_event(get("GITHUB_EVENT_PATH")) or by_clock
    elif default:
        branch = get("CI_COMMIT_BRANCH") or f"refs/{get('CI_COMMIT_REF_NAME')}"
    elif get("JENKINS_URL"):
        branch = get("BRANCH_NAME") or (get("GIT_BRANCH") or "").removeprefix("origin/")
        default = branch if get("BRANCH_IS_PRIMARY") == "true" else ""
    return (
        branch or git("branch", "--show-current"),
        default or git("rev-parse", "--abbrev-ref", "origin/HEAD").removeprefix("origin/"),
    )


def _default_of_event(path: str | None) -> str:
    with suppress(OSError, ValueError, LookupError, TypeError):
        return str(json.loads(Path(path or "").read_bytes())["repository"]["default_branch"])
    return ""


def packages_of(run: Run) -> Iterator[Look]:
    """Yield a look at each place that packages come from: pip's, and each index that has its own.

    Each is asked for one locked package, by this machine's settings and without a cache.
    """
    indexes, environment = run.workspace.config.indexes, run.environment
    bindings = Bindings.of(indexes)
    installer = Installer(environment, routing=routing_of(indexes, environment, run.tokens))
    for index in (None, *bindings.patterns):
        name = "packages" if index is None else f"packages of index {index}"

        def look(index: str | None = index, name: str = name) -> Iterator[MachineCheck]:
            def find() -> str:
                packages = _locked(run)
                return _find(installer, smallest(packages, lambda p: bindings.index_of(p) == index))

            yield settle(name, find, missing=PROBLEM)

        yield name, look


def _locked(run: Run) -> list[LockedRequirement]:
    lock = run.workspace.lock
    return [package for category in lock.categories for package in requirements(lock, category)]


def smallest(
    packages: Iterable[LockedRequirement], belongs: Callable[[str], bool]
) -> LockedRequirement | None:
    """Return the package that is likely the least to fetch; None where none has a digest.

    One with two digests is mostly pure Python: a wheel for all machines, and the sources.

    Args:
        packages: Those of the lock.
        belongs: Whether a package of this name comes from the place that is asked.
    """

    def effort(package: LockedRequirement) -> tuple[bool, bool, int, str]:
        count = len(package.hashes)
        return bool(package.marker), count == 1, count, package.name

    suitable = (p for p in packages if p.kind == "release" and p.hashes and belongs(p.name))
    return min(suitable, key=effort, default=None)


def _find(installer: Installer, package: LockedRequirement | None) -> str:
    if package is None:
        return "nothing is locked that would come from there"
    # A marker that is false here would let nothing be installed, and that succeed.
    installer.try_out(render_requirements([replace(package, marker="")]))
    return f"{package.name}{package.pin} is there, with the digest that is locked"
