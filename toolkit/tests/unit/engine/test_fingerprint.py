"""The same inputs give the same key, and every difference is told."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.engine.fingerprint import Fingerprint, Reason, explain
from trainwheel.system.digest import digest_json
from trainwheel.system.text import shown

texts = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4)
fingerprints = st.builds(Fingerprint, texts, texts)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

BEFORE = Fingerprint({"a.py": "1", "b.py": "2"}, {"Python": "3.11"})


@pytest.mark.parametrize(
    ("after", "reasons"),
    [
        (BEFORE, ()),
        (Fingerprint({"b.py": "2", "a.py": "1"}, {"Python": "3.11"}), ()),
        (Fingerprint({"a.py": "1"}, {"Python": "3.11"}), ("b.py is gone",)),
        (
            Fingerprint({"a.py": "1", "b.py": "2", "c.py": "3"}, {"Python": "3.11"}),
            ("c.py is new",),
        ),
        (Fingerprint({"a.py": "9", "b.py": "2"}, {"Python": "3.11"}), ("a.py changed",)),
        (
            Fingerprint({"a.py": "1", "c.py": "2"}, {"Python": "3.11"}),
            ("b.py is gone", "c.py is new"),
        ),
        (
            Fingerprint({"a.py": "9", "b.py": "2"}, {"Python": "3.12"}),
            ("a.py changed", "Python changed"),
        ),
        (
            Fingerprint({"a.py": "2", "b.py": "1"}, {"Python": "3.11"}),
            ("a.py changed", "b.py changed"),
        ),
    ],
    ids=["same", "order", "gone", "new", "changed", "renamed", "files first", "swapped"],
)
def test_each_difference_is_told(after: Fingerprint, reasons: tuple[str, ...]) -> None:
    assert tuple(map(str, explain(BEFORE, after))) == reasons
    assert (BEFORE.key == after.key) == (not reasons)


def test_a_fact_is_no_file_of_the_same_name() -> None:
    assert Fingerprint({"x": "1"}, {}).key != Fingerprint({}, {"x": "1"}).key


@given(fingerprints, fingerprints)
def test_keys_are_equal_exactly_where_nothing_is_to_be_told(
    old: Fingerprint, new: Fingerprint
) -> None:
    assert (old.key == new.key) == (explain(old, new) == ())


@given(json_values)
def test_a_digest_survives_a_round_trip_through_a_file(value: object) -> None:
    assert digest_json(json.loads(json.dumps(value))) == digest_json(value)


@given(st.dictionaries(st.text(), json_values, min_size=2, max_size=4))
def test_the_order_of_keys_does_not_count(value: dict[str, object]) -> None:
    assert digest_json(dict(reversed(value.items()))) == digest_json(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [([1, 2], [2, 1]), ("1", 1), ([], {}), (None, "null"), ({"a": "b"}, {"b": "a"}), ("é", "e")],
)
def test_values_that_differ_have_other_digests(one: object, other: object) -> None:
    assert digest_json(one) != digest_json(other)


def test_the_digest_of_a_value_is_fixed_for_records_outlive_versions() -> None:
    text = rb'{"a":"\u00e9","b":[1,null]}'

    assert digest_json({"b": [1, None], "a": "é"}) == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        (Reason("a.csv", "ab" * 32, "cd" * 32), "a.csv changed, abababab → cdcdcdcd"),
        (Reason("a.csv", None, "cd" * 32), "a.csv is new, cdcdcdcd"),
        (Reason("a.csv", "ab" * 32, None), "a.csv is gone, abababab"),
        (Reason("Python", "cpython 3.11.7", "cpython 3.12.1"),
         "Python changed, cpython 3.11.7 → cpython 3.12.1"),
        (Reason("the tests", "tests", ""), "the tests changed, tests → nothing"),
    ],
)  # fmt: skip
def test_a_reason_tells_what_was_and_what_is(reason: Reason, detail: str) -> None:
    assert reason.detail == detail


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("späne.csv", "späne.csv"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\udcff", "\\udcff"),
    ],
)
def test_a_name_is_shown_in_one_line_that_does_nothing_to_a_terminal(name: str, line: str) -> None:
    assert shown(name) == line
