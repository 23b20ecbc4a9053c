"""The record of a model in its wheel: its name, its origin and its metrics.

All of it follows from the commit, the data and the lock, and nothing from the clock or the folders
of a machine, so that one commit gives one wheel.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from trainwheel.errors import ConfigurationError
from trainwheel.system.text import shown

__all__ = [
    "SCHEMA",
    "Artefact",
    "Golden",
    "Provenance",
    "TrainedFile",
    "Training",
    "parse_provenance",
]

SCHEMA = 1

_REINSTALL = "install the wheel again"
_LONGEST_NAME = 60
_DEEPEST = 20


class _Kind(NamedTuple):
    """A kind of values: a check, and its name with an article."""

    fits: Callable[[Any], bool]
    name: str


def _text_like(pattern: str, name: str) -> _Kind:
    def fits(value: Any) -> bool:
        return isinstance(value, str) and bool(re.fullmatch(pattern, value, re.ASCII))

    return _Kind(fits, name)


def _is_number(value: Any) -> bool:
    # A whole number may be beyond every float, and is finite.
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))


def _has_names(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


def _is_finite(value: Any, depth: int = 0) -> bool:
    if depth > _DEEPEST:
        return False
    if isinstance(value, Mapping):
        return _has_names(value) and all(_is_finite(v, depth + 1) for v in value.values())
    if isinstance(value, list | tuple):
        return all(_is_finite(inner, depth + 1) for inner in value)
    return value is None or isinstance(value, str | bool) or _is_number(value)


_OBJECT = _Kind(_has_names, "an object")
_PAIR = _Kind(lambda value: isinstance(value, list | tuple) and len(value) == 2, "a pair")  # noqa: PLR2004
_PLAIN: Mapping[Any, _Kind] = {
    Any: _Kind(_is_finite, f"a JSON value of finite numbers, nested at most {_DEEPEST} deep"),
    str: _Kind(lambda value: isinstance(value, str), "text"),
    bool: _Kind(lambda value: isinstance(value, bool), "true or false"),
    int: _Kind(lambda value: type(value) is int and value >= 0, "a count"),
    float: _Kind(_is_number, "a finite number"),
}
# As in data/provenance-1.json, which tests compare; a later version may add engines and formats.
_Text = Annotated[str, _text_like(r"[\s\S]+", "text of a character or more")]
_Name = Annotated[str, _text_like("[a-z0-9]+(-[a-z0-9]+)*", "a normalised name (PEP 503)")]
_Python = Annotated[str, _text_like(r"[a-z]+ [0-9]+\.[0-9]+.*", "a Python and its version")]
_Member = Annotated[str, _text_like("[^/].*[^/]", "the path of a member of a wheel")]
_Callable = Annotated[str, _text_like(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", "MODULE:FUNCTION")]
_Size = Annotated[int, _Kind(lambda value: type(value) is int and value > 0, "a size")]
_Tolerance = Annotated[
    float, _Kind(lambda value: _is_number(value) and value >= 0, "a finite number from 0 on")
]
_Sha256 = Annotated[str, _text_like("[0-9a-f]{64}", "a sha256")]
_Sha = Annotated[str, _text_like("[0-9a-f]{40}([0-9a-f]{24})?", "a commit")]
_Time = Annotated[
    str, _text_like(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", "a time in UTC")
]


@dataclass(frozen=True)
class Training:
    """How the model was trained.

    Args:
        command: The configured command, with ``{model}`` and ``{report}`` for the paths.
        parameters: The content of ``params.json``.
        engine: ``local`` or ``dask``, where its parallel work ran.
        python: Implementation and version.
        platform: As Python's sysconfig names it.
        source: One digest of the code of training and of the classifier.
        data: Path of each file that it read → sha256; for data in no file, such as that of a
            package, the name that training gave it.
        snapshot: Of data that a command fetched: its version, rows, columns and their digest.
        read: One digest of the list of all files that training read, with theirs; None in wheels
            of before.
    """

    command: _Text
    parameters: Mapping[str, Any]
    engine: str
    python: _Python
    platform: _Text
    source: _Sha256
    data: Mapping[str, _Sha256]
    snapshot: Mapping[str, Any] | None = None
    read: _Sha256 | None = None


@dataclass(frozen=True)
class TrainedFile:
    """A file of the model: its sha256, its size in bytes, its format."""

    sha256: _Sha256
    size: int
    format: _Text


@dataclass(frozen=True)
class Artefact:
    """The serialised model.

    Args:
        path: The file in the wheel, or the folder; where there are several, the chief one.
        sha256: Of the file; of a folder, a digest of the names and digests of its files.
        size: In bytes.
        format: Of the file; ``folder`` for one.
        files: Path in the wheel → each file of the model, unless it is that one file alone.
    """

    path: _Member
    sha256: _Sha256
    size: _Size
    format: str
    files: Mapping[str, TrainedFile] = field(default_factory=dict)

    @property
    def members(self) -> Mapping[str, TrainedFile]:
        """Path in the wheel → each file of the model."""
        return self.files or {self.path: TrainedFile(self.sha256, self.size, self.format)}


@dataclass(frozen=True)
class Golden:
    """The golden predictions in the wheel.

    Args:
        sha256: Of the file that holds them.
        count: How many there are.
        predict: The function that repeats them, ``module:name``.
        tolerance: How far a number may move, relative.
    """

    sha256: _Sha256
    count: int
    predict: _Callable
    tolerance: _Tolerance


@dataclass(frozen=True)
class Provenance:
    """The record of the model in a wheel.

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
        gate: The rules for each metric; None where there is no gate.
        packages: Every locked package of the runtime and of training → version.
        artefact: The serialised model.
        golden: The golden predictions.
        inputs: Column → JSON Schema's names for the types of its values in the held-out rows and
            the golden predictions; empty in wheels of before there was this field.
        card: What is said of the model: its intended use, limits, contact and the licence of its
            data; None where nothing is.
        proved: The Pythons that the wheel is promised for, with which Python and libraries it
            repeats its golden predictions, and why others were not tried; empty in wheels of before
            there was this field.
    """

    name: _Name
    version: _Text
    release_key: _Sha256
    commit: _Sha | None
    dirty: bool
    commit_time: _Time | None
    training: Training
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    gate: Mapping[str, Any] | None
    packages: Mapping[str, str]
    artefact: Artefact
    golden: Golden
    schema: int = field(default=SCHEMA)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, str] | None = None
    proved: Mapping[str, Any] = field(default_factory=dict)

    def render(self) -> str:
        """Return it as JSON text: one form for one content.

        Raises:
            ConfigurationError: It does not fit its schema (data/provenance-1.json), as with a
                number of metrics.json or params.json that is not finite.
        """
        document = asdict(self)
        try:
            _read(Provenance, document, "")
        except _ShapeError as error:
            message = f"the provenance cannot be written: {error}"
            hint = "let training write finite numbers to metrics.json and params.json"
            raise ConfigurationError(message, hint=hint) from None
        return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def parse_provenance(text: str | bytes, name: str = "provenance.json") -> Provenance:
    """Return the content of a provenance file; unknown keys are ignored.

    Args:
        text: As `Provenance.render` gives it.
        name: Name of the file, for messages.

    Raises:
        ConfigurationError: The text is not JSON, has another schema, or a value of another kind.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        message = f"{name} is not a JSON document"
        raise ConfigurationError(message, hint=_REINSTALL) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if type(schema) is not int or schema < SCHEMA:
        message = f"{name} is not a provenance: it has no schema number"
        raise ConfigurationError(message, hint=_REINSTALL)
    if schema > SCHEMA:
        message = f"{name} has schema {schema}, and this version knows {SCHEMA}"
        raise ConfigurationError(message, hint="use a newer trainwheel to read it")
    try:
        provenance: Provenance = _read(Provenance, document, "")
    except _ShapeError as error:
        message = f"{name} is not a provenance: {error}"
        raise ConfigurationError(message, hint=_REINSTALL) from None
    return provenance


