"""Write a wheel's bill of materials, and check it and the provenance against their schemas.

Run by file path with ``-P`` inside the environment that has cyclonedx-python-lib and jsonschema.

    python -P describe_wheel.py BILL

Standard input is one JSON document: ``provenance`` (its text), ``schema`` (of the provenance),
and the materials: ``time`` (ISO 8601, or null), ``tool``, ``component`` and ``packages``. The bill
is written to the file ``BILL`` as CycloneDX 1.6 has it. A document that does not
fit its schema ends this script with one line.
"""

import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from packageurl import PackageURL

_SPACE = uuid.UUID("4fd8df0e-94a5-5c3f-9f6d-2d3c3e6f6a61")
"""The namespace of the serial numbers of these bills."""
_LONGEST = 300
_SHA256 = "sha256:"


def main(target: str) -> None:
    """Read the document, check the provenance, and write the bill to ``target``."""
    materials = json.loads(sys.stdin.buffer.read())
    provenance = json.loads(materials.pop("provenance"))
    _refuse("the provenance", best_match(_errors(materials.pop("schema"), provenance)))
    text = render(materials)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    _refuse("the bill of materials", problem and problem.data)
    Path(target).write_text(text, encoding="utf-8", newline="\n")


def _errors(schema: dict[str, Any], provenance: object) -> Any:
    return Draft202012Validator(schema).iter_errors(provenance)


def _refuse(what: str, error: Any) -> None:
    """End with one line if there is an error."""
    if error is not None:
        where = ".".join(map(str, error.absolute_path))
        line = " ".join(f"{what} does not fit its schema: {where}: {error.message}".split())
        sys.exit(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…")


def render(materials: dict[str, Any]) -> str:
    """Return the bill as JSON text, the same for the same materials."""
    root, model = describe_model(materials["component"])
    packages = [describe_package(package) for package in materials["packages"]]
    bom = Bom(serial_number=uuid.uuid5(_SPACE, json.dumps(materials, sort_keys=True)))
    bom.metadata.component = root
    bom.metadata.tools = ToolRepository(
        components=[Component(type=ComponentType.APPLICATION, **materials["tool"])]
    )
    time = materials["time"]
    bom.metadata.timestamp = datetime.fromisoformat(time or "1980-01-01").astimezone(UTC)
    bom.components.update([model, *packages])
    bom.register_dependency(root, [model, *packages])
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    if time is None:
        # Without one the library takes the clock's, and each build would give other bytes.
        del document["metadata"]["timestamp"]
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def describe_model(component: dict[str, Any]) -> tuple[Component, Component]:
    """Return the distribution, and the trained model in it, whose digest is known beforehand."""
    name, version = component["name"], component["version"]
    root = Component(
        name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"{name}=={version}",
        purl=PackageURL("pypi", name=name, version=version),
    )  # fmt: skip
    model = Component(
        name=component["artefact"]["path"], version=version, bom_ref=component["artefact"]["path"],
        type=ComponentType.MACHINE_LEARNING_MODEL,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=component["artefact"]["sha256"])],
    )  # fmt: skip
    return root, model


def describe_package(entry: dict[str, Any]) -> Component:
    """Return a package; which of its files is installed depends on the machine.

    A digest stands for the component only where there is one file. All that the lock accepts are
    properties. A package with a marker is needed on some machines only.
    """
    name, version, marker, hashes = (entry[key] for key in ("name", "version", "marker", "hashes"))
    alone = hashes if len(hashes) == 1 and hashes[0].startswith(_SHA256) else []
    notes = [("hash", value) for value in hashes] + ([("marker", marker)] if marker else [])
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"{name}=={version or ''}",
        purl=PackageURL("pypi", name=name, version=version),
        scope=ComponentScope.OPTIONAL if marker else ComponentScope.REQUIRED,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=value.removeprefix(_SHA256))
                for value in alone],
        properties=[Property(name=f"trainwheel:lock:{what}", value=value) for what, value in notes],
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
