"""What a step read in a run decides what makes it stale afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import explain
from trainwheel.engine.inputs import counted, fingerprint
from trainwheel.engine.observed import Glob, Observed, Sighting
from trainwheel.steps import load_chain
from unit.repository import make_repository, open_here, write

CHAIN = load_chain()
SEEN = Sighting("opened", "model/small_training/__main__.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_repository(tmp_path / "small")
    for name in (
        "conf/a.yaml",
        "parts/one.csv",
        "parts/one.txt",
        "lib/near.py",
        "plug/__init__.py",
    ):
        write(root, name, "")
    return root


def reasons(root: Path, observed: Observed, change: Callable[[], object]) -> set[str]:
    """Return what makes training stale after a change, if this is what a run of it has read."""
    before = fingerprint(open_here(root).workspace, CHAIN["train"], None, observed)
    change()
    now = fingerprint(open_here(root).workspace, CHAIN["train"], None, observed)
    return {str(reason) for reason in explain(before, now)}


def imports(*modules: str, places: tuple[str, ...] = (".", "lib")) -> Observed:
    return Observed(places=places, modules=modules)


CASES: dict[str, tuple[Observed, str, str]] = {
    "a file that was read": (Observed({"conf/a.yaml": SEEN}), "conf/a.yaml", "changed"),
    "one that was not": (Observed({"conf/a.yaml": SEEN}), "conf/b.yaml", ""),
    "a source that was not imported": (Observed(), "model/small_training/other.py", ""),
    "a name that was looked for": (Observed(absent=("conf/local.yaml",)), "conf/local.yaml", "new"),
    "a module that was looked for": (imports("settings"), "lib/settings.py", "new"),
    "a module before one of Python's": (imports("json"), "json.py", "new"),
    "a module where nobody looks": (imports("json"), "conf/json.py", ""),
    "another module": (imports("json"), "lib/other.py", ""),
    "a package before a module": (imports("near"), "lib/near/__init__.py", "new"),
    "a module in a package": (imports("plug.a"), "plug/a.py", "new"),
    "another in that package": (imports("plug.a"), "plug/b.py", ""),
    "an extension": (imports("fast"), "lib/fast.cpython-311-x86_64-linux-gnu.so", "new"),
    "a text of that name": (imports("near"), "lib/near.txt", ""),
    "a name that was listed": (Observed(folders={"parts": ""}), "parts/two.csv", "the names"),
    "a change in it": (Observed(folders={"parts": ""}), "parts/one.csv", ""),
    "an editor's file in it": (Observed(folders={"parts": ""}), "parts/a.pyc", ""),
    "what the step itself makes": (
        Observed(folders={"parts": ""}, written=("parts/two.csv",)), "parts/two.csv", "",
    ),
    "a tool's folder at the root": (Observed(folders={".": ""}), ".nox/a", ""),
    "a new match of a search": (
        Observed(globs={Glob("*.csv", "parts"): ""}), "parts/two.csv", "the names",
    ),
    "no match of it": (Observed(globs={Glob("*.csv", "parts"): ""}), "parts/two.txt", ""),
    "a match below": (
        Observed(globs={Glob("**/*.csv", ".", is_recursive=True): ""}), "parts/x/y.csv",
        "the names",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("observed", "changed", "reason"), CASES.values(), ids=CASES)
def test_what_was_read_counts_and_nothing_else(
    root: Path, observed: Observed, changed: str, reason: str
) -> None:
    found = reasons(root, observed, lambda: write(root, changed, "changed"))

    if reason in {"changed", "new"}:
        assert found == {f"{changed} {'is new' if reason == 'new' else reason}"}
    else:
        assert [text.startswith(reason) for text in found] == [True] * bool(reason)


def test_a_file_outside_the_repository_counts_by_its_path(root: Path, tmp_path: Path) -> None:
    outside = write(tmp_path, "elsewhere/ä b.csv", "1")

    found = reasons(root, Observed({str(outside): SEEN}), lambda: outside.write_text("2"))

    assert found == {f"{outside} changed"}


def test_a_file_that_is_gone_is_a_reason_and_no_error(root: Path) -> None:
    found = reasons(root, Observed({"conf/a.yaml": SEEN}), (root / "conf/a.yaml").unlink)

    assert found == {"conf/a.yaml is gone"}


@pytest.mark.parametrize(("step", "name", "by", "counts"), [
    ("train", "conf/a.yaml", "", True), ("train", "pyproject.toml", "", True),
    ("train", "model/small_model/artefact/model.joblib", "x.py", False),
    ("train", "build/train/metrics.json", "x.py", False), ("train", "build/data/r.csv", "", True),
    ("train", "conf/__pycache__/a.pyc", "", False), ("train", "/mnt/rows.csv", "", True),
    ("data", "/mnt/rows.csv", "", False), ("data", "tools/rows.py", "", True),
    ("test", "pyproject.toml", "tests/test_small.py", True), ("test", "setup.cfg", "", False),
    ("test", "conf/.coveragerc", "", True),
    ("test", "conf/a.yaml", "", True), ("doc", "conf/a.yaml", "", True),
])  # fmt: skip
def test_what_steps_make_and_what_is_ignored_does_not_count(
    root: Path, step: str, name: str, by: str, *, counts: bool
) -> None:
    observed = Observed({name: Sighting("opened", by)}, absent=(f"{name}.no",), processes=1)

    remaining = counted(open_here(root).workspace, CHAIN[step], observed)

    assert (name in remaining.files) is counts
    assert bool(remaining.absent) is (counts or name == "setup.cfg")


def test_it_is_read_from_json_as_it_was_written() -> None:
    observed = Observed(
        {"ä\n": SEEN}, ("b",), {"c": "d"}, {Glob("*", "e", is_recursive=True): "f"}, (".",),
        ("g.h",), ("i",), ("build/j",), 3,
    )  # fmt: skip

    assert Observed.of_json(json.loads(json.dumps(observed.as_json()))) == observed
