"""Read the import contracts of the library."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Contracts", "read_contracts"]


@dataclass(frozen=True)
class Contracts:
    """Modules by their short names.

    Args:
        layers: From the top down, the modules of each layer.
        core: The modules that have no effect but what they return.
        hosts: The scripts that run in the model's environment.
    """

    layers: tuple[tuple[str, ...], ...]
    core: tuple[str, ...]
    hosts: tuple[str, ...]


def read_contracts(pyproject: Path) -> Contracts:
    """Return the layers, the core and the hosts that import-linter holds the library to."""
    document = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    contracts = {
        contract["type"]: contract for contract in document["tool"]["importlinter"]["contracts"]
    }
    layers = contracts["layers"]["layers"]
    return Contracts(
        tuple(tuple(map(_short, layer.split("|"))) for layer in layers),
        tuple(map(_short, contracts["forbidden"]["source_modules"])),
        tuple(map(_short, contracts["independence"]["modules"])),
    )


def _short(module: str) -> str:
    return module.strip().removeprefix("trainwheel.").removeprefix("hosts.")
