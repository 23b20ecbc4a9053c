"""Read the import contracts of the library."""

from __future__ import annotations

import tomllib
from pathlib import Path

__all__ = ["read_layers"]


def read_layers(pyproject: Path) -> tuple[tuple[str, ...], ...]:
    """Return the names of the packages on each floor, from the top down."""
    document = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    contracts = document["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return tuple(
        tuple(name.strip().removeprefix("trainwheel.") for name in layer.split(":"))
        for layer in layers
    )
