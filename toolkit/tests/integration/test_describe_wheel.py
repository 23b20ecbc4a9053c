"""The host that writes a bill of materials, in the very environment that packages."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from integration.once import once_for
from integration.tiny import ROOT
from trainwheel.guest import DESCRIBE_WHEEL
from trainwheel.install.environments import Installer, python_of
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment
from trainwheel.wheel.sbom import describe_materials
from unit.wheel.test_provenance import PROVENANCE, changed

pytestmark = pytest.mark.integration

SCHEMA = json.loads((files("trainwheel") / "data" / "provenance-1.json").read_text("utf-8"))
LOCK = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))


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
    installer = Installer(read_environment())
    once = once_for(tmp_path_factory)
    folder = once.folder("describe", lambda folder: installer.ensure(folder / "package", packages))
    return python_of(folder / "package")


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


def test_the_bill_names_the_model_its_artefact_and_every_locked_package(answer: Answer) -> None:
    document = answer.document

    locked = {package.name for package in requirements(LOCK, "packages")}
    assert set(by_name(document)) == locked | {PROVENANCE.artefact.path}
    assert document["specVersion"] == "1.6"
    assert document["metadata"]["timestamp"] == "2026-11-03T10:20:30+00:00"
    assert document["metadata"]["component"] == {
        "bom-ref": "oncology-model==0.1.174",
        "name": "oncology-model",
        "purl": "pkg:pypi/oncology-model@0.1.174",
        "type": "library",
        "version": "0.1.174",
    }
    (tool,) = document["metadata"]["tools"]["components"]
    assert (tool["name"], tool["version"]) == ("trainwheel", "0.1.0")
    artefact = by_name(document)[PROVENANCE.artefact.path]
    assert artefact["type"] == "machine-learning-model"
    assert artefact["hashes"] == [{"alg": "SHA-256", "content": PROVENANCE.artefact.sha256}]
    (edges,) = [entry for entry in document["dependencies"] if "dependsOn" in entry]
    assert edges["ref"] == document["metadata"]["component"]["bom-ref"]
    assert edges["dependsOn"] == sorted(part["bom-ref"] for part in document["components"])


def test_a_digest_stands_for_a_package_only_where_it_has_one_file(
    describe: Describe, answer: Answer
) -> None:
    one, two = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
    packages = [
        {"name": "alone", "version": "1", "marker": "", "hashes": [one]},
        {"name": "pair", "version": "1", "marker": "", "hashes": [one, two]},
        {"name": "unpinned", "version": None, "marker": 'os_name == "nt"', "hashes": []},
    ]

    document = describe(packages=packages, time=None).document

    parts = by_name(document)
    assert parts["alone"]["hashes"] == [{"alg": "SHA-256", "content": "1" * 64}]
    assert "hashes" not in parts["pair"]
    assert [each["value"] for each in parts["pair"]["properties"]] == [one, two]
    assert parts["pair"]["scope"] == "required"
    assert "version" not in parts["unpinned"]
    assert parts["unpinned"]["purl"] == "pkg:pypi/unpinned"
    assert parts["unpinned"]["scope"] == "optional"
    assert parts["unpinned"]["properties"] == [
        {"name": "trainwheel:lock:marker", "value": 'os_name == "nt"'}
    ]
    # A time is the commit's and never the clock's, and other materials have another number.
    assert "timestamp" not in document["metadata"]
    assert document["serialNumber"] != answer.document["serialNumber"]


def test_the_bill_is_the_same_bytes_whatever_the_hash_seed_zone_and_order(
    python: Path, answer: Answer, tmp_path: Path
) -> None:
    materials = describe_materials(PROVENANCE, requirements(LOCK, "packages"), "0.1.0")
    given = {"provenance": PROVENANCE.render(), "schema": SCHEMA, **materials}
    turned = dict(reversed(list(given.items())))
    target = tmp_path / "other.json"
    variables = {"PYTHONHASHSEED": "1", "TZ": "America/St_Johns", "LC_ALL": "C"}
    argv = [str(python), "-P", str(DESCRIBE_WHEEL), str(target)]

    subprocess.run(argv, input=json.dumps(turned), env=variables, text=True, check=True)

    assert target.read_bytes() == answer.bill
    assert target.read_bytes().endswith(b"\n}\n")
    assert b"\r" not in target.read_bytes()


BROKEN = {"name": "m", "version": "1", "artefact": {"path": "m", "sha256": "zz" * 32}}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"provenance": changed("engine", "x").replace('"golden"', '"gold"')}, "'golden'"),
        ({"provenance": changed("metrics", {"auc": "x" * 5_000})}, "metrics.auc: "),
        ({"provenance": changed("metrics", {"auc": "a\nb"})}, "metrics.auc: "),
        ({"component": BROKEN}, ".hashes.0.content: 'zzz"),
    ],
)
def test_what_does_not_fit_is_one_line_and_no_bill(
    describe: Describe, changes: dict[str, Any], place: str
) -> None:
    refused = describe(**changes)

    assert (refused.code, refused.bill) == (1, None)
    (line,) = refused.output.splitlines()
    assert place in line
    assert len(line) < 400
