"""The decided release: what the version step found out, for the steps after it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from trainwheel.errors import StepFailedError
from trainwheel.system.digest import digest_json

__all__ = ["Release", "read_release"]


@dataclass(frozen=True)
class Release:
    """The version step's decision.

    Args:
        name: The distribution's name, as setup.py has it.
        version: What to release, or what holds the same content already.
        releases: Whether there is anything to release.
        always: Whether it is released even if the content has not changed.
        reason: One clause for a person.
        release_key: Digest of what would be shipped, apart from the version.
    """

    name: str
    version: str
    releases: bool
    always: bool
    reason: str
    release_key: str

    @property
    def mark(self) -> str:
        """What the decision comes to; the reason may differ from one job to the next."""
        return digest_json({**asdict(self), "reason": ""})

    def render(self) -> str:
        """Return the release as JSON text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read_release(path: Path) -> Release:
    """Return the decision that the version step wrote.

    Raises:
        StepFailedError: There is none that can be read.
    """
    try:
        return Release(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        message = "no version has been decided here"
        raise StepFailedError(message, hint="decide it with: nox -s version") from None
