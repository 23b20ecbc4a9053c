"""The manifest beside the artefact, which a loader checks before it unpickles."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from trainwheel.requirements.lockfile import LockedRequirement

if TYPE_CHECKING:  # training needs this module, and nothing else of provenance
    from trainwheel.wheel.provenance import TrainedFile

__all__ = ["OF_ESTIMATORS", "render_manifest", "versions_that_matter"]

SCHEMA = 1
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


def render_manifest(
    chief: str,
    files: Mapping[str, TrainedFile],
    versions: Mapping[str, str],
    python: str,
    inputs: Mapping[str, object],
) -> str:
    """Return a manifest as JSON text.

    Args:
        chief: Name of the artefact that the manifest stands beside; if it is a file, its facts are
            at the top as well, where loaders of before there were several files look.
        files: Path relative to the manifest's folder → each file of the model.
        versions: Of the packages that trained it.
        python: The version that trained it.
        inputs: Column → what training saw in it; empty where it does not say.
    """
    document = {
        "schema": SCHEMA,
        **(asdict(files[chief]) if chief in files else {}),
        "files": {name: asdict(each) for name, each in files.items()},
        "versions": dict(versions),
        "python": python,
        **({"inputs": dict(inputs)} if inputs else {}),
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
