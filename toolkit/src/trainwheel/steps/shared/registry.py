"""The index of this run, as a registry of models."""

from __future__ import annotations

from collections.abc import Mapping

from trainwheel.engine.run import Run
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.target import choose_index

__all__ = ["registry_of", "wheels_of"]


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
    return Registry(target, layout.index, layout.keys, notice, run.workspace.digests.digest)


def wheels_of(run: Run, registry: Registry, project: str) -> Mapping[str, PublishedFile]:
    """Return version → wheel; an index is asked for a project once in a run."""
    return run.once((registry.label, project), lambda: registry.wheels(project))
