"""The lock beside a wheel: only files that are locked, by address or by name, and no index."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.pylock import PackageSdist, PackageWheel, Pylock, is_valid_pylock_path

from trainwheel.errors import LockfileError
from trainwheel.requirements.lockfile import LockedRequirement
from trainwheel.requirements.pylock import (
    digests_of_files,
    locked_files,
    pylock_path,
    read_pylock,
    render_pylock,
)
from trainwheel.system.digest import digest_file
from unit.wheels import write_wheel

LOCKED, OTHER, SOURCE = "aa" * 32, "bb" * 32, "cc" * 32
HASHES = (f"sha256:{LOCKED}", f"sha256:{SOURCE}")
ROW = LockedRequirement("six", "==1.17.0", (), 'python_version >= "3.9"', HASHES, "release", "")


def said(url: str, *digests: str) -> str:
    """Return what uv says of a package with wheels of these digests, and their sources."""
    wheels = ", ".join(
        f'{{ {url.format(f"six-1.17.0-py{number}-none-any.whl")}, hashes = {{ sha256 = "{d}" }} }}'
        for number, d in enumerate(digests)
    )
    source = url.format("six-1.17.0.tar.gz")
    return f"""
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.11.7"
[[packages]]
name = "six"
version = "1.17.0"
index = "https://index.test/simple"
sdist = {{ {source}, upload-time = 2024-12-04T17:35:28Z, hashes = {{ sha256 = "{SOURCE}" }} }}
wheels = [{wheels}]
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return write_wheel(tmp_path, "tiny_model", "1.2.3+cpu.1")


@pytest.mark.parametrize("name", [
    "a-1.0-py3-none-any.whl", "a_b-1!2.3.dev4+x.5-py3-none-any.whl", "a.b-1-1-py3-none-any.whl",
])  # fmt: skip
def test_its_name_is_one_that_pip_and_uv_take_for_a_lock(name: str) -> None:
    assert is_valid_pylock_path(pylock_path(Path("dist", name)))


@pytest.mark.parametrize(("url", "expected"), [
    ('url = "https://files.test/{}"', {"url": "https://files.test/{}"}),
    ('url = "https://files.test/{}?X-Amz-Signature=0123456789abcdef"', {"path": "{}"}),
    ('url = "https://${{USER}}:${{PASS}}@files.test/{}"', {"path": "{}"}),
    ('url = "file:///home/me/{}"', {"path": "{}"}),
    ('path = "../../home/me/{}"', {"path": "{}"}),
])  # fmt: skip
def test_a_file_has_its_address_or_where_that_cannot_be_published_its_name(
    url: str, expected: dict[str, str], wheel: Path
) -> None:
    text = render_pylock(locked_files([said(url, LOCKED, OTHER)], [ROW]), wheel)

    lock = Pylock.from_dict(tomllib.loads(text))
    six, model = lock.packages
    assert six.wheels
    assert six.sdist
    files: list[PackageWheel | PackageSdist] = [*six.wheels, six.sdist]
    names = ["six-1.17.0-py0-none-any.whl", "six-1.17.0.tar.gz"]
    assert [{key: getattr(f, key) for key in expected} for f in files] == [
        {key: value.format(name) for key, value in expected.items()} for name in names
    ]
    assert [f.hashes["sha256"] for f in files] == [LOCKED, SOURCE]
    assert str(six.marker) == ROW.marker
    assert model.wheels
    assert (model.wheels[0].path, model.wheels[0].size) == (wheel.name, wheel.stat().st_size)
    assert model.wheels[0].hashes == {"sha256": digest_file(wheel)}
    assert "index" not in text
    assert "/home/" not in text
    assert read_pylock(text, "pylock.toml", ".")["packages"][0].specifier == "==1.17.0"


def test_what_the_first_place_has_is_not_taken_from_a_later_one(wheel: Path) -> None:
    places = [said('url = "https://files.test/{}"', LOCKED), said('path = "{}"', LOCKED)]

    files = locked_files(places, [ROW])
    text = render_pylock(files, wheel)

    assert text.count("six-1.17.0-py0-none-any.whl") == 1
    assert "https://files.test/six-1.17.0-py0" in text
    assert digests_of_files(files) == {"six": {"six-1.17.0-py0-none-any.whl": LOCKED}}


def test_a_package_without_a_file_that_is_locked_is_refused() -> None:
    text = said('url = "https://files.test/{}"', OTHER).replace(SOURCE, OTHER)

    with pytest.raises(LockfileError, match="six"):
        locked_files([text], [ROW])
