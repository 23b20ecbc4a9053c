"""A step runs once; an input that moves, a kill or a failure never leaves a half-true state."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.cache import Result
from trainwheel.engine.execute import current_record, is_stale, require_current, run_step
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import write_record
from trainwheel.engine.run import Options
from trainwheel.errors import InputChangedError, StepFailedError
from trainwheel.steps import load_chain
from unit.repository import PYPROJECT, make_repository, open_here, write, write_lock

Change = Callable[[Path], object]
TRAIN = load_chain()["train"]
OUTPUTS = {"model/small_model/artefact/model.joblib": "weights", "build/train/metrics.json": "{}"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository."""
    return make_repository(tmp_path / "small")


class Training:
    """Makes the outputs of the step ``train`` and counts how often it was asked to."""

    def __init__(self, during: Change | None = None) -> None:
        self.runs = 0
        self._during = during

    def __call__(self, scratch: Path) -> Mapping[str, str]:
        self.runs += 1
        (scratch / "model.joblib").write_text("weights")
        (scratch / "model.joblib.json").write_text("{}")
        (scratch / "train").mkdir()
        (scratch / "train" / "metrics.json").write_text("{}")
        if self._during is not None:
            self._during(scratch)
        return {"summary": "trained", "model": "ab12"}


def said(root: Path, work: Callable[[Path], Mapping[str, str]], **learned: str) -> str:
    """Run the step in a run of its own and return what a person saw."""
    stream = io.StringIO()
    run_step(open_here(root, stream=stream), TRAIN, work, learned=learned)
    return stream.getvalue()


def standing(root: Path) -> dict[str, str | None]:
    """Return what stands in the places of the step's outputs."""
    found = {name: root / name for name in OUTPUTS}
    return {name: path.read_text() if path.exists() else None for name, path in found.items()}


def left_in_scratch(root: Path) -> list[str]:
    return [path.name for path in (root / "build" / ".trainwheel" / "tmp").iterdir()]


def test_what_a_step_made_is_put_in_its_place(root: Path) -> None:
    told = said(root, Training())

    assert told.startswith("train    trained  0.")
    assert standing(root) == OUTPUTS
    assert left_in_scratch(root) == []


def test_a_step_whose_inputs_stayed_is_not_run_again(root: Path) -> None:
    said(root, Training())
    again = Training()

    assert said(root, again) == "train    unchanged\n"
    assert again.runs == 0


def test_a_step_may_say_the_same_whether_it_ran_or_not(root: Path) -> None:
    told = []
    for _ in range(2):
        stream = io.StringIO()
        run = open_here(root, stream=stream)
        record = run_step(run, TRAIN, Training(), summary="decided")
        told.append(stream.getvalue())
        assert record.facts["model"] == "ab12"

    assert told[0].startswith("train    decided  ")
    assert told[1] == "train    decided\n"


def test_a_step_may_say_nothing_where_nothing_was_to_be_done(root: Path) -> None:
    told = []
    for _ in range(2):
        stream = io.StringIO()
        run_step(open_here(root, stream=stream), TRAIN, Training(), is_quiet=True)
        told.append(stream.getvalue())

    assert told[0].startswith("train    trained  ")
    assert told[1] == ""


def test_a_run_knows_which_steps_had_something_to_do(root: Path) -> None:
    runs = [open_here(root), open_here(root)]
    for run in runs:
        run_step(run, TRAIN, Training())

    assert [run.made for run in runs] == [{"train"}, set()]


