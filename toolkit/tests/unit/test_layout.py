"""Where everything of a model stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.layout import Layout
from trainwheel.settings.config import parse_config
from trainwheel.steps import load_chain
from unit.repository import PYPROJECT

ROOT = Path("/a b é")
LAYOUT = Layout.of(ROOT, parse_config(PYPROJECT))
PATHS = sorted(name for name, what in vars(Layout).items() if isinstance(what, property))
PATHS.remove("trained")
SHARED = {"store", "index", "keys", "published", "cache", "checkpoints", "lock", "uv_cache"}


def test_what_training_makes_has_its_place() -> None:
    assert load_chain()["train"].outputs(LAYOUT) == (
        ROOT / "model/small_model/artefact/model.joblib",
        ROOT / "model/small_model/artefact/model.joblib.json",
        ROOT / "build/train",
    )


def test_what_training_puts_into_the_package_is_in_the_package() -> None:
    assert {LAYOUT.artefact, LAYOUT.manifest} == LAYOUT.trained
    assert all(path.is_relative_to(LAYOUT.package) for path in LAYOUT.trained)


def test_a_path_is_named_from_the_root_with_slashes() -> None:
    assert LAYOUT.relative(LAYOUT.log("train")) == "build/log/train.log"


def test_steps_make_different_files() -> None:
    outputs = [path for step in load_chain().steps for path in step.outputs(LAYOUT)]

    assert len(set(outputs)) == len(outputs)


@pytest.mark.parametrize("name", PATHS)
def test_models_share_what_outlives_a_clean_and_nothing_that_steps_make(name: str) -> None:
    here: Path = getattr(LAYOUT, name)
    other: Path = getattr(replace(LAYOUT, model="other"), name)

    assert here.is_relative_to(ROOT)
    if name in SHARED:
        assert here == other
        assert here.is_relative_to(ROOT / ".trainwheel")
    elif name != "manifest":
        assert here.is_relative_to(ROOT / "build")
        assert other == ROOT / "build" / "other" / here.relative_to(ROOT / "build")
