"""What goes into a bill of materials: versions and digests, and no address."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from trainwheel.requirements.lockfile import LockedRequirement, parse_lockfile, requirements
from trainwheel.wheel.sbom import bill_name, describe_materials, locked_version
from unit.wheel.test_provenance import PROVENANCE

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
ADDRESS = "https://files.example/own-1.0-py3-none-any.whl"


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


def test_a_version_is_the_release_or_the_digest_of_a_file(
    locked: tuple[LockedRequirement, ...],
) -> None:
    assert bill_name(PROVENANCE) == "sboms/oncology-model.cdx.json"
    assert [locked_version(package) for package in locked] == ["", "2.4.6", ONE, "2026.6"]


def test_every_locked_package_is_listed_with_its_digests_and_without_an_address(
    locked: tuple[LockedRequirement, ...],
) -> None:
    marker = 'sys_platform == "win32"'

    assert describe_materials(PROVENANCE, locked, "0.1.0")["packages"] == [
        {"name": "colorama", "version": None, "marker": marker, "hashes": []},
        {"name": "numpy", "version": "2.4.6", "marker": "", "hashes": [ONE, TWO]},
        {"name": "own", "version": None, "marker": "", "hashes": [ONE]},
        {"name": "tzdata", "version": "2026.6", "marker": marker, "hashes": [TWO]},
    ]


def test_the_model_is_listed_with_the_digest_of_its_artefact() -> None:
    materials = describe_materials(PROVENANCE, (), "0.1.0")

    artefact = {"path": PROVENANCE.artefact.path, "sha256": PROVENANCE.artefact.sha256}
    component = {"name": "oncology-model", "version": "0.1.174", "artefact": artefact}
    assert materials["component"] == component
    assert materials["tool"] == {"name": "trainwheel", "version": "0.1.0"}
    assert materials["time"] == "2026-11-03T10:20:30Z"
    outside_git = replace(PROVENANCE, commit_time=None)
    assert describe_materials(outside_git, (), "0")["time"] is None
