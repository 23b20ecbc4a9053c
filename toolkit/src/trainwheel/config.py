"""``[tool.trainwheel]`` in pyproject.toml, parsed as a whole.

Every problem is reported at once, each naming the key, the value and the mend.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from trainwheel.errors import ConfigurationError
from trainwheel.size import parse_size
from trainwheel.sync import POLICIES, SyncSettings

__all__ = ["KEYS", "Config", "IndexSettings", "Key", "parse_config", "parse_sync_settings"]

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_EXTRA = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_PATTERN = re.compile(r"[A-Za-z0-9*]([A-Za-z0-9._*-]*[A-Za-z0-9*])?", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True)
class IndexSettings:
    """``[tool.trainwheel.index.NAME]``: where an index is and which variables open it."""

    name: str
    url: str = ""
    simple_url: str = ""
    install_url: str = ""
    username: str = ""
    username_env: str = ""
    password_env: str = ""
    token_command: str = ""
    packages: tuple[str, ...] = ()
    read_username_env: str = ""
    read_password_env: str = ""
    allow_http: bool = False


@dataclass(frozen=True)
class Config:
    """What a model repository says about itself; every path is relative to its root."""

    package: str
    train_command: str
    predict: str
    source: str = "model"
    artefact: str = "artefact/model.joblib"
    tests: str = "tests"
    system_tests: str = "tests/system"
    docs: str = "docs"
    data: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    tolerance: float = 1e-9
    cache_limit: int = 5_000_000_000
    store_above: int = 256_000_000
    release: str = "changed"
    build_number_offset: int = 0
    pins: str = "compatible"
    extras: Mapping[str, str] = field(default_factory=dict)
    data_secrets: tuple[str, ...] = ()
    indexes: Mapping[str, IndexSettings] = field(default_factory=dict)

    @property
    def sync(self) -> SyncSettings:
        """How the locked packages are written."""
        return SyncSettings(self.pins, self.extras)

    @property
    def package_folder(self) -> str:
        """The folder of the package that is shipped."""
        return f"{self.source}/{self.package.replace('.', '/')}"

    @property
    def artefact_path(self) -> str:
        """The file that training makes."""
        return f"{self.package_folder}/{self.artefact}"


@dataclass(frozen=True)
class Key:
    """One configuration key: what it is called, what it takes, and what it is for.

    Args:
        name: The key under ``[tool.trainwheel]``, with dots for tables.
        attribute: The field of `Config` that it fills.
        check: Returns the value to keep, or raises `ValueError` with what is wanted.
        default: As the documentation shows it; empty where the key must be given.
        help: One line.
    """

    name: str
    attribute: str
    check: Callable[[Any], Any]
    default: str
    help: str


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        message = "a text that is not empty"
        raise ValueError(message)
    return value


def _module(value: object) -> str:
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        message = "an import name such as oncology_model"
        raise ValueError(message)
    if value == "model":
        message = "a name other than 'model', under which two model wheels overwrite each other"
        raise ValueError(message)
    return value


def _callable(value: object) -> str:
    if isinstance(value, str):
        module, _, name = value.partition(":")
        if _IDENTIFIER.fullmatch(module) and _IDENTIFIER.fullmatch(name):
            return value
    message = "MODULE:FUNCTION"
    raise ValueError(message)


def _extras(value: object) -> dict[str, str]:
    if isinstance(value, dict):
        named = all(_EXTRA.fullmatch(name) for name in value)
        if named and all(isinstance(category, str) and category for category in value.values()):
            return value
    message = 'a table of extras and Pipfile categories such as { gpu = "gpu" }'
    raise ValueError(message)


def _path(value: object) -> str:
    if isinstance(value, str) and value and not {"\\", "\0"} & set(value):
        path = PurePosixPath(value)
        if not path.is_absolute() and ".." not in path.parts:
            return str(path)
    message = "a path inside the repository, with forward slashes"
    raise ValueError(message)


def _member(value: object) -> str:
    path = _path(value)
    if path == ".":
        message = "a path inside the package, which training replaces"
        raise ValueError(message)
    return path


def _paths(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        message = "a list of paths inside the repository"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return tuple(_path(item) for item in value)


def _tolerance(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        message = "a number from 0 to 1, relative"
        raise ValueError(message)
    return float(value)


def _whole_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        message = "a whole number"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        message = "true or false"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return value


def _size(value: object) -> int:
    return parse_size(value if isinstance(value, str) else str(value))


def _variable(value: object) -> str:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        message = "the name of an environment variable, not its value"
        raise ValueError(message)
    return value


def _variables(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        message = "a list of names of environment variables"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return tuple(_variable(item) for item in value)


def _patterns(value: object) -> tuple[str, ...]:
    if isinstance(value, list) and value:
        good = all(isinstance(item, str) and _PATTERN.fullmatch(item) for item in value)
        if good:
            return tuple(value)
    message = 'a list of package names, where * stands for anything, such as ["acme-*"]'
    raise ValueError(message)


def _one_of(*words: str) -> Callable[[Any], str]:
    def check(value: object) -> str:
        if value not in words:
            message = " or ".join(f'"{word}"' for word in words)
            raise ValueError(message)
        return str(value)

    return check


KEYS = (
    Key("package", "package", _module, "", "Import name of the package that is shipped"),
    Key(
        "train.command",
        "train_command",
        _text,
        "",
        "The training command; {model}, {data} and {report} stand for the paths",
    ),
    Key(
        "predict",
        "predict",
        _callable,
        "PACKAGE.classifier:predict_record",
        "Function that takes one record (a mapping) and returns a JSON value",
    ),
    Key("source", "source", _path, "model", "Source root: holds the package and its training"),
    Key("artefact", "artefact", _member, "artefact/model.joblib", "The model, inside the package"),
    Key("tests", "tests", _path, "tests", "The model's tests"),
    Key("system-tests", "system_tests", _path, "tests/system", "Those that the wheel must pass"),
    Key("docs", "docs", _path, "docs", "The model's Sphinx site; left out where there is none"),
    Key("data", "data", _paths, "[]", "Files and folders that training reads"),
    Key("inputs", "inputs", _paths, "[]", "Further files and folders that make training stale"),
    Key("cache.limit", "cache_limit", _size, "5 GB",
        "How much the results of earlier inputs may take up; 0 keeps none"),
    Key("wheel.store-above", "store_above", _size, "256 MB",
        "Files larger than this are stored in the wheel; smaller ones are deflated"),
    Key("secrets.data", "data_secrets", _variables, "[]",
        "Variables with credentials of the data, which training sees and no other step"),
    Key("tolerance", "tolerance", _tolerance, "1e-9", "How far a golden number may move, relative"),
    Key("sync.pins", "pins", _one_of(*POLICIES), "compatible",
        "How the locked packages are written into setup.py"),
    Key("sync.extras", "extras", _extras, "{}",
        "Extras to write as well, each with the Pipfile category that it holds"),
    Key("version.release", "release", _one_of("changed", "always"), "changed",
        "Release when what is shipped has changed, or at every build"),
    Key("version.build-number-offset", "build_number_offset", _whole_number, "0",
        "Added to the CI service's build number"),
)  # fmt: skip

_TABLES = frozenset({"sync.extras"})
"""Keys whose value is a table, with names that are the user's."""

