"""The keys of ``[tool.trainwheel]``: what each is called, what it takes, and what it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainwheel.requirements.pins import POLICIES
from trainwheel.settings.values import (
    a_callable,
    a_command,
    a_count,
    a_duration,
    a_file,
    a_flag,
    a_member,
    a_module,
    a_number,
    a_path,
    a_positive_number,
    a_scheduler,
    a_size,
    a_text,
    a_tolerance,
    a_variable,
    a_whole_number,
    extras_table,
    one_of,
    paths,
    patterns,
    variables,
)

__all__ = ["GATE_KEYS", "GATE_SETTINGS", "INDEX_KEYS", "KEYS", "Key"]


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


KEYS = (
    Key("package", "package", a_module, "", "Import name of the package that is shipped"),
    Key(
        "train.command",
        "train_command",
        a_command,
        "",
        "The training command; {model}, {data} and {report} stand for the paths",
    ),
    Key(
        "predict",
        "predict",
        a_callable,
        "PACKAGE.classifier:predict_record",
        "Function that takes one record (a mapping) and returns a JSON value",
    ),
    Key("source", "source", a_path, "model", "Source root: holds the package and its training"),
    Key("artefact", "artefact", a_member, "artefact/model.joblib", "The model, inside the package"),
    Key("tests", "tests", a_path, "tests", "The model's tests"),
    Key("system-tests", "system_tests", a_path, "tests/system", "Those that the wheel must pass"),
    Key("docs", "docs", a_path, "docs", "The model's Sphinx site; skipped where there is none"),
    Key("data", "data", paths, "[]", "Files and folders that training reads"),
    Key("data.paths", "data", paths, "[]",
        "The same, beside the other keys that begin with data; tracked by DVC, they are pulled"),
    Key("data.command", "data_command", a_command, "none",
        "Command that writes a snapshot of the data; {folder} stands for where to"),
    Key("data.version-command", "data_version_command", a_command, "none",
        "Command that prints what changes with the data: a snapshot id, a watermark"),
    Key("data.schema", "data_schema", a_path, "data-schema.json",
        "Columns and rows that the snapshot has to have, written by `nox -s data -- --accept`"),
    Key("data.max-row-change", "data_max_row_change", a_positive_number, "none",
        "By which share the number of rows may differ from what was accepted"),
    Key("inputs", "inputs", paths, "[]", "Further files and folders that make training stale"),
    Key("train.threads", "threads", a_count, "1",
        "Threads of numerical libraries in training, the same everywhere; 0 leaves them alone"),
    Key("train.engine", "engine", one_of("local", "dask"), "local",
        "Where the parallel work of training runs: in processes of its own, or on a Dask cluster"),
    Key("train.dask.scheduler", "dask_scheduler", a_scheduler, "none",
        "Address of the cluster, tcp:// or tls://; without one, a cluster of this machine alone"),
    Key("train.dask.ca-file", "dask_ca_file", a_file, "none",
        "Certificate of the authority that the cluster trusts, for tls://"),
    Key("train.dask.cert-file", "dask_cert_file", a_file, "none",
        "Certificate by which the cluster knows this client, for tls://"),
    Key("train.dask.key-file", "dask_key_file", a_file, "none",
        "Key of that certificate, for tls://"),
    Key("train.dask.time-limit", "dask_time_limit", a_duration, "24 h",
        "How long training on a cluster may take in all"),
    Key("report.show-rows", "show_rows", a_flag, "false",
        "Show the inputs of the worst mistakes in the report, not only their row numbers"),
    Key("cache.limit", "cache_limit", a_size, "5 GB",
        "How much the results of earlier inputs may take up; 0 keeps none"),
    Key("wheel.store-above", "store_above", a_size, "256 MB",
        "Files larger than this are stored in the wheel; smaller ones are deflated"),
    Key("secrets.data", "data_secrets", variables, "[]",
        "Variables with credentials of the data, for what fetches it and no other step"),
    Key("tolerance", "tolerance", a_tolerance, "1e-9",
        "How far a golden number may move, relative"),
    Key("sync.pins", "pins", one_of(*POLICIES), "compatible",
        "How the locked packages are written into setup.py"),
    Key("sync.extras", "extras", extras_table, "{}",
        "Extras to write as well, each with the Pipfile category that it holds"),
    Key("version.release", "release", one_of("changed", "always"), "changed",
        "Release when what is shipped has changed, or at every build"),
    Key("version.build-number-offset", "build_number_offset", a_whole_number, "0",
        "Added to the CI service's build number"),
)  # fmt: skip

GATE_KEYS = (
    Key("min", "minimum", a_number, "", "The least value that passes"),
    Key("max", "maximum", a_number, "", "The greatest value that passes"),
    Key("max-drop", "drop", a_positive_number, "",
        "By how much it may be worse than the newest published version of the line"),
    Key("max-drop-relative", "drop_relative", a_positive_number, "",
        "The same as a share of the published value: 0.01 is one per cent"),
    Key("direction", "direction", one_of("higher", "lower"), "known for scikit-learn's names",
        "Which way the metric is good"),
)  # fmt: skip

GATE_SETTINGS = (
    Key("baseline", "baseline", one_of("optional", "required"), "optional",
        "Whether a model is refused that cannot be compared, for nothing is published"),
    Key("positive", "positive", a_text, "the class that comes last",
        "Of two classes, the one that sensitivity, precision and ROC are about"),
)  # fmt: skip

INDEX_KEYS = (
    Key("url", "url", a_text, "", "Where wheels are uploaded to"),
    Key("url-env", "url_env", a_variable, "",
        "Variable that holds that address; where it is set, and no index is named, it is this one"),
    Key("simple-url", "simple_url", a_text, "URL/simple/", "Where the index is read"),
    Key("install-url", "install_url", a_text, "",
        "Index that users install from: a group or proxy"),
    Key("username", "username", a_text, "", "A user name that is no secret, such as __token__"),
    Key("username-env", "username_env", a_variable, "", "Variable that holds the user name"),
    Key("password-env", "password_env", a_variable, "", "Variable that holds the password"),
    Key(
        "token-command",
        "token_command",
        a_text,
        "",
        "Command that prints a password of short life, instead of a variable",
    ),
    Key("packages", "packages", patterns, "[]",
        "Packages that are locked and installed from this index and from no other"),
    Key("read-username-env", "read_username_env", a_variable, "",
        "Variable that holds the user name for reading, where it is another one"),
    Key("read-password-env", "read_password_env", a_variable, "",
        "Variable that holds the password for reading, where it is another one"),
    Key("allow-http", "allow_http", a_flag, "false", "Allow an address without TLS"),
)  # fmt: skip
