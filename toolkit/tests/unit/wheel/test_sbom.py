"""What a bill of materials says, and that the CycloneDX project's own library reads it so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packageurl import PackageURL

from trainwheel.requirements.lockfile import LockedRequirement, parse_lockfile, requirements
from trainwheel.wheel.sbom import bill_name, locked_version, render_bill
from unit.wheel.test_provenance import PROVENANCE

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
ADDRESS = "https://files.example/own-1.0-py3-none-any.whl"
MARKER = 'sys_platform == "win32"'
MODEL = PROVENANCE.artefact.path
OUTSIDE_GIT = replace(PROVENANCE, commit_time=None)
REF = "oncology-model==0.1.174"


@pytest.fixture
def locked() -> tuple[LockedRequirement, ...]:
    """What a lock with a release, a file by its address and a marker says."""
    default = {
        "numpy": {"version": "==2.4.6", "hashes": [TWO, ONE]},
        "own": {"file": ADDRESS, "hashes": [ONE]},
        "tzdata": {"version": "==2026.6", "hashes": [TWO], "markers": "sys_platform == 'win32'"},
        "colorama": {"version": "*", "markers": "sys_platform == 'win32'"},
    }
    return requirements(parse_lockfile(json.dumps({"_meta": {}, "default": default})), "packages")


def bill(*locked: LockedRequirement, tool: str = "0.1.0") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render_bill(PROVENANCE, locked, tool))
    return document


def lock_of(name: str = "own", version: str = "1.0", hashes: Any = (), marker: str = "") -> Any:
    return LockedRequirement(name, f"=={version}", (), marker, hashes, "release", "packages")


def test_a_version_is_the_release_or_the_digest_of_a_file(
    locked: tuple[LockedRequirement, ...],
) -> None:
    assert bill_name(PROVENANCE) == "sboms/oncology-model.cdx.json"
    assert [locked_version(package) for package in locked] == ["", "2.4.6", ONE, "2026.6"]


def test_the_bill_names_the_model_its_artefact_the_tool_and_the_time() -> None:
    document = bill(lock_of())

    assert document["metadata"] == {
        "component": {"bom-ref": REF, "name": "oncology-model", "type": "library",
                      "purl": "pkg:pypi/oncology-model@0.1.174", "version": "0.1.174"},
        "timestamp": "2026-11-03T10:20:30+00:00",
        "tools": {"components": [
            {"name": "trainwheel", "type": "application", "version": "0.1.0"}]},
    }  # fmt: skip
    assert document["components"][-1] == {
        "bom-ref": MODEL, "name": MODEL, "type": "machine-learning-model", "version": "0.1.174",
        "hashes": [{"alg": "SHA-256", "content": PROVENANCE.artefact.sha256}],
    }  # fmt: skip
    assert document["dependencies"] == [
        {"ref": REF, "dependsOn": [MODEL, "own==1.0"]}, {"ref": MODEL}, {"ref": "own==1.0"}
    ]  # fmt: skip
    assert "timestamp" not in json.loads(render_bill(OUTSIDE_GIT, (), "1"))["metadata"]


def test_a_digest_stands_for_a_package_only_where_it_has_one_file(
    locked: tuple[LockedRequirement, ...],
) -> None:
    def notes(*values: str) -> list[dict[str, str]]:
        names = {MARKER: "trainwheel:lock:marker"}
        return [{"name": names.get(v, "trainwheel:lock:hash"), "value": v} for v in values]

    def hashes(digest: str) -> list[dict[str, str]]:
        return [{"alg": "SHA-256", "content": digest.partition(":")[2]}]

    text = render_bill(PROVENANCE, locked, "0.1.0")

    assert json.loads(text)["components"][:-1] == [
        {"bom-ref": "colorama==", "name": "colorama", "type": "library", "scope": "optional",
         "purl": "pkg:pypi/colorama", "properties": notes(MARKER)},
        {"bom-ref": "numpy==2.4.6", "name": "numpy", "version": "2.4.6", "type": "library",
         "scope": "required", "purl": "pkg:pypi/numpy@2.4.6", "properties": notes(ONE, TWO)},
        {"bom-ref": "own==", "name": "own", "type": "library", "scope": "required",
         "purl": "pkg:pypi/own", "properties": notes(ONE), "hashes": hashes(ONE)},
        {"bom-ref": "tzdata==2026.6", "name": "tzdata", "version": "2026.6", "type": "library",
         "scope": "optional", "purl": "pkg:pypi/tzdata@2026.6", "properties": notes(TWO, MARKER),
         "hashes": hashes(TWO)},
    ]  # fmt: skip
    assert ADDRESS not in text


@pytest.mark.parametrize("value", ["sha512:ab", f"md5:{'1' * 32}", "sha256:ab", f"{ONE}0", ""])
def test_what_is_not_a_sha256_is_not_a_digest_of_the_component(value: str) -> None:
    assert "hashes" not in bill(lock_of(hashes=(value,)))["components"][0]


def test_the_serial_number_follows_from_the_content(locked: tuple[LockedRequirement, ...]) -> None:
    one, other = bill(*locked), bill(*locked, tool="0.2.0")

    assert one == bill(*locked)
    assert one["serialNumber"].startswith("urn:uuid:")
    assert one["serialNumber"] != other["serialNumber"]


Official = Callable[[str], str]


@pytest.fixture(scope="module")
def official() -> Official:
    """Reads a bill by the official library, which has to fit its strict schema; writes it again.

    It is imported late: that takes a second, in every process that runs tests.
    """
    from cyclonedx.model.bom import Bom  # noqa: PLC0415
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    def read(text: str) -> str:
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        bom = Bom.from_json(json.loads(text))  # type: ignore[attr-defined] # a decorator adds it
        return JsonV1Dot6(bom).output_as_string()

    return read


names = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+){0,2}", fullmatch=True)
versions = st.sampled_from(["1!2.0", "1.0+cu12.1", "2.*", "1:0/1", "0", " 1.0"]) | st.text(
    max_size=5
)
digests = st.sampled_from(["sha256", "sha512"]).flatmap(
    lambda kind: st.binary(min_size=32, max_size=32).map(lambda data: f"{kind}:{data.hex()}")
)
packages = st.builds(
    lock_of, names, versions, st.frozensets(digests, max_size=3).map(sorted).map(tuple),
    st.sampled_from(["", MARKER]) | st.text(max_size=5),
)  # fmt: skip
locks = st.lists(packages, max_size=4, unique_by=lambda package: package.name).map(
    lambda rows: sorted(rows, key=lambda row: row.name)
)


@given(locks, st.sampled_from([PROVENANCE, OUTSIDE_GIT]), st.text(max_size=5))
@example([], PROVENANCE, "0.1.0")
@settings(max_examples=40)
def test_every_bill_is_what_the_official_library_writes(
    official: Official, rows: list[LockedRequirement], provenance: Any, tool: str
) -> None:
    text = render_bill(provenance, rows, tool)

    expected = json.loads(official(text))
    if provenance is OUTSIDE_GIT:
        del expected["metadata"]["timestamp"]  # the library takes the clock's
    assert json.loads(text) == expected
    assert text.endswith("\n}\n")
    assert text.isascii()


@given(names, versions)
def test_a_package_url_is_encoded_as_the_specification_has_it(name: str, version: str) -> None:
    expected = PackageURL("pypi", name=name, version=version).to_string()

    assert bill(lock_of(name, version))["components"][0]["purl"] == expected
