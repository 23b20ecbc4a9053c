"""The public API as a noxfile uses it: type-checked, never run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import trainwheel


class Register(Protocol):
    """How ``register`` may be called."""

    def __call__(
        self, *, only: Iterable[str] | None = None, exclude: Iterable[str] = ()
    ) -> None: ...


version: str = trainwheel.__version__
register: Register = trainwheel.register
register_all: Callable[[], None] = trainwheel.register

trainwheel.register()
trainwheel.register(only=None)
trainwheel.register(only=["train", "test"])
trainwheel.register(only=(name for name in ("train", "test")))
trainwheel.register(exclude={"doc"})
trainwheel.register(only=("train",), exclude=frozenset({"doc"}))

trainwheel.register(["train"])  # type: ignore[call-arg]
trainwheel.register(without=["train"])  # type: ignore[call-arg]
trainwheel.register(only=3)  # type: ignore[arg-type]
trainwheel.register(exclude=None)  # type: ignore[arg-type]
