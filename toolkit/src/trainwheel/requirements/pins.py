"""How tightly a distribution requires what is locked; `policy` says what each of these means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["POLICIES", "SyncSettings"]

POLICIES: Final = ("locked", "direct", "compatible", "declared")


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """How a project wants to be synced.

    Attributes:
        pins: The policy.
        extras: Name of an extra → the Pipfile category that it holds.
    """

    pins: str = "compatible"
    extras: Mapping[str, str] = field(default_factory=dict)
