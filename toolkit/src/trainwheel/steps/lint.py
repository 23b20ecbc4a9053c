"""Check style, types, CI files, the lock and setup.py."""

from __future__ import annotations

import time
from dataclasses import replace

from trainwheel.cli.options import Options
from trainwheel.cli.runner import Context
from trainwheel.steps import sync
from trainwheel.steps.shared.ci_linting import lint_ci_files

__all__ = ["run"]

_TOOLS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("codespell",),
)
"""Each reads its settings from pyproject.toml; they are in the lock's [lint]."""


def run(context: Context) -> None:
    """Run the linters; the lock was checked when the session started."""
    project, started = context.project, time.monotonic()
    project.log_of("lint").unlink(missing_ok=True)
    for argv in _TOOLS:
        project.run_tool("lint", argv, what=" ".join(argv))
    lint_ci_files(project)
    sync.run(replace(context, options=Options({"check": ""})))
    project.console.outcome("lint", "clean", time.monotonic() - started)
