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


def test_the_bill_stands_where_pep_770_has_it() -> None:
    assert bill_name(PROVENANCE) == "sboms/oncology-model.cdx.json"


def test_a_version_is_the_release_or_the_digest_of_a_file(
    locked: tuple[LockedRequirement, ...],
) -> None:
    assert {package.name: locked_version(package) for package in locked} == {
        "colorama": "",
        "numpy": "2.4.6",
        "own": ONE,
        "tzdata": "2026.6",
    }


def test_every_locked_package_is_told_with_its_digests(
    locked: tuple[LockedRequirement, ...],
) -> None:
    marker = 'sys_platform == "win32"'

    assert describe_materials(PROVENANCE, locked, "0.1.0")["packages"] == [
        {"name": "colorama", "version": None, "marker": marker, "hashes": []},
        {"name": "numpy", "version": "2.4.6", "marker": "", "hashes": [ONE, TWO]},
        {"name": "own", "version": None, "marker": "", "hashes": [ONE]},
        {"name": "tzdata", "version": "2026.6", "marker": marker, "hashes": [TWO]},
    ]


def test_the_model_is_told_with_the_digest_of_its_artefact() -> None:
    told = describe_materials(PROVENANCE, (), "0.1.0")

    assert told["component"] == {
        "name": "oncology-model",
        "version": "0.1.174",
        "artefact": {"path": PROVENANCE.artefact.path, "sha256": PROVENANCE.artefact.sha256},
    }
    assert told["tool"] == {"name": "trainwheel", "version": "0.1.0"}
    assert told["time"] == "2026-11-03T10:20:30Z"


def test_outside_git_no_time_is_told() -> None:
    assert describe_materials(replace(PROVENANCE, commit_time=None), (), "0")["time"] is None


def test_no_address_leaves_with_the_wheel(locked: tuple[LockedRequirement, ...]) -> None:
    told = json.dumps(describe_materials(PROVENANCE, locked, "0.1.0"))

    assert "files.example" not in told
