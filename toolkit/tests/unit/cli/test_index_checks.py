"""What the answers of an index mean for a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from trainwheel.cli.index_checks import (
    Finding,
    describe_caching,
    describe_encoding,
    describe_limit,
    describe_overwriting,
    describe_reading,
    describe_sent,
    describe_unknown,
)
from trainwheel.index.probe import Caching, Limit, Sent
from trainwheel.index.target import Target
from trainwheel.index.transport import Answer
from trainwheel.system.secrets import Secret

TEAM = "https://team.example.com/"
TARGET = Target(
    "team", TEAM, f"{TEAM}simple/", username=Secret("ci"), password=Secret("pässwörd"),
    credential_names=("TEAM_USER", "TEAM_PASSWORD"),
)  # fmt: skip


def check(finding: Finding, state: str, word: str) -> None:
    assert finding[0] == state
    assert word in f"{finding[1]}; {finding[2]}"


def page(status: int, body: str = "", location: str = "") -> Answer:
    return Answer(status, {"Content-Type": "text/html"}, body.encode(), location)


@pytest.mark.parametrize(("answer", "state", "word"), [
    (page(200), "ok", "anyone"), (page(401), "ok", "401"), (page(404), "ok", "404"),
    (page(302, location="https://login.example.com/?x=s3cret"), "warning", "login.example.com"),
    (page(500), "warning", "500"),
])  # fmt: skip
def test_reading_by_anyone(answer: Answer, state: str, word: str) -> None:
    check(describe_reading(answer), state, word)
    assert "s3cret" not in describe_reading(answer)[1]


@pytest.mark.parametrize(("encodings", "charset", "state", "word"), [
    ({}, "", "ok", "ASCII"), ({}, "UTF-8", "ok", "asks for UTF-8"),
    ({"utf-8": True, "latin-1": True}, "", "ok", "UTF-8, and Latin-1"),
    ({"utf-8": True, "latin-1": False}, "", "warning", "uv"),
    ({"utf-8": True}, "", "warning", "stock pip"),
    ({"utf-8": False, "latin-1": True}, "", "problem", "ASCII"),
    ({"utf-8": False, "latin-1": False}, "", "problem", "TEAM_PASSWORD"),
    ({"utf-8": False}, "", "problem", "UTF-8"),
])  # fmt: skip
def test_encodings_of_a_password(
    encodings: Mapping[str, bool], charset: str, state: str, word: str
) -> None:
    check(describe_encoding(encodings, charset, TARGET), state, word)
    assert "no password" in describe_encoding({}, charset, Target("team", TEAM, TEAM))[1]


LINK = '<a href="x-1.0-py3-none-any.whl#sha256=00">x</a>'


@pytest.mark.parametrize(("answer", "state", "word"), [
    (page(404), "ok", "404"), (page(200, "<html></html>"), "ok", "without files"),
    (page(200, LINK), "problem", "1 files"),
    (page(200, "<input type=password>"), "problem", "login page"),
    (Answer(200, {"Content-Type": "application/json"}, b"{"), "problem", "malformed"),
    (page(403), "problem", "403"), (page(502), "problem", "502"),
    (page(303, location="https://elsewhere.example/simple/nobody/"), "warning", "--disable-fal"),
    (page(303, location="https://login.example/?next=nobody"), "problem", "login.example"),
    (page(303, location="http://team.example.com/simple/nobody/"), "problem", "team.example"),
])  # fmt: skip
def test_what_is_answered_for_an_unknown_project(answer: Answer, state: str, word: str) -> None:
    check(describe_unknown("nobody", answer, TARGET), state, word)


@pytest.mark.parametrize(("caching", "state", "word"), [
    (Caching(0, 0, is_kept=False), "ok", "at once"), (Caching(10, 3, is_kept=True), "ok", "10 s"),
    (Caching(570, 0, is_kept=False), "ok", "570 s"),
    (Caching(3600, 0, is_kept=False), "warning", "listing-wait = 3660 in [tool.trainwheel.ind"),
    (Caching(0, 0, is_kept=True), "warning", "listing-wait = 360"),
    (Caching(0, 200, is_kept=True), "warning", "listing-wait = 460"),
])  # fmt: skip
def test_how_old_pages_may_be(caching: Caching, state: str, word: str) -> None:
    check(describe_caching(caching, TARGET), state, word)
    patient = replace(TARGET, listing_wait=5000)
    assert describe_caching(replace(caching, lifetime=5000), patient)[0] == "ok"


@pytest.mark.parametrize(("limit", "wheel", "is_refused", "state", "word"), [
    (Limit(5 * 10**9), None, False, "ok", "5.0 GB at least"),
    (Limit(10**6, 10**7), None, False, "warning", "less than 10.0 MB"),
    (Limit(10**8, 10**9), None, False, "ok", "less than 1.0 GB"),
    (Limit(10**6, 10**7), 500_000, False, "ok", "500 kB"),
    (Limit(10**6, 10**7), 9_000_000, True, "problem", "client_max_body_size"),
    (Limit(0, 10**6), None, False, "warning", "less than 1.0 MB"),
    (Limit(0, None, 401), None, False, "warning", "401"),
])  # fmt: skip
def test_how_large_a_wheel_may_be(
    limit: Limit, wheel: int | None, state: str, word: str, *, is_refused: bool
) -> None:
    check(describe_limit(limit, wheel, is_refused=is_refused), state, word)


@pytest.mark.parametrize(("other", "same", "is_overwritten", "state", "word"), [
    (409, 200, False, "ok", "refuses other content (409), takes the same file again (200)"),
    (400, 400, False, "ok", "refuses the same file again (400)"),
    (200, 200, True, "warning", "Disable redeploy"),
    (200, 200, False, "warning", "keeps or still lists the first"),
])  # fmt: skip
def test_two_files_of_one_name(
    other: int, same: int, state: str, word: str, *, is_overwritten: bool
) -> None:
    sent = Sent("0.1", 1.25, ("sha256",), other, same, is_overwritten=is_overwritten)

    check(describe_overwriting(sent), state, word)


@pytest.mark.parametrize(
    ("is_volatile", "state", "word"),
    [(None, "warning", "--probe"), (True, "warning", "volatile=False"), (False, "ok", "refuses")],
)
def test_without_files_an_index_is_believed(
    state: str, word: str, *, is_volatile: bool | None
) -> None:
    check(describe_overwriting(is_volatile=is_volatile), state, word)


def test_what_was_sent_stays_and_is_named() -> None:
    sent = Sent("0.17", 1.25, ("md5", "sha256"), 409, 200, is_overwritten=False)

    check(describe_sent(sent), "ok", "trainwheel-probe 0.17, which stays there")
    check(describe_sent(sent), "ok", "by md5 and sha256")
    check(describe_sent(Sent("0.17", 1, (), 409, 200, is_overwritten=False)), "warning", "digest")
