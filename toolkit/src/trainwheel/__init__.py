"""Train a model, ship a wheel: reusable Nox sessions for model repositories.

import trainwheel

trainwheel.register()
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["__version__", "register"]

__version__ = "0.1.0"


def register(*, only: Iterable[str] | None = None, exclude: Iterable[str] = ()) -> None:
    """Register the sessions of the chain in a noxfile; see `trainwheel.cli.sessions.register`."""
    # Nox is imported only where there is a noxfile, not by the `trainwheel` command.
    from trainwheel.cli import sessions

    sessions.register(only=only, exclude=exclude)
