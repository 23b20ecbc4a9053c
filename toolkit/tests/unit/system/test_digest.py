"""The digest of a value depends on the value alone, not on the order of its keys."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.system.digest import digest_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, min_size=2, max_size=4))
def test_neither_the_order_of_keys_nor_a_round_trip_changes_a_digest(
    value: dict[str, object],
) -> None:
    copy = json.loads(json.dumps(dict(reversed(value.items()))))

    assert digest_json(copy) == digest_json(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [([1, 2], [2, 1]), ("1", 1), ([], {}), (None, "null"), ({"a": "b"}, {"b": "a"}), ("é", "e")],
)
def test_values_that_differ_have_other_digests(one: object, other: object) -> None:
    assert digest_json(one) != digest_json(other)


def test_the_digest_of_a_value_is_fixed_because_records_outlive_versions() -> None:
    text = rb'{"a":"\u00e9","b":[1,null]}'

    assert digest_json({"b": [1, None], "a": "é"}) == hashlib.sha256(text).hexdigest()