INDEX_KEYS = (
    Key("url", "url", _text, "", "Where wheels are uploaded to"),
    Key("simple-url", "simple_url", _text, "URL/simple/", "Where the index is read"),
    Key("install-url", "install_url", _text, "", "Index that users install from: a group or proxy"),
    Key("username", "username", _text, "", "A user name that is no secret, such as __token__"),
    Key("username-env", "username_env", _variable, "", "Variable that holds the user name"),
    Key("password-env", "password_env", _variable, "", "Variable that holds the password"),
    Key(
        "token-command",
        "token_command",
        _text,
        "",
        "Command that prints a password of short life, instead of a variable",
    ),
    Key("packages", "packages", _patterns, "[]",
        "Packages that are locked and installed from this index and from no other"),
    Key("read-username-env", "read_username_env", _variable, "",
        "Variable that holds the user name for reading, where it is another one"),
    Key("read-password-env", "read_password_env", _variable, "",
        "Variable that holds the password for reading, where it is another one"),
    Key("allow-http", "allow_http", _flag, "false", "Allow an address without TLS"),
)  # fmt: skip


def parse_config(text: str, filename: str = "pyproject.toml") -> Config:
    """Return the configuration that pyproject.toml holds.

    Raises:
        ConfigurationError: It is no TOML, has no ``[tool.trainwheel]``, or some keys are wrong;
            the one message lists every one of them.
    """
    table = _tool_table(text, filename)
    if table is None:
        message = f"{filename} has no [tool.trainwheel] table"
        hint = 'add one with at least package = "…" and train.command = "…"'
        raise ConfigurationError(message, hint=hint)
    return _build(table, filename)


