"""The proof of a wheel: what is needed to check, anywhere, that it is the one that was tested.

It travels beside the wheel, so that a publish job needs neither the sources nor a noxfile. Where it
is not at hand, the provenance, the golden predictions and the bill of materials in the wheel hold
all that a proof does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError, RefusedError, StepFailedError
from trainwheel.evaluation.golden import GoldenRow, parse_golden
from trainwheel.system.digest import digest_file
from trainwheel.system.files import read_text
from trainwheel.wheel.metadata import read_member, read_name, read_names
from trainwheel.wheel.provenance import Provenance, parse_provenance

__all__ = [
    "Proof",
    "check_name",
    "parse_proof",
    "proof_path",
    "read_promise",
    "read_proof",
    "read_provenance",
    "render_proof",
]

SCHEMA = 1


@dataclass(frozen=True)
class Proof:
    """The facts of a proved wheel that a publish job checks.

    Args:
        name: The distribution, normalised as PEP 503 says.
        version: Its version.
        wheel: The wheel's file name.
        sha256: Digest of the wheel's bytes.
        release_key: Digest of what is shipped, apart from the version.
        always: Whether it is released even if its release key has not changed.
        predict: The model's entry point, ``MODULE:FUNCTION``.
        tolerance: How far a golden number may move, relative.
        requirements: The locked runtime packages with their hashes.
        golden: Inputs with the predictions that have to repeat.
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
        """A clause for a release that repeats its golden predictions."""
        return f"{self.name} {self.version} repeats {len(self.golden)} golden predictions"

    def check_is(self, names: Sequence[str]) -> None:
        """Check that this is the proof of each ``NAME==VERSION``.

        Raises:
            ConfigurationError: A name is of another release, or not of that form.
        """
        for release in names:
            name, _, version = release.partition("==")
            if canonicalize_name(name) != self.name or version != self.version:
                message = (
                    f"there is no proof of {release} here, only of {self.name}=={self.version}"
                )
                raise ConfigurationError(message, hint="name the release as NAME==VERSION")


def proof_path(wheel: Path) -> Path:
    """Return the path of a wheel's proof, which lies beside the wheel."""
    return wheel.with_name(f"{wheel.stem}.proof.json")


def render_proof(proof: Proof) -> str:
    """Return the proof as JSON text."""
    document = {"schema": SCHEMA, **asdict(proof)}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def parse_proof(text: str, source: str) -> Proof:
    """Return the proof in a JSON text.

    Raises:
        ConfigurationError: The text is not a proof, or has another schema.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        schema = document.pop("schema")
        proof = _build(document) if schema == SCHEMA else None
    except (ValueError, TypeError, KeyError, AttributeError):
        message = f"{source} is not the proof of a wheel"
        raise ConfigurationError(message, hint="make it again: make package.model") from None
    if proof is None:
        message = f"{source} has schema {schema}, this version knows {SCHEMA}"
        raise ConfigurationError(message, hint="use the version of trainwheel that made it")
    return proof


def _build(document: dict[str, Any]) -> Proof:
    golden = tuple(GoldenRow(**row) for row in document.pop("golden"))
    proof = Proof(**document, golden=golden)
    types: dict[str, Any] = {"always": bool, "tolerance": int | float}
    for name, value in document.items():
        if not isinstance(value, types.get(name, str)):
            raise TypeError(name)
    return proof


_HASH = "trainwheel:lock:hash"
_MARKER = "trainwheel:lock:marker"
_GOLDEN_LIMIT = 256 << 20


def read_proof(wheel: Path) -> Proof:
    """Return the proof beside a wheel, and check that it is about this wheel.

    Raises:
        ConfigurationError: The wheel or its proof does not exist.
        StepFailedError: The wheel is not the one that was proved.
    """
    read_name(wheel)
    if not wheel.is_file():
        message = f"{wheel} does not exist"
        raise ConfigurationError(message, hint="make it with: make package.model")
    path = proof_path(wheel)
    if not path.is_file():
        message = f"{path.name} is not beside {wheel.name}"
        raise ConfigurationError(message, hint="keep both files of build/dist together")
    proof = parse_proof(read_text(path) or "", path.name)
    if wheel.name != proof.wheel:
        message = f"{path.name} is the proof of {proof.wheel}"
        raise StepFailedError(message, hint="take the wheel and its proof from one build")
    digest = digest_file(wheel)
    if digest != proof.sha256:
        message = f"{wheel.name} has sha256 {digest[:12]}, but {proof.sha256[:12]} was proved"
        raise StepFailedError(message, hint="take the wheel and its proof from one build")
    return proof


def check_name(wheel: Path, proof: Proof, name: str) -> None:
    """Check that a wheel and its proof are of one distribution only.

    The build may have been changed to build a wheel of anything.

    Raises:
        RefusedError: They are not.
    """
    others = sorted({*read_names(wheel), proof.name} - {canonicalize_name(name)})
    if others:
        message = f"{wheel} is a wheel of {others[0]}, not of {name}"
        raise RefusedError(message, hint="look at what the build did")


def read_promise(wheel: Path) -> Proof:
    """Return the proof that the files in a wheel amount to.

    Args:
        wheel: A wheel with ``trainwheel/provenance.json`` in its metadata.

    Raises:
        ConfigurationError: The file is not a wheel, has no record, or one that contradicts it.
    """
    name, version = read_name(wheel)
    provenance = read_provenance(wheel)
    if (provenance.name, provenance.version) != (name, version):
        release = f"{provenance.name} {provenance.version}"
        message = f"{wheel.name} carries the record of {release}"
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
    """Return the record of the model in a wheel.

    Raises:
        ConfigurationError: The file is not a wheel, or has no such record.
    """
    try:
        text = read_member(wheel, "trainwheel/provenance.json")
    except ConfigurationError as error:
        message = f"{wheel.name} does not have a record of its model: {error.message}"
        raise ConfigurationError(message, hint="it was made by another tool, or long ago") from None
    return parse_provenance(text, f"provenance.json of {wheel.name}")


def _golden(wheel: Path, provenance: Provenance) -> tuple[GoldenRow, ...]:
    data = read_member(wheel, "trainwheel/golden.jsonl", limit=_GOLDEN_LIMIT)
    if hashlib.sha256(data).hexdigest() != provenance.golden.sha256:
        message = f"{wheel.name} has other golden predictions than its record says"
        raise ConfigurationError(message, hint="publish a wheel that make package.model made")
    return parse_golden(data.decode("utf-8"))


def _requirements(wheel: Path, provenance: Provenance) -> Iterator[str]:
    """Yield the locked runtime packages with their digests, from the bill of materials."""
    from trainwheel.wheel.sbom import bill_name

    bill = json.loads(read_member(wheel, bill_name(provenance.name)))
    for component in bill.get("components", ()):
        properties = [(row["name"], row["value"]) for row in component.get("properties", ())]
        if any(name == _HASH for name, _ in properties):
            yield _requirement(component, properties)


def _requirement(component: Mapping[str, Any], properties: list[tuple[str, str]]) -> str:
    marker = next((f" ; {value}" for name, value in properties if name == _MARKER), "")
    hashes = (f"--hash={value}" for name, value in properties if name == _HASH)
    pin = f"{component['name']}=={component['version']}{marker}"
    return " \\\n    ".join((pin, *sorted(hashes))) + "\n"
