"""A wheel's bill of materials: the model and what it was proved with, as CycloneDX 1.6.

It is written without the CycloneDX project's library, whose import takes 2 s. The tests hold it
to that library and to its strict schema.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.utils import parse_wheel_filename

from trainwheel.requirements.lockfile import LockedRequirement
from trainwheel.wheel.distributions import Distribution, reach
from trainwheel.wheel.model_card import describe_data, describe_model
from trainwheel.wheel.provenance import Provenance

__all__ = ["Contents", "bill_name", "bill_path", "locked_version", "render_bill"]

_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_SHA256 = "sha256:([0-9a-fA-F]{64})"
_SERIALS = uuid.UUID("4fd8df0e-94a5-5c3f-9f6d-2d3c3e6f6a61")
"""The namespace of the serial numbers of these bills."""
_REFERENCES: Mapping[str, str] = {
    **dict.fromkeys(("source", "sourcecode", "repository", "github", "gitlab", "code"), "vcs"),
    **dict.fromkeys(("documentation", "docs"), "documentation"),
    **dict.fromkeys(("issues", "issuetracker", "bugtracker", "bugs", "tracker"), "issue-tracker"),
    **dict.fromkeys(("changelog", "releasenotes", "changes"), "release-notes"),
    "contact": "support",
}
"""Well-known labels of a distribution's addresses → types of CycloneDX; else ``website``."""


@dataclass(frozen=True)
class Contents:
    """What is in a wheel, and in the environment that it is proved in.

    Args:
        model: The distribution of the wheel itself.
        locked: The locked runtime packages, each name once.
        installed: Name → what the environment of the proof holds.
        files: Name → the locked files of each release, by their names, with sha256; a release is
            missing where no index said which files it has.
        task: ``classification`` or ``regression``; empty where nobody knows.
    """

    model: Distribution
    locked: Sequence[LockedRequirement] = ()
    installed: Mapping[str, Distribution] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    task: str = ""


def bill_name(name: str) -> str:
    """Return the path of a release's bill in the wheel's metadata folder (PEP 770)."""
    return f"sboms/{name}.cdx.json"


def bill_path(wheel: Path) -> Path:
    """Return the path of the copy that lies beside a wheel, ``NAME-1.2.3.cdx.json``."""
    return wheel.with_name(f"{'-'.join(wheel.name.split('-')[:2])}.cdx.json")


def locked_version(locked: LockedRequirement) -> str:
    """Return the locked version; for a file that the lock names by its URL, the file's digest.

    The URL may hold a password, and says less about what was installed.
    """
    return _release(locked) or next(iter(locked.hashes), "")


def render_bill(provenance: Provenance, contents: Contents, tool_version: str) -> str:
    """Return the bill of materials as JSON text: one text for one content.

    Args:
        provenance: Of the model. Without its commit's time the bill has none.
        contents: What it lists.
        tool_version: Of this toolkit.
    """
    tool = {"name": "trainwheel", "type": "application", "version": tool_version}
    root = _describe_root(provenance, contents)
    names = {one.name for one in contents.locked}
    present = {name: one for name, one in contents.installed.items() if name in names}
    needs = reach(contents.model, present)
    packages = {one.name: _describe_package(one, contents, needs) for one in contents.locked}
    model = list(describe_model(provenance, contents.task))
    parts = [*describe_data(provenance), *packages.values(), *model]
    parts.sort(key=lambda part: str(part["type"]))
    edges: dict[str, list[str]] = {part["bom-ref"]: [] for part in (root, *parts)}
    for name, others in needs.items():
        ref = packages[name]["bom-ref"] if name in packages else root["bom-ref"]
        edges[ref] = sorted(packages[other]["bom-ref"] for other in others)
    edges[root["bom-ref"]] = sorted([*edges[root["bom-ref"]], *(one["bom-ref"] for one in model)])
    metadata: dict[str, Any] = {
        "component": root,
        "properties": [
            _note("environment:platform", provenance.training.platform),
            _note("environment:python", provenance.training.python),
        ],
        "tools": {"components": [tool]},
    }
    if provenance.commit_time is not None:
        metadata["timestamp"] = provenance.commit_time.replace("Z", "+00:00")
    document = {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata,
        "components": parts,
        "dependencies": [
            {"ref": ref, **({"dependsOn": others} if others else {})}
            for ref, others in sorted(edges.items())
        ],
    }
    # It follows from the content, so that one commit gives one wheel.
    serial = uuid.uuid5(_SERIALS, json.dumps(document, sort_keys=True))
    return json.dumps({**document, "serialNumber": serial.urn}, indent=1, sort_keys=True) + "\n"


