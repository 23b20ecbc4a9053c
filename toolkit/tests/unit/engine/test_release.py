"""The decision of the version step, as the steps after it read it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from trainwheel.engine.release import Release, read_release
from trainwheel.errors import StepFailedError
from unit.repository import write

RELEASE = Release(
    name="small-model",
    version="0.1.0",
    releases=True,
    always=False,
    reason="the next free patch, für µ",
    release_key="a" * 64,
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, "version.json", RELEASE.render())

    assert read_release(path) == RELEASE


def test_the_text_is_a_json_object_that_ends_with_a_line() -> None:
    assert json.loads(RELEASE.render()) == asdict(RELEASE)
    assert RELEASE.render().endswith("}\n")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "null",
        '"0.1.0"',
        "{}",
        json.dumps({**asdict(RELEASE), "more": 1}),
        json.dumps({name: value for name, value in asdict(RELEASE).items() if name != "version"}),
    ],
)
def test_what_is_not_a_decision_says_how_to_make_one(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "version.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(StepFailedError) as caught:
        read_release(path)

    assert "nox -s version" in caught.value.hint


def test_bytes_that_are_not_text_are_not_a_decision(tmp_path: Path) -> None:
    path = tmp_path / "version.json"
    path.write_bytes(b"\xff")

    with pytest.raises(StepFailedError):
        read_release(path)


def test_a_folder_is_not_a_decision(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError):
        read_release(tmp_path)


def test_the_reason_does_not_count() -> None:
    assert replace(RELEASE, reason="build 174").mark == RELEASE.mark


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "other-model"},
        {"version": "0.1.1"},
        {"releases": False},
        {"always": True},
        {"release_key": "b" * 64},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_everything_else_does(changed: dict[str, str | bool]) -> None:
    other = Release(**{**asdict(RELEASE), **changed})

    assert other.mark != RELEASE.mark
