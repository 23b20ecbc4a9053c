"""The proof of a wheel: what is needed to check, anywhere, that it is the one that was tested.

It travels beside the wheel, so that a publish job needs neither the sources nor a noxfile.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.golden import GoldenRow

__all__ = ["Proof", "parse_proof", "proof_path", "render_proof"]

SCHEMA = 1


@dataclass(frozen=True)
class Proof:
    """What a proved wheel promises.

    Args:
        name: The distribution, normalised as PEP 503 says.
        version: Its version.
        wheel: The wheel's file name.
        sha256: Digest of the wheel's bytes.
        release_key: Digest of what is shipped, apart from the version.
        always: Whether it is released even if what is shipped has not changed.
        predict: The model's public door, ``MODULE:FUNCTION``.
        tolerance: How far a golden number may move, relative.
        requirements: The locked runtime packages with their hashes.
        golden: Inputs with the predictions that training saw.
        compared_with: The published version that the gate compared with; empty for none.
    """

    name: str
    version: str
    wheel: str
    sha256: str
    release_key: str
    always: bool
    predict: str
    tolerance: float
    requirements: str
    golden: Sequence[GoldenRow]
    compared_with: str = ""

    @property
    def told(self) -> str:
        """What a person is told of a release that keeps what was proved."""
        return f"{self.name} {self.version} repeats {len(self.golden)} golden predictions"

    def check_is(self, names: Sequence[str]) -> None:
        """Check that this is the proof of ``NAME==VERSION``, where one is asked for.

        Raises:
            ConfigurationError: It is the proof of another release, or that is no release's name.
        """
        for asked in names:
            name, _, version = asked.partition("==")
            if canonicalize_name(name) != self.name or version != self.version:
                message = f"there is no proof of {asked} here, only of {self.name}=={self.version}"
                raise ConfigurationError(message, hint="name the release as NAME==VERSION")


def proof_path(wheel: Path) -> Path:
    """Return where the proof of a wheel stands: beside it."""
    return wheel.with_name(f"{wheel.stem}.proof.json")


def render_proof(proof: Proof) -> str:
    """Return the proof as JSON text."""
    document = {"schema": SCHEMA, **asdict(proof)}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def parse_proof(text: str, source: str) -> Proof:
    """Return the proof that JSON text holds.

    Raises:
        ConfigurationError: It is no proof, or of a schema that this version does not know.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        schema = document.pop("schema")
        proof = _build(document) if schema == SCHEMA else None
    except (ValueError, TypeError, KeyError, AttributeError):
        message = f"{source} is no proof of a wheel"
        raise ConfigurationError(message, hint="make it again: make package.model") from None
    if proof is None:
        message = f"{source} has schema {schema}, this version knows {SCHEMA}"
        raise ConfigurationError(message, hint="use the toolkit version that made it")
    return proof


def _build(document: dict[str, Any]) -> Proof:
    golden = tuple(GoldenRow(**row) for row in document.pop("golden"))
    proof = Proof(**document, golden=golden)
    types: dict[str, Any] = {"always": bool, "tolerance": int | float}
    for name, value in document.items():
        if not isinstance(value, types.get(name, str)):
            raise TypeError(name)
    return proof
