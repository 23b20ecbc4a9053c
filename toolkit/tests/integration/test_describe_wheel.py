"""The host that writes a bill of materials, in the very environment that packages."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from integration.tiny import ROOT
from trainwheel.guest import DESCRIBE_WHEEL
from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment
from trainwheel.wheel.sbom import describe_materials
from unit.wheel.test_provenance_reading import PROVENANCE, changed

pytestmark = pytest.mark.integration

SCHEMA = json.loads((files("trainwheel") / "data" / "provenance-1.json").read_text("utf-8"))
LOCK = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
# Reads a bill and prints what the library's own model of it makes of it.
READ_BACK = """
import json, sys
from cyclonedx.model.bom import Bom
bom = Bom.from_json(json.load(sys.stdin))
bom.validate()
print(len(bom.components), bom.metadata.component.purl)
"""


@dataclass(frozen=True)
class Answer:
    """How the host ended."""

    code: int
    output: str
    bill: bytes | None

    @property
    def document(self) -> dict[str, Any]:
        """The bill that it wrote."""
        assert self.code == 0, self.output
        assert self.output == ""
        document: dict[str, Any] = json.loads(self.bill or b"")
        return document


Describe = Callable[..., Answer]


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the lock's [package]."""
    packages = render_requirements(requirements(LOCK, "package"))
    folder = tmp_path_factory.mktemp("describe") / "package"
    return Installer(read_environment()).ensure(folder, packages)


