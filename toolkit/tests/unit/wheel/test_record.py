"""RECORD, checked against real wheels, and read where it was damaged anyhow."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
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
from unit.wheels import digest, provenance_of, read_members, record_of, rewrite, write_wheel

DIST_INFO = "tiny_model-0.1.0.dist-info/"
RECORD = f"{DIST_INFO}RECORD"
MEMBERS = {"tiny_model/a.py": b"a = 1\n" * 50, **provenance_of("ab" * 32)}


def test_digests_are_spelled_as_the_format_says() -> None:
    empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

    assert record_digest(hashlib.sha256(b"").digest()) == digest(b"") == empty


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@given(rows=st.dictionaries(names, st.tuples(names, names)))
def test_what_is_rendered_is_read_again(rows: dict[str, tuple[str, str]]) -> None:
    expected = {name: Row(name, *rest) for name, rest in rows.items()}

    assert parse_record(render_record(expected.values()), "RECORD") == expected


def test_names_are_quoted_only_where_they_must_be() -> None:
    rows = [Row('a, "b".py', "sha256=x", "1"), Row("é .py", "sha256=y", "2"), Row("RECORD")]

    text = '"a, ""b"".py",sha256=x,1\né .py,sha256=y,2\nRECORD,,\n'
    assert render_record(rows) == text.encode()


@pytest.mark.parametrize("members", [{}, MEMBERS, {'tiny_model/a, "é".py': b""}])
def test_a_true_record_is_accepted(tmp_path: Path, members: dict[str, bytes]) -> None:
    wheel = write_wheel(tmp_path, members=members)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tiny_model/", b"")  # folders have no row

    check_record(wheel)


A = "tiny_model/a.py"
MD5 = f"md5={hashlib.md5(MEMBERS[A]).hexdigest()}"  # noqa: S324
SHORT = "is not the name, digest and size of another file"
OTHER = f"has other bytes in '{A}' than its RECORD"


@pytest.mark.parametrize(("row", "change", "reason"), [
    (1, None, f"has '{A}' more often than its RECORD"),
    (-1, None, f"has '{RECORD}' more often than its RECORD"),
    (9, ["tiny_model/b.py", digest(b""), "0"], "does not have 'tiny_model/b.py', which its RECORD"),
    (9, ["tiny_model/__init__.py", digest(b""), "0"], f"row 6 {SHORT}"),
    (1, [A, digest(MEMBERS[A]), str(len(MEMBERS[A]) + 1)], OTHER),
    (1, [A, digest(MEMBERS[A]), ""], OTHER), (1, [A, "", str(len(MEMBERS[A]))], OTHER),
    (1, [A, MD5, str(len(MEMBERS[A]))], OTHER),
    (1, [A, digest(b"other"), str(len(MEMBERS[A]))], OTHER),
    (-1, [RECORD, "", "100"], f"has other bytes in '{RECORD}' than its RECORD"),
    (1, [A, digest(MEMBERS[A])], f"row 2 {SHORT}"),
])  # fmt: skip
def test_a_record_that_is_not_true_is_refused(
    tmp_path: Path, row: int, change: list[str] | None, reason: str
) -> None:
    wheel = write_wheel(tmp_path, members={A: MEMBERS[A]})
    rows = list(csv.reader(io.StringIO(read_members(wheel)[RECORD].decode())))
    assert rows[1] == [A, digest(MEMBERS[A]), str(len(MEMBERS[A]))]
    rows[row : row + 1 or None] = [change] if change else []
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)

    with pytest.raises(StepFailedError, match=reason):
        check_record(rewrite(wheel, RECORD=text.getvalue().encode()))


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
        check_record(rewrite(write_wheel(tmp_path), RECORD=record))


def spoil(data: bytes, dice: random.Random) -> bytes:
    """Return bytes with one to three changes anywhere in them: of a bit, or of some bytes."""
    for _ in range(dice.choice((1, 1, 2, 3))):
        start = dice.randrange(len(data) + 1)
        stop = min(len(data), start + dice.choice((0, 1, 2, 4, 40)))
        choices = (b"", b"\0", b"\xff" * 4, b"\n", b'"', b",", dice.randbytes(1), data[:stop][-9:])
        piece = dice.choice(choices)
        if data[start:] and dice.random() < 0.5:
            stop, piece = start + 1, bytes([data[start] ^ 1 << dice.randrange(8)])
        data = data[:start] + piece + data[stop:]
    return data


def error_of(read: Callable[[Path], object], wheel: Path) -> str:
    """Return the one line in which a wheel is refused; empty where it is not."""
    try:
        read(wheel)
    except TrainwheelError as error:
        return str(error)
    return ""


def read_metadata(wheel: Path) -> bytes:
    return read_member(wheel, "METADATA")


READERS: tuple[Callable[[Path], object], ...] = (
    list_members, dist_info_of, read_requirements, read_release_key, read_metadata, check_record,
)  # fmt: skip


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
@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_wheel_is_an_error_or_still_holds_what_it_held(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable
    wheel = write_wheel(tmp_path, members=MEMBERS, requires=["six"])
    target = tmp_path / "dist" / wheel.name
    target.parent.mkdir()
    data, original = wheel.read_bytes(), read_members(wheel)

    def finish_again(wheel: Path) -> None:
        finish(wheel, target, {})

    for _ in range(200):
        wheel.unlink()
        wheel.write_bytes(spoil(data, dice))
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

    error = error_of(check_record, rewrite(wheel, RECORD=spoilt))

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


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Check that what is done within takes no more than 64 MiB."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("state", "at"), [
    pytest.param(state_of_members, 20, id="packed size"),
    pytest.param(state_of_members, 24, id="size"), pytest.param(state_of_members, 42, id="place"),
    pytest.param(state_of_list, 12, id="size of the list"),
    pytest.param(state_of_list, 16, id="place of the list"),
])  # fmt: skip
@pytest.mark.parametrize("number", [0, 1, 1 << 24, 1 << 30, 0xFFFFFFFE, 0xFFFFFFFF])
def test_no_size_that_an_archive_states_decides_on_memory(
    tmp_path: Path, state: Callable[[bytearray, int, int], None], at: int, number: int
) -> None:
    wheel = write_wheel(tmp_path, members=MEMBERS)
    data = bytearray(wheel.read_bytes())
    state(data, at, number)
    wheel.write_bytes(data)

    for read in (*READERS, lambda wheel: finish(wheel, wheel, {})):
        with little_memory():
            error = error_of(read, wheel)
        assert "\n" not in error


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

    with (
        little_memory(),
        pytest.raises(ConfigurationError, match=r"larger than|not a readable wheel"),
    ):
        read(wheel)


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
