"""Address and credentials of an index, as each tool is given them: never in arguments.

pipenv runs pip, so it is given pip's variables; twine finds address and credentials in the file
that `trainwheel.index.pypirc` writes.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from trainwheel.index.address import is_ambiguous, is_loopback, origin, with_slash
from trainwheel.index.pip import UvSettings, find_bundle, pin_bundle
from trainwheel.index.target import Target
from trainwheel.system.secrets import Secrets

if TYPE_CHECKING:
    from requests import PreparedRequest

__all__ = [
    "OriginAuth",
    "direct",
    "encodings_of",
    "for_pip",
    "for_requests",
    "for_twine",
    "for_uv",
    "parse_address",
]

_OTHER_INDEXES = ("UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_LOOPBACK = "localhost,127.0.0.1,::1"
# How a connection is made, which holds for any index.
_CONNECTION = ("cert", "client-cert", "proxy", "timeout", "trusted-host")


def for_uv(target: Target, variables: Mapping[str, str]) -> UvSettings:
    """Return settings with which uv asks this index and no other.

    Args:
        target: The index.
        variables: The environment, for its proxies.
    """
    only = dict.fromkeys(_OTHER_INDEXES, "")
    only |= {"UV_DEFAULT_INDEX": _address(target), "UV_NO_CONFIG": "1"}
    return UvSettings({**only, **pin_bundle(target.ca_bundle), **direct(target, variables)})


def for_pip(target: Target, pip: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which pip asks this index and no other.

    Args:
        target: The index.
        pip: pip's settings on this machine.
        variables: The environment, for its proxies.
    """
    connection = pin_bundle(target.ca_bundle)
    connection |= {
        f"PIP_{key.upper().replace('-', '_')}": pip[key] for key in _CONNECTION if key in pip
    }
    # pip passes over a variable that is empty and takes what its file says: no file, then.
    unset = dict.fromkeys(("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"), "")
    only = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": _address(target)}
    return {**connection, **unset, **only, **direct(target, variables)}


def for_twine(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which twine takes the credentials of its configuration file alone.

    Args:
        variables: The environment, for its proxies and certificates.
    """
    return {
        # Both could give twine another password than the one in its configuration.
        "NETRC": os.devnull,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        # rich wraps lines: no CI service masks a wrapped password, and we could not read it.
        "COLUMNS": "1000",
        "PYTHONUTF8": "1",
        **pin_bundle(find_bundle(variables)),
        **_without_proxy(variables),
    }


def for_requests(target: Target, url: str) -> dict[str, Any]:
    """Return the options of a request to an index, its credentials aside.

    Args:
        target: The index.
        url: The address of the request, which may be on another host.
    """
    # None takes a proxy of the environment away; a missing key would keep it.
    direct = dict.fromkeys(("http", "https", "all"))
    return {"proxies": direct if is_loopback(url) else None, "verify": target.ca_bundle}


def parse_address(
    name: str, address: str, secrets: Secrets, ca_bundle: str | None = None
) -> Target:
    """Return the index at an address of pip's configuration, which may contain credentials.

    Args:
        name: What to call it.
        address: Of its simple index.
        secrets: Hides the credentials from here on.
        ca_bundle: The certificates to check it against; None for the usual ones.
    """
    parts = urlsplit(address.strip())
    host = parts.netloc.rpartition("@")[2]
    url = with_slash(urlunsplit((parts.scheme, host, parts.path, "", "")))
    if not (parts.username or parts.password):
        return Target(name, url, url, ca_bundle=ca_bundle)
    username, password = (unquote(text or "") for text in (parts.username, parts.password))
    # Whoever set up this machine chose it, so it is not for us to refuse.
    is_alone = not is_ambiguous(password or username, (url,))
    login = secrets.read_login(username, password, is_alone=is_alone)
    return Target(name, url, url, None, *login, ca_bundle=ca_bundle)


class OriginAuth:
    """Basic authentication for the origins that the configuration names.

    It is given to every request, also without credentials: requests would otherwise look into
    the user's ``.netrc``.

    Args:
        target: The index.
        encoding: Of user name and password.
    """

    def __init__(self, target: Target, encoding: str = "utf-8") -> None:
        self._origins = {origin(target.simple_url), origin(target.upload_url)}
        self._encoded = _encode(target, encoding)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the credentials to a request that goes where they belong."""
        if self._encoded is not None and origin(request.url or "") in self._origins:
            request.headers["Authorization"] = f"Basic {self._encoded}"
        return request


def encodings_of(target: Target) -> tuple[str, ...]:
    """Return the encodings that make a difference to user name and password: none in ASCII."""
    if target.username is None or target.password is None:
        return ()
    pair = target.username.reveal() + target.password.reveal()
    if pair.isascii():
        return ()
    return ("utf-8", "latin-1") if max(pair) <= "\xff" else ("utf-8",)


def _encode(target: Target, encoding: str) -> str | None:
    """Return user name and password as basic authentication sends them; None for an open index."""
    if target.username is None or target.password is None:
        return None
    pair = f"{target.username.reveal()}:{target.password.reveal()}"
    # requests itself would send Latin-1 (psf/requests#4564), uv and curl send UTF-8.
    return base64.b64encode(pair.encode(encoding)).decode()


def _address(target: Target) -> str:
    if target.username is None or target.password is None:
        return target.simple_url
    secrets = (target.username, target.password)
    user, password = (quote(secret.reveal(), safe="") for secret in secrets)
    scheme, _, rest = target.simple_url.partition("://")
    return f"{scheme}://{user}:{password}@{rest}"


def direct(target: Target, variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables that keep a proxy out of what does not leave this machine."""
    return _without_proxy(variables) if is_loopback(target.simple_url) else {}


def _without_proxy(variables: Mapping[str, str]) -> dict[str, str]:
    direct = variables.get("no_proxy") or variables.get("NO_PROXY")
    hosts = f"{direct},{_LOOPBACK}" if direct else _LOOPBACK
    return {"NO_PROXY": hosts, "no_proxy": hosts}
