"""The same inputs give the same key, and every difference is a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.engine.fingerprint import Fingerprint, Reason, explain

texts = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4)
fingerprints = st.builds(Fingerprint, texts, texts)


@pytest.mark.parametrize(
    ("files", "python", "reasons"),
    [
        ({"b.py": "2", "a.py": "1"}, "3.11", ()),
        ({"a.py": "1"}, "3.11", ("b.py is gone",)),
        ({"a.py": "1", "b.py": "2", "c\n.py": "3"}, "3.11", ("c\\n.py is new",)),
        ({"a.py": "1", "c.py": "2"}, "3.11", ("b.py is gone", "c.py is new")),
        ({"a.py": "9", "b.py": "2"}, "3.12", ("a.py changed", "Python changed")),
        ({"a.py": "2", "b.py": "1"}, "3.11", ("a.py changed", "b.py changed")),
    ],
    ids=["order", "gone", "new", "renamed", "files first", "swapped"],
)
def test_each_difference_is_a_reason(
    files: dict[str, str], python: str, reasons: tuple[str, ...]
) -> None:
    before = Fingerprint({"a.py": "1", "b.py": "2"}, {"Python": "3.11"})
    after = Fingerprint(files, {"Python": python})

    assert tuple(map(str, explain(before, after))) == reasons
    assert (before.key == after.key) == (not reasons)


def test_a_fact_is_not_a_file_of_the_same_name() -> None:
    assert Fingerprint({"x": "1"}, {}).key != Fingerprint({}, {"x": "1"}).key


@given(fingerprints, fingerprints)
def test_keys_are_equal_exactly_where_there_is_no_reason(
    old: Fingerprint, new: Fingerprint
) -> None:
    assert (old.key == new.key) == (explain(old, new) == ())


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        (Reason("a.csv", "ab" * 32, "cd" * 32), "a.csv changed, abababab → cdcdcdcd"),
        (Reason("a.csv", None, "cd" * 32), "a.csv is new, cdcdcdcd"),
        (Reason("a.csv", "ab" * 32, None), "a.csv is gone, abababab"),
        (Reason("Python", "cpython 3.11.7", "cpython 3.12.1"),
         "Python changed, cpython 3.11.7 → cpython 3.12.1"),
        (Reason("\x1b[31m\udcff.csv", None, "1"), "\\x1b[31m\\udcff.csv is new, 1"),
        (Reason("the tests", "tests", ""), "the tests changed, tests → nothing"),
        (Reason("the\ntests", "ab" * 33, "x" + "ab" * 32),
         f"the\\ntests changed, {'ab' * 33} → x{'ab' * 32}"),
        (Reason("no version has been decided", None, None), "no version has been decided"),
    ],
)  # fmt: skip
def test_a_reason_shows_the_old_value_and_the_new(reason: Reason, detail: str) -> None:
    assert reason.detail == detail
