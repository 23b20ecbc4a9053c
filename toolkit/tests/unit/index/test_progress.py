"""What is shown of an upload."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.system.progress import bar, sent_of


@pytest.mark.parametrize(
    ("sent", "size", "seconds", "line"),
    [
        (0, 1_500_000_000, 0.0, "upload   ░░░░░░░░░░░░░░░░░░░░░░░░   0%  0 B of 1.5 GB"),
        (
            750_000_000,
            1_500_000_000,
            10.0,
            "upload   ████████████░░░░░░░░░░░░  50%  750.0 MB of 1.5 GB, 75.0 MB/s",
        ),
        (10, 10, 0.5, "upload   ████████████████████████ 100%  10 B of 10 B"),
    ],
)
def test_a_bar_says_how_much_and_how_fast(sent: int, size: int, seconds: float, line: str) -> None:
    assert bar(sent, size, seconds) == line


def test_a_process_that_is_gone_sends_nothing(tmp_path: Path) -> None:
    assert sent_of(2**30, tmp_path) is None
