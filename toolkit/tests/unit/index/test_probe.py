"""What headers and refusals say of an index."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from trainwheel.index.probe import Caching, Limit, body_limit, charset_of

DATE = "Sun, 29 Nov 2026 09:00:00 GMT"
LATER = "Sun, 29 Nov 2026 09:10:00 GMT"


@pytest.mark.parametrize(("headers", "caching"), [
    ({}, Caching(0, 0, is_kept=False)),
    ({"Cache-Control": "max-age=600, public"}, Caching(600, 0, is_kept=False)),
    ({"Cache-Control": "no-cache, max-age=600"}, Caching(0, 0, is_kept=False)),
    ({"Cache-Control": "max-age=600", "Age": "30"}, Caching(600, 30, is_kept=True)),
    ({"Date": DATE, "Expires": LATER}, Caching(600, 0, is_kept=False)),
    ({"Age": "30"}, Caching(0, 30, is_kept=True)), ({"Age": "soon"}, Caching(0, 0, is_kept=False)),
    ({"X-Cache": "Hit from cloudfront"}, Caching(0, 0, is_kept=True)),
    ({"X-Cache": "HIT, MISS"}, Caching(0, 0, is_kept=True)),
    ({"X-Proxy-Cache": "MISS"}, Caching(0, 0, is_kept=True)),
    ({"X-Proxy-Cache": "MISS", "Cache-Control": "no-store"}, Caching(0, 0, is_kept=False)),
    ({"X-Proxy-Cache": "STALE", "Cache-Control": "no-store"}, Caching(0, 0, is_kept=True)),
    ({"CF-Cache-Status": "DYNAMIC"}, Caching(0, 0, is_kept=False)),
    ({"X-Served": "hit"}, Caching(0, 0, is_kept=False)),
])  # fmt: skip
def test_headers_say_how_old_a_page_may_be(headers: Mapping[str, str], caching: Caching) -> None:
    assert Caching.of(headers) == caching


@pytest.mark.parametrize(("challenge", "charset"), [
    ('Basic realm="a", charset="UTF-8"', "UTF-8"), ("Basic realm=a, Charset = utf-8", "UTF-8"),
    ('Basic realm="a"', ""), ("", ""),
])  # fmt: skip
def test_a_challenge_names_an_encoding(challenge: str, charset: str) -> None:
    assert charset_of({"WWW-Authenticate": challenge}) == charset


@pytest.mark.parametrize(("most", "limit", "asked"), [
    (100, Limit(30), 1), (29, Limit(20, refused=30), 2), (10, Limit(10, refused=20), 3),
    (9, Limit(0, refused=10), 3),
])  # fmt: skip
def test_sizes_are_announced_until_one_is_not_refused(most: int, limit: Limit, asked: int) -> None:
    sizes: list[int] = []

    def offer(size: int) -> int | None:
        sizes.append(size)
        return 413 if size > most else None

    assert body_limit(offer, (30, 20, 10)) == limit
    assert len(sizes) == asked


def test_another_answer_says_nothing_of_sizes() -> None:
    assert body_limit(lambda size: 413 if size > 20 else 401, (30, 20)) == Limit(0, 30, 401)


@pytest.mark.parametrize(("size", "limit", "is_refused", "asked"), [
    (10**9, Limit(10**6), False, []), (10**6 - 10_000, Limit(10**6, 10**7), False, []),
    (10**6, Limit(10**6, 10**7), True, [10**6 + 10_000]), (1, Limit(0, 10**6), True, [10_001]),
    (10**7, Limit(10**6, 10**7), True, []),
])  # fmt: skip
def test_a_wheel_between_two_sizes_is_announced_with_its_own(
    size: int, limit: Limit, asked: list[int], *, is_refused: bool
) -> None:
    sizes: list[int] = []

    def offer(size: int) -> int | None:
        sizes.append(size)
        return 413

    assert limit.refuses(size, offer) is is_refused
    assert sizes == asked
