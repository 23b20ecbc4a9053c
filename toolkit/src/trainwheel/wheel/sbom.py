"""The content of a wheel's bill of materials: the model and its locked packages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trainwheel.requirements.lockfile import LockedRequirement
from trainwheel.wheel.provenance import Provenance

__all__ = ["bill_name", "describe_materials", "locked_version"]


def bill_name(provenance: Provenance) -> str:
    """Return the path of the bill in the wheel's metadata folder (PEP 770)."""
    return f"sboms/{provenance.name}.cdx.json"


def locked_version(locked: LockedRequirement) -> str:
    """Return the locked version; for a file that the lock names by its URL, the file's digest.

    The URL may hold a password, and says less about what was installed.
    """
    return _release(locked) or next(iter(locked.hashes), "")


def describe_materials(
    provenance: Provenance, locked: Iterable[LockedRequirement], tool_version: str
) -> dict[str, Any]:
    """Return the input of `guest/describe_wheel.py`, which writes the bill of materials.

    Args:
        provenance: Of the model.
        locked: The locked runtime packages.
        tool_version: Of this toolkit.
    """
    return {
        "time": provenance.commit_time,
        "tool": {"name": "trainwheel", "version": tool_version},
        "component": {
            "name": provenance.name,
            "version": provenance.version,
            "artefact": {"path": provenance.artefact.path, "sha256": provenance.artefact.sha256},
        },
        "packages": [_describe(package) for package in locked],
    }


def _describe(locked: LockedRequirement) -> dict[str, Any]:
    return {
        "name": locked.name,
        "version": _release(locked),
        "marker": locked.marker,
        "hashes": list(locked.hashes),
    }


def _release(locked: LockedRequirement) -> str | None:
    is_release = locked.kind == "release" and locked.pin.startswith("==")
    return locked.pin.removeprefix("==") if is_release else None