def _describe_root(provenance: Provenance, contents: Contents) -> dict[str, Any]:
    """Return the wheel's own distribution, with the ranges that its metadata ask for."""
    model = contents.model
    component = {**_describe_release(provenance.name, provenance.version), **_licences(model)}
    if model.summary:
        component["description"] = model.summary
    if model.people:
        component["authors"] = [
            {key: value for key, value in (("name", name), ("email", mail)) if value}
            for name, mail in model.people
        ]
    pairs = {(_REFERENCES.get(label, "website"), address) for label, address in model.addresses}
    if pairs:
        component["externalReferences"] = [{"type": kind, "url": a} for kind, a in sorted(pairs)]
    if notes := [_note("requires", line) for line in sorted(model.requires)]:
        component["properties"] = notes
    return component


def _describe_package(
    locked: LockedRequirement, contents: Contents, needs: Mapping[str, object]
) -> dict[str, Any]:
    """Return a package: as it is installed, with all that the lock would accept as properties.

    Only what the model's requirements reach in the environment of the proof is required: what only
    other platforms need is not installed, and what only an extra needs is not asked for.
    """
    installed = contents.installed.get(locked.name)
    version = _release(locked) or (installed.version if installed else None)
    component = _describe_release(locked.name, version)
    component["scope"] = "required" if locked.name in needs else "optional"
    notes = [*(("lock:hash", value) for value in locked.hashes), ("lock:marker", locked.marker)]
    if installed is None:
        notes.append(("environment:installed", "false"))
    else:
        component |= _licences(installed)
        component |= _hashes(locked, installed, contents.files.get(locked.name, {}))
    if properties := [_note(name, value) for name, value in sorted(notes) if value]:
        component["properties"] = properties
    return component


def _hashes(
    locked: LockedRequirement, installed: Distribution, files: Mapping[str, str]
) -> dict[str, Any]:
    """Return the digest of the locked file that was installed, where it can be known.

    It is the only one, or the wheel with the tags that the installed metadata name.
    """
    digests = list(locked.hashes)
    if len(digests) > 1:
        digests = [
            f"sha256:{digest}"
            for name, digest in sorted(files.items())
            if name.endswith(".whl")
            and installed.tags & {str(tag) for tag in parse_wheel_filename(name)[3]}
        ]
    match = re.fullmatch(_SHA256, digests[0]) if digests else None
    return {"hashes": [{"alg": "SHA-256", "content": match[1]}]} if match else {}


def _licences(one: Distribution) -> dict[str, Any]:
    """Return what a distribution says of its licence; nobody has looked whether that is true."""
    declared = {"acknowledgement": "declared"}
    if one.licence:
        return {"licenses": [{"expression": one.licence, **declared}]}
    entries = [{"license": {"name": name, **declared}} for name in one.licence_names]
    return {"licenses": entries} if entries else {}


def _describe_release(name: str, version: str | None) -> dict[str, Any]:
    """Return a distribution, with its package URL as the purl specification has it for PyPI."""
    component = {"bom-ref": f"{name}=={version or ''}", "name": name, "type": "library"}
    purl = f"pkg:pypi/{quote(name)}"
    if not version:
        return {**component, "purl": purl}
    return {**component, "purl": f"{purl}@{quote(version, safe='/:')}", "version": version}


def _note(name: str, value: str) -> dict[str, str]:
    return {"name": f"trainwheel:{name}", "value": value}


def _release(locked: LockedRequirement) -> str | None:
    is_release = locked.kind == "release" and locked.pin.startswith("==")
    return locked.pin.removeprefix("==").strip() if is_release else None
