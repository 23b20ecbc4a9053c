"""The inputs of a step, as one value that can be compared.

Pure: digests come in, a key and the differences go out.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trainwheel.system.digest import digest_json
from trainwheel.system.text import shown

__all__ = ["Fingerprint", "Reason", "explain"]

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SHORT = 8


@dataclass(frozen=True)
class Fingerprint:
    """The inputs of a step.

    Args:
        files: Path relative to the repository → sha256 of the bytes.
        facts: Further inputs, such as the command, the locked packages and the Python version.
    """

    files: Mapping[str, str]
    facts: Mapping[str, str]

    @functools.cached_property
    def key(self) -> str:
        """One digest of all inputs: a step whose key is the same is up to date."""
        return digest_json({"files": dict(self.files), "facts": dict(self.facts)})


@dataclass(frozen=True)
class Reason:
    """Why a step has to run: one input or output that differs from the record.

    Args:
        what: A file or the name of a fact; a whole clause where both values are None.
        old: Its value in the record, a digest or a short text; None where it is new.
        new: Its value now; None where it is gone.
    """

    what: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        """Return it as a clause: "data.csv changed"."""
        if self.old is None:
            return shown(self.what) if self.new is None else f"{shown(self.what)} is new"
        return f"{shown(self.what)} {'is gone' if self.new is None else 'changed'}"

    @property
    def detail(self) -> str:
        """The clause with the old and the new value, digests cut to eight digits."""
        if self.old is None and self.new is None:
            return str(self)
        if self.old is None or self.new is None:
            return f"{self}, {_short(self.new or self.old or '')}"
        return f"{self}, {_short(self.old)} → {_short(self.new)}"


def explain(old: Fingerprint, new: Fingerprint) -> tuple[Reason, ...]:
    """Return each difference, files first; empty where there is none."""
    return (*explain_mapping(old.files, new.files), *explain_mapping(old.facts, new.facts))


def explain_mapping(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Reason]:
    """Yield each difference between two mappings of name → digest or text."""
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield Reason(name, old.get(name), new.get(name))


def _short(value: str) -> str:
    return value[:_SHORT] if _DIGEST.fullmatch(value) else shown(value) or "nothing"
