"""Run twine so that an index gets what other tools send it, and say as data why it failed.

Run by file path with ``-P`` inside the environment that has twine; twine's arguments follow the
file that gets the failure.

    python -P send_with_twine.py FAILURE upload …

FAILURE is written, as JSON, only where twine raises an exception; `describe_failure` says what is
in it. Everything about the upload that `adjust_twine` leaves alone is twine's own.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from requests import Response
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from twine import cli

_BLOCK = 256 * 1024


def adjust_twine() -> None:
    """Send larger blocks, credentials in UTF-8, and nothing again before a server wants it.

    - requests leaves connections to read a file in blocks of 16 KiB: a 1.5 GB wheel takes four
      times as long.
    - requests sends Latin-1 and has no other letters (psf/requests#4564), where uv and curl send
      UTF-8; bytes it sends as they are.
    - twine sends the whole file up to five times without a pause if the server answers 5xx, also
      where it says when to try again.
    """
    begin, send, log_in = HTTPAdapter.init_poolmanager, HTTPAdapter.send, HTTPBasicAuth.__init__

    def begin_with_blocks(self: HTTPAdapter, *arguments: Any, **options: Any) -> None:
        begin(self, *arguments, **{"blocksize": _BLOCK, **options})

    def send_once(self: HTTPAdapter, *arguments: Any, **options: Any) -> Response:
        response = send(self, *arguments, **options)
        if "Retry-After" in response.headers:
            response.raise_for_status()
        return response

    def log_in_with_utf8(self: HTTPBasicAuth, *login: str) -> None:
        log_in(self, *(text.encode() for text in login))

    # The classes and not instances: twine makes its own session.
    HTTPAdapter.init_poolmanager = begin_with_blocks  # type: ignore[method-assign]
    HTTPAdapter.send = send_once  # type: ignore[method-assign]
    HTTPBasicAuth.__init__ = log_in_with_utf8  # type: ignore[method-assign, assignment]


def describe_failure(error: BaseException) -> dict[str, Any]:
    """Return what an exception says.

    Returns:
        ``kinds``: the names of its classes, and of those of the exceptions that led to it;
        ``system``: what the operating system said first, or nothing; ``words``: its own. Where a
        server answered also its ``status``, the ``reason`` beside that, and ``headers``, which hold
        when to try again.
    """
    chain = list(_chain(error))
    kinds = {kind.__name__ for each in chain for kind in type(each).__mro__}
    system = [str(each.strerror) for each in chain if isinstance(each, OSError) and each.strerror]
    own = "" if "TwineException" in kinds else f"{type(error).__name__}: "
    failure: dict[str, Any] = {
        "kinds": sorted(kinds), "system": system[-1:], "words": f"{own}{error}",
    }  # fmt: skip
    response = getattr(error, "response", None)
    if response is not None:  # an answer that is an error counts as false
        names = ("Retry-After", "Date")
        headers = {name: response.headers[name] for name in names if name in response.headers}
        failure |= {
            "status": response.status_code,
            "reason": response.reason or "",
            "headers": headers,
        }
    return failure


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _send(failure: Path, arguments: list[str]) -> None:
    try:
        adjust_twine()
        cli.dispatch(arguments)
    except Exception as error:
        failure.write_text(json.dumps(describe_failure(error)), encoding="utf-8")
        raise


if __name__ == "__main__":
    _send(Path(sys.argv[1]), sys.argv[2:])
