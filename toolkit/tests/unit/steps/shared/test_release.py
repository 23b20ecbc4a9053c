"""The decision of the version step, as the steps after it read it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.release import Release, read_release
from unit.repository import RELEASE, write


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, "version.json", RELEASE.render())

    assert read_release(path) == RELEASE
    assert json.loads(RELEASE.render()) == asdict(RELEASE)


@pytest.mark.parametrize("data", [
    *(None, b"", b"{", b"[]", b"null", b"3", b"{}", b"\xff"),
    json.dumps({**asdict(RELEASE), "more": 1}).encode(),
    RELEASE.render().replace("version", "other").encode(),
])  # fmt: skip
def test_a_decision_that_cannot_be_read_says_how_to_make_one(
    tmp_path: Path, data: bytes | None
) -> None:
    path = tmp_path / "version.json"
    if data is not None:
        path.write_bytes(data)

    with pytest.raises(StepFailedError) as caught:
        read_release(path)

    assert "nox -s version" in caught.value.hint


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "other-model"), ("version", "0.1.1"), ("releases", False), ("always", True),
        ("release_key", "b" * 64), ("reason", "build 174"),
    ],
)  # fmt: skip
def test_every_field_but_the_reason_changes_the_decision(field: str, value: Any) -> None:
    other = Release(**{**asdict(RELEASE), field: value})

    assert (other.mark == RELEASE.mark) == (field == "reason")
