"""Fixtures: reading a table leaves nothing behind for other tests."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _longest_cell() -> Iterator[None]:
    """Restore the limit that a table of long cells raises for the whole process."""
    limit = csv.field_size_limit()
    yield
    csv.field_size_limit(limit)
