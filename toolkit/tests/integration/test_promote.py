"""The same bytes on the next index: fetched by digest, proved, sent, and proved again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.tiny import RealIndex, TinyProject, serve_index

pytestmark = pytest.mark.integration

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
    words = ("promote", "tiny-model==0.1.0", "--from", "staging", "--to", "release")
    second = project.run(sys.executable, "-m", "trainwheel", *words)

    assert second.code == 0, second.output
    (built,) = project.index.glob("*.whl")
    for index in (staging, release):
        (held,) = index.folder.glob("*.whl")
        assert held.read_bytes() == built.read_bytes()
    assert staging.password not in first.output + second.output


def test_a_password_that_the_next_index_refuses_is_named_before_anything_is_verified(
    project: TinyProject, release: RealIndex
) -> None:
    words = ("promote", "--", "--from", "embedded", "--to", "release")
    run = project.nox(*words, RELEASE_PASSWORD="wr0ng-Token")

    assert "RELEASE_PASSWORD" in run.error("configuration")
    assert "golden predictions" not in run.output
    assert release.published() == []
