"""joblib on Dask, so that a lost worker loses no work but its own.

joblib's own Dask backend scatters large arguments to some workers. What was scattered to a worker
that dies is gone, and the run ends in ``FutureCancelledError``. It also hands tasks over as Python
objects, which the scheduler unpickles: a module that it lacks leaves the run waiting for ever.
Here, a large argument is what a task returns, so Dask computes it again; tasks travel as bytes,
which a worker alone unpickles; and whatever a task ends in comes back as its outcome.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import io
import pickle  # nosec B403 - of what the training itself sent
import uuid
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import cloudpickle
import joblib
from dask.sizeof import sizeof
from distributed import Future, KilledWorker, get_client
from joblib._dask import DaskDistributedBackend

__all__ = ["NAME", "ClusterError", "RecoverableBackend", "register", "run_calls"]

NAME = "trainwheel"
_LARGE = 1 << 16
"""Bytes from which on an argument is sent once instead of with every task."""


class ClusterError(Exception):
    """The cluster cannot train, or has stopped to.

    Args:
        message: What happened, in one sentence without a full stop.
        hint: What to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


def register() -> None:
    """Make the backend known to joblib in this process."""
    joblib.register_parallel_backend(NAME, RecoverableBackend)


def run_calls(payload: bytes, values: Sequence[Any]) -> list[Any]:
    """Call what was packed, on a worker, with nested parallel work on the cluster as well."""
    calls = _Unpacker(io.BytesIO(payload), values).load()
    with joblib.parallel_config(backend=NAME):
        return [function(*words, **named) for function, words, named in calls]


class RecoverableBackend(DaskDistributedBackend):  # type: ignore[misc]
    """joblib's Dask backend whose large arguments are computed again where they were lost."""

    def __init__(self, client: Any = None, **options: Any) -> None:
        super().__init__(client=client or get_client(), **options)
        self._waiting: dict[Future, tuple[concurrent.futures.Future[Any], Callable[..., None]]] = {}
        self._held: dict[int, tuple[weakref.ref[Any], Future]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return RecoverableBackend, ()

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return how many calls are sent at a time; for one, joblib would not send any."""
        return max(2, int(super().effective_n_jobs(n_jobs)))

    def get_nested_backend(self) -> tuple[Any, int]:
        """Return the backend of parallel work inside a task."""
        return RecoverableBackend(client=self.client), -1

    def submit(
        self, func: Any, callback: Callable[..., None] | None = None
    ) -> concurrent.futures.Future[Any]:
        """Send a batch of calls; ``callback`` gets its outcome, whatever that is."""
        payload, values = self._pack(func.items)
        name = getattr(func.items[0][0], "__name__", "call")
        key = f"{name}-{uuid.uuid4().hex}"
        sent = self.client.submit(_runner(), payload, values, key=key, **self.submit_kwargs)
        handed: concurrent.futures.Future[Any] = concurrent.futures.Future()
        handed.get = handed.result  # type: ignore[attr-defined]  # what joblib calls it
        self._waiting[sent] = handed, callback or (lambda _: None)
        self.waiting_futures.add(sent)
        return handed

    def retrieve_result_callback(self, out: Any) -> Any:
        """Return the results of a batch, or raise what it ended in."""
        if isinstance(out, BaseException):
            raise out
        return out

    def stop_call(self) -> None:
        """Let go of the arguments of a call."""
        super().stop_call()
        self._held.clear()

    async def _collect(self) -> None:
        while self._continue:
            async for sent, result in self.waiting_futures:
                handed, callback = self._waiting.pop(sent)
                outcome = _outcome(sent, result)
                if isinstance(outcome, BaseException):
                    handed.set_exception(outcome)
                else:
                    handed.set_result(outcome)
                callback(outcome)
            await asyncio.sleep(0.01)

    def _pack(self, calls: Sequence[Any]) -> tuple[bytes, list[Future]]:
        """Return calls as bytes, and the futures of their large arguments."""
        stream = io.BytesIO()
        values: list[Future] = []
        places: dict[int, int] = {}
        for _, words, named in calls:
            for argument in (*words, *named.values()):
                if id(argument) not in places and (future := self._hold(argument)) is not None:
                    places[id(argument)] = len(values)
                    values.append(future)
        _Packer(stream, places).dump([(f, tuple(words), dict(named)) for f, words, named in calls])
        return stream.getvalue(), values

    def _hold(self, argument: Any) -> Future | None:
        """Return the future of a large argument; None for one that goes with the call."""
        known = self._held.get(id(argument))
        if known is not None and known[0]() is argument:
            return known[1]
        try:
            place = id(argument)
            reference = weakref.ref(argument, lambda _: self._held.pop(place, None))
        except TypeError:
            return None
        if sizeof(argument) < _LARGE:
            return None
        key = f"argument-{uuid.uuid4().hex}"
        future = self.client.submit(_loader(), cloudpickle.dumps(argument), key=key)
        self._held[place] = reference, future
        return future


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]
    """Leaves out the arguments that travel by themselves."""

    def __init__(self, stream: io.BytesIO, places: dict[int, int]) -> None:
        super().__init__(stream)
        self._places = places

    def persistent_id(self, value: Any) -> int | None:
        return self._places.get(id(value))


class _Unpacker(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, values: Sequence[Any]) -> None:
        super().__init__(stream)
        self._values = values

    def persistent_load(self, place: int) -> Any:
        return self._values[place]


def _outcome(sent: Future, result: Any) -> Any:
    """Return the results of a batch, or the error that it ended in."""
    if sent.status == "finished":
        return result
    if sent.status == "cancelled":
        return ClusterError(
            "the scheduler forgot the work, or the connection to it was lost",
            "see its log, and run the same command again",
        )
    error = result[1]
    if isinstance(error, KilledWorker):
        return ClusterError(
            f"a task ended every worker that ran it, {error.allowed_failures + 1} of them",
            "see their logs, and give them more memory or the tasks less work",
        )
    return error


# The scheduler unpickles what a task calls. Functions that are made in a function are pickled by
# value, so it needs nothing of ours: neither this module nor joblib.
def _runner() -> Callable[[bytes, Sequence[Any]], list[Any]]:
    def run(payload: bytes, values: Sequence[Any]) -> list[Any]:
        from trainwheel_cluster import backend  # type: ignore[import-not-found]  # noqa: PLC0415

        results: list[Any] = backend.run_calls(payload, values)
        return results

    return run


def _loader() -> Callable[[bytes], Any]:
    def load(payload: bytes) -> Any:
        import pickle  # noqa: PLC0415 - travels with the function  # nosec B403

        return pickle.loads(payload)  # noqa: S301 - what the training sent  # nosec B301

    return load
