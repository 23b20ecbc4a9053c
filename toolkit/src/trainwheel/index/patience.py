"""How long to wait for an index, how often to ask it again, and after which answers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.system.turns import aside

__all__ = [
    "PATIENCE", "REFUSALS", "Patience", "Retries", "describe_seconds", "describe_status",
    "is_transient", "read_freshness", "read_retry_after",
]  # fmt: skip

REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""What an index answers to wrong credentials; and now and then to right ones (uv issue 17485)."""

_MARGIN, _LONGEST_LISTING = 30.0, 600.0
_MINUTE = 60


@dataclass(frozen=True)
class Patience:
    """The bounds on waiting.

    Args:
        connect: Seconds for a connection to be made.
        answer: Seconds without a byte after which an answer is given up.
        tries: How often something that may pass, such as a 503, is tried in all. Where the server
            says when to come back, it is tried again twice as often.
        refusals: How often a refusal of the credentials is tried again. More would lock accounts.
        deadline: Seconds that all pauses between the tries of one request may take.
        listing: Seconds that a file which was sent may take to be listed, where neither the
            configuration nor the server says anything of that.
        delay: Seconds before the second try; doubles each time, up to ``longest``.
        longest: The longest pause in seconds, where the server asks for none.
        start: Seconds that a transfer may take beyond one per megabyte.
        now: A clock, in seconds.
        sleep: Waits for so many seconds.
    """

    connect: float = 10.0
    answer: float = 60.0
    tries: int = 3
    refusals: int = 1
    deadline: float = 300.0
    listing: float = 45.0
    delay: float = 1.0
    longest: float = 15.0
    start: float = 120.0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep

    def transfer_seconds(self, size: int) -> float:
        """Return the deadline for sending ``size`` bytes."""
        return self.start + size / 1e6

    def listing_seconds(self, configured: float | None, freshness: float) -> float:
        """Return how long a file that was sent may take to be listed.

        Args:
            configured: The index's ``listing-wait``.
            freshness: Seconds for which a cache may go on giving out the page of before.
        """
        if configured is not None:
            return configured
        return max(self.listing, min(freshness + _MARGIN, _LONGEST_LISTING) if freshness else 0)

    def pause(self, number: int) -> float:
        """Return the seconds before the next of several tries, of which ``number`` have failed."""
        return min(self.delay * 2.0 ** (number - 1), self.longest)

    def wait(self, seconds: float) -> None:
        """Wait, while other threads have their turns."""
        with aside():
            self.sleep(seconds)


PATIENCE = Patience()


@dataclass
class Retries:
    """How often one request has been tried, and how long was waited in between."""

    patience: Patience
    failures: int = 0
    refusals: int = 0
    paused: float = 0.0

    def next_pause(
        self, error: TrainwheelError, status: int | None = None, after: float | None = None
    ) -> float:
        """Return the seconds before the next try, or raise the error if there is none.

        Args:
            error: What the last try ended in.
            status: The status of the answer, if there was one.
            after: The seconds of its Retry-After.

        Raises:
            TrainwheelError: The error; `StepFailedError` where the server asks for a longer pause
                than is left.
        """
        is_refusal = status in REFUSALS
        self.refusals += is_refusal
        self.failures += not is_refusal
        number = self.refusals if is_refusal else self.failures
        most = (self.patience.tries - 1) * (2 if after else 1)
        if number > (self.patience.refusals if is_refusal else most):
            raise error from None
        seconds = max(after, self.patience.delay) if after else self.patience.pause(number)
        self.paused += seconds
        if self.paused <= self.patience.deadline:
            return seconds
        if not after:
            raise error from None
        message = (
            f"{error.message}, and it asks to wait {describe_seconds(after)}, longer than the "
            f"{describe_seconds(self.patience.deadline)} that a run waits"
        )
        raise StepFailedError(message, hint="run this again later") from None


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After (RFC 9110, section 10.2.3); None where it says none.

    Args:
        headers: Those of an answer.
    """
    text = headers.get("Retry-After", "").strip()
    if _is_count(text):
        return float(text) or None
    seconds = _seconds_between(headers.get("Date", ""), text)
    return seconds if seconds > 0 else None


def read_freshness(headers: Mapping[str, str]) -> float:
    """Return for how many seconds a shared cache may go on answering so (RFC 9111, section 4.2).

    Args:
        headers: Those of an answer.
    """
    directives = {}
    for part in headers.get("Cache-Control", "").lower().split(","):
        name, _, value = part.partition("=")
        directives[name.strip()] = value.strip().strip('"')
    if not directives.keys().isdisjoint({"no-store", "no-cache", "private"}):
        return 0.0
    lifetimes = (directives.get(name, "") for name in ("s-maxage", "max-age"))
    lifetime = next((float(text) for text in lifetimes if _is_count(text)), None)
    if lifetime is None:
        lifetime = _seconds_between(headers.get("Date", ""), headers.get("Expires", ""))
    age = headers.get("Age", "").strip()
    return max(lifetime - (float(age) if _is_count(age) else 0.0), 0.0)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _seconds_between(start: str, end: str) -> float:
    """Return the seconds from one HTTP date, or else from now, to another; 0 if that is none."""
    then = _read_date(end)
    # By the server's own clock, for ours may differ.
    return (
        0.0 if then is None else (then - (_read_date(start) or datetime.now(UTC))).total_seconds()
    )


def _read_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def describe_seconds(seconds: float) -> str:
    """Return a time span for a person: ``45 s``, ``10 min``, ``24 h``."""
    if not math.isfinite(seconds):
        return "for ever"
    for unit, factor in (("h", _MINUTE**2), ("min", _MINUTE)):
        if seconds >= 2 * factor and not seconds % factor:
            return f"{seconds / factor:.0f} {unit}"
    return f"{seconds:.1f} s" if 0 < seconds < 1 else f"{seconds:.0f} s"


def describe_status(status: int) -> str:
    """Return a status code with its standard phrase; the server's own is not to be trusted."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def is_transient(status: int) -> bool:
    """Return whether the same request may succeed a little later."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
