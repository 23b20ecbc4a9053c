"""A run of steps in a small repository: its options, what it ran, and what it printed."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainwheel.engine.run import Options, Others, Run
from trainwheel.errors import StepFailedError
from trainwheel.guest import ENTRY_POINT
from trainwheel.install.bytecode import site_packages
from trainwheel.install.stamp import write_stamp
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.steps import load_chain
from trainwheel.system.digest import digest_json
from unit.model_wheels import PREDICT, write_model_wheel
from unit.recording_tools import Call, RecordingTools
from unit.repository import PYPROJECT, SIX, open_here, write

Answer = Callable[[Call], str]
SHA = "ab" * 32


@dataclass
class Session:
    """A run, with its tools, its output, and the steps that it queued."""

    run: Run
    tools: RecordingTools
    stream: io.StringIO
    queue: list[str]

    def step(self, name: str) -> Session:
        """Run a step, and return this."""
        load_chain()[name].run(self.run)
        return self

    @property
    def output(self) -> str:
        """The output."""
        return self.stream.getvalue()

    @property
    def calls(self) -> list[Call]:
        """What was run, but for the look at the entry point before training."""
        return [call for call in self.tools.calls if str(ENTRY_POINT) not in call.argv]


def with_entry_point(answer: Answer) -> Answer:
    """Return the answer of tools that find nothing wrong with the entry point."""
    return lambda call: "" if str(ENTRY_POINT) in call.argv else answer(call)


@dataclass
class _Queue(Others):
    """Keeps which steps are to run as well."""

    names: list[str]

    def add(self, goals: Iterable[str]) -> None:
        """Keep them."""
        self.names += goals


def open_with(
    root: Path, answer: Answer = lambda _: "", *flags: str, named: Sequence[str] = (),
    variables: Mapping[str, str] | None = None, **parts: Any,
) -> Session:  # fmt: skip
    """Open the repository for a run.

    Args:
        root: The repository.
        answer: Does what a tool would do; it is not asked to look at the entry point.
        flags: What stands after ``--``: a name, or a name and a value with ``=`` between.
        named: The steps that were asked for.
        variables: Of the environment.
        parts: Fields of the run.
    """
    tools = RecordingTools(with_entry_point(answer), root / ".nox")
    stream, queue = io.StringIO(), list[str]()
    link_python(root / ".nox" / "train")
    values = {name: value for name, _, value in (flag.partition("=") for flag in flags)}
    run = replace(
        open_here(root, variables, stream=stream, tools=tools), options=Options(values),
        named=frozenset(named), others=_Queue(queue), **parts,
    )  # fmt: skip
    return Session(run, tools, stream, queue)


def configure(root: Path, *lines: str) -> None:
    """Write a configuration with these lines more."""
    write(root, "pyproject.toml", PYPROJECT + "".join(f"{line}\n" for line in lines))


def lock_more(root: Path, category: str, *names: str) -> None:
    """Lock further packages in a category of the Pipfile, which is made where it is missing."""
    text, head = (root / "Pipfile").read_text(encoding="utf-8"), f"[{category}]\n"
    text = text if head in text else f"{text}\n{head}"
    text = text.replace(head, head + "".join(f'{name} = "*"\n' for name in names))
    write(root, "Pipfile", text)
    content = json.loads((root / "Pipfile.lock").read_bytes())
    content[category] = {**content.get(category, {}), **dict.fromkeys(names, SIX)}
    write(root, "Pipfile.lock", stamp_lock(json.dumps(content), parse_pipfile(text)))


def link_python(folder: Path) -> Path:
    """Let an environment's interpreter be the one that runs this, and return it."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    if not python.exists():
        python.symlink_to(sys.executable)
    return python


def fill_environment(folder: Path, requirements: str, alone: str = "") -> Path:
    """Make an environment that counts as filled with these requirements."""
    python = link_python(folder)
    parts = [requirements, sys.version, sys.executable, str(folder.resolve()), "", alone]
    site_packages(folder).mkdir(parents=True, exist_ok=True)
    write_stamp(folder, digest_json(parts))
    return python


def fail(message: str) -> Answer:
    """Return the answer of a tool that fails."""

    def answer(_: Call) -> str:
        raise StepFailedError(message)

    return answer


def publish(
    root: Path, version: str, metrics: Mapping[str, float], *, predict: str = "builtins:dict",
    **more: Any,
) -> Path:  # fmt: skip
    """Put the wheel of a model into the embedded index."""
    index = root / ".trainwheel" / "index"
    return write_model_wheel(index, version, metrics=metrics, predict=predict, **more)


def publish_own(
    root: Path, version: str = "0.1.0", files: Mapping[str, bytes | None] | None = None, *,
    predict: str = PREDICT,
) -> Path:  # fmt: skip
    """Put the wheel of the repository's own model into the embedded index.

    Args:
        root: The repository.
        version: Of the wheel.
        files: Name of a file of the package → other bytes for it; None to leave it out.
        predict: The function that its provenance names.
    """
    package = root / "model" / "small_model"
    own = {path.relative_to(package).as_posix(): path.read_bytes()
           for path in package.rglob("*") if path.is_file()}  # fmt: skip
    contents = {f"small_model/{name}": data
                for name, data in {**own, **(files or {})}.items() if data is not None}  # fmt: skip
    packages = {"six": "1.16.0", "joblib": "1"}
    return publish(root, version, {}, predict=predict, files=contents, packages=packages)
