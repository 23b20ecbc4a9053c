"""An index, as each tool is told of it: in its environment or a private file, never in arguments.

pipenv runs pip and is told what pip is told; twine finds address and credentials in the file that
`trainwheel.index.pypirc` writes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from trainwheel.index.address import is_loopback, with_slash
from trainwheel.index.certificates import find_bundle, pin_bundle
from trainwheel.index.pip import UvSettings
from trainwheel.index.target import Target
from trainwheel.system.secrets import Secret

__all__ = ["for_pip", "for_requests", "for_twine", "for_uv", "parse_address"]

_OTHER_INDEXES = ("UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_LOOPBACK = "localhost,127.0.0.1,::1"
# How a connection is made, which holds for any index.
_KEPT = ("cert", "client-cert", "proxy", "timeout", "trusted-host")


def for_uv(target: Target, variables: Mapping[str, str]) -> UvSettings:
    """Return settings with which uv asks this index and no other.

    Args:
        target: The index.
        variables: The environment, for what it says of proxies.
    """
    found = dict.fromkeys(_OTHER_INDEXES, "")
    found |= {"UV_DEFAULT_INDEX": _address(target), "UV_NO_CONFIG": "1"}
    return UvSettings({**found, **pin_bundle(target.ca_bundle), **_direct(target, variables)})


def for_pip(target: Target, pip: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which pip asks this index and no other.

    Args:
        target: The index.
        pip: pip's settings on this machine.
        variables: The environment, for what it says of proxies.
    """
    kept = pin_bundle(target.ca_bundle)
    kept |= {f"PIP_{key.upper().replace('-', '_')}": pip[key] for key in _KEPT if key in pip}
    # pip passes over a variable that is empty and takes what its file says: no file, then.
    closed = dict.fromkeys(("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"), "")
    found = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": _address(target)}
    return {**kept, **closed, **found, **_direct(target, variables)}


def for_twine(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which twine takes what stands in its configuration and nothing else.

    Args:
        variables: The environment, for what it says of proxies and certificates.
    """
    return {
        # Whatever else could hand twine another password than the one in its configuration.
        "NETRC": os.devnull,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        # A wrapped line escapes both the masking of a CI service and the reading of what it says.
        "COLUMNS": "1000",
        "PYTHONUTF8": "1",
        **pin_bundle(find_bundle(variables)),
        **_without_proxy(variables),
    }


def for_requests(target: Target, url: str) -> dict[str, Any]:
    """Return what a request to an index is given beside its credentials.

    Args:
        target: The index.
        url: What is asked for, which may be on another host.
    """
    # None takes a proxy of the environment away; a missing key would keep it.
    direct = dict.fromkeys(("http", "https", "all"))
    return {"proxies": direct if is_loopback(url) else None, "verify": target.ca_bundle}


def parse_address(name: str, address: str, ca_bundle: str | None = None) -> Target:
    """Return the index at an address of pip's configuration, which may hold credentials.

    Args:
        name: What to call it.
        address: Of its simple index.
        ca_bundle: The certificates to check it against; None for the usual ones.
    """
    parts = urlsplit(address.strip())
    host = parts.netloc.rpartition("@")[2]
    url = with_slash(urlunsplit((parts.scheme, host, parts.path, "", "")))
    username, password = (
        Secret(unquote(text)) if text is not None else None
        for text in (parts.username, parts.password or ("" if parts.username else None))
    )
    return Target(name, url, url, username=username, password=password, ca_bundle=ca_bundle)


def _address(target: Target) -> str:
    if target.username is None or target.password is None:
        return target.simple_url
    secrets = (target.username, target.password)
    user, password = (quote(secret.reveal(), safe="") for secret in secrets)
    scheme, _, rest = target.simple_url.partition("://")
    return f"{scheme}://{user}:{password}@{rest}"


def _direct(target: Target, variables: Mapping[str, str]) -> dict[str, str]:
    """Keep a proxy out of what does not leave this machine."""
    return _without_proxy(variables) if is_loopback(target.simple_url) else {}


def _without_proxy(variables: Mapping[str, str]) -> dict[str, str]:
    kept = variables.get("no_proxy") or variables.get("NO_PROXY")
    hosts = f"{kept},{_LOOPBACK}" if kept else _LOOPBACK
    return {"NO_PROXY": hosts, "no_proxy": hosts}
