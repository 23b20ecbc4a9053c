"""What is shown of something that takes a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.system.progress import bar, sent_of


@pytest.mark.parametrize(
    ("done", "total", "full"),
    [(0, 12, 0), (3, 12, 6), (11, 12, 22), (12, 12, 24), (13, 12, 24), (0, 0, 24)],
)
def test_a_bar_is_as_full_as_the_work_is_done(done: int, total: int, full: int) -> None:
    assert bar(done, total) == f"[{'=' * full}{' ' * (24 - full)}]"


def test_a_process_that_is_gone_sends_nothing(tmp_path: Path) -> None:
    assert sent_of(2**30, tmp_path) is None
