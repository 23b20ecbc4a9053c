from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.scaffold.columns import MOST_DISTINCT, Kind, Tally, examine, kind_of, odd_markers
from trainwheel.scaffold.table import find_layout

NUMBERS = [str(number) for number in range(3, 43)]
TEXTS = [f"this is the note of day {number}" for number in range(30)]


def tally_of(name: str, *cells: str) -> Tally:
    tally = Tally(name)
    tally.add(cells)
    return tally


@pytest.mark.parametrize(("name", "cells", "kind"), [
    ("n", [*NUMBERS, "3"], Kind.WHOLE),
    ("n", ["2.0", "2", "3."], Kind.WHOLE),
    ("n", ["2.5", "1e5", "-.5", "NA", ""], Kind.NUMBER),
    ("n", [*NUMBERS, "7", "?"], Kind.WHOLE),
    ("n", [*NUMBERS, "7", "absent", "-"], Kind.WHOLE),
    ("n", ["1", "2", "absent", "1"], Kind.CATEGORY),
    ("n", ["007", "008", "7", "7"], Kind.CATEGORY),
    ("zip", ["8001", "3000", "8001"], Kind.CATEGORY),
    ("n", ["yes", "no", "yes"], Kind.CATEGORY),
    ("n", ["True", "FALSE", "true", "null"], Kind.BOOLEAN),
    ("n", ["2024-02-29", "2024-03-01 10:00", "2024-03-01T10:00:00.5Z"], Kind.DATE),
    ("n", ["31.12.2024", "1.2.2024"], Kind.DATE),
    ("n", ["2024-02-30", "2024-02-30", "2024-02-28"], Kind.CATEGORY),
    ("n", ["31/12/2024", "12/31/2024", "31/12/2024"], Kind.CATEGORY),
    ("n", TEXTS, Kind.TEXT),
    ("n", [f"Ann {number}" for number in range(30)], Kind.KEY),
    ("customer_id", ["4", "4", "9"], Kind.KEY),
    ("customerId", ["4", "4", "9"], Kind.KEY),
    ("paid", ["4", "4", "9"], Kind.WHOLE),
    ("n", [str(number) for number in range(20)], Kind.KEY),
    ("n", [str(2 * number) for number in range(20)], Kind.WHOLE),
    ("", ["5", "6", "8"], Kind.KEY),
    ("n", ["", "NaN", "?"], Kind.EMPTY),
    ("n", ["a", "a"], Kind.CONSTANT),
    ("n", ["a", "", "a"], Kind.CATEGORY),
])  # fmt: skip
def test_a_column_is_what_its_cells_and_its_name_say(
    name: str, cells: list[str], kind: Kind
) -> None:
    assert kind_of(tally_of(name, *cells)) is kind


@pytest.mark.parametrize(("delimiter", "kind"), [(";", Kind.NUMBER), (",", Kind.CATEGORY)])
def test_a_comma_is_in_numbers_where_it_is_not_between_cells(delimiter: str, kind: Kind) -> None:
    tally = tally_of("n", "1,5", "2", "1,5")
    assert kind_of(tally, delimiter) is kind
    assert (tally.lowest, tally.highest) == (1.5, 2)


def test_cells_that_are_missing_are_counted_by_how_they_are_written() -> None:
    tally = tally_of("n", "1", "?", " NA", "", "?")
    assert dict(tally.markers) == {"?": 2, " NA": 1, "": 1}
    assert (tally.rows, tally.values, tally.missing) == (5, 1, 4)


@pytest.mark.parametrize(("cells", "markers"), [
    ([*NUMBERS, "absent", "absent"], ("absent",)),
    ([f"2024-01-{day:02}" for day in range(1, 29)] + ["never"], ("never",)),
    ([*NUMBERS, "low", "mid", "high"], ()),
    ([*NUMBERS[:19], "absent"], ("absent",)),
    ([*NUMBERS[:18], "absent"], ()),
    ([*NUMBERS, *["absent"] * 40], ()),
])  # fmt: skip
def test_one_or_two_texts_among_numbers_stand_for_missing_cells(
    cells: list[str], markers: tuple[str, ...]
) -> None:
    assert odd_markers(tally_of("n", *cells)) == markers


def test_what_is_remembered_of_a_long_table_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    rows = 2 * MOST_DISTINCT
    lines = (f"{number},{number / 7},{'ab'[number % 2]}\n" for number in range(rows))
    path.write_text("id,share,side\n" + "".join(lines))

    profile = examine(path, find_layout(path))

    assert profile.rows == rows
    share = profile.tallies["share"]
    assert share.has_many
    assert len(share.counts) < rows
    assert share.highest == (rows - 1) / 7
    assert dict(profile.tallies["side"].counts) == {"a": rows / 2, "b": rows / 2}
    sampled = [int(text) for text in profile.sample["id"]]
    assert sampled == list(range(0, rows, sampled[1]))
    assert 10_000 <= len(sampled) < 20_001
