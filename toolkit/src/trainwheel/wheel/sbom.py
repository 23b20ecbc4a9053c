"""A wheel's bill of materials: the model and its locked packages, as CycloneDX 1.6.

It is written without the CycloneDX project's library, whose import takes 2 s. The tests hold it
to that library and to its strict schema.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from trainwheel.requirements.lockfile import LockedRequirement
from trainwheel.wheel.provenance import Provenance

__all__ = ["bill_name", "locked_version", "render_bill"]

_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_SERIALS = uuid.UUID("4fd8df0e-94a5-5c3f-9f6d-2d3c3e6f6a61")
"""The namespace of the serial numbers of these bills."""
_SHA256 = "sha256:([0-9a-fA-F]{64})"


def bill_name(provenance: Provenance) -> str:
    """Return the path of the bill in the wheel's metadata folder (PEP 770)."""
    return f"sboms/{provenance.name}.cdx.json"


def locked_version(locked: LockedRequirement) -> str:
    """Return the locked version; for a file that the lock names by its URL, the file's digest.

    The URL may hold a password, and says less about what was installed.
    """
    return _release(locked) or next(iter(locked.hashes), "")


def render_bill(
    provenance: Provenance, locked: Iterable[LockedRequirement], tool_version: str
) -> str:
    """Return the bill of materials as JSON text: one text for one content.

    Args:
        provenance: Of the model. Without its commit's time the bill has none.
        locked: The locked runtime packages, each name once.
        tool_version: Of this toolkit.
    """
    tool = {"name": "trainwheel", "type": "application", "version": tool_version}
    root = _describe_release(provenance.name, provenance.version)
    parts = [*map(_describe_package, locked), *_describe_model(provenance)]
    edges: dict[str, dict[str, Any]] = {part["bom-ref"]: {} for part in parts}
    edges[root["bom-ref"]] = {"dependsOn": sorted(edges)}
    metadata: dict[str, Any] = {"component": root, "tools": {"components": [tool]}}
    if provenance.commit_time is not None:
        metadata["timestamp"] = provenance.commit_time.replace("Z", "+00:00")
    document = {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata,
        "components": parts,
        "dependencies": [{"ref": ref, **edge} for ref, edge in sorted(edges.items())],
    }
    # It follows from the content, so that one commit gives one wheel.
    serial = uuid.uuid5(_SERIALS, json.dumps(document, sort_keys=True))
    return json.dumps({**document, "serialNumber": serial.urn}, indent=1, sort_keys=True) + "\n"


def _describe_model(provenance: Provenance) -> Iterator[dict[str, Any]]:
    """Yield the files of the trained model, whose digests are known before the wheel is there."""
    chief = provenance.artefact.path
    for path, file in provenance.artefact.members.items():
        is_model = path == chief or path.startswith(f"{chief}/")
        yield {
            "bom-ref": path,
            "hashes": [{"alg": "SHA-256", "content": file.sha256}],
            "name": path,
            "type": "machine-learning-model" if is_model else "data",
            "version": provenance.version,
        }


def _describe_package(locked: LockedRequirement) -> dict[str, Any]:
    """Return a package; which of its files is installed depends on the machine.

    A digest stands for the component only where there is one file. All that the lock accepts are
    properties. A package with a marker is needed on some machines only.
    """
    component = _describe_release(locked.name, _release(locked))
    component["scope"] = "optional" if locked.marker else "required"
    notes = [*(("hash", value) for value in locked.hashes), ("marker", locked.marker)]
    if properties := [
        {"name": f"trainwheel:lock:{what}", "value": value} for what, value in notes if value
    ]:
        component["properties"] = properties
    if len(locked.hashes) == 1 and (digest := re.fullmatch(_SHA256, locked.hashes[0])):
        component["hashes"] = [{"alg": "SHA-256", "content": digest[1]}]
    return component


def _describe_release(name: str, version: str | None) -> dict[str, Any]:
    """Return a distribution, with its package URL as the purl specification has it for PyPI."""
    component = {"bom-ref": f"{name}=={version or ''}", "name": name, "type": "library"}
    purl = f"pkg:pypi/{quote(name)}"
    if not version:
        return {**component, "purl": purl}
    return {**component, "purl": f"{purl}@{quote(version, safe='/:')}", "version": version}


def _release(locked: LockedRequirement) -> str | None:
    is_release = locked.kind == "release" and locked.pin.startswith("==")
    return locked.pin.removeprefix("==").strip() if is_release else None
