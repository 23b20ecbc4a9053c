"""What a bill of materials says, and that the CycloneDX project's own library reads it so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packageurl import PackageURL

from trainwheel.requirements.lockfile import LockedRequirement, parse_lockfile, requirements
from trainwheel.wheel.distributions import Distribution
from trainwheel.wheel.provenance import TrainedFile
from trainwheel.wheel.sbom import Contents, bill_name, bill_path, locked_version, render_bill
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


OWN = Distribution("oncology-model", "0.1.174", ("own<2,>=1", "numpy"))


def contents_of(*locked: LockedRequirement, **more: Any) -> Contents:
    return Contents(**{"model": OWN, "locked": locked, **more})


def bill(*locked: LockedRequirement, tool: str = "0.1.0", **more: Any) -> dict[str, Any]:
    provenance = more.pop("provenance", PROVENANCE)
    contents = contents_of(*locked, **more)
    document: dict[str, Any] = json.loads(render_bill(provenance, contents, tool))
    return document


def installed(*all_of_them: Distribution) -> dict[str, Distribution]:
    return {one.name: one for one in all_of_them}


def part(document: dict[str, Any], name: str) -> dict[str, Any]:
    (component,) = (one for one in document["components"] if one["name"] == name)
    return dict(component)


def lock_of(name: str = "own", version: str = "1.0", hashes: Any = (), marker: str = "") -> Any:
    return LockedRequirement(name, f"=={version}", (), marker, hashes, "release", "packages")


def test_a_version_is_the_release_or_the_digest_of_a_file(
    locked: tuple[LockedRequirement, ...],
) -> None:
    assert bill_name(PROVENANCE.name) == "sboms/oncology-model.cdx.json"
    assert [locked_version(package) for package in locked] == ["", "2.4.6", ONE, "2026.6"]
    wheel = Path("build/dist/a_b-1.0-py3-none-any.whl")
    assert bill_path(wheel) == Path("build/dist/a_b-1.0.cdx.json")


def test_the_bill_names_the_wheel_with_what_it_asks_for_the_environment_and_the_tool() -> None:
    own = replace(
        OWN, summary="Tells.", licence="MIT", people=(("Ann", "a@x.org"), ("", "b@x.org")),
        addresses=(("source", "https://s"), ("blog", "https://b"), ("issues", "https://i")),
    )  # fmt: skip

    metadata = bill(model=own)["metadata"]

    assert metadata == {
        "component": {
            "bom-ref": REF, "name": "oncology-model", "type": "library", "version": "0.1.174",
            "purl": "pkg:pypi/oncology-model@0.1.174", "description": "Tells.",
            "authors": [{"name": "Ann", "email": "a@x.org"}, {"email": "b@x.org"}],
            "licenses": [{"expression": "MIT", "acknowledgement": "declared"}],
            "externalReferences": [
                {"type": "issue-tracker", "url": "https://i"}, {"type": "vcs", "url": "https://s"},
                {"type": "website", "url": "https://b"},
            ],
            "properties": [{"name": "trainwheel:requires", "value": "numpy"},
                           {"name": "trainwheel:requires", "value": "own<2,>=1"}],
        },
        "properties": [
            {"name": "trainwheel:environment:platform", "value": PROVENANCE.training.platform},
            {"name": "trainwheel:environment:python", "value": PROVENANCE.training.python},
        ],
        "timestamp": "2026-11-03T10:20:30+00:00",
        "tools": {"components": [
            {"name": "trainwheel", "type": "application", "version": "0.1.0"}]},
    }  # fmt: skip
    assert "timestamp" not in bill(provenance=OUTSIDE_GIT)["metadata"]


def test_required_is_what_the_model_reaches_in_the_environment_of_the_proof(
    locked: tuple[LockedRequirement, ...],
) -> None:
    present = installed(
        Distribution("own", "1.0", ("numpy",)), Distribution("numpy", "2.4.6"),
        Distribution("pip", "26.3"), Distribution("tzdata", "2026.6"),
    )  # fmt: skip

    document = bill(*locked, installed=present)

    scopes = {one["name"]: one["scope"] for one in document["components"] if "scope" in one}
    assert {name: scope for name, scope in scopes.items() if scope != "excluded"} == {
        "own": "required", "numpy": "required", "tzdata": "optional", "colorama": "optional",
    }  # fmt: skip
    edges = {row["ref"]: row.get("dependsOn", []) for row in document["dependencies"]}
    assert edges[REF] == ["numpy==2.4.6", MODEL, "own==1.0"]
    assert edges["own==1.0"] == ["numpy==2.4.6"]
    assert edges["numpy==2.4.6"] == edges["colorama=="] == edges[MODEL] == []
    refs = {one["bom-ref"] for one in document["components"]}
    assert edges.keys() == {REF, *refs}
    assert ADDRESS not in json.dumps(document)


def test_a_package_is_what_was_installed_and_all_that_the_lock_accepts(
    locked: tuple[LockedRequirement, ...],
) -> None:
    numpy = Distribution("numpy", "2.4.6", licence="0BSD", tags=frozenset({"cp311-cp311-a"}))
    own = Distribution("own", "1.0", licence_names=("Ours", "Theirs"))
    files = {"numpy": {"numpy-2.4.6-cp312-cp312-a.whl": "1" * 64,
                       "numpy-2.4.6-cp311-cp311-a.b.whl": "2" * 64}}  # fmt: skip

    document = bill(*locked, installed=installed(numpy, own), files=files)

    def notes(*values: str) -> list[dict[str, str]]:
        names = {MARKER: "lock:marker", "false": "environment:installed"}
        return [{"name": f"trainwheel:{names.get(v, 'lock:hash')}", "value": v} for v in values]

    def named(name: str) -> dict[str, Any]:
        return {"license": {"name": name, "acknowledgement": "declared"}}

    assert document["components"][1:5] == [
        {"bom-ref": "colorama==", "name": "colorama", "type": "library", "scope": "optional",
         "purl": "pkg:pypi/colorama", "properties": notes("false", MARKER)},
        {"bom-ref": "numpy==2.4.6", "name": "numpy", "version": "2.4.6", "type": "library",
         "scope": "required", "purl": "pkg:pypi/numpy@2.4.6", "properties": notes(ONE, TWO),
         "licenses": [{"expression": "0BSD", "acknowledgement": "declared"}],
         "hashes": [{"alg": "SHA-256", "content": "2" * 64}]},
        {"bom-ref": "own==1.0", "name": "own", "type": "library", "scope": "required",
         "purl": "pkg:pypi/own@1.0", "version": "1.0", "properties": notes(ONE),
         "licenses": [named("Ours"), named("Theirs")],
         "hashes": [{"alg": "SHA-256", "content": "1" * 64}]},
        {"bom-ref": "tzdata==2026.6", "name": "tzdata", "version": "2026.6", "type": "library",
         "scope": "optional", "purl": "pkg:pypi/tzdata@2026.6",
         "properties": notes("false", TWO, MARKER)},
    ]  # fmt: skip


@pytest.mark.parametrize("files", [
    {}, {"own-1.0-cp311-cp311-b.whl": "1" * 64}, {"own-1.0.tar.gz": "1" * 64},
])  # fmt: skip
def test_of_several_files_none_is_named_unless_its_tags_are_those_installed(
    files: dict[str, str],
) -> None:
    row = lock_of(hashes=(ONE, TWO))
    present = installed(Distribution("own", "1.0", tags=frozenset({"cp311-cp311-a"})))

    assert "hashes" not in bill(row, installed=present, files={"own": files})["components"][1]


def test_the_model_has_a_card_with_what_is_known_of_it() -> None:
    provenance = replace(
        PROVENANCE, metrics={"auc": 0.9, "rows": 7, "f1": 1.0}, intervals={"auc": (0.8, 1.0)},
        gate={"f1": {"minimum": 0.5}}, inputs={"b": ["number"], "a": ["string", "null"]},
        card={"intended_use": "This.", "limits": "Not\nthat.", "data_licence": "CC-BY-4.0"},
        training=replace(PROVENANCE.training, data={"data/a.csv": "3" * 64}),
    )  # fmt: skip

    document = bill(provenance=provenance, task="classification")

    assert part(document, MODEL) == {
        "bom-ref": MODEL, "name": MODEL, "type": "machine-learning-model", "version": "0.1.174",
        "hashes": [{"alg": "SHA-256", "content": PROVENANCE.artefact.sha256}],
        "modelCard": {
            "modelParameters": {
                "task": "classification", "approach": {"type": "supervised"},
                "datasets": [{"ref": "data:data/a.csv"}],
                "inputs": [{"format": "a: string or null"}, {"format": "b: number"}],
            },
            "quantitativeAnalysis": {"performanceMetrics": [
                {"type": "auc", "value": "0.9",
                 "confidenceInterval": {"lowerBound": "0.8", "upperBound": "1.0"}},
                {"type": "f1", "value": "1.0"},
            ]},
            "considerations": {"useCases": ["This."], "technicalLimitations": ["Not\nthat."]},
        },
    }  # fmt: skip
    assert part(document, "data/a.csv") == {
        "bom-ref": "data:data/a.csv", "name": "data/a.csv", "type": "data", "scope": "excluded",
        "hashes": [{"alg": "SHA-256", "content": "3" * 64}],
        "licenses": [{"license": {"name": "CC-BY-4.0"}}],
    }  # fmt: skip


def test_of_several_files_the_model_itself_has_the_card() -> None:
    files = {"m/a.txt": "1" * 64, "m/model/one": "2" * 64, "m/model/two": "3" * 64}
    members = {path: TrainedFile(digest, 1, "unknown") for path, digest in files.items()}
    artefact = replace(PROVENANCE.artefact, path="m/model", files=members)

    document = bill(provenance=replace(PROVENANCE, artefact=artefact))

    parts = [one for one in document["components"] if one["name"] in files]
    assert [(one["type"], "modelCard" in one) for one in parts] == [
        ("data", False), ("machine-learning-model", True), ("machine-learning-model", False)
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["sha512:ab", f"md5:{'1' * 32}", "sha256:ab", f"{ONE}0", ""])
def test_what_is_not_a_sha256_is_not_a_digest_of_the_component(value: str) -> None:
    present = installed(Distribution("own", "1.0"))

    assert "hashes" not in bill(lock_of(hashes=(value,)), installed=present)["components"][1]


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
@example([lock_of("numpy", "2", (ONE,)), lock_of(hashes=(ONE, TWO))], PROVENANCE, "0.1.0")
@settings(max_examples=40)
def test_every_bill_is_what_the_official_library_writes(
    official: Official, rows: list[LockedRequirement], provenance: Any, tool: str
) -> None:
    own = Distribution("own", "1", ("numpy",), licence="MIT", people=(("Ann", "a@x.org"),))
    numpy = Distribution("numpy", "2", ("own",), licence_names=("Ours",))
    present = installed(own, numpy)
    contents = contents_of(
        *rows, model=replace(OWN, **vars(own)), installed=present, task="regression"
    )
    text = render_bill(provenance, contents, tool)

    expected = json.loads(official(text))
    (model,) = (one for one in expected["components"] if one["name"] == MODEL)
    model["modelCard"] = part(json.loads(text), MODEL)["modelCard"]  # which it does not know
    if provenance is OUTSIDE_GIT:
        del expected["metadata"]["timestamp"]  # the library takes the clock's
    assert json.loads(text) == expected
    assert text.endswith("\n}\n")
    assert text.isascii()


@given(names, versions)
def test_a_package_url_is_encoded_as_the_specification_has_it(name: str, version: str) -> None:
    expected = PackageURL("pypi", name=name, version=version).to_string()

    assert bill(lock_of(name, version))["components"][1]["purl"] == expected
