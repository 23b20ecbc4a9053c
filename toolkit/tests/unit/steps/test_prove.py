"""Which Pythons and libraries a wheel is proved with, what a failure says, what counts later."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pythons import find_python
from trainwheel.engine.run import Options
from trainwheel.errors import StepFailedError
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.steps import package, prove
from trainwheel.system.digest import digest_file
from trainwheel.wheel.metadata import read_member
from trainwheel.wheel.proof import read_provenance
from unit.packaging import TOOLS, Packaging, decide, make_trained
from unit.repository import SETUP_PY, open_here, write
from unit.wheels import write_wheel

Sentence = Callable[[object], None]
HERE = f"3.{sys.version_info.minor}"
OTHER = "3.12" if HERE != "3.12" else "3.13"
BOUNDS = {"numpy": "numpy>=1.0,<2", "scipy": "scipy>=1.0,<2"}
CLASSIFIER = """\
import numpy, scipy

def predict_record(record):
    return {**record, "x": record["x"] * numpy.FACTOR}
"""
AGREES, DIFFERS = b"FACTOR = 1\n", b"FACTOR = 3\n"
BREAKS = b"raise ImportError('numpy._core.multiarray failed to import')\n"


@dataclass
class Place:
    """A repository whose model needs two libraries, and the wheels that an index would have."""

    root: Path
    pythons: tuple[str, ...] = (HERE, "3.39")

    @property
    def links(self) -> Path:
        return self.root.parent / "links"

    @property
    def homes(self) -> set[str]:
        return {path.name for path in (self.root / ".nox").glob("prove-*")}

    def release(self, name: str, version: str, code: bytes = AGREES, requires: str = "") -> None:
        members, lines = {f"{name}/__init__.py": code}, [requires] if requires else []
        write_wheel(self.links, name, version, members=members, requires=lines)

    def lock(self, *names: str) -> None:
        """Lock the oldest of the libraries, and let setup.py ask for what follows."""
        text = "[packages]\n" + "".join(f'{name} = "*"\n' for name in names)
        text += "[test]\n[train]\n[package]\n" + "".join(f'{name} = "*"\n' for name in TOOLS)
        write(self.root, "Pipfile", text)
        wheels = {name: self.links / f"{name}-1.0-py3-none-any.whl" for name in names}
        runtime = {
            name: {"version": "==1.0", "hashes": [f"sha256:{digest_file(wheel)}"]}
            for name, wheel in wheels.items()
        }
        tools = {name: {"version": "==1", "hashes": [f"sha256:{'1' * 64}"]} for name in TOOLS}
        meta = {"hash": {"sha256": ""}, "pipfile-spec": 6, "requires": {}, "sources": []}
        content = {"_meta": meta, "default": runtime, "develop": {}, "test": {}, "train": {}}
        lock = stamp_lock(json.dumps({**content, "package": tools}), parse_pipfile(text))
        write(self.root, "Pipfile.lock", lock)
        lines = ", ".join(f'"{BOUNDS[name]}"' for name in names)
        write(self.root, "setup.py", SETUP_PY.replace('"six>=1.16.0,<2"', lines))

    def run(self, step: Any, path: str = "", *, force: bool = False) -> str:
        """Run a step and return what it printed."""
        headers = [f"Classifier: Programming Language :: Python :: {each}" for each in self.pythons]
        requires = tuple(BOUNDS[name] for name in BOUNDS if name in self.pipfile)
        tools = Packaging(
            folder=self.root / ".nox", requires=requires, links=str(self.links),
            headers="\n".join([*headers, "Requires-Python: >=3.8"]),
        )  # fmt: skip
        stream = io.StringIO()
        run = open_here(self.root, {"PATH": path}, stream=stream, tools=tools)
        options = Options({"force": ""} if force else {})
        step.STEP.run(replace(run, options=options, named=frozenset({step.STEP.name})))
        return stream.getvalue()

    @property
    def pipfile(self) -> str:
        return (self.root / "Pipfile").read_text(encoding="utf-8")

    @property
    def matrix(self) -> dict[str, Any]:
        matrix: dict[str, Any] = json.loads((self.root / "build/prove/matrix.json").read_bytes())
        return matrix


def make_place(folder: Path) -> Place:
    """Make a trained model that needs numpy and scipy; the newest scipy wants the newest numpy."""
    place = Place(make_trained(folder / "small"))
    write(place.root, "model/small_model/classifier.py", CLASSIFIER)
    for version in ("1.0", "1.5"):
        place.release("numpy", version)
    place.release("scipy", "1.0")
    place.release("scipy", "1.2", requires="numpy>=1.5")
    place.lock("numpy", "scipy")
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place of which nothing is proved."""
    return make_place(tmp_path)


