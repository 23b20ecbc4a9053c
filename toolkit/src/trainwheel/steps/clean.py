"""Remove what the steps made."""

from __future__ import annotations

from pathlib import Path

from trainwheel.engine.chain import Step
from trainwheel.engine.execute import remove_former
from trainwheel.engine.run import Run
from trainwheel.system.files import remove

__all__ = ["STEP"]


def _run(run: Run) -> None:
    """Remove the build folder and the artefact; published files and caches stay."""
    layout = run.workspace.layout
    remove_former(run, "train", (*layout.trained, layout.train))
    _clear(layout.build)
    for path in layout.trained:
        remove(path)
    run.console.outcome("clean", "removed build/ and the trained model")


def _clear(folder: Path) -> None:
    """Remove a folder; where it is a link, remove all that the folder holds and keep the link."""
    # `shutil.rmtree` refuses a link, and whoever put the folder on another disk wants it there.
    for path in folder.iterdir() if folder.is_dir() else ():
        remove(path)
    if not folder.is_symlink():
        remove(folder)


STEP = Step(
    name="clean",
    target="clean",
    help="Remove what the steps made; published files stay",
    run=_run,
    needs_lockfile=False,
)
