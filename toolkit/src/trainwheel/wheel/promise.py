"""What a wheel promises by what it carries, where its proof is not at hand.

The record, the golden predictions and the bill of materials in a wheel hold all that a proof does.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.system.digest import digest_file
from trainwheel.wheel.metadata import read_member, read_name
from trainwheel.wheel.proof import Proof
from trainwheel.wheel.provenance import Provenance, parse_provenance
from trainwheel.wheel.sbom import bill_name

__all__ = ["read_promise", "read_provenance"]

_HASH = "trainwheel:lock:hash"
_MARKER = "trainwheel:lock:marker"
_GOLDEN_LIMIT = 256 << 20


def read_promise(wheel: Path) -> Proof:
    """Return what a wheel says of itself, in the form of a proof.

    Args:
        wheel: A wheel with ``trainwheel/provenance.json`` in its metadata.

    Raises:
        ConfigurationError: It is no wheel, carries no such record, or one that contradicts it.
    """
    name, version = read_name(wheel)
    provenance = read_provenance(wheel)
    if (provenance.name, provenance.version) != (name, version):
        said = f"{provenance.name} {provenance.version}"
        message = f"{wheel.name} carries the record of {said}"
        raise ConfigurationError(message, hint="publish a wheel that make package.model made")
    return Proof(
        name=name,
        version=version,
        wheel=wheel.name,
        sha256=digest_file(wheel),
        release_key=provenance.release_key,
        always=True,
        predict=provenance.golden.predict,
        tolerance=provenance.golden.tolerance,
        requirements="".join(_requirements(wheel, provenance)),
        golden=_golden(wheel, provenance),
    )


def read_provenance(wheel: Path) -> Provenance:
    """Return the record of its model that a wheel carries.

    Raises:
        ConfigurationError: It is no wheel, or carries no such record.
    """
    try:
        text = read_member(wheel, "trainwheel/provenance.json")
    except ConfigurationError as error:
        message = f"{wheel.name} carries no record of its model: {error.message}"
        raise ConfigurationError(message, hint="it was made by another tool, or long ago") from None
    return parse_provenance(text, f"provenance.json of {wheel.name}")


def _golden(wheel: Path, provenance: Provenance) -> tuple[GoldenRow, ...]:
    data = read_member(wheel, "trainwheel/golden.jsonl", limit=_GOLDEN_LIMIT)
    if hashlib.sha256(data).hexdigest() != provenance.golden.sha256:
        message = f"{wheel.name} carries other golden predictions than its record says"
        raise ConfigurationError(message, hint="publish a wheel that make package.model made")
    return tuple(GoldenRow(**json.loads(line)) for line in io.StringIO(data.decode("utf-8")))


def _requirements(wheel: Path, provenance: Provenance) -> Iterator[str]:
    """Yield the locked runtime packages with their digests, as the bill of materials has them."""
    bill = json.loads(read_member(wheel, bill_name(provenance)))
    for component in bill.get("components", ()):
        told = [(row["name"], row["value"]) for row in component.get("properties", ())]
        if any(name == _HASH for name, _ in told):
            yield _requirement(component, told)


def _requirement(component: Mapping[str, Any], told: list[tuple[str, str]]) -> str:
    marker = next((f" ; {value}" for name, value in told if name == _MARKER), "")
    hashes = (f"--hash={value}" for name, value in told if name == _HASH)
    pin = f"{component['name']}=={component['version']}{marker}"
    return " \\\n    ".join((pin, *sorted(hashes))) + "\n"
