"""RECORD, checked against real wheels, and read where it was damaged anyhow."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.wheel.archive import LIMIT
from trainwheel.wheel.finish import finish
from trainwheel.wheel.metadata import (
    dist_info_of,
    list_members,
    read_member,
    read_release_key,
    read_requirements,
)
from trainwheel.wheel.record import Row, check_record, parse_record, record_digest, render_record
from unit.wheels import digest, provenance_of, read_members, record_of, write_wheel
from wheel_differences import compare_wheels

DIST_INFO = "tiny_model-0.1.0.dist-info/"
RECORD = f"{DIST_INFO}RECORD"
MEMBERS = {"tiny_model/a.py": b"a = 1\n" * 50, **provenance_of("ab" * 32)}
PEAK = 64 << 20


def rewrite(wheel: Path, record: bytes) -> Path:
    """Give a wheel another RECORD, and nothing else."""
    members = read_members(wheel)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, record if name == RECORD else data)
    return wheel


def test_digests_are_spelled_as_the_format_says() -> None:
    empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

    assert record_digest(hashlib.sha256(b"").digest()) == digest(b"") == empty


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@given(rows=st.dictionaries(names, st.tuples(names, names)))
def test_what_is_rendered_is_read_again(rows: dict[str, tuple[str, str]]) -> None:
    expected = {name: Row(name, *told) for name, told in rows.items()}

    assert parse_record(render_record(expected.values()), "RECORD") == expected


def test_names_are_quoted_only_where_they_must_be() -> None:
    rows = [Row('a, "b".py', "sha256=x", "1"), Row("é .py", "sha256=y", "2"), Row("RECORD")]

    text = '"a, ""b"".py",sha256=x,1\né .py,sha256=y,2\nRECORD,,\n'
    assert render_record(rows) == text.encode()


@pytest.mark.parametrize(
    "members", [{}, MEMBERS, {'tiny_model/a, "é".py': b"", "tiny_model/": b""}]
)
def test_a_true_record_is_accepted(tmp_path: Path, members: dict[str, bytes]) -> None:
    wheel = write_wheel(
        tmp_path, members={name: data for name, data in members.items() if not name.endswith("/")}
    )
    with zipfile.ZipFile(wheel, "a") as archive:
        for name in members:
            if name.endswith("/"):
                archive.writestr(name, b"")

    check_record(wheel)


def drop(rows: list[list[str]]) -> None:
    rows[:] = [row for row in rows if row[0] != "tiny_model/a.py"]


def drop_itself(rows: list[list[str]]) -> None:
    rows.pop()


def invent(rows: list[list[str]]) -> None:
    rows.append(["tiny_model/b.py", digest(b""), "0"])


def repeat(rows: list[list[str]]) -> None:
    rows.append(rows[0])


def miscount(rows: list[list[str]]) -> None:
    rows[1][2] = str(int(rows[1][2]) + 1)


def omit_the_size(rows: list[list[str]]) -> None:
    rows[1][2] = ""


def omit_the_digest(rows: list[list[str]]) -> None:
    rows[1][1] = ""


def weaken(rows: list[list[str]]) -> None:
    rows[1][1] = f"md5={hashlib.md5(MEMBERS['tiny_model/a.py']).hexdigest()}"  # noqa: S324


def mistake(rows: list[list[str]]) -> None:
    rows[1][1] = digest(b"other")


def measure_itself(rows: list[list[str]]) -> None:
    rows[-1][2] = "100"


def shorten(rows: list[list[str]]) -> None:
    rows[1].pop()


@pytest.mark.parametrize(("change", "told"), [
    (drop, "has 'tiny_model/a.py' more often than its RECORD"),
    (drop_itself, f"has '{RECORD}' more often than its RECORD"),
    (invent, "does not have 'tiny_model/b.py', which its RECORD lists"),
    (repeat, "row 6 is not the name, digest and size of another file"),
    (miscount, "has other bytes in 'tiny_model/a.py' than its RECORD"),
    (omit_the_size, "has other bytes in 'tiny_model/a.py' than its RECORD"),
    (omit_the_digest, "has other bytes in 'tiny_model/a.py' than its RECORD"),
    (weaken, "has other bytes in 'tiny_model/a.py' than its RECORD"),
    (mistake, "has other bytes in 'tiny_model/a.py' than its RECORD"),
    (measure_itself, f"has other bytes in '{RECORD}' than its RECORD"),
    (shorten, "row 2 is not the name, digest and size of another file"),
])  # fmt: skip
def test_a_record_that_is_not_true_is_refused(
    tmp_path: Path, change: Callable[[list[list[str]]], None], told: str
) -> None:
    wheel = write_wheel(tmp_path, members={"tiny_model/a.py": MEMBERS["tiny_model/a.py"]})
    rows = list(csv.reader(io.StringIO(read_members(wheel)[RECORD].decode())))
    change(rows)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)

    with pytest.raises(StepFailedError, match=told):
        check_record(rewrite(wheel, text.getvalue().encode()))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_held_twice_is_refused(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tiny_model/__init__.py", b"")

    with pytest.raises(StepFailedError, match=r"has 'tiny_model/__init__.py' more often"):
        check_record(wheel)


@pytest.mark.parametrize("record", [b"\xff", b'"' + b"a" * 200_000, b"a\rb,c,d"])
def test_a_record_that_is_no_list_is_named(tmp_path: Path, record: bytes) -> None:
    with pytest.raises(StepFailedError, match=r"RECORD of tiny_model-0.1.0-\S+ cannot be read"):
        check_record(rewrite(write_wheel(tmp_path), record))


def spoil(data: bytes, dice: random.Random) -> bytes:
    """Return bytes with one to three changes anywhere in them."""
    for _ in range(dice.choice((1, 1, 2, 3))):
        start = dice.randrange(len(data) + 1)
        stop = min(len(data), start + dice.choice((0, 1, 2, 4, 40)))
        choices = (b"", b"\0", b"\xff" * 4, b"\n", b'"', b",", dice.randbytes(1), data[:stop][-9:])
        data = data[:start] + dice.choice(choices) + data[stop:]
    return data


def flip(data: bytes, dice: random.Random) -> bytes:
    """Return bytes with one to three bits turned over."""
    spoilt = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3))):
        spoilt[dice.randrange(len(spoilt))] ^= 1 << dice.randrange(8)
    return bytes(spoilt)


def error_of(read: Callable[[Path], object], wheel: Path) -> str:
    """Return the one line in which a wheel is refused; empty where it is not."""
    try:
        read(wheel)
    except TrainwheelError as error:
        return str(error)
    return ""


def read_metadata(wheel: Path) -> bytes:
    return read_member(wheel, "METADATA")


def compare_itself(wheel: Path) -> tuple[str, ...]:
    return compare_wheels(wheel, wheel)


READERS: tuple[Callable[[Path], object], ...] = (
    list_members,
    dist_info_of,
    read_requirements,
    read_release_key,
    read_metadata,
    check_record,
    compare_itself,
)


@pytest.mark.parametrize("read", READERS)
def test_a_wheel_cut_short_anywhere_is_one_error(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    wheel = write_wheel(tmp_path, members=MEMBERS, requires=["six"])

    # Not a divisor of any record's size, so that each part is cut at many places.
    for length in range(wheel.stat().st_size - 1, -1, -7):
        os.truncate(wheel, length)
        with pytest.raises(ConfigurationError) as caught:
            read(wheel)
        assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("damage", [flip, spoil])
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_wheel_is_an_error_or_still_holds_what_it_held(
    tmp_path: Path, damage: Callable[[bytes, random.Random], bytes], seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable
    wheel = write_wheel(tmp_path, members=MEMBERS, requires=["six"])
    target = tmp_path / "dist" / wheel.name
    target.parent.mkdir()
    data, original = wheel.read_bytes(), read_members(wheel)

    def finish_again(wheel: Path) -> None:
        finish(wheel, target, {})

    for _ in range(200):
        wheel.unlink()
        wheel.write_bytes(damage(data, dice))
        for read in READERS:
            error = error_of(read, wheel)
            assert "\n" not in error
            if read is check_record and not error:
                held = read_members(wheel)
                assert {name: held[name] for name in held if not name.endswith("/")} == original
        if error_of(finish_again, wheel):
            assert not any(target.parent.iterdir())
        else:
            check_record(target)
            target.unlink()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers())
@example(seed=0)
def test_a_damaged_record_is_an_error_or_means_the_same(tmp_path: Path, seed: int) -> None:
    wheel = write_wheel(tmp_path, members=MEMBERS)
    others = {name: data for name, data in read_members(wheel).items() if name != RECORD}
    true = record_of(others, RECORD)
    spoilt = spoil(true.encode(), random.Random(seed))  # noqa: S311 - repeatable

    error = error_of(check_record, rewrite(wheel, spoilt))

    assert "\n" not in error
    if not error:
        rows = list(csv.reader(io.StringIO(spoilt.decode())))
        assert sorted(row for row in rows if row) == sorted(csv.reader(io.StringIO(true)))


def state_of_members(data: bytearray, at: int, number: int) -> None:
    """State another size of each member in the archive's own list."""
    start = data.find(b"PK\x01\x02")
    while start >= 0:
        struct.pack_into("<I", data, start + at, number)
        start = data.find(b"PK\x01\x02", start + 4)


