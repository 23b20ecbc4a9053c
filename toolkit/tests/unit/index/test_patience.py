"""Bounded waiting."""

from __future__ import annotations

import pytest

from trainwheel.index.patience import Patience


@pytest.mark.parametrize(
    ("patience", "delays"),
    [
        (Patience(tries=1), []),
        (Patience(tries=3, delay=1), [1, 2]),
        (Patience(tries=5, delay=4, longest=10), [4, 8, 10, 10]),
        (Patience(tries=3, delay=0), [0, 0]),
    ],
)
def test_pauses_double_up_to_the_longest(patience: Patience, delays: list[float]) -> None:
    assert list(patience.delays(patience.tries)) == delays


def test_a_transfer_has_a_second_for_each_megabyte() -> None:
    assert Patience().transfer_seconds(30_000_000) == 150
