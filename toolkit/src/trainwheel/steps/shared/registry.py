"""The index of this run, as a registry of models."""

from __future__ import annotations

from trainwheel.engine.run import Run
from trainwheel.index.registry import Registry
from trainwheel.index.target import choose_index

__all__ = ["registry_of"]


def registry_of(run: Run, name_asked: str | None, *, to_read: bool = False) -> Registry:
    """Return the index that this run releases to.

    Args:
        run: This run.
        name_asked: The value of ``--to``.
        to_read: Nothing is uploaded, so credentials for reading are enough.
    """
    indexes, environment = run.workspace.config.indexes, run.environment
    target = choose_index(name_asked, indexes, environment, run.tokens, to_read=to_read)
    layout, notice = run.workspace.layout, run.console.notice_once
    return Registry(target, layout.index, layout.keys, notice)
