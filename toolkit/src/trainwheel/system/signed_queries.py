"""Addresses that open a file by themselves: by a signature or a token in their query.

Object storage hands such addresses out (Google Cloud Storage, S3, Azure), and whoever reads one in
a log can fetch the file.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["SUFFIXES", "hide_queries"]

SUFFIXES: Final = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".egg")
"""How the names of distributions end."""

_FILES = (*SUFFIXES, *(f"{suffix}.metadata" for suffix in SUFFIXES))
# Found by its question mark, not by its scheme: a failed connection is told by its path alone.
_QUERY = re.compile(r"\?([\w%&][^\s#'\"<>]*)")
_OPENS = re.compile(
    r"(?:^|[&;]|\\u0026)"
    r"(?:x-(?:amz|goog|ms|oss)-[\w-]*"
    r"|[\w.-]*(?:signature|token|secret|passw|credential|auth|(?:api|access)[_-]?key)[\w.-]*"
    r"|sig|key|jwt|hmac|policy|hdnea|hdnts)=",
    re.IGNORECASE,
)


def hide_queries(text: str) -> str:
    """Return a text with ``***`` in place of each query that may open something.

    That is any query of a distribution's file, and elsewhere one with a name that says so.
    """
    return _QUERY.sub(_hide, text) if "?" in text else text


def _hide(query: re.Match[str]) -> str:
    is_file = query.string.endswith(_FILES, 0, query.start())
    return "?***" if is_file or _OPENS.search(query[1]) else query[0]
