"""A notice of files that training may have read, although no Python that is watched read them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from trainwheel.engine.inputs import unwatched
from trainwheel.engine.observed import TOOL_FOLDERS
from trainwheel.engine.records import Record
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.system.opened import watch_opened
from trainwheel.system.text import shown

__all__ = ["OPENED", "notice_unseen", "opened_meanwhile"]

OPENED = "opened"
"""A fact of training's record: the files of the repository that anybody opened meanwhile."""

_MOST, _MOST_NAMED = 50, 3


@contextlib.contextmanager
def opened_meanwhile(workspace: Workspace) -> Iterator[list[str]]:
    """Yield a list that has, after the block, files that were opened and are not data."""
    layout, names = workspace.layout, list[str]()
    skip = {*TOOL_FOLDERS, "__pycache__", *(str(layout.root / place) for place in _data(workspace))}
    with watch_opened(layout.root, {*skip, *unwatched(workspace, layout.root / ".nox")}) as opened:
        yield names
    belongs = workspace.made_by_training()
    names += [
        name
        for name in sorted(opened)
        if not (workspace.ignored.matches(name) or workspace.is_data(name))
        and not belongs(layout.root / name)
    ][:_MOST]


def _data(workspace: Workspace) -> tuple[str, ...]:
    return (*workspace.config.training_data, *workspace.config.inputs)


def notice_unseen(run: Run, record: Record) -> None:
    """Name the files that somebody opened while training ran, and the line that declares them."""
    known = record.fingerprint.files
    names = [name for name in record.facts.get(OPENED, "").splitlines() if name not in known]
    if record.observed is None or not names:
        return
    inputs = [*run.workspace.config.inputs, *names[:_MOST_NAMED]]
    line = ", ".join(f'"{shown(name)}"' for name in inputs)
    more = f" (and {len(names) - _MOST_NAMED} more)" if len(names) > _MOST_NAMED else ""
    run.console.notice(
        f"while training ran, {shown(names[0])} was opened, though not by a Python that is "
        f"watched; if training reads it: inputs = [{line}]{more} in [tool.trainwheel]"
    )
