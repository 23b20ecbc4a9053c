"""What sync writes is what installers read: wheels built from every sample, resolved by uv."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from trainwheel.requirements.pep508 import meaning
from trainwheel.requirements.pins import POLICIES, SyncSettings
from trainwheel.steps.shared.synced import examine
from unit.sync_corpus import CASES, REFUSED, copy_case

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_BUILD = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
# pip knows these repositories, uv knows only git.
_FOREIGN = re.compile(r" @ (hg|svn|bzr)\+")
_VERSIONS = ("1.0", "2.0", "2.2", "3.0", "0.1")


# Each sample by one policy, in turn: which requirements a policy makes is a unit test's to say.
_SAMPLES = list(zip(sorted(set(CASES) - set(REFUSED)), itertools.cycle(POLICIES), strict=False))


@pytest.mark.parametrize(("case", "policy"), _SAMPLES)
def test_uv_accepts_every_requirement_of_the_built_wheel(
    case: str, policy: str, tmp_path: Path
) -> None:
    project = copy_case(case, tmp_path / "project")
    (project / "logconf.py").write_text("def setup(**given): pass\n")
    synced = examine(project, SyncSettings(policy))
    (project / "setup.py").write_bytes(synced.after)
    wheel = _build(project)
    required = [text for text in _requires(wheel) if "extra ==" not in text]
    assert {meaning(t) for t in required} == {meaning(t) for t in synced.plan.requirements}
    known = [text for text in required if not _FOREIGN.search(text)]
    _leave_out(wheel, _FOREIGN)
    _resolve(wheel, [Requirement(text) for text in known], tmp_path / policy)


def _build(project: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-c", _BUILD], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return project / "dist" / done.stdout.split()[-1]


def _requires(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []


def _leave_out(wheel: Path, pattern: re.Pattern[str]) -> None:
    """Take requirements out of a wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in members.items():
            lines = data.decode().splitlines(keepends=True)
            is_metadata = name.endswith(".dist-info/METADATA")
            kept = [line for line in lines if not (is_metadata and pattern.search(line))]
            archive.writestr(name, "".join(kept))


def _resolve(wheel: Path, required: list[Requirement], links: Path) -> None:
    """Resolve a wheel against empty wheels of all that it needs; nothing is installed."""
    links.mkdir()
    overrides = []
    for requirement in required:
        stub = _stub(requirement, links)
        if requirement.url:
            # Nobody answers at the samples' addresses.
            marker = f" ; {requirement.marker}" if requirement.marker else ""
            overrides.append(f"{requirement.name} @ {stub.as_uri()}{marker}\n")
    (links / "overrides.txt").write_text("".join(overrides))
    uv = (sys.executable, "-m", "uv", "--offline", "--no-config", "pip", "compile", "--quiet", "-")
    options = ("--no-index", "--find-links", str(links), "--prerelease", "allow", "--no-cache")
    done = subprocess.run(
        [*uv, *options, "--override", str(links / "overrides.txt")],
        input=f"{wheel.name.split('-')[0]} @ {wheel.as_uri()}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    resolved = done.stdout.count("==") + done.stdout.count(" @ ")
    here = [r for r in required if r.marker is None or r.marker.evaluate()]
    assert resolved == len({r.name for r in here}) + 1


def _stub(requirement: Requirement, links: Path) -> Path:
    """Write an empty wheel that meets a requirement."""
    version = _version(requirement.specifier)
    name = requirement.name.replace("-", "_").replace(".", "_")
    path = links / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    extras = "".join(f"Provides-Extra: {extra}\n" for extra in requirement.extras)
    metadata = f"Metadata-Version: 2.1\nName: {requirement.name}\nVersion: {version}\n{extras}"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def _version(specifier: SpecifierSet) -> Version:
    named = [clause.version.removesuffix(".*") for clause in specifier]
    candidates = [*named, *_VERSIONS]
    return next(Version(v) for v in candidates if specifier.contains(v, prereleases=True))