CHANGES: dict[str, Change] = {
    "source": lambda root: write(root, "model/small_model/classifier.py", "changed"),
    "gone source": lambda root: (root / "model/small_model/py.typed").unlink(),
    "renamed source": lambda root: (root / "model/small_model/py.typed").rename(
        root / "model/small_model/other.typed"
    ),
    "data": lambda root: write(root, "data/rows.csv", "3,4\n"),
    "new data": lambda root: write(root, "data/more.csv", ""),
    "locked package": lambda root: write_lock(root, six="==1.17.0"),
    "tampered artefact": lambda root: write(
        root, "model/small_model/artefact/model.joblib", "tampered"
    ),
    "gone artefact": lambda root: (root / "model/small_model/artefact/model.joblib").unlink(),
    "tampered report": lambda root: write(root, "build/train/metrics.json", '{"accuracy": 1}'),
    "added to report": lambda root: write(root, "build/train/more.json", ""),
    "gone report": lambda root: (root / "build/train/metrics.json").unlink(),
    "gone record": lambda root: (root / "build/.trainwheel/train.json").unlink(),
}


RESTORED = {"gone artefact", "added to report", "gone report", "gone record"}
"""Changes after which what the step made of the same inputs is still kept."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_step_is_made_true_again_after_a_change(root: Path, change: str) -> None:
    said(root, Training())
    CHANGES[change](root)
    again = Training()

    told = said(root, again)

    assert told.startswith("train    trained")
    assert ("restored from the cache" in told) == (change in RESTORED)
    assert again.runs == (0 if change in RESTORED else 1)
    assert standing(root) == OUTPUTS
    assert said(root, again) == "train    unchanged\n"


def test_a_step_that_is_forced_runs_whatever_its_record_says(root: Path) -> None:
    said(root, Training())
    again = Training()

    run_step(open_here(root), TRAIN, again, force=True)

    assert again.runs == 1


@pytest.mark.parametrize(
    ("named", "values", "runs"),
    [
        ({"train"}, {"force": ""}, 1),
        ({"upload"}, {"force": ""}, 0),
        ({"train"}, {}, 0),
    ],
)
def test_a_step_is_forced_where_it_was_asked_for_by_name(
    root: Path, named: set[str], values: dict[str, str], runs: int
) -> None:
    said(root, Training())
    again = Training()

    run = replace(open_here(root), named=frozenset(named), options=Options(values))
    run_step(run, TRAIN, again)

    assert again.runs == runs


def test_a_step_runs_again_for_another_key_of_its_configuration(root: Path) -> None:
    said(root, Training())
    write(root, "pyproject.toml", PYPROJECT + "train.threads = 2\n")
    again = Training()

    said(root, again)

    assert again.runs == 1


def test_a_step_runs_again_for_another_fact_that_the_run_learned(root: Path) -> None:
    said(root, Training(), published="1.0")
    again = Training()

    assert said(root, again, published="1.0") == "train    unchanged\n"
    said(root, again, published="1.1")

    assert again.runs == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda root: write(root, "tests/test_small.py", "changed"),
        lambda root: write(root, "docs/index.md", "changed"),
        lambda root: write(root, "model/small_training/more.py", ""),
        lambda root: write(root, "README.md", "changed"),
        lambda root: write(root, "model/small_model/__pycache__/a.pyc", "changed"),
        lambda root: write_lock(root, pytest="==9.9.9"),
        lambda root: os.utime(root / "data/rows.csv", (1, 1)),
        lambda root: (root / "data/rows.csv").chmod(0o600),
    ],
    ids=["tests", "docs", "unrelated source", "readme", "cache", "other category", "time", "mode"],
)
def test_a_step_is_not_run_for_what_it_does_not_depend_on(root: Path, change: Change) -> None:
    said(root, Training())
    change(root)
    again = Training()

    said(root, again)

    assert again.runs == 0


@pytest.mark.parametrize("name", ["data/rows.csv", "model/small_model/classifier.py"])
def test_an_input_that_moves_meanwhile_ends_the_step_and_keeps_its_work_aside(
    root: Path, name: str
) -> None:
    said(root, Training())
    before = standing(root)
    write(root, name, "changed once")

    with pytest.raises(InputChangedError) as caught:
        said(root, Training(lambda _: write(root, name, "changed twice")))

    assert str(caught.value) == (
        f"failed: {name} changed while train ran; "
        "what it made is kept in build/.trainwheel/aside/train; run it again"
    )
    aside = root / "build" / ".trainwheel" / "aside" / "train"
    assert (aside / "model.joblib").read_text() == "weights"
    assert standing(root) == before
    again = Training()
    said(root, again)
    assert again.runs == 1


def test_on_the_first_run_a_fence_leaves_no_output_and_no_record(root: Path) -> None:
    (root / "model/small_model/artefact/model.joblib").unlink()

    with pytest.raises(InputChangedError, match=r"data/more.csv is new while train ran"):
        said(root, Training(lambda _: write(root, "data/more.csv", "")))

    assert standing(root) == dict.fromkeys(OUTPUTS)
    assert not (root / "build" / ".trainwheel" / "train.json").exists()


def test_work_kept_aside_gives_way_to_later_work(root: Path) -> None:
    for text in ("first", "second"):
        with pytest.raises(InputChangedError):
            said(root, Training(lambda scratch, text=text: (  # type: ignore[misc]
                write(scratch, "note", text), write(root, "data/rows.csv", text)
            )))  # fmt: skip

    aside = root / "build" / ".trainwheel" / "aside" / "train"
    assert (aside / "note").read_text() == "second"


def test_a_change_that_is_taken_back_is_none(root: Path) -> None:
    said(root, Training())
    text = (root / "data/rows.csv").read_text()
    write(root, "data/rows.csv", "changed once")
    with pytest.raises(InputChangedError):
        said(root, Training(lambda _: write(root, "data/rows.csv", "changed twice")))
    write(root, "data/rows.csv", text)
    again = Training()

    assert said(root, again) == "train    unchanged\n"


def fail(_: Path) -> None:
    message = "training ended with exit code 1"
    raise StepFailedError(message)


def interrupt(_: Path) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("during", "error"), [(fail, StepFailedError), (interrupt, KeyboardInterrupt)]
)
def test_work_that_fails_leaves_what_was_there_before(
    root: Path, during: Change, error: type[BaseException]
) -> None:
    said(root, Training())
    record = (root / "build/.trainwheel/train.json").read_bytes()
    write(root, "data/rows.csv", "changed")

    with pytest.raises(error):
        said(root, Training(during))

    assert standing(root) == OUTPUTS
    assert (root / "build/.trainwheel/train.json").read_bytes() == record
    assert left_in_scratch(root) == []
    again = Training()
    said(root, again)
    assert again.runs == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from trainwheel.engine.execute import run_step
from trainwheel.steps import load_chain
from unit.repository import open_here

def work(scratch):
    (scratch / "model.joblib").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

run_step(open_here(Path(sys.argv[1])), load_chain()["train"], work)
"""


