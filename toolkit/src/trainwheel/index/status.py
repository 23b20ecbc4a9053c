"""What an HTTP status code means for a read or an upload."""

from __future__ import annotations

from http import HTTPStatus

__all__ = ["describe_status", "is_transient"]


def describe_status(status: int) -> str:
    """Return a status code with its standard phrase; the server's own is not to be trusted."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def is_transient(status: int) -> bool:
    """Return whether the same request may succeed a little later."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
