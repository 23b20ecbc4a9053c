"""What is published: found on the index, and judged on the held-out rows of today."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from trainwheel.errors import MissingCredentialsError, StepFailedError, TrainwheelError
from trainwheel.gate import Baseline
from trainwheel.index.pages import PublishedFile
from trainwheel.project import Project
from trainwheel.promise import read_promise, read_provenance
from trainwheel.proving import Model, ask
from trainwheel.registry import Registry
from trainwheel.releasing import registry_of
from trainwheel.setup_py import read_distribution_name, read_version
from trainwheel.versioning import newest_in_line

__all__ = ["Published", "answers_of", "find_published"]


@dataclass(frozen=True)
class Published:
    """The newest published version of the release line, as far as this run may know.

    Args:
        version: Empty where there is none.
        reason: Why there is none; a clause for a person.
        is_deferred: Whether this job was given no access to read the index.
        is_unreadable: Whether the index did not answer.
        registry: Where it was found.
        file: Its wheel.
    """

    version: str = ""
    reason: str = ""
    is_deferred: bool = False
    is_unreadable: bool = False
    registry: Registry | None = None
    file: PublishedFile | None = None

    @property
    def mark(self) -> str:
        """What tells it from any other."""
        digest = "" if self.file is None else self.file.hashes.get("sha256", "")
        return f"{self.version} {digest}".strip() or self.reason

    def wheel(self, project: Project) -> Path:
        """Return its wheel on this machine's disk.

        Raises:
            StepFailedError: There is none, or the index does not serve it.
        """
        if self.registry is None or self.file is None:
            raise StepFailedError(self.reason)
        return self.registry.fetch(self.file, project.store / "published")

    def baseline(self, project: Project) -> Baseline:
        """Return it for the gate, with the metrics that its wheel carries."""
        if not self.version:
            return Baseline(reason=self.reason, is_deferred=self.is_deferred)
        try:
            provenance = read_provenance(self.wheel(project))
        except TrainwheelError as error:
            project.console.notice(f"{self.version} tells nothing of itself: {error.message}")
            return Baseline(self.version)
        return Baseline(self.version, metrics=provenance.metrics)


def find_published(project: Project, name_asked: str | None) -> Published:
    """Return the newest published version of the release line.

    What cannot be told is no error here: whoever needs an answer refuses.
    """
    source = project.read_setup_py()
    name, base = read_distribution_name(source), read_version(source)
    try:
        registry = registry_of(project, name_asked, to_read=True)
        wheels = registry.wheels(canonicalize_name(name))
    except MissingCredentialsError:
        reason = "the index cannot be read here, so the comparison is left to upload"
        return Published(reason=reason, is_deferred=True)
    except StepFailedError as error:
        reason = f"the index cannot be read: {error.message}"
        return Published(reason=reason, is_unreadable=True)
    newest = newest_in_line(base, wheels)
    if newest is None:
        return Published(reason=f"nothing is published in the line of {base} in {registry.label}")
    return Published(newest, registry=registry, file=wheels[newest])


def answers_of(project: Project, wheel: Path, rows: Path, folder: Path) -> Path:
    """Have the model in a published wheel predict held-out rows, in an environment of its own.

    Args:
        project: The model repository.
        wheel: The published wheel.
        rows: ``holdout.jsonl``.
        folder: A fresh folder, which is made.

    Returns:
        A file with an answer a line.

    Raises:
        TrainwheelError: It cannot be installed here, or does not predict these rows.
    """
    promise = read_promise(wheel)
    line = f"{promise.name} @ {wheel.resolve().as_uri()} --hash=sha256:{promise.sha256}\n"
    installer = project.installer("judge")
    python = installer.ensure(project.envdir / "published", promise.requirements, alone=line)
    model = Model(promise.predict, python, project.environment, log=project.log_of("judge"))
    return ask_rows(model, rows, folder)


def ask_rows(model: Model, rows: Path, folder: Path) -> Path:
    """Have a model predict held-out rows; return a file with an answer a line.

    Raises:
        StepFailedError: It does not predict them, or a row has no input.
    """
    inputs = []
    with rows.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                row = json.loads(line)
                inputs.append(dict(row["input"]))
                row["truth"]
            except (ValueError, TypeError, KeyError):
                message = f"{rows.name} line {number} is no object with input and truth"
                raise StepFailedError(message, hint="let training write one a line") from None
    ask(model, inputs, folder)
    return folder / "outputs.jsonl"