def test_after_a_kill_the_same_command_finishes_the_work(root: Path) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(root)], env={"PYTHONPATH": paths}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert standing(root)["build/train/metrics.json"] is None

    assert said(root, Training()).startswith("train    trained")
    assert standing(root) == OUTPUTS


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_kill_between_two_outputs_is_noticed(root: Path, name: str) -> None:
    # As a kill leaves it: one output is of the new run, the record and the other of the old.
    said(root, Training())
    write(root, name, "of another run")
    again = Training()

    said(root, again)

    assert again.runs == 1
    assert standing(root) == OUTPUTS


def test_a_record_of_an_output_that_was_never_there_is_not_believed(root: Path) -> None:
    said(root, Training())
    run = open_here(root)
    record = require_current(run.workspace, TRAIN)
    (root / "build/train/metrics.json").unlink()
    (root / "build/train").rmdir()
    write_record(run.workspace.layout.records, replace(record, outputs={"build/train": ""}))

    assert current_record(run, TRAIN, record.fingerprint) is None


def test_a_record_that_was_cut_short_makes_the_step_stale_wherever(root: Path) -> None:
    said(root, Training())
    run = open_here(root)
    now = fingerprint(run.workspace, TRAIN)
    path = root / "build/.trainwheel/train.json"
    whole = path.read_bytes()
    assert current_record(run, TRAIN, now) is not None

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert current_record(run, TRAIN, now) is None, length