class _ShapeError(ValueError):
    """A value is of another kind: ``training.python is not text``."""


def _read(hint: Any, value: Any, where: str) -> Any:
    """Return a JSON value as the type that a hint names.

    Raises:
        _ShapeError: The value, or one in it, is of another type; names the first.
    """
    if get_origin(hint) is Annotated:
        return _check(get_args(hint)[1], value, where)
    if is_dataclass(hint):
        return _read_record(hint, _check(_OBJECT, value, where), where)
    arguments = get_args(hint)
    if type(None) in arguments:
        return None if value is None else _read(arguments[0], value, where)
    if get_origin(hint) is Mapping:
        entries = _check(_OBJECT, value, where).items()
        return {name: _read(arguments[1], inner, _join(where, name)) for name, inner in entries}
    if get_origin(hint) is tuple:
        return tuple(_read(arguments[0], inner, where) for inner in _check(_PAIR, value, where))
    return _check(_PLAIN[hint], value, where)


def _read_record(kind: Any, document: Mapping[str, Any], where: str) -> Any:
    values = {}
    hints = _hints(kind)
    for entry in fields(kind):
        if entry.name in document:
            place = _join(where, entry.name)
            values[entry.name] = _read(hints[entry.name], document[entry.name], place)
        elif entry.default is MISSING and entry.default_factory is MISSING:
            # A field with a default is missing in wheels that are older than the field.
            message = f"{_join(where, entry.name)} is missing"
            raise _ShapeError(message)
    return kind(**values)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _check(kind: _Kind, value: Any, where: str) -> Any:
    if not kind.fits(value):
        message = f"{where or 'it'} is not {kind.name}"
        raise _ShapeError(message)
    return value


def _join(where: str, name: str) -> str:
    name = shown(name)
    name = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    return f"{where}.{name}" if where else name
