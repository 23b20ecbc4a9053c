"""Bounded waiting: for what, how long, and when not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.index.patience import (
    Patience,
    Retries,
    describe_seconds,
    read_freshness,
    read_retry_after,
)

BUSY = StepFailedError("index team does not answer: 429 Too Many Requests")
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def pauses(patience: Patience, *answers: tuple[int | None, float | None]) -> list[float]:
    """Return the pauses between tries that meet these answers, until there is none."""
    retries, seconds = Retries(patience), []
    for status, after in answers:
        try:
            seconds.append(retries.next_pause(BUSY, status, after))
        except TrainwheelError:
            break
    return seconds


@pytest.mark.parametrize(("patience", "answers", "expected"), [
    (Patience(tries=1), [(503, None)], []),
    (Patience(tries=3, delay=1), [(503, None)] * 9, [1, 2]),
    (Patience(tries=5, delay=4, longest=10), [(None, None)] * 9, [4, 8, 10, 10]),
    (Patience(tries=3, delay=0), [(503, None)] * 9, [0, 0]),
    # Who says when is asked then, and more often.
    (Patience(), [(429, 8.0)] * 9, [8] * 4), (Patience(tries=1), [(429, 8.0)], []),
    (Patience(delay=4), [(503, 1.0)] * 2, [4, 4]),
    (Patience(), [(429, 8.0), (503, None), (503, None)], [8, 2]),
    (Patience(deadline=20), [(429, 8.0)] * 9, [8, 8]),
    (Patience(deadline=2), [(503, None)] * 9, [1]),
    # A refusal once, for accounts get locked; whatever else has failed before.
    (Patience(), [(401, None)] * 9, [1]), (Patience(), [(403, 9.0), (401, 9.0)], [9]),
    (Patience(refusals=0), [(401, None)], []),
    (Patience(), [(503, None), (401, None), (503, None), (503, None)], [1, 1, 2]),
])  # fmt: skip
def test_so_often_and_after_such_pauses_is_a_request_tried_again(
    patience: Patience, answers: list[tuple[int | None, float | None]], expected: list[float]
) -> None:
    assert pauses(patience, *answers) == expected


@pytest.mark.parametrize("after", [86400.0, 301.0, float("inf")])
def test_a_pause_beyond_the_deadline_is_refused_at_once_and_named(
    after: float, sentence: Callable[[object], None]
) -> None:
    with pytest.raises(StepFailedError) as caught:
        Retries(Patience()).next_pause(BUSY, 429, after)

    assert BUSY.message in caught.value.message
    assert describe_seconds(after) in caught.value.message
    sentence(caught.value)


def test_the_last_refusal_is_the_error_itself() -> None:
    error, retries = ConfigurationError("wrong", hint="check"), Retries(Patience(refusals=0))
    with pytest.raises(ConfigurationError) as caught:
        retries.next_pause(error, 401)
    assert caught.value is error


def later(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(("text", "seconds"), [
    ("8", 8), (" 120 ", 120), ("9" * 5000, float("inf")), (later(90), 90),
    (later(90).replace("GMT", "-0000"), 90),
    *((nonsense, None) for nonsense in (
        "", "0", "-3", "+3", "1.5", "8, 8", "soon", "٣", "8s", later(-90), later(0), "Mon, 99 X")),
])  # fmt: skip
def test_a_server_says_when_to_come_back_in_seconds_or_by_a_date(
    text: str, seconds: float | None
) -> None:
    assert read_retry_after({"Retry-After": text, "Date": later(0)}) == seconds


def test_without_a_date_of_the_server_ours_counts() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    seconds = read_retry_after({"Retry-After": then})
    assert seconds is not None
    assert 3500 < seconds <= 3600
    assert read_retry_after({}) is None


@pytest.mark.parametrize(("headers", "seconds"), [
    ({}, 0), ({"Cache-Control": "max-age=60"}, 60), ({"Cache-Control": 'Public, MAX-AGE="60"'}, 60),
    ({"Cache-Control": "max-age=60, s-maxage=600"}, 600),
    ({"Cache-Control": "s-maxage=0, max-age=600"}, 0),
    ({"Cache-Control": "max-age=60", "Age": "45"}, 15),
    ({"Cache-Control": "max-age=60", "Age": "90"}, 0),
    ({"Cache-Control": "max-age=60", "Age": "old"}, 60),
    *(({"Cache-Control": f"{word}, max-age=9"}, 0) for word in ("no-store", "no-cache", "private")),
    ({"Cache-Control": "max-age=-1"}, 0), ({"Cache-Control": "max-age"}, 0),
    ({"Expires": later(120), "Date": later(0)}, 120),
    ({"Expires": later(120), "Date": later(0), "Age": "20"}, 100),
    ({"Expires": later(-120), "Date": later(0)}, 0), ({"Expires": "0"}, 0),
    ({"Cache-Control": "max-age=5", "Expires": later(120), "Date": later(0)}, 5),
    ({"Age": "20"}, 0),
])  # fmt: skip
def test_a_page_says_for_how_long_it_may_be_cached(headers: dict[str, str], seconds: float) -> None:
    assert read_freshness(headers) == seconds


@pytest.mark.parametrize(("configured", "freshness", "seconds"), [
    (None, 0, 45), (None, 10, 45), (None, 60, 90), (None, 580, 600), (None, 86400, 600),
    (120, 0, 120), (5, 600, 5), (0, 600, 0), (1200, 0, 1200),
])  # fmt: skip
def test_a_listing_may_take_as_long_as_configured_or_else_as_pages_are_cached(
    configured: float | None, freshness: float, seconds: float
) -> None:
    assert Patience().listing_seconds(configured, freshness) == seconds


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "0 s"), (0.5, "0.5 s"), (8, "8 s"), (90, "90 s"), (120, "2 min"), (600, "10 min"),
    (7200, "2 h"), (86400, "24 h"), (float("inf"), "for ever"),
])  # fmt: skip
def test_a_time_span_is_short(seconds: float, text: str) -> None:
    assert describe_seconds(seconds) == text


def test_a_transfer_has_a_second_for_each_megabyte() -> None:
    assert Patience().transfer_seconds(30_000_000) == 150
