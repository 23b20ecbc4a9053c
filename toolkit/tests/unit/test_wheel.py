"""Looking into real wheels, and finishing one without harming it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainwheel.errors import ConfigurationError
from trainwheel.wheel import (
    add_metadata,
    list_members,
    read_name,
    read_release_key,
    read_requirements,
)
from unit.wheels import check_record, read_members, record_of, write_wheel

KEY = "ab" * 32
RELEASE = "tiny_model-0.1.0.dist-info/trainwheel/release.json"
ARTEFACT = {"tiny_model/artefact/model.joblib": bytes(range(256)) * 20}


@pytest.mark.parametrize(
    ("filename", "name", "version"),
    [
        ("oncology_model-0.1.174-py3-none-any.whl", "oncology-model", "0.1.174"),
        ("Oncology.Model-1.0-py3-none-any.whl", "oncology-model", "1.0"),
        ("a-1!2.0rc1+local.1-7-cp311-cp311-manylinux_2_17_x86_64.whl", "a", "1!2.0rc1+local.1"),
    ],
)
def test_a_name_is_normalised(filename: str, name: str, version: str) -> None:
    assert read_name(Path("build/dist") / filename) == (name, version)


@pytest.mark.parametrize(
    "filename", ["", "model.whl", "model-1.0.whl", "model-1.0-py3-none-any.zip", "a-b-c-d-e.whl"]
)
def test_what_is_not_named_as_a_wheel_is_says_so(filename: str) -> None:
    with pytest.raises(ConfigurationError, match="is not named as a wheel is"):
        read_name(Path("dist") / filename)


def test_members_are_listed_sorted_and_without_folders(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, members={"tiny_model/z/": b"", "tiny_model/a.py": b""})

    assert list_members(wheel) == (
        "tiny_model-0.1.0.dist-info/METADATA",
        "tiny_model-0.1.0.dist-info/RECORD",
        "tiny_model-0.1.0.dist-info/WHEEL",
        "tiny_model/__init__.py",
        "tiny_model/a.py",
    )


@pytest.mark.parametrize(
    "requires", [(), ("six<2,>=1.16",), ("six; python_version < '4'", "joblib[x]==1.0")]
)
def test_requirements_are_read_in_order(tmp_path: Path, requires: tuple[str, ...]) -> None:
    assert read_requirements(write_wheel(tmp_path, requires=requires)) == requires


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (None, None),
        (b'{"schema": 1, "release_key": "abc"}', "abc"),
        (b'{"schema": 2, "release_key": "abc", "more": 1}', "abc"),
        (b"{}", None),
        (b'{"release_key": 3}', None),
        (b"[]", None),
        (b"null", None),
        (b"nonsense", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_a_release_key_is_read_where_there_is_one(
    tmp_path: Path, text: bytes | None, key: str | None
) -> None:
    wheel = write_wheel(tmp_path, members={} if text is None else {RELEASE: text})

    assert read_release_key(wheel) == key


READERS: list[Callable[[Path], object]] = [read_requirements, read_release_key]


def remove(wheel: Path) -> None:
    wheel.unlink()


def become_text(wheel: Path) -> None:
    wheel.write_text("<html>please log in</html>")


def become_empty(wheel: Path) -> None:
    wheel.write_bytes(b"")


def cut(wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes()[:-30])


def become_folder(wheel: Path) -> None:
    wheel.unlink()
    wheel.mkdir()


@pytest.mark.parametrize("read", [*READERS, list_members])
@pytest.mark.parametrize("damage", [remove, become_text, become_empty, cut, become_folder])
def test_what_is_no_wheel_is_named_in_one_line(
    tmp_path: Path, damage: Callable[[Path], None], read: Callable[[Path], object]
) -> None:
    wheel = write_wheel(tmp_path)
    damage(wheel)

    with pytest.raises(ConfigurationError) as caught:
        read(wheel)

    assert str(wheel) in caught.value.message
    assert "readable wheel" in caught.value.message or "does not exist" in caught.value.message


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("at", [0, 10])
def test_a_wheel_whose_bytes_have_rotted_is_named_in_one_line(
    tmp_path: Path, read: Callable[[Path], object], at: int
) -> None:
    wheel = write_wheel(tmp_path, requires=["six"] * 50, members={RELEASE: b'{"x": "y"}' * 9})
    with zipfile.ZipFile(wheel) as archive:
        places = [info.header_offset + 30 + len(info.filename) for info in archive.infolist()]
    data = bytearray(wheel.read_bytes())
    for place in places:
        data[place + at] ^= 0x5A
    wheel.write_bytes(data)

    with pytest.raises(ConfigurationError, match="is not a readable wheel"):
        read(wheel)


@pytest.mark.parametrize("read", READERS)
def test_an_archive_without_metadata_is_no_wheel(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/METADATA", "")
        archive.writestr("deep/a-1.0.dist-info/METADATA", "")

    with pytest.raises(ConfigurationError, match="is not a wheel: it has no METADATA"):
        read(path)


def test_a_finished_wheel_holds_its_release_key(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, members=ARTEFACT)

    add_metadata(wheel, KEY)

    assert read_release_key(wheel) == KEY
    assert json.loads(read_members(wheel)[RELEASE]) == {"schema": 1, "release_key": KEY}
    assert [path.name for path in tmp_path.iterdir()] == [wheel.name]


def describe(wheel: Path) -> dict[str, tuple[object, ...]]:
    """Return what a wheel says of each of its files, in their order."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            info.filename: (info.date_time, info.external_attr, info.compress_type, info.CRC)
            for info in archive.infolist()
        }


