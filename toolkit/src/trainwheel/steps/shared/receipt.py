"""What is kept of an upload of which nobody knows yet whether it arrived, and what settles it."""

from __future__ import annotations

import contextlib
import json
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainwheel.engine.run import Run
from trainwheel.errors import UncertainError, VersionTakenError
from trainwheel.index.target import EMBEDDED, Target
from trainwheel.system.files import write_atomically
from trainwheel.wheel.proof import Proof

__all__ = ["RECEIPTS", "Receipts", "receipts_of"]

RECEIPTS = "receipts"
"""The folder of a repository's receipts, below its records."""

SCHEMA = 1


@dataclass(frozen=True)
class Receipts:
    """The receipts of uploads to one index.

    Args:
        folder: Holds them; made where it is missing.
        target: The index; None for the embedded one, of which nothing is uncertain.
        command: Returns the words of the command that settles the upload of a release.
    """

    folder: Path
    target: Target | None
    command: Callable[[Proof], Sequence[str]]

    def hold(self, proof: Proof) -> bool:
        """Return whether the upload of these bytes to this index is uncertain."""
        try:
            document = json.loads(self._path(proof).read_bytes())
            values = [document[key] for key in ("schema", "address", "sha256")]
        except (OSError, ValueError, TypeError, KeyError):
            return False
        address = self.target.simple_url if self.target else ""
        return values == [SCHEMA, address, proof.sha256]

    def remove(self, proof: Proof) -> None:
        """Remove the receipt of a wheel of this name, whose upload is settled."""
        self._path(proof).unlink(missing_ok=True)

    @contextlib.contextmanager
    def settling(self, proof: Proof) -> Iterator[None]:
        """Write a receipt if the block ends in uncertainty; remove it if the version is taken.

        Raises:
            UncertainError: The block's, with the command that settles it.
        """
        try:
            yield
        except UncertainError as error:
            where = self._write(proof, error)
            command = shlex.join(self.command(proof))
            hint = f"settle it with: {command} ({where}); {error.hint}"
            raise UncertainError(error.message, hint=hint, answers=error.answers) from None
        except VersionTakenError:
            self.remove(proof)
            raise

    def _path(self, proof: Proof) -> Path:
        name = self.target.name if self.target else EMBEDDED
        return self.folder / f"{proof.wheel}.{name}.receipt.json"

    def _write(self, proof: Proof, error: UncertainError) -> str:
        """Write a receipt and return where it is."""
        answers = [
            {"time": _iso(seconds), "request": request, "status": status}
            for seconds, request, status in error.answers
        ]
        document = {
            "schema": SCHEMA,
            "index": self.target.name if self.target else EMBEDDED,
            "address": self.target.simple_url if self.target else "",
            "wheel": proof.wheel,
            "sha256": proof.sha256,
            "began": answers[0]["time"],
            "ended": _iso(time.time()),
            "answers": answers,
        }
        path, here = self._path(proof), Path.cwd()
        try:
            write_atomically(path, f"{json.dumps(document, indent=1)}\n".encode())
        except OSError as problem:
            return f"its receipt cannot be written: {problem.strerror}"
        return f"its receipt is {path.relative_to(here) if path.is_relative_to(here) else path}"


def receipts_of(run: Run, step: str, target: Target | None) -> Receipts:
    """Return the receipts of a repository, which a session settles.

    Args:
        run: This run.
        step: Uploads or verifies.
        target: The index.
    """
    name, words = target.name if target else EMBEDDED, ["nox", "-s", "verify", "--", "--to"]
    if step == "promote":
        words = ["nox", "-s", step, "--", "--from", run.options.get("from") or "", "--to"]

    def command(proof: Proof) -> Sequence[str]:
        release = proof.version if step == "promote" else f"{proof.name}=={proof.version}"
        return (*words, name, release)

    return Receipts(run.workspace.layout.records / RECEIPTS, target, command)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
