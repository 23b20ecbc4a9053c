"""The manifest beside the artefact, which a loader checks before it unpickles."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping

from trainwheel.requirements.lockfile import LockedRequirement

__all__ = ["FORMAT", "OF_ESTIMATORS", "render_manifest", "versions_that_matter"]

SCHEMA = 1
FORMAT = "joblib"
OF_ESTIMATORS = frozenset({"scikit-learn", "numpy", "joblib", "scipy"})
"""Packages that an unpickled estimator is made of."""


def versions_that_matter(
    locked: Iterable[LockedRequirement], needed: Container[str]
) -> dict[str, str]:
    """Return name → version of the locked packages that the model needs to load.

    Args:
        locked: The locked packages.
        needed: Names of distributions.
    """
    return {
        package.name: package.pin.removeprefix("==")
        for package in locked
        if package.name in needed and package.kind == "release"
    }


def render_manifest(sha256: str, size: int, versions: Mapping[str, str], python: str) -> str:
    """Return a manifest as JSON text.

    Args:
        sha256: Of the artefact's bytes.
        size: In bytes.
        versions: Of the packages that trained it.
        python: The version that trained it.
    """
    document = {
        "schema": SCHEMA,
        "format": FORMAT,
        "sha256": sha256,
        "size": size,
        "versions": dict(versions),
        "python": python,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
