"""The release that the version step decided on, for the steps after it."""

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
        version: The version to release, or the published one with the same content.
        releases: Whether there is anything to release.
        always: Whether to release even if the content has not changed.
        reason: Why, as one clause to print.
        release_key: Digest of the content of the wheel, apart from the version.
    """

    name: str
    version: str
    releases: bool
    always: bool
    reason: str
    release_key: str

    @property
    def mark(self) -> str:
        """A digest of the decision without its reason, which may differ from job to job."""
        return digest_json({**asdict(self), "reason": ""})

    def render(self) -> str:
        """Return the release as JSON text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read_release(path: Path) -> Release:
    """Return the decision that the version step wrote.

    Raises:
        StepFailedError: It is missing or cannot be read.
    """
    try:
        return Release(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        message = "no version has been decided here"
        raise StepFailedError(message, hint="decide it with: nox -s version") from None
