"""Where everything of a model stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.layout import Layout, manifest_of
from trainwheel.settings.config import parse_config
from unit.repository import PYPROJECT

ROOT = Path("/repository")
CONFIG = parse_config(PYPROJECT)
LAYOUT = Layout.of(ROOT, CONFIG)
BUILT = {
    "records": "build/.trainwheel",
    "scratch": "build/.trainwheel/tmp",
    "aside": "build/.trainwheel/aside",
    "digests": "build/.trainwheel/digests.json",
    "doc": "build/doc",
    "data": "build/data",
    "train": "build/train",
    "metrics": "build/train/metrics.json",
    "predictions": "build/train/predictions.csv",
    "holdout": "build/train/holdout.jsonl",
    "golden": "build/train/golden.jsonl",
    "parameters": "build/train/params.json",
    "data_digests": "build/train/data.json",
    "run_facts": "build/train/training.json",
    "repeatability": "build/train/repeatability.json",
    "report": "build/train/report.html",
    "metrics_table": "build/train/metrics.md",
    "card": "build/train/model_card.md",
    "evaluation": "build/evaluate",
    "verdict": "build/evaluate/judged.json",
    "test": "build/test",
    "junit": "build/test/junit.xml",
    "release": "build/version.json",
    "dist": "build/dist",
}
STORED = {
    "store": ".trainwheel",
    "index": ".trainwheel/index",
    "keys": ".trainwheel/keys",
    "published": ".trainwheel/published",
    "cache": ".trainwheel/cache",
    "checkpoints": ".trainwheel/checkpoints",
    "lock": ".trainwheel/lock",
}


def place(layout: Layout, name: str) -> Path:
    path: Path = getattr(layout, name)
    return path


@pytest.mark.parametrize(("name", "expected"), [*BUILT.items(), *STORED.items()])
def test_each_path_has_its_place(name: str, expected: str) -> None:
    assert LAYOUT.relative(place(LAYOUT, name)) == expected


def test_every_place_is_in_these_tables() -> None:
    public = {name for name in vars(Layout) if not name.startswith("_")}
    others = {"root", "source", "package", "artefact", "model", "of", "build", "manifest"}

    assert public - others - {"trained", "log", "relative"} == {*BUILT, *STORED}


def test_no_two_have_one_place() -> None:
    paths = [place(LAYOUT, name) for name in (*BUILT, *STORED)]

    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("name", BUILT)
def test_what_steps_make_of_another_model_stands_apart(name: str) -> None:
    other = Layout.of(ROOT, CONFIG, "fraud")

    assert place(other, name).is_relative_to(ROOT / "build" / "fraud")
    assert place(other, name).name == place(LAYOUT, name).name


@pytest.mark.parametrize("name", STORED)
def test_what_outlives_a_clean_is_shared(name: str) -> None:
    assert place(Layout.of(ROOT, CONFIG, "fraud"), name) == place(LAYOUT, name)


def test_nothing_that_outlives_a_clean_is_in_the_build_folder() -> None:
    assert not any(place(LAYOUT, name).is_relative_to(LAYOUT.build) for name in STORED)


def test_the_model_stands_in_its_package_with_its_manifest_beside_it() -> None:
    folder = ROOT / "model/small_model"

    assert (LAYOUT.source, LAYOUT.package) == (ROOT / "model", folder)
    assert LAYOUT.artefact == folder / "artefact/model.joblib"
    assert LAYOUT.trained == {LAYOUT.artefact, folder / "artefact/model.joblib.json"}
    assert LAYOUT.manifest == manifest_of(LAYOUT.artefact)


@pytest.mark.parametrize("name", ["model.onnx", "model", "model.tar.gz"])
def test_a_manifest_keeps_the_whole_name_of_its_artefact(name: str) -> None:
    assert manifest_of(Path("/x", name)) == Path("/x", f"{name}.json")


def test_each_step_has_a_log() -> None:
    assert LAYOUT.log("train") == ROOT / "build/log/train.log"
    assert Layout.of(ROOT, CONFIG, "fraud").log("train") == ROOT / "build/fraud/log/train.log"


def test_a_place_outside_the_repository_has_no_name() -> None:
    with pytest.raises(ValueError, match="elsewhere"):
        LAYOUT.relative(Path("/elsewhere/x"))
