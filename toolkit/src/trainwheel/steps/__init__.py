"""One file a step: what it needs, what makes it stale, what it does, what it reports."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from trainwheel.engine.chain import Chain

__all__ = ["load_chain"]


@functools.cache
def load_chain() -> Chain:
    """Return the steps of this folder: each module beside this one holds one, as ``STEP``."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg]
    return Chain(importlib.import_module(f"{__name__}.{name}").STEP for name in names)
