"""A wheel with its proof, packaged in a repository as the package step leaves it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from trainwheel.steps.shared.release import Release
from unit.model_wheels import leave, proof_of
from unit.repository import write
from unit.wheels import provenance_of, write_wheel

KEY = "a" * 64
NAME, VERSION = "small-model", "0.1.0"


def package(  # noqa: PLR0913 - each by name
    root: Path,
    *,
    name: str = NAME,
    version: str = VERSION,
    releases: bool = True,
    requires: Sequence[str] = (),
    is_published: bool = False,
) -> Path:
    """Leave a wheel in build/dist with its proof and records; return its path.

    Args:
        root: The repository.
        name: The distribution that the wheel is of.
        version: Its version.
        releases: Whether the version step has decided to release.
        requires: What the wheel requires.
        is_published: Whether the embedded index holds these very bytes.
    """
    distribution, dist = name.replace("-", "_"), root / "build" / "dist"
    members = provenance_of(KEY, distribution, version)
    wheel = write_wheel(dist, distribution, version, members=members, requires=requires)
    leave(root / "build/.trainwheel", wheel, proof_of(wheel, release_key=KEY, name=name))
    release = Release(name, version, releases, False, "the next free patch", KEY)  # noqa: FBT003
    write(root, "build/version.json", release.render())
    if is_published:
        publish(root, wheel)
    return wheel


def publish(root: Path, wheel: Path) -> Path:
    """Lay a wheel into the embedded index, and return where it lies."""
    index = root / ".trainwheel" / "index"
    index.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(wheel, index))