def test_every_other_member_keeps_its_place_time_mode_and_compression(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, members={**ARTEFACT, "tiny_model/run.sh": b"#!/bin/sh\n"})
    before = describe(wheel)

    add_metadata(wheel, KEY)

    after = describe(wheel)
    record = "tiny_model-0.1.0.dist-info/RECORD"
    assert list(after) == [*[name for name in before if name != record], RELEASE, record]
    assert {name: told for name, told in after.items() if name not in {RELEASE, record}} == {
        name: told for name, told in before.items() if name != record
    }
    assert after[RELEASE][:3] == after[record][:3] == before[record][:3]


member = st.from_regex(r"tiny_model/[a-zé ,\"']{1,6}\.py", fullmatch=True)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(members=st.dictionaries(member, st.binary(max_size=300), max_size=4))
def test_finishing_keeps_every_byte_and_record_stays_true(
    tmp_path: Path, members: dict[str, bytes]
) -> None:
    wheel = write_wheel(tmp_path, members=members)
    check_record(wheel)
    before = read_members(wheel)

    add_metadata(wheel, KEY)

    check_record(wheel)
    after = read_members(wheel)
    record = "tiny_model-0.1.0.dist-info/RECORD"
    assert {**after, record: b""} == {**before, record: b"", RELEASE: after[RELEASE]}


def test_the_same_wheel_and_key_give_the_same_bytes(tmp_path: Path) -> None:
    wheels = [write_wheel(tmp_path / name, members=ARTEFACT) for name in ("one", "other")]

    for wheel in wheels:
        add_metadata(wheel, KEY)

    assert wheels[0].read_bytes() == wheels[1].read_bytes()


def test_finishing_twice_is_finishing_with_the_second_key(tmp_path: Path) -> None:
    once, twice = (write_wheel(tmp_path / name, members=ARTEFACT) for name in ("one", "other"))

    add_metadata(once, KEY)
    add_metadata(twice, "cd" * 32)
    add_metadata(twice, KEY)

    check_record(twice)
    assert twice.read_bytes() == once.read_bytes()


def test_a_record_that_quotes_names_is_read(tmp_path: Path) -> None:
    members = {'tiny_model/a, "b".py': b"1"}
    assert '"tiny_model/a, ""b"".py"' in record_of(members, "RECORD")
    wheel = write_wheel(tmp_path, members=members)

    add_metadata(wheel, KEY)

    check_record(wheel)
