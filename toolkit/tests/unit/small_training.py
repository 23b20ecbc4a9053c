"""The step ``train`` of a small repository, whose work writes what is asked, and its runs."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainwheel.engine.chain import Step
from trainwheel.engine.execute import run_step
from trainwheel.steps import load_chain
from unit.repository import open_here, write, write_lock

Change = Callable[[Path], object]
Sentence = Callable[[object], None]
Work = Callable[[Path], Mapping[str, str]]
TRAIN = load_chain()["train"]
OUTPUTS = {"model/small_model/artefact/model.joblib": "weights", "build/train/metrics.json": "{}"}
UNCHANGED = "train    unchanged\n"


class Training:
    """Makes the outputs of the step ``train`` and counts how often it was asked to."""

    def __init__(self, during: Change | None = None) -> None:
        self.runs = 0
        self._during = during

    def __call__(self, scratch: Path) -> Mapping[str, str]:
        self.runs += 1
        write(scratch, "model/model.joblib", "weights")
        write(scratch, "model/model.joblib.json", "{}")
        (scratch / "train").mkdir()
        (scratch / "train" / "metrics.json").write_text("{}")
        if self._during is not None:
            self._during(scratch)
        return {"summary": "trained", "model": "ab12"}


def train(root: Path, work: Work | None = None, step: Step = TRAIN, **options: Any) -> str:
    """Run the step in a run of its own and return what is printed."""
    stream = io.StringIO()
    run_step(open_here(root, stream=stream), step, work or Training(), **options)
    return stream.getvalue()


def runs_again(root: Path, **options: Any) -> bool:
    """Return whether another run does the step's work again."""
    again = Training()
    train(root, again, **options)
    return again.runs == 1


def standing(root: Path) -> dict[str, str | None]:
    """Return the content of the step's outputs; None for one that does not exist."""
    return {n: (root / n).read_text() if (root / n).exists() else None for n in OUTPUTS}


def in_scratch(root: Path) -> list[Path]:
    return list((root / "build" / ".trainwheel" / "tmp").iterdir())


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
