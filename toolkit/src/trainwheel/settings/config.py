"""``[tool.trainwheel]`` in pyproject.toml, parsed as a whole.

Every problem is reported at once, each with the key, the value and the fix.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.gate import Rule, direction_of
from trainwheel.requirements.pins import POLICIES, SyncSettings
from trainwheel.settings import values as takes
from trainwheel.settings.keys import Key, key, keys_of

__all__ = [
    "Config",
    "GateRule",
    "GateSettings",
    "IndexSettings",
    "parse_config",
    "parse_sync_settings",
]

SNAPSHOT = "build/data"
"""Where the data command writes what training reads."""


# A key is a line or two; one argument a line would hide what belongs together.
# fmt: off
@dataclass(frozen=True)
class IndexSettings:
    """``[tool.trainwheel.index.NAME]``: where an index is and which variables open it."""

    name: str
    url: str = key("url", takes.a_text, "Where wheels are uploaded to", default="")
    url_env: str = key("url-env", takes.a_variable,
        "Variable that holds that address; where it is set, and no index is named, it is this one",
        default="")
    simple_url: str = key("simple-url", takes.a_text, "Where the index is read",
        default="", shown="URL/simple/")
    install_url: str = key("install-url", takes.a_text,
        "Index that users install from: a group or proxy", default="")
    username: str = key("username", takes.a_text,
        "A user name that is not a secret, such as __token__", default="")
    username_env: str = key("username-env", takes.a_variable, "Variable that holds the user name",
        default="")
    password_env: str = key("password-env", takes.a_variable, "Variable that holds the password",
        default="")
    token_command: str = key("token-command", takes.a_text,
        "Command that prints a password of short life, instead of a variable", default="")
    packages: tuple[str, ...] = key("packages", takes.patterns,
        "Packages that are locked and installed from this index and from no other",
        default=(), shown="[]")
    read_username_env: str = key("read-username-env", takes.a_variable,
        "Variable that holds the user name for reading, where it is another one", default="")
    read_password_env: str = key("read-password-env", takes.a_variable,
        "Variable that holds the password for reading, where it is another one", default="")
    allow_http: bool = key("allow-http", takes.a_flag, "Allow an address without TLS",
        default=False)


@dataclass(frozen=True)
class GateRule:
    """``[tool.trainwheel.gate.METRIC]``: what is asked of one metric."""

    minimum: float | None = key("min", takes.a_number, "The least value that passes",
        default=None)
    maximum: float | None = key("max", takes.a_number, "The greatest value that passes",
        default=None)
    drop: float | None = key("max-drop", takes.a_positive_number,
        "By how much it may be worse than the newest published version of the series",
        default=None)
    drop_relative: float | None = key("max-drop-relative", takes.a_positive_number,
        "The same as a share of the published value: 0.01 is one per cent", default=None)
    direction: str = key("direction", takes.one_of("higher", "lower"),
        "Which way the metric is good",
        default="", shown="known for scikit-learn's names")


@dataclass(frozen=True)
class GateSettings:
    """``[tool.trainwheel.gate]``: what is asked of the model's metrics."""

    rules: tuple[Rule, ...] = ()
    baseline: str = key("baseline", takes.one_of("optional", "required"),
        "Whether a model is refused that cannot be compared, for nothing is published",
        default="optional")
    positive: str | None = key("positive", takes.a_text,
        "Of two classes, the one that sensitivity, precision and ROC are about",
        default=None, shown="the class that comes last")

    @property
    def compares(self) -> bool:
        """Whether any metric is compared with what is published."""
        return any(rule.compares for rule in self.rules)


