"""A list of a kept result is believed as a whole or not at all."""

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
    assert parse_listing("train", KEY, sealed()) == LISTING


def test_the_names_at_the_top_are_the_outputs() -> None:
    assert LISTING.outputs == {"model.joblib", "train"}


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
        changed = bytearray(whole)
        changed[position] ^= 1
        assert parse_listing("train", KEY, bytes(changed)) is None, position


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


@pytest.mark.parametrize("schema", [0, 2, "1", None, [1]])
def test_a_list_of_another_schema_counts_as_absent(schema: object) -> None:
    document = json.loads(sealed()) | {"schema": schema}

    assert parse_listing("train", KEY, json.dumps(document).encode()) is None


@pytest.mark.parametrize("name", ["facts", "seconds", "made", "files", "executable", "folders"])
@pytest.mark.parametrize("value", [None, "text", True, [3], [[]], [{}], {"a": 3}, {"a": None}],
                         ids=str)  # fmt: skip
def test_a_list_of_other_types_counts_as_absent(name: str, value: object) -> None:
    assert parse_listing("train", KEY, sealed(**{name: value})) is None


@pytest.mark.parametrize("name", ["seconds", "made"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e300, 10**400], ids=str)
def test_a_time_that_is_none_counts_as_absent(name: str, value: float) -> None:
    assert parse_listing("train", KEY, sealed(**{name: value})) is None


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/x", "", ".", "..", "a/./b", "a//b", "a/", "a\0b"]
)
def test_a_path_that_may_leave_the_folder_counts_as_absent(path: str) -> None:
    assert parse_listing("train", KEY, sealed(files={path: DIGEST}, executable=[])) is None
    assert parse_listing("train", KEY, sealed(folders=[path])) is None


@pytest.mark.parametrize("digest", ["", "b" * 63, "B" * 64, "../" + "b" * 61, "b" * 64 + "\n"])
def test_a_digest_that_is_none_counts_as_absent(digest: str) -> None:
    assert parse_listing("train", KEY, sealed(files={"model.joblib": digest})) is None


def test_an_executable_that_is_no_file_counts_as_absent() -> None:
    assert parse_listing("train", KEY, sealed(executable=["other"])) is None
