"""The repository that a command is run in."""

from __future__ import annotations

from pathlib import Path

from trainwheel.engine.run import Run, open_run
from trainwheel.steps import load_chain
from trainwheel.system.environ import Environment, read_environment

__all__ = ["open_here"]


def open_here(root: Path | None = None, environment: Environment | None = None) -> Run:
    """Return a run in the repository at ``root``, by default the present folder.

    Raises:
        ConfigurationError: pyproject.toml is missing or wrong.
    """
    root, environment = root or Path.cwd(), environment or read_environment()
    return open_run(root, root / ".nox", environment, load_chain().categories)
