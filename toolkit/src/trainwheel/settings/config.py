"""``[tool.trainwheel]`` in pyproject.toml, parsed as a whole.

Every problem is reported at once, each naming the key, the value and the fix.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import PurePosixPath
from typing import Any

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.gate import Rule, direction_of
from trainwheel.requirements.pins import POLICIES, SyncSettings
from trainwheel.settings import values as kinds
from trainwheel.settings.keys import Key, contradictions, ignored_by_mistake, key, keys_of
from trainwheel.settings.tables import GateSettings, IndexSettings, RuleSettings

__all__ = [
    "Config",
    "parse_config",
    "parse_sync_settings",
]

ESTIMATOR_EXTRA = "sklearn"
"""The extra with what the trained estimator needs, where the wheel does without."""

SNAPSHOT = "build/data"
"""Where the data command writes what training reads."""


@dataclass(frozen=True)
class Config:
    """What a model repository says about itself; every path is relative to its root."""

    # fmt: off
    package: str = key("package", kinds.a_module, MISSING,
        "Import name of the package that is shipped")
    train_command: str = key("train.command", kinds.a_command, MISSING,
        "The training command; {model}, {data} and {report} stand for the paths")
    predict: str = key("predict", kinds.a_callable, "",
        "Function that takes one record (a mapping) and returns a JSON value",
        shown="PACKAGE.classifier:predict_record")
    task: str = key("task", kinds.one_of("classification", "regression"), "",
        "Whether the model predicts classes or numbers",
        shown="told from the held-out rows, and said")
    labels: tuple[str, ...] = key("labels", kinds.labels, [],
        "The classes, in their order; the truth and predictions have no others",
        shown="those of the held-out rows")
    positive: str | None = key("positive", kinds.a_label, None,
        "Of two classes, the one that sensitivity, precision and ROC are about",
        shown="the last of two, and said")
    source: str = key("source", kinds.a_path, "model",
        "Source root: holds the package and its training")
    artefact: tuple[str, ...] = key("artefact", kinds.members, "artefact/model.joblib",
        "The model, inside the package: a file, a folder, or a list of them, the chief one first")
    portable: str = key("portable", kinds.one_of("default", "extra", "off"), "off",
        "Whether the wheel holds the model as arrays for numpy alone, and whether it requires more")
    tests: str = key("tests", kinds.a_path, "tests", "The model's tests")
    system_tests: str = key("system-tests", kinds.a_path, "tests/system",
        "Those that the wheel must pass")
    docs: str = key("docs", kinds.a_path, "docs",
        "The model's Sphinx site; skipped where there is none")
    data: tuple[str, ...] = key("data", kinds.paths, [],
        "Files and folders that training reads",
        also=("data.paths",
              "The same, beside other keys that begin with data; tracked by DVC, they are pulled"))
    data_command: str = key("data.command", kinds.a_command, "",
        "Command that writes a snapshot of the data; {folder} stands for where to")
    data_version_command: str = key("data.version-command", kinds.a_command, "",
        "Command that prints what changes with the data: a snapshot id, a watermark")
    data_schema: str = key("data.schema", kinds.a_path, "data-schema.json",
        "Columns and rows that the snapshot has to have, written by `nox -s data -- --accept`")
    data_max_row_change: float | None = key("data.max-row-change", kinds.a_positive_number, None,
        "By which share the number of rows may differ from what was accepted")
    inputs: tuple[str, ...] = key("inputs", kinds.paths, [],
        "Further files and folders that make training stale")
    ignore: tuple[str, ...] = key("ignore", kinds.ignored, [],
        "Names at any depth, and paths, that neither count nor ship, beside those of editors")
    threads: int = key("train.threads", kinds.a_count, 1,
        "Threads of numerical libraries in training, the same everywhere; 0 leaves them alone")
    train_env: tuple[str, ...] = key("train.env", kinds.handed_on, [],
        "Variables of the shell that training, tests and predictions get, and whose values count")
    train_alone: bool = key("train.alone", kinds.a_flag, False,  # noqa: FBT003
        "Run no other step while training runs: it needs all of the machine, or its memory")
    engine: str = key("train.engine", kinds.one_of("local", "dask"), "local",
        "Where the parallel work of training runs: in processes of its own, or on a Dask cluster")
    dask_scheduler: str = key("train.dask.scheduler", kinds.a_scheduler, "",
        "Address of the cluster, tcp:// or tls://; without one, a cluster of this machine alone")
    dask_ca_file: str = key("train.dask.ca-file", kinds.a_file, "",
        "Certificate of the authority that the cluster trusts, for tls://")
    dask_cert_file: str = key("train.dask.cert-file", kinds.a_file, "",
        "Certificate by which the cluster knows this client, for tls://")
    dask_key_file: str = key("train.dask.key-file", kinds.a_file, "",
        "Key of that certificate, for tls://")
    dask_time_limit: float = key("train.dask.time-limit", kinds.a_duration, "24 h",
        "How long training on a cluster may take in all")
    jobs: int = key("jobs", kinds.a_count, 0,
        "How many steps may run beside each other; 1 for one after the other, 0 for one a core")
    show_rows: bool = key("report.show-rows", kinds.a_flag, False,  # noqa: FBT003
        "Show the inputs of the worst mistakes in the report, not only their row numbers")
    importance_calls: int | None = key("report.importance-calls", kinds.a_count, None,
        "How many answers of the model the report may take to weigh its columns; 0 for none",
        shown="20000 of a portable form, else 2000")
    card_intended_use: str = key("card.intended-use", kinds.a_text, "",
        "What the model is for, and for whom: shown in the report, the model card and the wheel")
    card_limits: str = key("card.limits", kinds.a_text, "",
        "What the model is not for, and where it is known to be wrong")
    card_contact: str = key("card.contact", kinds.a_text, "",
        "Whom to ask about the model")
    card_data_licence: str = key("card.data-licence", kinds.a_text, "",
        "Under which licence the training data may be used")
    cache_limit: int = key("cache.limit", kinds.a_size, "5 GB",
        "How much the results of earlier inputs may take up; 0 keeps none")
    store_above: int = key("wheel.store-above", kinds.a_size, "256 MB",
        "Files larger than this are stored in the wheel; smaller ones are deflated")
    data_secrets: tuple[str, ...] = key("secrets.data", kinds.variables, [],
        "Variables with credentials of the data, for what fetches it and no other step")
    real_rows: str = key("golden.real-rows", kinds.one_of("refused", "allowed"), "refused",
        "Whether a model is refused one of whose golden rows is a row of the data")
    tolerance: float = key("tolerance", kinds.a_tolerance, 1e-9,
        "How far a golden number may move, relative")
    proof_rows: int = key("proof.rows", kinds.a_whole_number, 200,
        "How many held-out rows the wheel must answer as it was measured, evenly chosen")
    pins: str = key("sync.pins", kinds.one_of(*POLICIES), "compatible",
        "How the locked packages are written into setup.py")
    extras: Mapping[str, str] = key("sync.extras", kinds.extras_table, {},
        "Extras to write as well, each with the Pipfile category that it holds")
    release: str = key("version.release", kinds.one_of("changed", "always"), "changed",
        "Release when what is shipped has changed, or at every build")
    build_number_offset: int = key("version.build-number-offset", kinds.a_whole_number, 0,
        "Added to the CI service's build number")
    # fmt: on
    gate: GateSettings = field(default_factory=GateSettings)
    indexes: Mapping[str, IndexSettings] = field(default_factory=dict)

    @property
    def sync(self) -> SyncSettings:
        """How the locked packages are written."""
        return SyncSettings(self.pins, self.extras, is_portable=self.portable == "default")

    @property
    def model_categories(self) -> tuple[str, ...]:
        """The Pipfile categories with what the trained estimator needs.

        The wheel requires the first alone where the portable form of the model is its default.
        """
        extra = self.extras.get(ESTIMATOR_EXTRA, "")
        return ("packages", extra) if self.portable == "default" else ("packages",)

    @property
    def card(self) -> dict[str, str]:
        """The texts of ``[tool.trainwheel.card]`` that are given, by name."""
        texts = {
            "intended_use": self.card_intended_use,
            "limits": self.card_limits,
            "contact": self.card_contact,
            "data_licence": self.card_data_licence,
        }
        return {name: text.strip() for name, text in texts.items() if text}

    @property
    def training_data(self) -> tuple[str, ...]:
        """The files and folders that training reads, among them what a command fetched."""
        return (*self.data, *((SNAPSHOT,) if self.data_command else ()))

    @property
    def package_folder(self) -> str:
        """The folder of the package that is shipped."""
        return f"{self.source}/{self.package.replace('.', '/')}"

    @property
    def artefact_paths(self) -> tuple[str, ...]:
        """The files and folders that training makes."""
        return tuple(f"{self.package_folder}/{name}" for name in self.artefact)

    @property
    def portable_path(self) -> str:
        """The file with the portable form of the model; empty for none."""
        chief = self.artefact_paths[0]
        return "" if self.portable == "off" else str(PurePosixPath(chief).with_suffix(".npz"))

    @property
    def essential(self) -> tuple[str, ...]:
        """Files and folders that count in any case."""
        code = (f"{self.package_folder}/__init__.py", self.source, self.tests, self.docs)
        model = (*self.artefact_paths, f"{self.artefact_paths[0]}.json", self.portable_path)
        others = ("pyproject.toml", "Pipfile.lock")
        return (*self.training_data, *self.inputs, *code, *filter(None, model), *others)


_NAMES = frozenset({kinds.a_variable, kinds.variables, kinds.handed_on})
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
    table = _tool_table(text, filename) or {}
    table = {name: table[name] for name in ("sync", "portable") if name in table}
    values = _read_keys(_flatten(table), keys_of(Config), "tool.trainwheel", problems)
    _refuse(problems, filename)
    return SyncSettings(is_portable=values.pop("portable", "") == "default", **values)


def _refuse(problems: Iterable[str], filename: str) -> None:
    if text := "; ".join(problems):
        message = f"{filename}: {text}"
        raise ConfigurationError(message)


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
    values = _read_keys(flat, keys_of(Config), "tool.trainwheel", problems)
    problems += [
        f"tool.trainwheel.{key.name} is missing: {key.help[0].lower()}{key.help[1:]}"
        for key in keys_of(Config)
        if key.is_required and key.name not in flat
    ]
    problems += contradictions(values)
    _refuse(problems, filename)
    values.setdefault("predict", f"{values['package']}.classifier:predict_record")
    config = Config(**values, indexes=indexes, gate=gate)
    _refuse(ignored_by_mistake(config.ignore, config.essential), filename)
    return config


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
        key = by_name.get(name)
        if key is None:
            near = difflib.get_close_matches(name, by_name, 1)
            fix = f", did you mean {near[0]}?" if near else ""
            fix = ", it is tool.trainwheel.positive" if name == "positive" else fix
            problems.append(f"unknown key {prefix}.{name}{fix}")
            continue
        try:
            values[key.attribute] = key.value(value)
        except ValueError as error:
            # A password is easily put where the name of its variable belongs.
            text = "***" if key.value in _NAMES else repr(value)
            problems.append(f"{prefix}.{name} = {text}, but it takes {error}")
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
            values = _read_keys(entries, keys_of(RuleSettings), f"{where}.{metric}", problems)
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
        where = f"tool.trainwheel.index.{name}"
        values = _read_keys(entries, keys_of(IndexSettings), where, problems)
        indexes[name] = IndexSettings(name, **values)
    return indexes