@pytest.fixture(scope="module")
def proved_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a place that was proved, to be copied."""
    folder = tmp_path_factory.mktemp("proved")
    make_place(folder).run(prove)
    return folder


def cells(*versions: tuple[str, ...], python: str = HERE) -> list[dict[str, str]]:
    names = ("python", "numpy", "scipy")
    return [dict(zip(names, (python, *row), strict=False)) for row in versions]


CORNERS = cells(("1.0", "1.0"), ("1.5", "1.0"), ("1.5", "1.2"))


def test_the_newest_and_the_oldest_are_proved_once_and_what_is_not_here_is_named(
    place: Place,
) -> None:
    said, homes = place.run(prove), place.homes

    assert place.matrix["promised"] == [HERE, "3.39"]
    assert place.matrix["cells"] == CORNERS
    assert place.matrix["unproved"] == {"3.39": "not on this machine"}
    assert "Python 3.39 (not on this machine)" in said
    assert len(homes) == len(CORNERS)
    marks = {home: (place.root / ".nox" / home).stat().st_ctime_ns for home in homes}
    assert "unchanged" in place.run(prove)
    assert "unchanged" not in place.run(prove, force=True)
    assert {home: (place.root / ".nox" / home).stat().st_ctime_ns for home in homes} == marks


def test_a_new_release_is_proved_and_the_environment_of_the_former_one_goes(
    proved_once: Path, tmp_path: Path
) -> None:
    shutil.copytree(proved_once, tmp_path / "copy", symlinks=True)
    place = Place(tmp_path / "copy" / "small")
    before = place.homes
    place.release("numpy", "1.6")

    assert "unchanged" not in place.run(prove)

    assert cells(("1.6", "1.2"))[0] in place.matrix["cells"]
    assert len(place.homes) == len(CORNERS)
    assert len(place.homes & before) == 1


@pytest.mark.parametrize(
    ("version", "code", "names"),
    [
        ("1.5", DIFFERS, (f"Python {HERE}, numpy 1.5, scipy 1.2", 'numpy = "<=1.0"')),
        ("1.0", BREAKS, (f"Python {HERE}, numpy 1.0, scipy 1.0", "multiarray failed to import")),
    ],
)
def test_a_cell_that_fails_is_named_with_how_to_promise_less(
    place: Place, version: str, code: bytes, names: tuple[str, ...], sentence: Sentence
) -> None:
    place.release("numpy", version, code)
    place.lock("numpy", "scipy")

    with pytest.raises(StepFailedError) as caught:
        place.run(prove)

    assert [name for name in names if name not in str(caught.value)] == []
    sentence(str(caught.value).replace(HERE, "3.N"))
    assert not (place.root / "build/prove").exists()


@pytest.mark.parametrize(("names", "code", "expected"), [
    (("numpy",), CLASSIFIER.replace(", scipy", ""), cells(("1.0",), ("1.5",))),
    ((), "def predict_record(record): return record\n", cells(())),
])  # fmt: skip
def test_a_model_without_them_is_proved_with_what_it_has(
    place: Place, names: tuple[str, ...], code: str, expected: list[dict[str, str]]
) -> None:
    write(place.root, "model/small_model/classifier.py", code)
    place.lock(*names)

    place.run(prove)

    assert place.matrix["cells"] == expected


def test_a_lower_bound_that_no_wheel_reaches_is_named(place: Place) -> None:
    (place.links / "numpy-1.0-py3-none-any.whl").unlink()

    place.run(prove)

    assert place.matrix["unproved"][f"{HERE} with numpy 1.0"] == "no wheel that fits"
    assert place.matrix["cells"] == cells(("1.5", "1.0"), ("1.5", "1.2"))


def test_an_index_that_has_nothing_for_this_python_is_an_error(place: Place) -> None:
    for wheel in place.links.glob("numpy-*"):
        wheel.unlink()

    with pytest.raises(StepFailedError, match=rf"under Python {HERE}: .*numpy"):
        place.run(prove)


def test_another_python_without_wheels_is_named(place: Place) -> None:
    program = find_python(OTHER)
    if not program:
        pytest.skip(f"Python {OTHER} is not on this machine")
    place.pythons = (HERE, OTHER)
    for wheel in place.links.glob("numpy-*"):
        wheel.rename(wheel.with_name(wheel.name.replace("py3", f"cp{HERE.replace('.', '')}")))

    said = place.run(prove, path=str(Path(program).parent))

    assert f"Python {OTHER} is not proved: " in said

    assert place.matrix["unproved"][OTHER] == "no wheels that fit"
    assert place.matrix["cells"] == CORNERS


def test_nothing_is_proved_where_nothing_is_to_be_released(place: Place) -> None:
    decide(place.root, releases=False)

    assert "nothing to prove" in place.run(prove)

    assert not (place.root / "build/prove").exists()


def edit(root: Path) -> None:
    path = root / "build/prove/matrix.json"
    path.write_text(path.read_text(encoding="utf-8").replace("3.39", "3.38"), encoding="utf-8")


def ship_more(root: Path) -> None:
    write(root, "model/small_model/more.py", "")


def change_golden(root: Path) -> None:
    path = root / "build/train/golden.jsonl"
    path.write_text(path.read_text(encoding="utf-8") * 2, encoding="utf-8")


@pytest.mark.parametrize("change", [None, edit, ship_more, change_golden])
def test_the_wheel_has_the_matrix_of_what_it_ships_and_no_other(
    proved_once: Path, tmp_path: Path, change: Callable[[Path], None] | None
) -> None:
    shutil.copytree(proved_once, tmp_path / "copy", symlinks=True)
    place = Place(tmp_path / "copy" / "small")
    (change or str)(place.root)

    place.run(package)

    wheel = place.root / "build/dist/small_model-0.1.7-py3-none-any.whl"
    own = CORNERS[:1]
    reason = "not tried" if change else "not on this machine"
    proved = {"promised": [HERE, "3.39"], "unproved": {"3.39": reason}}
    expected = {**proved, "cells": own if change else CORNERS}
    assert read_provenance(wheel).proved == expected
    card = read_member(wheel, "METADATA").decode()
    assert ("- not proved: Python 3.39 (not tried)" in card) == (change is not None)
