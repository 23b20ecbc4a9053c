"""One load at a time in a process, and none half done in a child that forks from it.

A child inherits the locks that other threads hold, and nobody in it will release them
(gunicorn#1891, sentry-python#6148). Among them are those of half-imported modules, which cannot be
imported there again. So a fork waits until the load has ended, and the child has the model.
"""

import concurrent.futures.thread  # noqa: F401 - see the end
import logging  # noqa: F401 - see the end
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from oncology_model.errors import ArtefactError

_PACKAGES = frozenset({"joblib", "numpy", "scipy", "sklearn"})


class _Fork(threading.local):
    """Whether the thread that forks holds the lock."""

    is_held = False


class LoadLock:
    """Held while a model is loaded, and while the process forks.

    Nothing else serves: filters of warnings, which loading sets, belong to the whole process
    until Python 3.14, so no two models may be loaded at the same time either.

    Attributes:
        patience: for how many seconds a fork waits. Importing takes less, and whatever else takes
            longer is done again in the child. Without a limit the process would stand still where
            the load in turn waits for the thread that forks, which may be importing a module.
    """

    def __init__(self) -> None:
        """Make a lock that nobody holds."""
        self.patience: float = 10.0
        self._half_imported: str | None = None
        self._renew()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock; the thread that has it may fork or load another model meanwhile.

        Raises:
            ArtefactError: the process forked while packages were being imported, and can never
                import them.
        """
        with self._lock:  # of a child that forks in here, this is still the old one
            if self._half_imported:
                message = (
                    f"{self._half_imported}: was being imported by another thread when this "
                    "process forked, so no model can be loaded in it; predict once before you "
                    'fork, or start processes by "spawn" or "forkserver"'
                )
                raise ArtefactError(message)
            yield

    def before_fork(self) -> None:
        """Wait until no other thread loads a model, but not for ever."""
        self._fork.is_held = False  # stays, should a signal interrupt the wait
        self._fork.is_held = self._lock.acquire(timeout=self.patience)

    def after_fork_in_parent(self) -> None:
        """Let others load models again."""
        if self._fork.is_held:
            self._fork.is_held = False
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Forget what threads held that are not in the child.

        Some programs fork without waiting (uWSGI), so the lock may be anybody's here.
        """
        self._renew()
        # Python has a lock for each module that is being imported, and for no other.
        locks = vars(sys.modules["_frozen_importlib"]).get("_module_locks", ())
        stuck = (name for name in locks if name.partition(".")[0] in _PACKAGES)
        self._half_imported = self._half_imported or min(stuck, default=None)

    def _renew(self) -> None:
        self._lock = threading.RLock()
        self._fork = _Fork()


LOAD_LOCK = LoadLock()
"""The only one of the process."""

# Of what is called before a fork, the last registered comes first. Loading imports logging and
# concurrent.futures, whose own locks are held during a fork. Unless they are registered before
# this, a fork takes their locks, then waits here for the load, and the load for the fork.
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(
        before=LOAD_LOCK.before_fork,
        after_in_parent=LOAD_LOCK.after_fork_in_parent,
        after_in_child=LOAD_LOCK.after_fork_in_child,
    )
