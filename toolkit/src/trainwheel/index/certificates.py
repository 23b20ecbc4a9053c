"""The certificates that connections are checked against: told once, meant for every tool.

requests and pip read ``REQUESTS_CA_BUNDLE``, uv reads ``SSL_CERT_FILE``, and a machine mostly has
one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["find_bundle", "pin_bundle"]

_NAMES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")


def find_bundle(variables: Mapping[str, str]) -> str | None:
    """Return the file of certificates that the environment names; None for the usual ones."""
    return next((variables[name] for name in _NAMES if variables.get(name)), None)


def pin_bundle(path: str | None) -> dict[str, str]:
    """Return the variables with which requests, twine, pip and uv take one file."""
    if not path:
        return {}
    return dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT"), path)
