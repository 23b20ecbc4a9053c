"""What a step depends on, as one value that can be compared.

Pure: digests come in, a key and the reasons for a difference go out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Fingerprint", "digest_json", "explain"]


@dataclass(frozen=True)
class Fingerprint:
    """The inputs of a step.

    Args:
        files: Path relative to the repository → sha256 of the bytes.
        facts: What else counts, such as the command, the locked packages and the Python version.
    """

    files: Mapping[str, str]
    facts: Mapping[str, str]

    @property
    def key(self) -> str:
        """One digest of everything: the same key, nothing to do."""
        return digest_json({"files": dict(self.files), "facts": dict(self.facts)})


def digest_json(value: object) -> str:
    """Return the sha256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def explain(old: Fingerprint, new: Fingerprint) -> tuple[str, ...]:
    """Return one phrase for each difference, files first; empty where there is none."""
    return (*_explain(old.files, new.files), *_explain(old.facts, new.facts))


def _explain(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"{name} is new"
        elif name not in new:
            yield f"{name} is gone"
        elif old[name] != new[name]:
            yield f"{name} changed"
