"""Build the model's documentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.cli.runner import Context
from trainwheel.engine.run import run_step

__all__ = ["run"]


def run(context: Context) -> None:
    """Build the Sphinx site; a warning is an error, for it is a page that reads wrong."""
    project = context.project
    docs = project.root / project.config.docs
    if not (docs / "conf.py").is_file():
        project.console.outcome("doc", f"left out: {project.config.docs} has no conf.py")
        return

    def work(scratch: Path) -> Mapping[str, str]:
        argv = ("python", "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q",
                "-d", str(scratch / "doctrees"), str(docs), str(scratch / "doc"))  # fmt: skip
        project.run_tool("doc", argv, what="Sphinx", env={"PYTHONPATH": str(project.source)})
        return {"summary": "site in build/doc/index.html"}

    run_step(project, "doc", {}, work, force=context.is_forced)
