"""Build the model's documentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.engine.chain import FORCE, JOBS, VERBOSE, WAIT, Files, Step
from trainwheel.engine.execute import run_step
from trainwheel.engine.inputs import SOURCE
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace

__all__ = ["STEP"]


def _folder(workspace: Workspace) -> Path:
    return workspace.layout.root / workspace.config.docs


def _has_no_site(workspace: Workspace) -> bool:
    return not (_folder(workspace) / "conf.py").is_file()


def _run(run: Run) -> None:
    """Build the Sphinx site; a warning is an error, because it shows on a page."""
    if _has_no_site(run.workspace):
        run.console.outcome("doc", f"skipped: {run.workspace.config.docs}/conf.py does not exist")
        return
    run_step(run, STEP, lambda scratch: _build(run, scratch))


def _build(run: Run, scratch: Path) -> Mapping[str, str]:
    layout, docs = run.workspace.layout, str(_folder(run.workspace))
    argv = ("python", "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q",
            "-d", str(scratch / "doctrees"), docs, str(scratch / layout.doc.name))  # fmt: skip
    run.tools.run("doc", argv, what="Sphinx", env={"PYTHONPATH": str(layout.source)})
    return {"summary": f"site in {layout.relative(layout.doc)}/index.html"}


STEP = Step(
    name="doc",
    target="doc",
    help="Build the model's documentation",
    run=_run,
    is_link=True,
    category="doc",
    inputs=(Files("the files below `docs`", lambda here: here.files(_folder(here))),),
    assumed=(SOURCE,),
    settings=frozenset({"pyproject.toml"}),
    facts=lambda workspace: workspace.environment.facts,
    outputs=lambda layout: (layout.doc,),
    is_absent=_has_no_site,
    flags=(FORCE, WAIT, VERBOSE, JOBS),
    is_portable=True,
)
