"""A step runs once; an input that changes or a kill never leaves a half-true state."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainwheel.engine.execute import is_stale, require_current, run_step
from trainwheel.engine.run import Options
from trainwheel.errors import ConfigurationError, InputChangedError
from unit.recording_tools import RecordingTools
from unit.repository import LITTER, PYPROJECT, open_here, write, write_lock
from unit.small_training import (
    CHANGES,
    OUTPUTS,
    TRAIN,
    UNCHANGED,
    Change,
    Sentence,
    Training,
    in_scratch,
    runs_again,
    standing,
    train,
)


def test_outputs_are_put_in_place_and_a_second_run_does_nothing(root: Path) -> None:
    assert train(root).startswith("train    trained  0.")
    assert standing(root) == OUTPUTS
    assert in_scratch(root) == []
    assert not runs_again(root)


@pytest.mark.parametrize(("options", "first", "second"), [
    ({}, "train    trained  0.", UNCHANGED),
    ({"summary": "decided"}, "train    decided  0.", "train    decided\n"),
    ({"is_quiet": True}, "train    trained  0.", ""),
])  # fmt: skip
def test_a_step_says_what_it_did_or_that_nothing_changed(
    root: Path, options: dict[str, Any], first: str, second: str
) -> None:
    assert train(root, **options).startswith(first)
    assert train(root, **options) == second


def test_a_run_knows_which_steps_were_stale_and_gets_the_record_of_each(root: Path) -> None:
    runs = [open_here(root), open_here(root)]

    records = [run_step(run, TRAIN, Training()) for run in runs]

    assert [run.made for run in runs] == [{"train"}, set()]
    assert records[0] == records[1]
    assert records[0].facts == {"summary": "trained", "model": "ab12"}
    assert abs(records[0].finished - time.time()) < 3600
    assert 0 <= records[0].seconds < 60


RESTORED = {"gone artefact", "added to report", "gone report", "gone record"}
"""Changes after which the result of the same inputs is still in the cache."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_step_is_stale_after_a_change_and_runs_once(root: Path, change: str) -> None:
    assert is_stale(open_here(root), TRAIN)
    train(root)
    assert not is_stale(open_here(root), TRAIN)
    CHANGES[change](root)
    again = Training()

    assert is_stale(open_here(root), TRAIN)
    output = train(root, again)

    assert output.startswith("train    trained")
    assert ("restored from the cache" in output) == (change in RESTORED)
    assert again.runs == (0 if change in RESTORED else 1)
    assert standing(root) == OUTPUTS
    assert train(root, again) == UNCHANGED


def leave(root: Path, text: str) -> None:
    """Leave what editors and systems do, and a cache that the configuration names."""
    for name in (*LITTER, "data/cache/index", "model/small_model/artefact/log/x"):
        write(root, name, text)


def test_what_editors_leave_neither_makes_stale_nor_throws_a_training_away(root: Path) -> None:
    names = "ignore = ['data/cache', 'model/small_model/artefact/log']"
    write(root, "pyproject.toml", f"{PYPROJECT}{names}\n")
    leave(root, "before")

    assert train(root, Training(lambda _: leave(root, "meanwhile"))).startswith("train    trained")
    leave(root, "after")

    assert not runs_again(root)
    require_current(open_here(root).workspace, TRAIN)


class Watched(RecordingTools):
    """Tools whose process says that it listed the folder ``conf``."""

    @contextlib.contextmanager
    def watching(self, step: str, folder: Path) -> Iterator[None]:
        del step
        conf = folder.parents[3] / "conf"
        (folder / "1-1.log").write_text(f"b\t'python'\nl\t{str(conf)!a}\t'model/x.py'\n")
        yield


@pytest.mark.parametrize(("change", "is_refused"), [
    (lambda conf: write(conf, ".a.swp", ""), False), (lambda conf: write(conf, "a~", ""), False),
    (lambda conf: (conf / "b~").unlink(), False), (lambda conf: write(conf, "b", ""), True),
    (lambda conf: write(conf, "deep/c", ""), True),
    (lambda conf: (conf / "a").rename(conf / "c"), True),
])  # fmt: skip
def test_a_folder_that_was_listed_is_fenced_but_not_for_what_editors_leave(
    root: Path, change: Change, *, is_refused: bool
) -> None:
    for name in ("a", "b~"):
        write(root / "conf", name, "")
    time.sleep(0.02)  # the steps of the file system's clock

    run, work = open_here(root, tools=Watched()), Training(lambda _: change(root / "conf"))
    with pytest.raises(InputChangedError, match="conf") if is_refused else nullcontext():
        run_step(run, TRAIN, work)