@pytest.mark.parametrize("text", ["", "{}", "null", '{"schema": 99}'])
def test_a_record_that_cannot_be_read_is_told_once_and_the_step_runs(root: Path, text: str) -> None:
    said(root, Training())
    write(root, "build/.trainwheel/train.json", text)
    again = Training()

    told = said(root, again).splitlines()

    assert told[0] == "notice: the record of train cannot be read, so it runs again"
    assert told[1].startswith("train    trained")
    assert len(told) == 2
    assert said(root, again) == "train    unchanged\n"


def test_a_step_that_is_as_its_record_says_may_be_built_upon(root: Path) -> None:
    said(root, Training())

    assert require_current(open_here(root).workspace, TRAIN).facts["model"] == "ab12"


def test_a_step_that_never_ran_may_not_be_built_upon(root: Path) -> None:
    with pytest.raises(StepFailedError) as caught:
        require_current(open_here(root).workspace, TRAIN)

    assert str(caught.value) == "failed: train has no record; run it first: nox -s train"


def test_what_a_run_learned_may_be_built_upon_as_it_was_recorded(root: Path) -> None:
    step = replace(TRAIN, learns=("what is published",))
    run_step(open_here(root), step, Training(), learned={"what is published": "1.0"})

    record = require_current(open_here(root).workspace, step)

    assert record.fingerprint.facts["what is published"] == "1.0"
    with pytest.raises(InputChangedError, match="what is published is gone after train ran"):
        require_current(open_here(root).workspace, TRAIN)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("data", "data/rows.csv changed after train ran"),
        ("new data", "data/more.csv is new after train ran"),
        ("gone source", "model/small_model/py.typed is gone after train ran"),
        ("locked package", "package six changed after train ran"),
        (
            "tampered artefact",
            "model/small_model/artefact/model.joblib changed after train ran",
        ),
        ("gone report", "build/train changed after train ran"),
    ],
)
def test_a_step_whose_files_moved_since_may_not_be_built_upon(
    root: Path, change: str, told: str
) -> None:
    said(root, Training())
    CHANGES[change](root)

    with pytest.raises(InputChangedError) as caught:
        require_current(open_here(root).workspace, TRAIN)

    assert str(caught.value) == f"failed: {told}; run the same command again"


def test_an_output_that_a_record_does_not_know_of_is_made(root: Path) -> None:
    # As after an upgrade of this library whose step makes more than it did.
    said(root, Training())
    workspace = open_here(root).workspace
    record = require_current(workspace, TRAIN)
    outputs = {"build/train": record.outputs["build/train"]}
    write_record(workspace.layout.records, replace(record, outputs=outputs))

    assert "restored from the cache" in said(root, Training())
    assert said(root, Training()) == "train    unchanged\n"


def test_a_kept_result_that_lacks_an_output_is_made_anew(root: Path) -> None:
    workspace = open_here(root).workspace
    now = fingerprint(workspace, TRAIN)
    (root / "made").write_text("weights")
    workspace.cache.keep("train", now.key, Result({}, 1.0, 1.0), {"model.joblib": root / "made"})
    again = Training()

    assert "restored" not in said(root, again)
    assert again.runs == 1
    assert standing(root) == OUTPUTS


@pytest.mark.parametrize("change", CHANGES)
def test_a_step_is_stale_until_it_ran_and_after_every_change(root: Path, change: str) -> None:
    assert is_stale(open_here(root), TRAIN)
    said(root, Training())
    assert not is_stale(open_here(root), TRAIN)

    CHANGES[change](root)

    assert is_stale(open_here(root), TRAIN)


def test_training_is_stale_while_its_data_is_yet_to_be_fetched(root: Path) -> None:
    text = PYPROJECT.replace('data = ["data"]', 'data.command = "fetch {data}"')
    write(root, "pyproject.toml", text)

    assert is_stale(open_here(root), TRAIN)
