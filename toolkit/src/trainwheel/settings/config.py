"""``[tool.trainwheel]`` in pyproject.toml, parsed as a whole.

Every problem is reported at once, each naming the key, the value and the mend.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.gate import Rule, direction_of
from trainwheel.requirements.pins import SyncSettings
from trainwheel.settings.keys import GATE_KEYS, GATE_SETTINGS, INDEX_KEYS, KEYS, Key
from trainwheel.settings.values import a_variable, variables

__all__ = [
    "Config",
    "GateSettings",
    "IndexSettings",
    "parse_config",
    "parse_sync_settings",
]

SNAPSHOT = "build/data"
"""Where the data command writes what training reads."""


@dataclass(frozen=True)
class IndexSettings:
    """``[tool.trainwheel.index.NAME]``: where an index is and which variables open it."""

    name: str
    url: str = ""
    url_env: str = ""
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
class GateSettings:
    """``[tool.trainwheel.gate]``: what is asked of the model's metrics."""

    rules: tuple[Rule, ...] = ()
    baseline: str = "optional"
    positive: str | None = None

    @property
    def compares(self) -> bool:
        """Whether any metric is compared with what is published."""
        return any(rule.compares for rule in self.rules)


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
    data_command: str = ""
    data_version_command: str = ""
    data_schema: str = "data-schema.json"
    data_max_row_change: float | None = None
    inputs: tuple[str, ...] = ()
    threads: int = 1
    engine: str = "local"
    dask_scheduler: str = ""
    dask_ca_file: str = ""
    dask_cert_file: str = ""
    dask_key_file: str = ""
    dask_time_limit: float = 86_400.0
    show_rows: bool = False
    gate: GateSettings = field(default_factory=GateSettings)
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
    def training_data(self) -> tuple[str, ...]:
        """The files and folders that training reads, among them what a command fetched."""
        return (*self.data, *((SNAPSHOT,) if self.data_command else ()))

    @property
    def package_folder(self) -> str:
        """The folder of the package that is shipped."""
        return f"{self.source}/{self.package.replace('.', '/')}"

    @property
    def artefact_path(self) -> str:
        """The file that training makes."""
        return f"{self.package_folder}/{self.artefact}"


_TABLES = frozenset({"sync.extras"})
"""Keys whose value is a table, with names that are the user's."""


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
    gate = _read_gate(table.get("gate", {}), problems)
    others = {name: value for name, value in table.items() if name not in {"index", "gate"}}
    flat = _flatten(others)
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
    return Config(**values, indexes=indexes, gate=gate)


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
            shown = "***" if key.check in {a_variable, variables} else repr(value)
            problems.append(f"{prefix}.{name} = {shown}, but it takes {error}")
    return values


def _read_gate(table: object, problems: list[str]) -> GateSettings:
    where = "tool.trainwheel.gate"
    if not isinstance(table, dict):
        problems.append(f"{where} takes tables: [{where}.METRIC]")
        return GateSettings()
    plain = {name: value for name, value in table.items() if not isinstance(value, dict)}
    settings = _read_keys(plain, GATE_SETTINGS, where, problems)
    rules = []
    for metric, entries in table.items():
        if isinstance(entries, dict):
            values = _read_keys(entries, GATE_KEYS, f"{where}.{metric}", problems)
            rule = Rule(metric, **values)
            problems += [f"{where}.{metric} {problem}" for problem in _wrong_with(rule)]
            rules.append(rule)
    return GateSettings(tuple(rules), **settings)


def _wrong_with(rule: Rule) -> list[str]:
    wrong = []
    if rule.minimum is None and rule.maximum is None and not rule.compares:
        wrong.append("asks for nothing: give min, max, max-drop or max-drop-relative")
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        wrong.append("has a min above its max")
    if rule.drop is not None and rule.drop_relative is not None:
        wrong.append("has both max-drop and max-drop-relative: give one")
    if rule.compares and not (rule.direction or direction_of(rule.metric)):
        wrong.append('needs direction = "higher" or "lower", which its name does not tell')
    return wrong


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
