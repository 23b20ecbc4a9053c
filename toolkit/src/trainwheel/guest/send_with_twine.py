"""Run twine with larger blocks, and write down which exception ended it.

Run by file path with ``-P`` inside the environment that has twine: a 1.5 GB wheel leaves four times
as fast. Takes the file to write to, and twine's arguments.

    python -P send_with_twine.py FAILURE.json upload …

Everything else about the upload is twine's own. requests hands what its adapters are given on to
the connection pool, and the pool's connections read a file in blocks of 16 KiB unless told.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK = 256 * 1024


def enlarge_blocks() -> None:
    """Let every connection of this process read what it sends in larger blocks."""
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 - an environment may lack it

    begin = HTTPAdapter.init_poolmanager

    def begin_with_blocks(self: HTTPAdapter, *arguments: Any, **options: Any) -> None:
        begin(self, *arguments, **{"blocksize": _BLOCK, **options})

    # The class and not an instance: twine makes its own session.
    HTTPAdapter.init_poolmanager = begin_with_blocks  # type: ignore[method-assign]


def describe(error: BaseException) -> dict[str, Any]:
    """Return the classes of an exception, its first words, and what is behind it.

    That is a server's answer, or what the operating system said at the bottom of the chain.
    """
    response = getattr(error, "response", None)
    system = ""
    cause: BaseException | None = error
    while cause is not None:
        system = getattr(cause, "strerror", None) or system
        cause = cause.__cause__ or cause.__context__
    return {
        "classes": [kind.__name__ for kind in type(error).__mro__],
        "words": str(error.args[0]) if error.args else "",
        "status": getattr(response, "status_code", None),
        "reason": getattr(response, "reason", None) or "",
        "system": system,
    }


@contextlib.contextmanager
def described(failure: Path) -> Iterator[None]:
    """Write an exception that leaves the block into a file, and let it pass."""
    try:
        yield
    except Exception as error:
        failure.write_text(json.dumps(describe(error)), encoding="utf-8")
        raise


def send(failure: Path) -> None:
    """Let twine do what ``sys.argv`` says and leave as twine does."""
    with described(failure):
        enlarge_blocks()
        from twine import __main__ as twine  # noqa: PLC0415 - as above
        from twine import cli  # noqa: PLC0415 - as above
    # twine's own main turns some exceptions into lines of text.
    cli.dispatch = described(failure)(cli.dispatch)
    sys.exit(twine.main())


if __name__ == "__main__":
    send(Path(sys.argv.pop(1)))
