"""Small repositories, each of whose training reads something in its own way."""

from __future__ import annotations

import contextlib
import enum
import io
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from integration.tiny import TinyProject
from trainwheel.cli.opening import open_run
from trainwheel.engine.environments import StepEnvironments
from trainwheel.steps import load_chain
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment

__all__ = [
    "COMMAND", "TRAINING", "Answer", "Content", "Layout", "Link", "Repository", "array", "database",
    "put", "zipped",
]  # fmt: skip

TRAINING = """\
import os, pickle, subprocess, sys
from pathlib import Path

model, report = Path(sys.argv[1]), Path(sys.argv[2])
{}
if __name__ == "__main__":
    model.write_bytes(pickle.dumps({{"value": value}}))
    (report / "metrics.json").write_text('{{"accuracy": 1.0}}')
    (report / "golden.jsonl").write_text('{{"x": 1}}')
"""
COMMAND = "python -m tiny_training {model} {report}"
CLASSIFIER = """\
import pickle
from pathlib import Path


def predict_record(record):
    model = pickle.loads(Path(__file__).with_name("artefact").joinpath("model.joblib").read_bytes())
    return {"label": str(model["value"])}
"""


@dataclass(frozen=True)
class Link:
    """A symbolic link.

    Args:
        target: Relative to its own folder.
    """

    target: str


Content = str | bytes | Link | None
"""What a file holds; None for no file."""


class Answer(enum.Enum):
    """What is expected when something that training reads has changed."""

    SEEN = "it is trained again"
    NOTICED = "a notice of the first training names the line to add, with which it is seen"
    UNSEEN = "it is unchanged, as the manual says, which names what to write"


@dataclass(frozen=True)
class Layout:
    """A repository, one change that decides what training makes, and one beside it that does not.

    Args:
        name: Its name in the manual's table, more or less.
        training: Code that computes ``value``.
        edit: The change: file → new content.
        files: What else the repository holds.
        beside: A change of what training does not read; what is in it at the start too has to be
            among the files.
        answer: What is expected after ``edit``.
        way_out: A line of ``[tool.trainwheel]`` with which it is seen, where no notice has it.
        command: The training command.
        settings: Further lines of ``[tool.trainwheel]``.
        variables: Of the environment of the run; ``{home}`` is a folder beside the repository.
        prepare: Does at the start what files alone cannot.
    """

    name: str
    training: str
    edit: Mapping[str, Content]
    files: Mapping[str, Content] = field(default_factory=dict)
    beside: Mapping[str, Content] = field(default_factory=lambda: {"beside.txt": "1"})
    answer: Answer = Answer.SEEN
    way_out: str = ""
    command: str = COMMAND
    settings: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], object] = lambda _: None


def put(root: Path, files: Mapping[str, Content]) -> None:
    """Write files below ``root``, or remove them."""
    for name, content in files.items():
        path = root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.target)
        elif content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        else:
            with contextlib.suppress(OSError):  # as git does, which knows no empty folder
                for parent in path.parents:
                    parent.rmdir()


@dataclass(frozen=True)
class Repository:
    """A layout on disk, which this process trains as Nox's would.

    Args:
        project: A copy of the tiny project.
        variables: Of the environment of the runs.
    """

    project: TinyProject
    variables: Mapping[str, str]

    @classmethod
    def of(cls, layout: Layout, project: TinyProject) -> Repository:
        """Write a layout over a project whose environments are made."""
        root, training = project.root, TRAINING.format(layout.training)
        put(root, {"model/tiny_training/__main__.py": training,
                   "model/tiny_model/classifier.py": CLASSIFIER, **layout.files})  # fmt: skip
        project.replace(
            "pyproject.toml", "python -m tiny_training {model} {report}", layout.command
        )
        project.configure(layout.settings)
        layout.prepare(root)
        own = {name: text.format(home=root.parent / "home")
               for name, text in layout.variables.items()}  # fmt: skip
        return cls(project, {**project.variables, **own})

    def run(self, step: str = "train") -> str:
        """Run a step, and return what it printed."""
        chain, root, envdir = load_chain(), self.project.root, self.project.envdir
        environment, stream = Environment(self.variables), io.StringIO()
        run = open_run(root, envdir, environment, chain.categories)
        console = Console(run.environment, stream)
        tools = StepEnvironments(run.workspace, console, envdir, chain.categories, run.tokens)
        chain[step].run(replace(run, console=console, tools=tools))
        return stream.getvalue()

    def has_trained(self) -> bool:
        """Run training, and return whether it trained, or took a model from the cache."""
        return "train    unchanged" not in self.run()

    @property
    def value(self) -> tuple[bytes, bytes]:
        """What training made: the model, and what it answers."""
        root = self.project.root
        artefact = root / "model" / "tiny_model" / "artefact" / "model.joblib"
        return artefact.read_bytes(), (root / "build" / "train" / "golden.jsonl").read_bytes()

    def content(self, names: Iterable[str]) -> dict[str, Content]:
        """Return what files hold now."""
        return {name: _content(self.project.root / name) for name in names}


def _content(path: Path) -> Content:
    if path.is_symlink():
        return Link(str(path.readlink()))
    return path.read_bytes() if path.is_file() else None


def zipped(name: str, text: str) -> bytes:
    """Return a zip file with one member."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, text)
    return stream.getvalue()


def database(value: int) -> bytes:
    """Return an SQLite database with one row: table ``rows``, column ``x``."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table rows (x integer)")
        connection.execute("insert into rows values (?)", (value,))
    return connection.serialize()


def array(value: float) -> bytes:
    """Return a file of NumPy's format, version 1.0, with one number."""
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + struct.pack("<d", value)