def state_of_list(data: bytearray, at: int, number: int) -> None:
    """State another place or size of the archive's own list."""
    struct.pack_into("<I", data, data.rfind(b"PK\x05\x06") + at, number)


@pytest.mark.parametrize(("state", "at"), [
    *((state_of_members, at) for at in (20, 24, 42)), *((state_of_list, at) for at in (12, 16)),
], ids=["packed size", "size", "place", "size of the list", "place of the list"])  # fmt: skip
@pytest.mark.parametrize("number", [0, 1, 1 << 24, 1 << 30, 0xFFFFFFFE, 0xFFFFFFFF])
def test_no_size_that_an_archive_states_decides_on_memory(
    tmp_path: Path, state: Callable[[bytearray, int, int], None], at: int, number: int
) -> None:
    wheel = write_wheel(tmp_path, members=MEMBERS)
    data = bytearray(wheel.read_bytes())
    state(data, at, number)
    wheel.write_bytes(data)

    for read in (*READERS, lambda wheel: finish(wheel, wheel, {})):
        tracemalloc.start()
        try:
            error = error_of(read, wheel)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert "\n" not in error
        assert peak < PEAK, read


@pytest.fixture(scope="module")
def swollen() -> bytes:
    """A wheel of 300 kB whose metadata unpacks to 300 MB."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in ("METADATA", "RECORD", "trainwheel/provenance.json"):
            with archive.open(f"{DIST_INFO}{name}", "w") as sink:
                for _ in range(100):
                    sink.write(b"\n" * (1 << 20))
    return packed.getvalue()


@pytest.mark.parametrize("read", [read_requirements, read_release_key, read_metadata, check_record])
@pytest.mark.parametrize("stated", [None, 10, LIMIT])
def test_a_member_that_swells_is_refused_before_it_does(
    tmp_path: Path, swollen: bytes, read: Callable[[Path], object], stated: int | None
) -> None:
    wheel = tmp_path / "tiny_model-0.1.0-py3-none-any.whl"
    data = bytearray(swollen)
    if stated is not None:
        state_of_members(data, 24, stated)
    wheel.write_bytes(data)

    tracemalloc.start()
    try:
        with pytest.raises(ConfigurationError, match=r"larger than|not a readable wheel"):
            read(wheel)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < PEAK


def test_a_list_of_files_that_takes_gigabytes_is_not_read(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path)
    data = bytearray(wheel.read_bytes())
    state_of_list(data, 12, 3 << 30)
    state_of_list(data, 16, 0)
    end = data.rfind(b"PK\x05\x06")
    with wheel.open("wb") as stream:
        stream.truncate(3 << 30)
        stream.seek(3 << 30)
        stream.write(data[end:])

    with pytest.raises(ConfigurationError, match=r"its list of files takes 3221225472 bytes"):
        list_members(wheel)


def test_a_method_that_no_wheel_uses_is_named(tmp_path: Path) -> None:
    wheel = tmp_path / "tiny_model-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(f"{DIST_INFO}METADATA", b"Name: tiny-model\n")

    with pytest.raises(ConfigurationError, match="METADATA' is compressed by method 14"):
        read_metadata(wheel)