def parse_sync_settings(text: str, filename: str = "pyproject.toml") -> SyncSettings:
    """Return ``[tool.trainwheel.sync]``, or the defaults: a project may use nothing else of ours.

    Raises:
        ConfigurationError: As for :func:`parse_config`.
    """
    problems: list[str] = []
    table = {"sync": (_tool_table(text, filename) or {}).get("sync", {})}
    values = _read_keys(_flatten(table), KEYS, "tool.trainwheel", problems)
    if problems:
        message = f"{filename}: {'; '.join(problems)}"
        raise ConfigurationError(message)
    return SyncSettings(**values)


def _tool_table(text: str, filename: str) -> dict[str, Any] | None:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{filename} is not TOML: {error}"
        raise ConfigurationError(message) from None
    tool = document.get("tool")
    table = tool.get("trainwheel") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _build(table: Mapping[str, Any], filename: str) -> Config:
    problems: list[str] = []
    indexes = _read_indexes(table.get("index", {}), problems)
    flat = _flatten({name: value for name, value in table.items() if name != "index"})
    values = _read_keys(flat, KEYS, "tool.trainwheel", problems)
    problems += [
        f"tool.trainwheel.{key.name} is missing: {key.help[0].lower()}{key.help[1:]}"
        for key in KEYS
        if not key.default and key.name not in flat
    ]
    if problems:
        message = f"{filename}: {'; '.join(problems)}"
        raise ConfigurationError(message)
    values.setdefault("predict", f"{values['package']}.classifier:predict_record")
    return Config(**values, indexes=indexes)


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict) and prefix + name not in _TABLES:
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _read_keys(
    flat: Mapping[str, Any], keys: tuple[Key, ...], prefix: str, problems: list[str]
) -> dict[str, Any]:
    known = {key.name: key for key in keys}
    values: dict[str, Any] = {}
    for name, value in flat.items():
        key = known.get(name)
        if key is None:
            near = difflib.get_close_matches(name, known, 1)
            mend = f", did you mean {near[0]}?" if near else ""
            problems.append(f"unknown key {prefix}.{name}{mend}")
            continue
        try:
            values[key.attribute] = key.check(value)
        except ValueError as error:
            # A password is easily put where the name of its variable belongs.
            shown = "***" if key.check in {_variable, _variables} else repr(value)
            problems.append(f"{prefix}.{name} = {shown}, but it takes {error}")
    return values


def _read_indexes(table: object, problems: list[str]) -> dict[str, IndexSettings]:
    if not isinstance(table, dict):
        problems.append("tool.trainwheel.index takes tables: [tool.trainwheel.index.NAME]")
        return {}
    indexes = {}
    for name, entries in table.items():
        if not isinstance(entries, dict):
            problems.append(f"tool.trainwheel.index.{name} is not a table")
            continue
        values = _read_keys(entries, INDEX_KEYS, f"tool.trainwheel.index.{name}", problems)
        indexes[name] = IndexSettings(name, **values)
    return indexes
