"""The list of a result is believed as a whole or not at all."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from trainwheel.engine.cache_listing import Listing, Result, parse_listing, render_listing
from trainwheel.system.digest import digest_json

KEY, DIGEST = "a" * 64, "b" * 64
ODD = os.fsdecode(b"\xff\n\\")
LISTING = Listing(
    Result({"summary": "trained", "späne": ODD}, 1.5, 1.7e9),
    {"model.joblib": DIGEST, f"train/{ODD}": "c" * 64},
    frozenset({"model.joblib"}),
    ("train", "train/empty"),
)


def sealed(**changes: Any) -> bytes:
    """Return the list with other content, as somebody writes it who knows how."""
    document = json.loads(render_listing("train", KEY, LISTING))
    document["result"] |= changes
    document["sha256"] = digest_json(document["result"])
    return json.dumps(document).encode()


def test_a_list_is_read_as_it_was_written() -> None:
    assert parse_listing("train", KEY, render_listing("train", KEY, LISTING)) == LISTING
    assert parse_listing("train", KEY, sealed(seconds=0, made=0)) is not None
    assert LISTING.outputs == {"model.joblib", "train"}
    assert LISTING.digests == {DIGEST, "c" * 64}


@pytest.mark.parametrize(("step", "key"), [("test", KEY), ("train", DIGEST), ("", "")])
def test_a_list_under_another_name_counts_as_absent(step: str, key: str) -> None:
    assert parse_listing(step, key, render_listing("train", KEY, LISTING)) is None


def test_a_list_that_was_cut_short_anywhere_counts_as_absent() -> None:
    whole = render_listing("train", KEY, LISTING)

    for length in range(len(whole)):
        assert parse_listing("train", KEY, whole[:length]) is None


def test_a_list_with_another_byte_anywhere_counts_as_absent() -> None:
    whole = render_listing("train", KEY, LISTING)

    for position in range(len(whole)):
        forged = bytearray(whole)
        forged[position] ^= 1
        assert parse_listing("train", KEY, bytes(forged)) is None, position


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "3", "{}", '{"schema": 1}', "\xff", "\0", "[" * 100_000),
        '{"schema": 1, "sha256": "", "result": null}',
        f'{{"schema": 1, "sha256": "{digest_json(None)}", "result": null}}',
        f'{{"schema": 1, "sha256": "{digest_json({})}", "result": {{}}}}',
        f'{{"schema": 1, "result": {"9" * 5000}}}',
    ],
    ids=lambda text: text[:40],
)
def test_garbage_counts_as_absent(text: str) -> None:
    assert parse_listing("train", KEY, text.encode("latin-1")) is None


@pytest.mark.parametrize("schema", [0, 1, "2", None, [2]])
def test_a_list_of_another_schema_counts_as_absent(schema: object) -> None:
    document = json.loads(sealed()) | {"schema": schema}

    assert parse_listing("train", KEY, json.dumps(document).encode()) is None


@pytest.mark.parametrize("name", ["facts", "seconds", "made", "files", "executable", "folders"])
@pytest.mark.parametrize("value", [None, "text", True, [3], [[]], [{}], {"a": 3}, {"a": None}],
                         ids=str)  # fmt: skip
def test_a_list_of_other_types_counts_as_absent(name: str, value: object) -> None:
    assert parse_listing("train", KEY, sealed(**{name: value})) is None


PATHS = ("../x", "a/../../x", "/x", "", ".", "..", "a/./b", "a//b", "a/", "a\0b")
WRONG: list[dict[str, Any]] = [
    *({name: time} for name in ("seconds", "made")
      for time in (-1, 1e11, float("nan"), float("inf"), 10**400)),
    *({"files": {path: DIGEST}, "executable": []} for path in PATHS),
    *({"folders": [path]} for path in PATHS),
    *({"files": {"model.joblib": digest}}
      for digest in ("", "b" * 63, "B" * 64, "../" + "b" * 61, "b" * 64 + "\n")),
    {"executable": ["not among the files"]},
]  # fmt: skip


@pytest.mark.parametrize("changes", WRONG, ids=lambda changes: ascii(changes)[:50])
def test_a_list_with_a_wrong_value_counts_as_absent(changes: dict[str, Any]) -> None:
    assert parse_listing("train", KEY, sealed(**changes)) is None
