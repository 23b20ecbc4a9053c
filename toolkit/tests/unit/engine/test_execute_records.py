"""A record says what stands there, and is believed no further."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.cache import Result
from trainwheel.engine.chain import Files
from trainwheel.engine.execute import current_record, require_current
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import write_record
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import InputChangedError
from unit.repository import PYPROJECT, open_here, write
from unit.small_training import (
    CHANGES,
    OUTPUTS,
    TRAIN,
    UNCHANGED,
    Sentence,
    runs_again,
    standing,
    train,
)


def test_a_record_of_an_output_that_never_existed_is_not_believed(root: Path) -> None:
    train(root)
    run = open_here(root)
    record = require_current(run.workspace, TRAIN)
    (root / "build/train/metrics.json").unlink()
    (root / "build/train").rmdir()
    write_record(run.workspace.layout.records, replace(record, outputs={"build/train": ""}))

    assert current_record(run, TRAIN, record.fingerprint) is None


def test_a_record_that_cannot_be_read_gives_one_notice_and_the_step_runs(
    root: Path, sentence: Sentence
) -> None:
    train(root)
    write(root, "build/.trainwheel/train.json", "{")

    notice, outcome = train(root).splitlines()

    sentence(notice)
    assert outcome.startswith("train    trained")
    assert train(root) == UNCHANGED


def test_a_fact_that_a_run_learned_is_compared_only_if_the_step_does_not_learn_it(
    root: Path,
) -> None:
    step = replace(TRAIN, learns=("what is published",))
    train(root, step=step, learned={"what is published": "1.0"})

    record = require_current(open_here(root).workspace, step)

    assert record.fingerprint.facts["what is published"] == "1.0"
    with pytest.raises(InputChangedError, match="what is published is gone after train ran"):
        require_current(open_here(root).workspace, TRAIN)


@pytest.mark.parametrize(
    "change",
    ["data", "new data", "gone source", "locked package", "tampered artefact", "gone report"],
)
def test_a_step_whose_files_changed_since_is_refused(
    root: Path, change: str, sentence: Sentence
) -> None:
    train(root)
    CHANGES[change](root)

    with pytest.raises(InputChangedError) as caught:
        require_current(open_here(root).workspace, TRAIN)

    sentence(caught.value)


def test_an_output_that_is_not_in_the_record_is_made(root: Path) -> None:
    # As after an upgrade of this library whose step makes more than it did.
    train(root)
    workspace = open_here(root).workspace
    record = require_current(workspace, TRAIN)
    outputs = {"build/train": record.outputs["build/train"]}
    write_record(workspace.layout.records, replace(record, outputs=outputs))

    assert "restored from the cache" in train(root)
    assert train(root) == UNCHANGED


def test_a_cached_result_without_all_outputs_is_not_restored(root: Path) -> None:
    workspace = open_here(root).workspace
    now = fingerprint(workspace, TRAIN)
    folder = write(root, "model-of-old/model.joblib", "weights").parent
    workspace.cache.keep("train", now.key, Result({}, 1.0, 1.0), {"model": folder})

    assert runs_again(root)
    assert standing(root) == OUTPUTS


def test_a_result_that_is_too_large_for_the_cache_gives_a_notice(
    root: Path, sentence: Sentence
) -> None:
    write(root, "pyproject.toml", PYPROJECT + 'cache.limit = "8 B"\n')

    output = train(root)

    sentence(output.splitlines()[0])
    assert "trained" in output
    assert standing(root) == OUTPUTS


@pytest.mark.parametrize(("line", "reads"), [("", 1), ("changed", 2)])
def test_declared_inputs_are_listed_once_and_once_more_after_work(
    root: Path, line: str, reads: int
) -> None:
    listings = list[str]()

    def read(workspace: Workspace) -> list[str]:
        listings.append("data")
        return [str(path) for path in sorted((workspace.layout.root / "data").iterdir())]

    step = replace(TRAIN, inputs=(Files("data", read),))
    for text in ("one", "two", "three"):  # each has a result in the cache, with what it read
        write(root, "data/rows.csv", text)
        train(root, step=step)
    listings.clear()
    write(root, "data/rows.csv", line or "three")

    train(root, step=step)

    assert len(listings) == reads
