"""The steps of the chain as data.

The single source for the Nox sessions, ``make help``, the documentation and the drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["CHAIN", "FLAGS", "REPEATABILITY", "STEPS", "STEP_BY_NAME", "Flag", "Step"]


@dataclass(frozen=True)
class Flag:
    """An option that sessions take after ``--``.

    Args:
        name: As it is typed, with its dashes.
        metavar: What stands for its value; empty for a switch.
        help: One line.
    """

    name: str
    help: str
    metavar: str = ""


TO = Flag("--to", "the index to publish to, by its name in pyproject.toml", "NAME")
FROM = Flag("--from", "the index to promote from, by its name in pyproject.toml", "NAME")
VERBOSE = Flag("--verbose", "show what the tools print")
FORCE = Flag("--force", "run the steps named with -s even if nothing has changed")
ACCEPT = Flag("--accept", "take the data as it is: write its columns and rows to data.schema")
WAIT = Flag("--wait", "wait for another run that is at work here, instead of stopping")
CHECK = Flag("--check", "print the difference and write nothing")
ENGINE = Flag("--engine", "what edits setup.py: trainwheel, or the real pipenv-setup", "NAME")
HOST = Flag("--host", "the address to serve at, 127.0.0.1 unless told", "ADDRESS")
PORT = Flag("--port", "the port to serve at, a free one unless told", "NUMBER")
REPEATABLE = Flag(
    "--check-repeatable", "train again with other hash seeds and on the other engine, and compare"
)
_STEP_FLAGS = (FORCE, WAIT, VERBOSE)


@dataclass(frozen=True)
class Step:
    """One link of the chain, or a session beside it.

    Args:
        name: The Nox session.
        target: The make target; empty where there is none.
        help: One line.
        needs: Steps that run before it.
        category: The Pipfile category that its environment takes; None for no environment.
        alone: Whether the category is taken without ``[packages]``.
        inputs: Groups of files that make it stale, see `trainwheel.engine.inputs`.
        outputs: What it makes, relative to the repository.
        flags: Options that it takes.
        takes_names: What its positional arguments are called; empty where it takes none.
        is_portable: Whether it makes the same on another kind of machine.
        watches_writes: Whether an input that was written meanwhile counts as moved even if its
            bytes are the same again: other bytes may have been read.
        takes_lock: Whether it waits for, or keeps out, other runs in the repository.
        keeps_results: Whether what it made is kept for when its inputs are the same again.
        beside: What later steps put into its outputs; it is none of them.
    """

    name: str
    target: str
    help: str
    needs: tuple[str, ...] = ()
    category: str | None = None
    alone: bool = False
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = field(default=(WAIT, VERBOSE))
    takes_names: str = ""
    is_portable: bool = False
    watches_writes: bool = False
    takes_lock: bool = True
    keeps_results: bool = True
    beside: tuple[str, ...] = ()

    @property
    def categories(self) -> tuple[str, ...]:
        """The Pipfile categories that its environment takes."""
        if self.category is None:
            return ()
        return (self.category,) if self.alone else ("packages", self.category)


REPEATABILITY = "build/train/repeatability.json"
"""Whether training repeats, as far as somebody asked."""

_REPORT = tuple(f"build/train/{name}" for name in ("report.html", "metrics.md", "model_card.md"))

STEPS = (
    Step(
        "doc",
        "doc",
        "Build the model's documentation",
        category="doc",
        inputs=("source", "docs"),
        outputs=("build/doc",),
        flags=_STEP_FLAGS,
        is_portable=True,
    ),
    Step(
        "data",
        "",
        "Bring the data that training reads, by a command or from DVC",
        category="data",
        alone=True,
        inputs=("tracked",),
        outputs=("build/data",),
        flags=(ACCEPT, *_STEP_FLAGS),
        keeps_results=False,
    ),
    Step(
        "train",
        "train",
        "Train the model, record its golden predictions and write its report",
        needs=("data",),
        category="train",
        inputs=("training", "data"),
        outputs=("{artefact}", "{artefact}.json", "build/train"),
        flags=(TO, REPEATABLE, *_STEP_FLAGS),
        watches_writes=True,
        beside=(*_REPORT, REPEATABILITY),
    ),
    Step(
        "judge",
        "",
        "Measure the model, and judge it by the gate and by what is published",
        needs=("train",),
        category="train",
        inputs=("measured", "package", "artefact"),
        outputs=("build/judge",),
        flags=(TO, *_STEP_FLAGS),
    ),
    Step(
        "report",
        "",
        "Write the report page and the model card",
        needs=("train",),
        inputs=("measured", "judged", "repeated"),
        outputs=_REPORT,
        flags=(TO, *_STEP_FLAGS),
        is_portable=True,
    ),
    Step(
        "test",
        "test",
        "Run the model's tests with coverage, and pass the gate",
        needs=("train",),
        category="test",
        inputs=("tests", "package", "artefact", "settings"),
        outputs=("build/test",),
        flags=(TO, *_STEP_FLAGS),
        beside=("build/test/junit.xml",),
    ),
    Step(
        "version",
        "version.model",
        "Decide the version to release, from what is published",
        needs=("train",),
        inputs=("shipped",),
        outputs=("build/version.json",),
        flags=(TO, *_STEP_FLAGS),
        is_portable=True,
    ),
    Step(
        "package",
        "package.model",
        "Build the wheel and prove it in an empty environment",
        needs=("doc", "test", "version"),
        category="package",
        alone=True,
        inputs=("shipped", "golden", "card", "system-tests"),
        outputs=("build/dist",),
        flags=_STEP_FLAGS,
    ),
    Step(
        "upload",
        "upload.model",
        "Publish the wheel, once",
        needs=("package",),
        category="upload",
        alone=True,
        flags=(TO, *_STEP_FLAGS),
    ),
    Step(
        "verify",
        "verify.model",
        "Install the published wheel and repeat its golden predictions",
        category="upload",
        alone=True,
        flags=(TO, WAIT, VERBOSE),
        takes_names="NAME==VERSION",
    ),
    Step(
        "promote",
        "",
        "Copy a published wheel to the next index, verified on both",
        category="upload",
        alone=True,
        flags=(FROM, TO, WAIT, VERBOSE),
        takes_names="VERSION",
    ),
    Step(
        "sync",
        "sync",
        "Write the locked requirements into setup.py",
        flags=(CHECK, ENGINE, WAIT, VERBOSE),
    ),
    Step(
        "lock",
        "",
        "Lock the Pipfile's packages, all of them or only those named",
        takes_names="PACKAGE",
    ),
    Step(
        "lint",
        "",
        "Check style, types, the lock and setup.py",
        category="lint",
        alone=True,
    ),
    Step(
        "index",
        "index",
        "Serve the embedded index until Ctrl-C",
        category="upload",
        alone=True,
        flags=(HOST, PORT, VERBOSE),
        takes_lock=False,
    ),
    Step("clean", "clean", "Remove what the steps made; published files stay"),
)  # fmt: skip

STEP_BY_NAME = {step.name: step for step in STEPS}
CHAIN = ("doc", "train", "test", "version", "package", "upload", "verify")
FLAGS = tuple(dict.fromkeys(flag for step in STEPS for flag in step.flags))
