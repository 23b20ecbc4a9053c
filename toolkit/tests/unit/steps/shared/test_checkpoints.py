"""Unfinished work is kept for the same inputs, and only for them."""

from __future__ import annotations

import os
from pathlib import Path

from trainwheel.engine.layout import Layout
from trainwheel.settings.config import parse_config
from trainwheel.steps.shared.checkpoints import checkpoints_for, forget_checkpoints
from unit.repository import PYPROJECT


def layout_in(folder: Path) -> Layout:
    return Layout.of(folder, parse_config(PYPROJECT))


def test_the_same_inputs_find_what_was_left(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    (checkpoints_for(layout, "a" * 64) / "fold-1").write_text("fitted")

    assert (checkpoints_for(layout, "a" * 64) / "fold-1").read_text() == "fitted"
    assert not list(checkpoints_for(layout, "b" * 64).iterdir())


def test_a_forced_run_begins_anew(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    (checkpoints_for(layout, "a" * 64) / "fold-1").write_text("fitted")

    assert not list(checkpoints_for(layout, "a" * 64, is_fresh=True).iterdir())


def test_a_finished_training_leaves_nothing(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    checkpoints_for(layout, "a" * 64)
    forget_checkpoints(layout, "a" * 64)

    assert not layout.checkpoints.exists()
    forget_checkpoints(layout, "a" * 64)


def test_the_newest_states_are_kept_and_no_more(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    for age, letter in enumerate("abcd"):
        folder = checkpoints_for(layout, letter * 64)
        os.utime(folder, (1000 + age, 1000 + age))

    checkpoints_for(layout, "a" * 64)

    names = {path.name[0] for path in layout.checkpoints.iterdir()}
    assert names == {"a", "c", "d"}
