"""Run a training module as Python would, tell how far it is, and measure what it takes.

Run by file path with ``-P`` in the environment of training, where the user's code imports nothing
of the toolkit:

    python -P train.py MEASURES -m MODULE [ARGUMENT …]
    python -P train.py MEASURES FILE [ARGUMENT …]

``MEASURES`` gets a JSON object: wall and processor seconds, peak memory in bytes, the Python and
the versions of the packages that were loaded. A line that begins with U+001E is progress, for the
toolkit alone: label, steps done and steps in all (0 where nobody knows), separated by tabs.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import platform
import resource
import runpy
import sys
import threading
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

MARK = "\x1e"
_PAUSE = 0.2
_KIB = 1 if sys.platform == "darwin" else 1024


def main(measures: str, *words: str) -> None:
    """Run the module or the file and write what it took, however it ends."""
    started = time.monotonic()
    with contextlib.suppress(ImportError, AttributeError):
        watch_joblib()
    with contextlib.suppress(ImportError, AttributeError):
        watch_estimators()
    try:
        _run(*words)
    finally:
        Path(measures).write_text(json.dumps(_measure(started), indent=1) + "\n", encoding="utf-8")


def _run(first: str, *rest: str) -> None:
    if first == "-m":
        module, *arguments = rest
        sys.argv = [module, *arguments]
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        sys.path.insert(0, str(Path(first).resolve().parent))
        runpy.run_path(first, run_name="__main__")


class Teller:
    """Tells how far the outermost piece of work is, a few times a second.

    Workers of a pool inherit the wish to tell, but only the process that was started tells.
    """

    def __init__(self) -> None:
        self._owner: object = None
        self._last = 0.0
        self._process = os.getpid()
        self._lock = threading.Lock()

    def tell(self, owner: object, label: str, done: int, total: int) -> None:
        """Tell of ``done`` of ``total`` steps of the work that ``owner`` stands for."""
        if os.getpid() != self._process:
            return
        with self._lock:
            if self._owner is None:
                self._owner = owner
            is_last = 0 < total <= done
            if owner is not self._owner or (not is_last and time.monotonic() - self._last < _PAUSE):
                return
            self._last = time.monotonic()
            if is_last:
                self._owner = None
            stream = sys.__stdout__
        if stream is not None:
            stream.write(f"{MARK}{label}\t{done}\t{total}\n")
            stream.flush()


_TELLER = Teller()


def watch_joblib() -> None:
    """Count the tasks of every ``joblib.Parallel``, in which scikit-learn does its work."""
    # By name, for neither is in the environment that this is written in.
    parallel = importlib.import_module("joblib").Parallel
    own: Callable[[Any], None] = parallel.print_progress

    @functools.wraps(own)
    def told(self: Any) -> None:
        # The number of tasks is known once the last one is on its way.
        known = self.n_tasks if self.n_tasks is not None else 0
        total = known or (self.n_dispatched_tasks if self._original_iterator is None else 0)
        _TELLER.tell(self, "tasks", self.n_completed_tasks, total)
        own(self)

    parallel.print_progress = told


def watch_estimators() -> None:
    """Count the steps of estimators that support scikit-learn's callbacks, and touch none.

    A callback that is set on an estimator would be dumped with it: only the calls are listened to.
    """
    context = importlib.import_module("sklearn.callback").CallbackContext
    own: Callable[..., Any] = context.call_on_fit_task_end

    @functools.wraps(own)
    def told(self: Any, **words: Any) -> Any:
        parent = self.parent
        if parent is not None and parent.parent is None:
            count = getattr(parent, "_trainwheel_done", 0) + 1
            parent._trainwheel_done = count  # noqa: SLF001 - ours
            label = str(self.estimator_name)
            _TELLER.tell(parent, label, count, parent.max_subtasks or 0)
        return own(self, **words)

    context.call_on_fit_task_end = told


def _measure(started: float) -> dict[str, Any]:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "seconds": time.monotonic() - started,
        "processor_seconds": sum(usage.ru_utime + usage.ru_stime for usage in usages),
        "peak_memory": max(usage.ru_maxrss for usage in usages) * _KIB,
        "python": platform.python_version(),
        "packages": dict(sorted(_versions())),
    }


def _versions() -> set[tuple[str, str]]:
    loaded = {name.partition(".")[0] for name in sys.modules}
    owners = metadata.packages_distributions()
    names = {owner for name in loaded for owner in owners.get(name, ())}
    return {(name.lower().replace("_", "-"), metadata.version(name)) for name in names}


if __name__ == "__main__":
    main(*sys.argv[1:])
