"""A record is read as it was written, or it counts as absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.observed import Glob, Observed, Sighting
from trainwheel.engine.records import (
    Record,
    last_observed,
    read_record,
    withdraw_record,
    write_record,
)

OBSERVED = Observed(
    {"model/a.py": Sighting("imported", "model/b.py")}, ("c.toml",), {"data": "model/a.py"},
    {Glob("*.csv", "data"): "model/a.py"}, (".", "model"), ("json", "a.b"), ("cache",), (), 2,
)  # fmt: skip
RECORD = Record(
    "train", Fingerprint({"model/a.py": "ab" * 32}, {"Python": "cpython 3.11.7"}),
    {"build/train": "cd" * 32}, 1.5, {"summary": "trained, accuracy 0.970"}, observed=OBSERVED,
)  # fmt: skip


texts = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=st.builds(
    Record, st.just("train"), st.builds(Fingerprint, texts, texts), texts, st.floats(0, 1e6), texts,
    st.floats(0, 1e11),
))  # fmt: skip
def test_any_record_is_read_as_it_was_written(tmp_path: Path, record: Record) -> None:
    write_record(tmp_path / "records", record)

    assert read_record(tmp_path / "records", "train") == record
    assert read_record(tmp_path / "records", "test") is None


def test_a_record_that_was_cut_short_or_damaged_counts_as_absent(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    path = tmp_path / "train.json"
    whole = path.read_bytes()
    positions = range(whole.index(b'"fingerprint"'), whole.index(b'"outputs"'), 5)

    for position in (
        position for position in positions if not whole[position : position + 1].isspace()
    ):
        path.write_bytes(whole[:position])
        assert read_record(tmp_path, "train") is None, position
        path.write_bytes(whole[:position] + b"?" + whole[position + 1 :])
        assert read_record(tmp_path, "train") is None, position


@pytest.mark.parametrize(
    "change",
    [
        *({"schema": schema} for schema in (1, 2, None)),
        {"seconds": None},
        {"finished": "yesterday"},
        {"key": "0" * 64},
        *({"fingerprint": None}, {"fingerprint": "text"}, {"fingerprint": {"files": {}}}),
        {"fingerprint": {"files": [["a", "b"]], "facts": {}}},
        {"fingerprint": {"files": {}, "facts": {}, "more": {}}},
        *({"observed": value} for value in (3, "text", {"files": {"a": 1}})),
        *({name: value} for name in ("outputs", "facts") for value in (None, 3, "text")),
    ],
    ids=str,
)
def test_a_record_of_another_shape_counts_as_absent(tmp_path: Path, change: dict[str, Any]) -> None:
    write_record(tmp_path, RECORD)
    document = json.loads((tmp_path / "train.json").read_bytes())
    document |= change
    if isinstance(change.get("fingerprint"), dict) and "facts" in change["fingerprint"]:
        files, facts = dict(change["fingerprint"]["files"]), change["fingerprint"]["facts"]
        document["key"] = Fingerprint(files, facts).key
    (tmp_path / "train.json").write_text(json.dumps(document))

    assert read_record(tmp_path, "train") is None


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"3", b"{}", b'{"schema": 3}', b"\xff", None]
)
def test_garbage_or_a_folder_counts_as_absent(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "train.json"
    path.mkdir() if data is None else path.write_bytes(data)

    assert read_record(tmp_path, "train") is None


def test_a_record_is_withdrawn_only_for_its_own_inputs(tmp_path: Path) -> None:
    withdraw_record(tmp_path, "train", RECORD.fingerprint)
    write_record(tmp_path, RECORD)

    withdraw_record(tmp_path, "train", Fingerprint({}, {}))
    assert read_record(tmp_path, "train") == RECORD
    withdraw_record(tmp_path, "train", RECORD.fingerprint)
    assert read_record(tmp_path, "train") is None
    assert last_observed(tmp_path, "train", None) == RECORD.observed
    assert last_observed(tmp_path, "test", None) is None
