"""What decides whether a wheel is published, and what is shown meanwhile."""

from __future__ import annotations

import pytest

from trainwheel.index.upload import Standing, describe_sending


@pytest.mark.parametrize(("digests", "standing"), [
    ([], Standing.ABSENT), (["a"], Standing.IDENTICAL), (["a", "a"], Standing.IDENTICAL),
    (["b"], Standing.DIFFERENT), (["a", "b"], Standing.DIFFERENT),
])  # fmt: skip
def test_only_digests_tell_what_the_index_holds(digests: list[str], standing: Standing) -> None:
    assert Standing.of(digests, "a") is standing


@pytest.mark.parametrize(
    ("sent", "size", "seconds", "line"),
    [
        (0, 1_500_000_000, 0.0, "upload   [                        ]   0%  0 B of 1.5 GB"),
        (
            750_000_000,
            1_500_000_000,
            10.0,
            "upload   [============            ]  50%  750.0 MB of 1.5 GB, 75.0 MB/s",
        ),
        (10, 10, 0.5, "upload   [========================] 100%  10 B of 10 B"),
    ],
)
def test_a_bar_says_how_much_and_how_fast(sent: int, size: int, seconds: float, line: str) -> None:
    assert describe_sending(sent, size, seconds) == line
