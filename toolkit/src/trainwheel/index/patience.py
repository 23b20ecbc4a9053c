"""How long to wait for an index, how often to ask it again, and after which answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

__all__ = ["PATIENCE", "Patience", "describe_status", "is_transient", "read_retry_after"]


@dataclass(frozen=True)
class Patience:
    """The bounds on waiting.

    Args:
        connect: Seconds for a connection to be made.
        answer: Seconds without a byte after which an answer is given up.
        tries: How often something that may pass, such as a 503, is tried in all.
        polls: How often the index is asked for a file that it accepted.
        delay: Seconds before the second try; doubles each time, up to ``longest``.
        longest: The longest pause in seconds.
        start: Seconds that a transfer may take beyond one per megabyte.
    """

    connect: float = 10.0
    answer: float = 60.0
    tries: int = 3
    polls: int = 7
    delay: float = 1.0
    longest: float = 15.0
    start: float = 120.0

    def transfer_seconds(self, size: int) -> float:
        """Return the deadline for sending ``size`` bytes."""
        return self.start + size / 1e6

    def delays(self, times: int) -> Iterator[float]:
        """Yield the pauses between so many tries."""
        for exponent in range(times - 1):
            yield min(self.delay * 2**exponent, self.longest)


PATIENCE = Patience()


def describe_status(status: int) -> str:
    """Return a status code with its standard phrase; the server's own is not to be trusted."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def is_transient(status: int) -> bool:
    """Return whether the same request may succeed a little later."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


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