@pytest.fixture(scope="session")
def describe(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Describe:
    """Runs the host on a document, some of its keys changed."""
    folder = tmp_path_factory.mktemp("bills")

    def run(provenance: str = "", **changes: Any) -> Answer:
        materials = describe_materials(PROVENANCE, requirements(LOCK, "packages"), "0.1.0")
        text = provenance or PROVENANCE.render()
        given = {"provenance": text, "schema": SCHEMA, **materials, **changes}
        target = folder / "bill.json"
        target.unlink(missing_ok=True)
        completed = subprocess.run(
            [python, "-P", DESCRIBE_WHEEL, target],
            input=json.dumps(given),
            env={"TZ": "Pacific/Auckland"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        bill = target.read_bytes() if target.exists() else None
        return Answer(completed.returncode, completed.stdout + completed.stderr, bill)

    return run


@pytest.fixture(scope="session")
def answer(describe: Describe) -> Answer:
    """What the host makes of the reference model's lock."""
    return describe()


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {component["name"]: component for component in document["components"]}


def test_the_bill_names_the_model_and_every_locked_runtime_package(answer: Answer) -> None:
    document = answer.document

    locked = {package.name for package in requirements(LOCK, "packages")}
    assert set(by_name(document)) == locked | {PROVENANCE.artefact.path}
    assert document["specVersion"] == "1.6"
    assert document["metadata"]["component"] == {
        "bom-ref": "oncology-model==0.1.174",
        "name": "oncology-model",
        "purl": "pkg:pypi/oncology-model@0.1.174",
        "type": "library",
        "version": "0.1.174",
    }
    (tool,) = document["metadata"]["tools"]["components"]
    assert (tool["name"], tool["version"]) == ("trainwheel", "0.1.0")


def test_the_artefact_is_told_with_its_digest(answer: Answer) -> None:
    component = by_name(answer.document)[PROVENANCE.artefact.path]

    assert component["type"] == "machine-learning-model"
    assert component["hashes"] == [{"alg": "SHA-256", "content": PROVENANCE.artefact.sha256}]


def test_everything_is_reached_from_the_model(answer: Answer) -> None:
    document = answer.document

    (edges,) = [entry for entry in document["dependencies"] if "dependsOn" in entry]
    assert edges["ref"] == document["metadata"]["component"]["bom-ref"]
    assert edges["dependsOn"] == sorted(part["bom-ref"] for part in document["components"])


def test_a_digest_stands_for_a_package_only_where_it_has_one_file(describe: Describe) -> None:
    one, two = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
    packages = [
        {"name": "alone", "version": "1", "marker": "", "hashes": [one]},
        {"name": "pair", "version": "1", "marker": "", "hashes": [one, two]},
        {"name": "unpinned", "version": None, "marker": 'os_name == "nt"', "hashes": []},
    ]

    parts = by_name(describe(packages=packages).document)

    assert parts["alone"]["hashes"] == [{"alg": "SHA-256", "content": "1" * 64}]
    assert "hashes" not in parts["pair"]
    assert [told["value"] for told in parts["pair"]["properties"]] == [one, two]
    assert parts["pair"]["scope"] == "required"
    assert "version" not in parts["unpinned"]
    assert parts["unpinned"]["purl"] == "pkg:pypi/unpinned"
    assert parts["unpinned"]["scope"] == "optional"
    assert parts["unpinned"]["properties"] == [
        {"name": "trainwheel:lock:marker", "value": 'os_name == "nt"'}
    ]


def test_the_time_is_the_commit_s_and_never_the_clock_s(describe: Describe, answer: Answer) -> None:
    assert answer.document["metadata"]["timestamp"] == "2026-11-03T10:20:30+00:00"
    assert "timestamp" not in describe(time=None).document["metadata"]


def test_the_bill_is_the_same_bytes_whatever_the_hash_seed_zone_and_order(
    python: Path, answer: Answer, tmp_path: Path
) -> None:
    materials = describe_materials(PROVENANCE, requirements(LOCK, "packages"), "0.1.0")
    given = {"provenance": PROVENANCE.render(), "schema": SCHEMA, **materials}
    turned = dict(reversed(list(given.items())))

    for number, zone in enumerate(("UTC", "America/St_Johns")):
        target = tmp_path / f"other-{number}.json"
        variables = {"PYTHONHASHSEED": str(number + 1), "TZ": zone, "LC_ALL": "C"}
        argv = [str(python), "-P", str(DESCRIBE_WHEEL), str(target)]
        subprocess.run(argv, input=json.dumps(turned), env=variables, text=True, check=True)
        assert target.read_bytes() == answer.bill
    assert answer.bill is not None
    assert answer.bill.endswith(b"\n}\n")
    assert b"\r" not in answer.bill


def test_other_materials_have_another_serial_number(describe: Describe, answer: Answer) -> None:
    later = describe_materials(replace(PROVENANCE, version="0.1.175"), (), "0.1.0")

    other = describe(**later).document

    assert other["serialNumber"] != answer.document["serialNumber"]


def test_the_library_itself_reads_the_bill(python: Path, answer: Answer) -> None:
    argv = [str(python), "-c", READ_BACK]

    told = subprocess.run(argv, input=answer.bill, capture_output=True, check=True)

    count = len(requirements(LOCK, "packages")) + 1
    assert told.stdout.decode().split() == [str(count), "pkg:pypi/oncology-model@0.1.174"]


@pytest.mark.parametrize(
    ("provenance", "told"),
    [
        (changed("metrics", {"auc": "good"}), "metrics.auc: 'good' is not of type 'number'"),
        (changed("release_key", "AB" * 32), "release_key: "),
        (changed("engine", "x").replace('"golden"', '"gold"'), "'golden' is a required property"),
        (changed("training.command", ""), "training.command: "),
        (changed("metrics", {"auc": "x" * 5_000}), "metrics.auc: "),
        (changed("metrics", {"auc": "a\nb"}), "metrics.auc: "),
    ],
)
def test_provenance_that_does_not_fit_is_one_line_and_no_bill(
    describe: Describe, provenance: str, told: str
) -> None:
    refused = describe(provenance)

    assert refused.code == 1
    assert refused.bill is None
    (line,) = refused.output.splitlines()
    assert line.startswith("the provenance does not fit its schema: ")
    assert told in line
    assert len(line) < 400


def test_a_bill_that_does_not_fit_is_one_line_and_no_bill(describe: Describe) -> None:
    component = {"name": "m", "version": "1", "artefact": {"path": "m", "sha256": "zz" * 32}}

    refused = describe(component=component)

    assert refused.code == 1
    assert refused.bill is None
    (line,) = refused.output.splitlines()
    assert line.startswith("the bill of materials does not fit its schema: components.")
    assert ".hashes.0.content: 'zzz" in line
