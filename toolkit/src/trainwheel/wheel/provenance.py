"""The model record that travels in the wheel: what it is, what it was made of, how good it is.

Everything in it follows from the commit, the data and the lock, and nothing from the clock or the
machine's folders, so that one commit gives one wheel.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from trainwheel.errors import ConfigurationError
from trainwheel.wheel.provenance import (
    ANYTHING,
    COUNT,
    DIGEST,
    FLAG,
    NUMBER,
    TEXT,
    ShapeError,
    either,
    mapping_of,
    pair_of,
    record,
    text_like,
)

__all__ = ["SCHEMA", "Artefact", "Golden", "Provenance", "Training", "parse_provenance"]

SCHEMA = 1


@dataclass(frozen=True)
class Training:
    """How the model was trained.

    Args:
        command: As it is configured, with ``{model}`` and ``{report}`` for the paths.
        parameters: What training said of itself in ``params.json``.
        engine: Where its parallel work ran: ``local`` or ``dask``.
        python: Implementation and version.
        platform: As Python's sysconfig names it.
        source: One digest of the code that training and the classifier are made of.
        data: Path of each file that it read, and the name that it gave to data that is no file,
            such as what a package ships → sha256.
        snapshot: Of data that a command fetched: its version, rows, columns and their digest.
    """

    command: str
    parameters: Mapping[str, Any]
    engine: str
    python: str
    platform: str
    source: str
    data: Mapping[str, str]
    snapshot: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Artefact:
    """The serialised model: its path in the wheel, its sha256, its size in bytes, its format."""

    path: str
    sha256: str
    size: int
    format: str


@dataclass(frozen=True)
class Golden:
    """The golden predictions in the wheel.

    Args:
        sha256: Of the file that holds them.
        count: How many there are.
        predict: The function that repeats them, ``module:name``.
        tolerance: How far a number may move, relative.
    """

    sha256: str
    count: int
    predict: str
    tolerance: float


@dataclass(frozen=True)
class Provenance:
    """What a wheel says of the model in it.

    Args:
        name: Of the distribution.
        version: Of the release.
        release_key: Digest of what is shipped, apart from the version.
        commit: Of the repository; None outside git.
        dirty: Whether files differed from that commit.
        commit_time: Its time, ISO 8601 in UTC; None outside git.
        training: How the model was trained.
        metrics: Name → number, on held-out rows.
        intervals: Name of a metric → lower and upper bound.
        gate: What was asked of each metric; None where there is no gate.
        packages: Every locked package of the runtime and of training → version.
        artefact: The serialised model.
        golden: The golden predictions.
    """

    name: str
    version: str
    release_key: str
    commit: str | None
    dirty: bool
    commit_time: str | None
    training: Training
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    gate: Mapping[str, Any] | None
    packages: Mapping[str, str]
    artefact: Artefact
    golden: Golden
    schema: int = field(default=SCHEMA)

    def render(self) -> str:
        """Return it as JSON text: one form for one content.

        Raises:
            ConfigurationError: A number of metrics.json or params.json is not finite.
        """
        document = asdict(self)
        try:
            _SHAPE(document, "")
        except ShapeError as error:
            message = f"the provenance cannot be written: {error}"
            hint = "let training write finite numbers to metrics.json and params.json"
            raise ConfigurationError(message, hint=hint) from None
        return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def parse_provenance(text: str | bytes, name: str = "provenance.json") -> Provenance:
    """Return what the text of a provenance file says; keys that are not known are ignored.

    Args:
        text: As `Provenance.render` gives it.
        name: What the file is called in an error.

    Raises:
        ConfigurationError: It is not JSON, of another schema, or not shaped as one.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        message = f"{name} is no JSON document"
        raise ConfigurationError(message, hint=_REINSTALL) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if type(schema) is not int or schema < SCHEMA:
        message = f"{name} is no provenance: it has no schema number"
        raise ConfigurationError(message, hint=_REINSTALL)
    if schema > SCHEMA:
        message = f"{name} has schema {schema}, and this version knows {SCHEMA}"
        raise ConfigurationError(message, hint="use a newer trainwheel to read it")
    try:
        _SHAPE(document, "")
    except ShapeError as error:
        message = f"{name} is no provenance: {error}"
        raise ConfigurationError(message, hint=_REINSTALL) from None
    return _build(document)


def _build(document: Mapping[str, Any]) -> Provenance:
    known = _known(Provenance, document)
    known["training"] = Training(**_known(Training, document["training"]))
    known["artefact"] = Artefact(**_known(Artefact, document["artefact"]))
    known["golden"] = Golden(**_known(Golden, document["golden"]))
    known["intervals"] = {name: (low, high) for name, (low, high) in known["intervals"].items()}
    return Provenance(**known)


def _known(kind: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    # What is missing here came later than the record, and has a default.
    return {entry.name: document[entry.name] for entry in fields(kind) if entry.name in document}


_REINSTALL = "install the wheel again"
_COMMIT = text_like("[0-9a-f]{40}([0-9a-f]{24})?", "commit")
_TIME = text_like(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", "time in UTC")

_SHAPE = record(
    {
        "schema": COUNT,
        "name": TEXT,
        "version": TEXT,
        "release_key": DIGEST,
        "commit": either(_COMMIT),
        "dirty": FLAG,
        "commit_time": either(_TIME),
        "training": record(
            {
                "command": TEXT,
                "parameters": mapping_of(ANYTHING),
                "engine": TEXT,
                "python": TEXT,
                "platform": TEXT,
                "source": DIGEST,
                "data": mapping_of(DIGEST),
            },
            {"snapshot": either(mapping_of(ANYTHING))},
        ),
        "metrics": mapping_of(NUMBER),
        "intervals": mapping_of(pair_of(NUMBER)),
        "gate": either(mapping_of(ANYTHING)),
        "packages": mapping_of(TEXT),
        "artefact": record({"path": TEXT, "sha256": DIGEST, "size": COUNT, "format": TEXT}),
        "golden": record({"sha256": DIGEST, "count": COUNT, "predict": TEXT, "tolerance": NUMBER}),
    }
)