def test_data_of_which_every_file_is_ignored_is_refused(root: Path, sentence: Sentence) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}ignore = ['*.csv']\n")

    with pytest.raises(ConfigurationError) as caught:
        train(root)

    sentence(caught.value)


def test_training_is_stale_while_its_data_is_yet_to_be_fetched(root: Path) -> None:
    text = PYPROJECT.replace('data = ["data"]', 'data.command = "fetch {data}"')
    write(root, "pyproject.toml", text)

    assert is_stale(open_here(root), TRAIN)


@pytest.mark.parametrize(
    ("force", "named", "runs"),
    [(True, "train", 1), (False, "train", 0), (None, "train", 1), (None, "test", 0)],
)
def test_a_step_is_forced_by_its_caller_or_by_the_option_where_it_was_named(
    root: Path, named: str, runs: int, *, force: bool | None
) -> None:
    train(root)
    again = Training()

    run = replace(open_here(root), named=frozenset({named}), options=Options({"force": ""}))
    run_step(run, TRAIN, again, force=force)

    assert again.runs == runs


def test_a_step_runs_again_for_another_fact_that_the_run_learned(root: Path) -> None:
    train(root, learned={"published": "1.0"})

    assert not runs_again(root, learned={"published": "1.0"})
    assert runs_again(root, learned={"published": "1.1"})


@pytest.mark.parametrize(
    "change",
    [
        lambda root: write(root, "tests/test_small.py", "changed"),
        lambda root: write(root, "model/small_model/__pycache__/a.pyc", "changed"),
        lambda root: write_lock(root, pytest="==9.9.9"),
        lambda root: os.utime(root / "data/rows.csv", (1, 1)),
        lambda root: (root / "data/rows.csv").chmod(0o600),
    ],
    ids=["tests", "cache", "other category", "time", "mode"],
)
def test_a_step_is_not_run_for_what_it_does_not_depend_on(root: Path, change: Change) -> None:
    train(root)
    change(root)

    assert not runs_again(root)


@pytest.mark.parametrize("name", ["data/rows.csv", "model/small_model/classifier.py"])
def test_an_input_that_changes_meanwhile_ends_the_step_and_keeps_its_work_aside(
    root: Path, name: str, sentence: Sentence
) -> None:
    train(root)
    before = standing(root)
    write(root, name, "changed once")
    aside = write(root, "build/.trainwheel/aside/train/of-another-run", "").parent

    with pytest.raises(InputChangedError, match=name) as caught:
        train(root, Training(lambda _: write(root, name, "changed twice")))

    sentence(caught.value)
    assert {path.name for path in aside.iterdir()} == {"model", "train"}
    assert (aside / "model/model.joblib").read_text() == "weights"
    assert standing(root) == before
    assert runs_again(root)


def test_a_file_that_is_written_with_the_same_bytes_meanwhile_counts_for_some_steps(
    root: Path, sentence: Sentence
) -> None:
    def rewrite(_: Path) -> None:
        write(root, "data/rows.csv", (root / "data/rows.csv").read_text())

    os.utime(root / "data/rows.csv", (1, 1))
    train(root, Training(rewrite), replace(TRAIN, watches_writes=False))
    os.utime(root / "data/rows.csv", (1, 1))
    with pytest.raises(InputChangedError) as caught:
        train(root, Training(rewrite), replace(TRAIN, watches_writes=True), force=True)

    sentence(caught.value)


def test_on_the_first_run_an_input_that_changes_leaves_no_output_and_no_record(root: Path) -> None:
    (root / "model/small_model/artefact/model.joblib").unlink()

    with pytest.raises(InputChangedError, match=r"data/more.csv is new while train ran"):
        train(root, Training(lambda _: write(root, "data/more.csv", "")))

    assert standing(root) == dict.fromkeys(OUTPUTS)
    assert not (root / "build" / ".trainwheel" / "train.json").exists()
