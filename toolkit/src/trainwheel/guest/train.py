"""Run a training module as Python would, report its progress, and measure what it takes.

Run by file path with ``-P`` in the environment of training, where the user's code imports nothing
of the toolkit:

    python -P train.py PLAN -m MODULE [ARGUMENT …]
    python -P train.py PLAN FILE [ARGUMENT …]

``PLAN`` is a JSON object: ``measures``, ``loaded`` and ``refusal`` name files to write, ``cluster``
is null or what `cluster.session.working_on` takes. ``measures`` gets a JSON object: wall and
processor seconds, peak memory in bytes, the Python, the versions of the packages that were loaded,
and facts of the cluster. ``loaded`` gets an object of the modules that were loaded, with their
files, without Python's own. ``refusal`` gets message and hint where the cluster cannot train, and
only then. A line that begins with U+001E is progress, for the toolkit alone: label, steps done and
steps in all (0 where nobody knows), separated by tabs.
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
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

MARK = "\x1e"
_CLUSTER = "trainwheel_cluster"
_PAUSE = 0.2
_KIB = 1 if sys.platform == "darwin" else 1024


def main(plan: str, *words: str) -> None:
    """Run the module or the file and write what it took, however it ends."""
    start, settings = time.monotonic(), json.loads(Path(plan).read_bytes())
    facts: Mapping[str, Any] = {}
    with contextlib.suppress(ImportError, AttributeError):
        watch_joblib()
    with contextlib.suppress(ImportError, AttributeError):
        watch_estimators()
    try:
        with _engine(settings) as facts:
            _run(*words)
    finally:
        measures = {**_measure(start), **facts}
        Path(settings["measures"]).write_text(
            json.dumps(measures, indent=1) + "\n", encoding="utf-8"
        )
        Path(settings["loaded"]).write_text(json.dumps(dict(_modules())), encoding="utf-8")


@contextlib.contextmanager
def _engine(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Let joblib work where the plan says, and yield facts of it for the measures."""
    if plan["cluster"] is None:
        yield {}
        return
    _load_cluster()
    session = importlib.import_module(f"{_CLUSTER}.session")
    failure = importlib.import_module(f"{_CLUSTER}.backend").ClusterError

    def refuse(error: Any) -> None:
        text = json.dumps({"message": error.message, "hint": error.hint})
        Path(plan["refusal"]).write_text(text, encoding="utf-8")

    def give_up(error: Any) -> None:
        refuse(error)
        # From another thread, while this one may wait for an answer that never comes.
        os._exit(1)

    facts: dict[str, Any] = {}
    try:
        with session.working_on(plan["cluster"], _say, give_up) as cluster:
            facts["cluster"] = cluster
            yield facts
    except failure as error:
        refuse(error)
        sys.exit(1)


def _load_cluster() -> None:
    """Load the package for clusters under a name that no module of the user has."""
    package = ModuleType(_CLUSTER)
    package.__path__ = [str(Path(__file__).with_name("cluster"))]
    sys.modules[_CLUSTER] = package


def _say(line: str) -> None:
    print(f"cluster: {line}", flush=True)  # noqa: T201 - as training itself prints


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
    """Reports the progress of the outermost piece of work, a few times a second.

    Workers of a pool inherit this object, but only the process that made it reports.
    """

    def __init__(self) -> None:
        self._owner: object = None
        self._last = 0.0
        self._process = os.getpid()
        self._lock = threading.Lock()

    def tell(self, owner: object, label: str, done: int, total: int) -> None:
        """Report ``done`` of ``total`` steps of the work of ``owner``."""
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
    def print_progress(self: Any) -> None:
        # The number of tasks is known once the last one is on its way.
        known = self.n_tasks if self.n_tasks is not None else 0
        total = known or (self.n_dispatched_tasks if self._original_iterator is None else 0)
        _TELLER.tell(self, "tasks", self.n_completed_tasks, total)
        own(self)

    parallel.print_progress = print_progress


def watch_estimators() -> None:
    """Count the steps of estimators that support scikit-learn's callbacks, and touch none.

    A callback that is set on an estimator would be dumped with it: only the calls are listened to.
    """
    context = importlib.import_module("sklearn.callback").CallbackContext
    own: Callable[..., Any] = context.call_on_fit_task_end

    @functools.wraps(own)
    def end_task(self: Any, **words: Any) -> Any:
        parent = self.parent
        if parent is not None and parent.parent is None:
            count = getattr(parent, "_trainwheel_done", 0) + 1
            parent._trainwheel_done = count  # noqa: SLF001 - ours
            label = f"steps of {self.estimator_name}"
            _TELLER.tell(parent, label, count, parent.max_subtasks or 0)
        return own(self, **words)

    context.call_on_fit_task_end = end_task


def _measure(start: float) -> dict[str, Any]:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "seconds": time.monotonic() - start,
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


def _modules() -> Iterator[tuple[str, str]]:
    """Yield each module that was loaded from a file, but those of Python and of this library."""
    standard, packages = sysconfig.get_path("stdlib"), {"site-packages", "dist-packages"}
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and name not in {"__main__", "__mp_main__"}:
            path = Path(file).absolute()
            is_standard = path.is_relative_to(standard) and packages.isdisjoint(path.parts)
            if not is_standard and not path.is_relative_to(Path(__file__).parent):
                yield name, str(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
