"""The paths of a model repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.layout import Layout, _Below, manifest_of
from trainwheel.settings.config import parse_config
from unit.repository import PYPROJECT

ROOT = Path("/repository")
CONFIG = parse_config(PYPROJECT)
LAYOUT = Layout.of(ROOT, CONFIG)
NAMES = [name for name, value in vars(Layout).items() if isinstance(value, _Below)]


def place(layout: Layout, name: str) -> Path:
    path: Path = getattr(layout, name)
    return path


@pytest.mark.parametrize(("name", "expected"), [
    ("scratch", "build/.trainwheel/tmp"), ("digests", "build/.trainwheel/digests.json"),
    ("metrics", "build/train/metrics.json"), ("release", "build/version.json"),
    ("checkpoints", ".trainwheel/checkpoints"),
])  # fmt: skip
def test_a_path_is_below_another_one(name: str, expected: str) -> None:
    assert LAYOUT.relative(place(LAYOUT, name)) == expected


def test_no_two_paths_are_the_same() -> None:
    assert len({place(LAYOUT, name) for name in NAMES}) == len(NAMES) > 25


def test_the_model_is_in_its_package_with_its_manifest_beside_it() -> None:
    folder = ROOT / "model/small_model"

    assert (LAYOUT.source, LAYOUT.package) == (ROOT / "model", folder)
    assert LAYOUT.artefact == folder / "artefact/model.joblib"
    assert LAYOUT.trained == (LAYOUT.artefact, folder / "artefact/model.joblib.json")
    assert LAYOUT.manifest == manifest_of(LAYOUT.artefact)


@pytest.mark.parametrize("name", ["model.onnx", "model", "model.tar.gz"])
def test_a_manifest_keeps_the_whole_name_of_its_artefact(name: str) -> None:
    assert manifest_of(Path("/x", name)) == Path("/x", f"{name}.json")


def test_each_step_has_a_log() -> None:
    assert LAYOUT.log("train") == ROOT / "build/log/train.log"


def test_a_path_outside_the_repository_has_no_relative_name() -> None:
    with pytest.raises(ValueError, match="elsewhere"):
        LAYOUT.relative(Path("/elsewhere/x"))