@dataclass(frozen=True)
class Config:
    """What a model repository says about itself; every path is relative to its root."""

    package: str = key("package", takes.a_module, "Import name of the package that is shipped")
    train_command: str = key("train.command", takes.a_command,
        "The training command; {model}, {data} and {report} stand for the paths")
    predict: str = key("predict", takes.a_callable,
        "Function that takes one record (a mapping) and returns a JSON value",
        default="", shown="PACKAGE.classifier:predict_record")
    source: str = key("source", takes.a_path, "Source root: holds the package and its training",
        default="model")
    artefact: str = key("artefact", takes.a_member, "The model, inside the package",
        default="artefact/model.joblib")
    tests: str = key("tests", takes.a_path, "The model's tests", default="tests")
    system_tests: str = key("system-tests", takes.a_path, "Those that the wheel must pass",
        default="tests/system")
    docs: str = key("docs", takes.a_path, "The model's Sphinx site; skipped where there is none",
        default="docs")
    data: tuple[str, ...] = key("data", takes.paths, "Files and folders that training reads",
        default=[],
        also={"data.paths": "The same, beside the other keys that begin with data; tracked by DVC,"
                            " they are pulled"})
    data_command: str = key("data.command", takes.a_command,
        "Command that writes a snapshot of the data; {folder} stands for where to", default="")
    data_version_command: str = key("data.version-command", takes.a_command,
        "Command that prints what changes with the data: a snapshot id, a watermark", default="")
    data_schema: str = key("data.schema", takes.a_path,
        "Columns and rows that the snapshot has to have, written by `nox -s data -- --accept`",
        default="data-schema.json")
    data_max_row_change: float | None = key("data.max-row-change", takes.a_positive_number,
        "By which share the number of rows may differ from what was accepted", default=None)
    inputs: tuple[str, ...] = key("inputs", takes.paths,
        "Further files and folders that make training stale", default=[])
    threads: int = key("train.threads", takes.a_count,
        "Threads of numerical libraries in training, the same everywhere; 0 leaves them alone",
        default=1)
    engine: str = key("train.engine", takes.one_of("local", "dask"),
        "Where the parallel work of training runs: in processes of its own, or on a Dask cluster",
        default="local")
    dask_scheduler: str = key("train.dask.scheduler", takes.a_scheduler,
        "Address of the cluster, tcp:// or tls://; without one, a cluster of this machine alone",
        default="")
    dask_ca_file: str = key("train.dask.ca-file", takes.a_file,
        "Certificate of the authority that the cluster trusts, for tls://", default="")
    dask_cert_file: str = key("train.dask.cert-file", takes.a_file,
        "Certificate by which the cluster knows this client, for tls://", default="")
    dask_key_file: str = key("train.dask.key-file", takes.a_file,
        "Key of that certificate, for tls://", default="")
    dask_time_limit: float = key("train.dask.time-limit", takes.a_duration,
        "How long training on a cluster may take in all", default="24 h")
    show_rows: bool = key("report.show-rows", takes.a_flag,
        "Show the inputs of the worst mistakes in the report, not only their row numbers",
        default=False)
    cache_limit: int = key("cache.limit", takes.a_size,
        "How much the results of earlier inputs may take up; 0 keeps none", default="5 GB")
    store_above: int = key("wheel.store-above", takes.a_size,
        "Files larger than this are stored in the wheel; smaller ones are deflated",
        default="256 MB")
    data_secrets: tuple[str, ...] = key("secrets.data", takes.variables,
        "Variables with credentials of the data, for what fetches it and no other step",
        default=[])
    tolerance: float = key("tolerance", takes.a_tolerance,
        "How far a golden number may move, relative", default=1e-9, shown="1e-9")
    pins: str = key("sync.pins", takes.one_of(*POLICIES),
        "How the locked packages are written into setup.py", default=SyncSettings().pins)
    extras: Mapping[str, str] = key("sync.extras", takes.extras_table,
        "Extras to write as well, each with the Pipfile category that it holds", default={})
    release: str = key("version.release", takes.one_of("changed", "always"),
        "Release when what is shipped has changed, or at every build", default="changed")
    build_number_offset: int = key("version.build-number-offset", takes.a_whole_number,
        "Added to the CI service's build number", default=0)
    gate: GateSettings = field(default_factory=GateSettings)
    indexes: Mapping[str, IndexSettings] = field(default_factory=dict)
    # fmt: on

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
        ConfigurationError: It is not TOML, has no ``[tool.trainwheel]``, or some keys are wrong;
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
    values = _read_keys(_flatten(table), keys_of(Config), "tool.trainwheel", problems)
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
    keys = keys_of(Config)
    values = _read_keys(flat, keys, "tool.trainwheel", problems)
    problems += [
        f"tool.trainwheel.{key.name} is missing: {key.help[0].lower()}{key.help[1:]}"
        for key in keys
        if key.is_required and key.name not in flat
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
    by_name = {key.name: key for key in keys}
    values: dict[str, Any] = {}
    for name, value in flat.items():
        match = by_name.get(name)
        if match is None:
            near = difflib.get_close_matches(name, by_name, 1)
            suggestion = f", did you mean {near[0]}?" if near else ""
            problems.append(f"unknown key {prefix}.{name}{suggestion}")
            continue
        try:
            values[match.attribute] = match.value(value)
        except ValueError as error:
            # A password is easily put where the name of its variable belongs.
            is_name = match.value is takes.a_variable or match.value is takes.variables
            shown = "***" if is_name else repr(value)
            problems.append(f"{prefix}.{name} = {shown}, but it takes {error}")
    return values


def _read_gate(table: object, problems: list[str]) -> GateSettings:
    where = "tool.trainwheel.gate"
    if not isinstance(table, dict):
        problems.append(f"{where} takes tables: [{where}.METRIC]")
        return GateSettings()
    plain = {name: value for name, value in table.items() if not isinstance(value, dict)}
    settings = _read_keys(plain, keys_of(GateSettings), where, problems)
    rules = []
    for metric, entries in table.items():
        if isinstance(entries, dict):
            values = _read_keys(entries, keys_of(GateRule), f"{where}.{metric}", problems)
            rule = Rule(metric, **values)
            problems += [f"{where}.{metric} {problem}" for problem in _contradictions(rule)]
            rules.append(rule)
    return GateSettings(tuple(rules), **settings)


def _contradictions(rule: Rule) -> list[str]:
    texts = []
    if rule.minimum is None and rule.maximum is None and not rule.compares:
        texts.append("asks for nothing: give min, max, max-drop or max-drop-relative")
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        texts.append("has a min above its max")
    if rule.drop is not None and rule.drop_relative is not None:
        texts.append("has both max-drop and max-drop-relative: give one")
    if rule.compares and not (rule.direction or direction_of(rule.metric)):
        texts.append('needs direction = "higher" or "lower", which its name does not say')
    return texts


def _read_indexes(table: object, problems: list[str]) -> dict[str, IndexSettings]:
    if not isinstance(table, dict):
        problems.append("tool.trainwheel.index takes tables: [tool.trainwheel.index.NAME]")
        return {}
    indexes = {}
    for name, entries in table.items():
        if not isinstance(entries, dict):
            problems.append(f"tool.trainwheel.index.{name} is not a table")
            continue
        values = _read_keys(
            entries, keys_of(IndexSettings), f"tool.trainwheel.index.{name}", problems
        )
        indexes[name] = IndexSettings(name, **values)
    return indexes
