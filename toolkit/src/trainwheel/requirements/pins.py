"""The policies that say how tightly a distribution pins its requirements; see `policy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from packaging.utils import InvalidName, canonicalize_name

from trainwheel.errors import ConfigurationError

__all__ = ["POLICIES", "SyncSettings"]

POLICIES: Final = ("locked", "direct", "compatible", "declared")


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """The settings of ``sync``.

    Attributes:
        pins: The policy.
        extras: Name of an extra → the Pipfile category with its packages.
        is_portable: Whether the model is read by any numpy from 2.0 on, not only by one that is at
            least that of training.
        required: An extra that is required in any case; empty for none.
    """

    pins: str = "compatible"
    extras: Mapping[str, str] = field(default_factory=dict)
    is_portable: bool = False
    required: str = ""

    def with_extra(self, name: str, category: str) -> SyncSettings:
        """Return settings with one more extra, in place of one with the same name (PEP 685).

        Raises:
            ConfigurationError: It is not the name of an extra.
        """
        try:
            same = canonicalize_name(name, validate=True)
        except InvalidName:
            message = f"{name!r} is not the name of an extra"
            raise ConfigurationError(message, hint="use letters, digits, - and _") from None
        others = {n: c for n, c in self.extras.items() if canonicalize_name(n) != same}
        return replace(self, extras={**others, name: category})
