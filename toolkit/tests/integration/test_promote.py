"""The same bytes on the next index: fetched by digest, proved, sent, and proved again."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.tiny import RealIndex, TinyProject, serve_index

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TABLE = """
[tool.trainwheel.index.{name}]
url = "{url}"
username = "{user}"
password-env = "{variable}"
"""


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[RealIndex]:
    with serve_index(tmp_path / "staging", protect_reads=True) as index:
        yield index


@pytest.fixture
def release(tmp_path: Path) -> Iterator[RealIndex]:
    with serve_index(tmp_path / "release", protect_reads=True) as index:
        yield index


@pytest.fixture
def project(published: TinyProject, staging: RealIndex, release: RealIndex) -> TinyProject:
    """A project whose 0.1.0 is in the embedded index, with two further indexes."""
    text = published.read("pyproject.toml")
    for name, index in (("staging", staging), ("release", release)):
        text += TABLE.format(
            name=name, url=index.url, user=index.username, variable=f"{name.upper()}_PASSWORD"
        )
    published.write("pyproject.toml", text)
    return published.with_variables(
        STAGING_PASSWORD=staging.password, RELEASE_PASSWORD=release.password
    )


def test_a_release_goes_from_index_to_index_byte_by_byte(
    project: TinyProject, staging: RealIndex, release: RealIndex
) -> None:
    first = project.nox("promote", "--", "--from", "embedded", "--to", "staging")
    assert first.code == 0, first.output
    # Nothing of the repository is needed but the name: the wheel carries its own proof.
    (project.root / "build").rename(project.root / "elsewhere")
    second = project.nox("promote", "--", "--from", "staging", "--to", "release", "0.1.0")

    assert second.code == 0, second.output
    assert "tiny-model 0.1.0 published in index release" in second.line("promote ")
    (built,) = project.index.glob("*.whl")
    for index in (staging, release):
        (held,) = index.folder.glob("*.whl")
        assert held.read_bytes() == built.read_bytes()
    third = project.nox("promote", "--", "--from=staging", "--to=release")
    assert third.code == 0, third.output
    assert "is in index release already, identical" in third.line("promote ")
    for run in (first, second, third):
        assert staging.password not in run.output


def test_the_command_promotes_too(
    project: TinyProject, staging: RealIndex, release: RealIndex
) -> None:
    (built,) = project.index.glob("*.whl")
    (staging.folder / built.name).write_bytes(built.read_bytes())

    words = ("promote", "tiny-model==0.1.0", "--from", "staging", "--to", "release")
    run = project.run(sys.executable, "-m", "trainwheel", *words)

    assert run.code == 0, run.output
    assert release.published() == ["0.1.0"]


def test_a_version_that_is_taken_by_other_content_is_refused(
    project: TinyProject, staging: RealIndex
) -> None:
    (built,) = project.index.glob("*.whl")
    with zipfile.ZipFile(staging.folder / built.name, "w") as archive:
        archive.writestr("other.py", "x = 1\n")
    before = (staging.folder / built.name).read_bytes()

    run = project.nox("promote", "--", "--from", "embedded", "--to", "staging")

    assert "holds other content" in run.error("refused")
    assert (staging.folder / built.name).read_bytes() == before


def test_a_wheel_that_does_not_keep_its_promise_goes_nowhere(
    project: TinyProject, staging: RealIndex, release: RealIndex
) -> None:
    (built,) = project.index.glob("*.whl")
    _rewrite(built, staging.folder / built.name, "golden.jsonl")

    run = project.nox("promote", "--", "--from", "staging", "--to", "release")

    assert "has other golden predictions than its record says" in run.error("configuration")
    assert release.published() == []


def _rewrite(wheel: Path, copy: Path, member: str, *, drop: bool = False) -> None:
    """Copy a wheel with one file of its record changed or left out."""
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(copy, "w") as target:
        for info in source.infolist():
            data = source.read(info)
            if info.filename.endswith(member):
                if drop:
                    continue
                data = data.replace(b"1", b"2")
            target.writestr(info, data)
