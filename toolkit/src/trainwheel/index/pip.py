"""pip's settings in uv's words, and the certificates that every tool is to take.

uv does not read pip's configuration, so on a machine behind a mirror it would ask the public index.
requests and pip read ``REQUESTS_CA_BUNDLE``, uv reads ``SSL_CERT_FILE``; most machines set one of
the two. Pure: the output of ``pip config list`` comes in, variables and arguments for uv go out.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["UvSettings", "find_bundle", "parse_pip_config", "pin_bundle", "translate"]

_SECTIONS = ("global", "install", ":env:")
"""pip's own order: the command's section beats the global one, a variable beats both."""

_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")
_PATHS = {"cert": "SSL_CERT_FILE", "client-cert": "SSL_CLIENT_CERT"}


@dataclass(frozen=True)
class UvSettings:
    """What uv is given: variables (an address may contain a password) and plain arguments."""

    variables: Mapping[str, str] = field(repr=False)
    arguments: tuple[str, ...] = ()


def find_bundle(variables: Mapping[str, str]) -> str | None:
    """Return the file of certificates that the environment names; None for the usual ones."""
    return next((variables[name] for name in _BUNDLES if variables.get(name)), None)


def pin_bundle(path: str | None) -> dict[str, str]:
    """Return the variables with which requests, twine, pip and uv take one file."""
    names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")
    return dict.fromkeys(names, path) if path else {}


def parse_pip_config(text: str) -> dict[str, str]:
    """Return setting → value from what ``pip config list`` prints (``section.key='value'``)."""
    values: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in values:
            values[section][key] = _unquote(value)
    return {key: value for section in _SECTIONS for key, value in values[section].items()}


def _unquote(value: str) -> str:
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value


def translate(
    pip: Mapping[str, str], variables: Mapping[str, str], *, has_uv_config: bool
) -> UvSettings:
    """Return what uv needs so that it installs from where pip would.

    Args:
        pip: pip's settings.
        variables: The environment; uv's own settings in it are left alone.
        has_uv_config: Whether a configuration file of uv's own names the indexes.
    """
    settings: dict[str, str] = {}
    arguments: tuple[str, ...] = ()
    if not has_uv_config and not any(name in variables for name in _INDEX_VARIABLES):
        settings |= _translate_indexes(pip)
        if pip.get("no-index", "").strip().lower() in {"1", "true", "yes", "on"}:
            arguments = ("--no-index",)
    if "find-links" in pip and not has_uv_config:
        links = pip["find-links"].split()
        settings["UV_FIND_LINKS"] = ",".join(_at_home(link, variables) for link in links)
    if "trusted-host" in pip:
        settings["UV_INSECURE_HOST"] = " ".join(pip["trusted-host"].split())
    if bundle := find_bundle(variables):
        settings["SSL_CERT_FILE"] = bundle
    settings |= {uv: _at_home(pip[key], variables) for key, uv in _PATHS.items() if key in pip}
    # pip takes it by either name and with a fraction, which stops uv.
    if timeout := pip.get("timeout") or pip.get("default-timeout"):
        settings["UV_HTTP_TIMEOUT"] = timeout.strip().partition(".")[0]
    if "proxy" in pip:
        settings |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), pip["proxy"])
    return UvSettings({k: v for k, v in settings.items() if k not in variables}, arguments)


def _at_home(path: str, variables: Mapping[str, str]) -> str:
    return variables.get("HOME", "~") + path[1:] if path.startswith("~/") else path


def _translate_indexes(pip: Mapping[str, str]) -> dict[str, str]:
    settings = {}
    if "index-url" in pip:
        settings["UV_DEFAULT_INDEX"] = pip["index-url"].strip()
    if "extra-index-url" in pip:
        settings["UV_EXTRA_INDEX_URL"] = " ".join(pip["extra-index-url"].split())
        # pip looks at all indexes and the digests in the lock decide; uv would stop at the
        # first index that knows the name, whatever versions it has.
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return settings
