"""What differs between two wheels, in words that lead to the cause."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.wheel.finish import finish
from unit.wheels import read_members, write_wheel
from wheel_differences import compare_wheels

DIST_INFO = "tiny_model-0.1.0.dist-info/"
RECORD = f"{DIST_INFO}RECORD"
TEXT = b"a = 1\n" * 500

Change = Callable[[zipfile.ZipInfo], object]


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A finished wheel."""
    built = write_wheel(tmp_path, members={"tiny_model/a.py": TEXT, "tiny_model/b.py": b"b"})
    wheel = tmp_path / "first" / built.name
    wheel.parent.mkdir()
    finish(built, wheel, {})
    return wheel


def pack(first: Path, change: Change, level: int = 6) -> Path:
    """Pack a wheel anew, with something else said of one of its members."""
    second = first.parent.with_name("second") / first.name
    second.parent.mkdir()
    with zipfile.ZipFile(first) as source, zipfile.ZipFile(second, "w") as archive:
        for info in source.infolist():
            data = source.read(info)
            if info.filename == "tiny_model/a.py":
                change(info)
            archive.writestr(info, data, compresslevel=level)
    return second


def keep(info: zipfile.ZipInfo) -> None:
    del info


def test_the_same_bytes_do_not_differ(first: Path) -> None:
    second = pack(first, keep)

    assert second.read_bytes() == first.read_bytes()
    assert compare_wheels(first, second) == ()


def alter(**facts: object) -> Change:
    def change(info: zipfile.ZipInfo) -> None:
        for name, value in facts.items():
            setattr(info, name, value)

    return change


@pytest.mark.parametrize(("facts", "told"), [
    ({"external_attr": 0o100755 << 16}, "mode (100644, 100755)"),
    ({"date_time": (2024, 2, 3, 4, 5, 6)}, "time (1980-01-01 00:00:00, 2024-02-03 04:05:06)"),
    ({"compress_type": zipfile.ZIP_STORED}, "compression (deflated, stored)"),
    ({"create_system": 0}, "system (3, 0)"), ({"create_version": 45}, "versions (20/20, 45/20)"),
    ({"external_attr": 0o100644 << 16 | 0x20}, "attributes (0x0/0x0, 0x20/0x0)"),
    ({"extra": b"\x99\x99\x02\x00ab"}, "extra field (none, 999902006162)"),
    ({"comment": b"hm"}, "comment (b'', b'hm')"),
    ({"create_system": 0, "comment": b"hm"}, "system (3, 0); comment (b'', b'hm')"),
])  # fmt: skip
def test_what_an_entry_says_is_named(first: Path, facts: dict[str, object], told: str) -> None:
    second = pack(first, alter(**facts))

    assert compare_wheels(first, second) == (f"tiny_model/a.py: {told}",)


def test_another_compressor_is_told_from_another_content(first: Path) -> None:
    told = compare_wheels(first, pack(first, keep, level=1))

    (phrase,) = (phrase for phrase in told if phrase.startswith("tiny_model/a.py: "))
    assert phrase.startswith("tiny_model/a.py: the same bytes deflated to ")
    assert phrase.endswith("another zlib or level")


def test_contents_are_named_with_the_first_byte_and_their_row(tmp_path: Path) -> None:
    wheels = []
    for number, text in enumerate((TEXT, TEXT[:1001] + b"!" + TEXT[1002:], TEXT + b"more")):
        built = write_wheel(tmp_path / "built", members={"tiny_model/a.py": text})
        wheels.append(tmp_path / f"{number}.whl")
        finish(built, wheels[-1], {})

    record, changed = compare_wheels(wheels[0], wheels[1])
    _, longer = compare_wheels(wheels[0], wheels[2])

    assert changed.startswith("tiny_model/a.py: bytes from 1001 on (3000 and 3000 in all); ")
    assert "RECORD row (sha256=" in changed
    assert record.startswith(f"{RECORD}: bytes from ")
    assert longer.startswith("tiny_model/a.py: bytes from 3000 on (3000 and 3004 in all); ")


def repack(first: Path, members: dict[str, bytes]) -> Path:
    second = first.parent.with_name("second") / first.name
    second.parent.mkdir()
    with zipfile.ZipFile(first) as source, zipfile.ZipFile(second, "w") as archive:
        for name, data in members.items():
            held = source.NameToInfo.get(name)
            archive.writestr(held or zipfile.ZipInfo(name), data)
    return second


def test_members_on_one_side_are_named(first: Path) -> None:
    members = read_members(first)
    del members["tiny_model/b.py"]
    second = repack(first, {**members, "tiny_model/c.py": b""})

    assert compare_wheels(first, second) == (
        "tiny_model/b.py: only in the first",
        "tiny_model/c.py: only in the second",
    )


def test_another_order_is_named_once(first: Path) -> None:
    members = read_members(first)
    second = repack(first, dict(reversed(members.items())))

    assert compare_wheels(first, second) == (
        f"order: place 1 has tiny_model/__init__.py in the first, {RECORD} in the second",
    )


def test_a_row_of_record_alone_is_named(first: Path) -> None:
    members = read_members(first)
    members[RECORD] = members[RECORD].replace(b",3000\n", b",3001\n")

    row, record = sorted(compare_wheels(first, repack(first, members)), reverse=True)

    assert row.startswith("tiny_model/a.py: RECORD row (sha256=")
    assert row.endswith(" 3001)")
    assert record.startswith(f"{RECORD}: bytes from ")


def test_a_record_that_cannot_be_read_is_named_by_its_bytes(first: Path) -> None:
    members = read_members(first)
    members[RECORD] = b"\xff"

    told = compare_wheels(first, repack(first, members))

    assert any(phrase.startswith(f"{RECORD}: bytes from 0 on") for phrase in told)


def test_what_no_entry_tells_is_placed(first: Path) -> None:
    second = pack(first, keep)
    with zipfile.ZipFile(second, "a") as archive:
        archive.comment = b"hm"

    (told,) = compare_wheels(first, second)

    assert told.startswith("byte ")
    assert told.endswith(f"in how {RECORD} is packed, or in what surrounds it")


@pytest.mark.parametrize("damaged", [0, 1])
def test_the_wheel_that_cannot_be_read_is_the_one_that_is_named(first: Path, damaged: int) -> None:
    wheels = (first, pack(first, keep))
    data = bytearray(wheels[damaged].read_bytes())
    data[data.index(b"tiny_model/a.py") + 15] ^= 0x5A
    wheels[damaged].write_bytes(data)

    with pytest.raises(ConfigurationError, match="is not a readable wheel") as caught:
        compare_wheels(*wheels)

    assert str(wheels[damaged]) in caught.value.message
