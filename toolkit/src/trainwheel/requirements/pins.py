"""The policies that say how tightly a distribution pins its requirements; see `policy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["POLICIES", "SyncSettings"]

POLICIES: Final = ("locked", "direct", "compatible", "declared")


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """The settings of ``sync``.

    Attributes:
        pins: The policy.
        extras: Name of an extra → the Pipfile category with its packages.
    """

    pins: str = "compatible"
    extras: Mapping[str, str] = field(default_factory=dict)
