"""What decides whether a wheel is published: digests."""

from __future__ import annotations

import pytest

from trainwheel.index.upload import Standing, compare


@pytest.mark.parametrize(
    ("digests", "standing"),
    [
        ([], Standing.ABSENT),
        (["a"], Standing.IDENTICAL),
        (["a", "a"], Standing.IDENTICAL),
        (["b"], Standing.DIFFERENT),
        (["a", "b"], Standing.DIFFERENT),
    ],
)
def test_only_digests_tell_what_the_index_holds(digests: list[str], standing: Standing) -> None:
    assert compare(digests, "a") is standing
