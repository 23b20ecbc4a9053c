"""Where the installed model comes from, and whether it still answers as it did there.

Its wheel says so, in a record that trainwheel wrote. Nothing here needs scikit-learn or numpy: the
record can be read where the model cannot run.
"""

import functools
import hashlib
import importlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any, cast

from oncology_model.errors import ArtefactError
from oncology_model.manifest import parse_manifest

_RECORD, _GOLDEN = "trainwheel/provenance.json", "trainwheel/golden.jsonl"
# What is shown, in this order: the first line is of the metadata of the wheel, the last of the
# manifest, those between of the record.
_SHOWN = (
    *("name", "version", "author", "license", "addresses"),
    *("card", "commit", "dirty", "commit_time", "training", "metrics", "gate"),
    *("engines", "artefact", "packages"),
    *("sha256", "size", "versions", "python"),
)
_LABELS = {"card": "about", "intended_use": "intended use", "data_licence": "licence of the data"}
_INDENT = "  "


class RecordError(ValueError):
    """What the wheel says of itself is damaged."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Predictions that every installation has to repeat.

    Attributes:
        rows: inputs and answers, JSON values.
        predict: the function that is asked, ``module:name``.
        tolerance: how far a number may be off, relative.
    """

    rows: Sequence[tuple[Mapping[str, object], object]]
    predict: str
    tolerance: float


def read_provenance(distribution: Distribution) -> str | None:
    """Give the record as it is in the wheel, a JSON document; None if it has none.

    Raises:
        RecordError: it is damaged.
    """
    document = _read(distribution, _RECORD)
    if document is not None:
        _to_object(document)
    return document


def read_golden(distribution: Distribution, record: str) -> Golden:
    """Read the golden predictions.

    Args:
        distribution: what holds them.
        record: as `read_provenance` gives it.

    Raises:
        RecordError: they are damaged, or there are none.
    """
    match _to_object(record).get("golden"):
        case {"sha256": str(digest), "predict": str(predict), "tolerance": int() | float() as far}:
            text = _read(distribution, _GOLDEN) or ""
            if hashlib.sha256(text.encode()).hexdigest() == digest:
                rows = [_to_row(_to_object(line)) for line in text.split("\n") if line]
                if rows:
                    return Golden(rows, predict, far)
    message = f"{_GOLDEN} is empty, or not the one that {_RECORD} names"
    raise RecordError(message)


def repeat(golden: Golden) -> Iterator[str]:
    """Ask the installed model again, and say where it answers otherwise.

    Raises:
        RecordError: the function that is to be asked is not there.
        ArtefactError: the model cannot be used.
    """
    module, _, name = golden.predict.partition(":")
    try:
        owner: Any = importlib.import_module(module)
        predict = functools.reduce(getattr, name.split("."), owner)
    except (ImportError, AttributeError) as error:
        raise RecordError(str(error)) from None
    for number, (record, expected) in enumerate(golden.rows, 1):
        try:
            answer = json.loads(json.dumps(predict(record)))
        except ArtefactError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the model's own function raises
            yield f"row {number}: {type(error).__name__}: {error}"
        else:
            if difference := find_difference(expected, answer, golden.tolerance):
                yield f"row {number}: {difference}"


def find_difference(expected: object, answer: object, tolerance: float, where: str = "it") -> str:
    """Say where an answer is another one than expected; an empty text where it is not.

    Args:
        expected: a JSON value.
        answer: what the model says now, a JSON value.
        tolerance: how far a number may be off, relative; all else must be equal.
        where: what to call the value.
    """
    parts: Iterable[tuple[str, object, object]]
    if isinstance(expected, dict) and isinstance(answer, dict) and expected.keys() == answer.keys():
        parts = ((str(name), expected[name], answer[name]) for name in expected)
    elif isinstance(expected, list) and isinstance(answer, list) and len(expected) == len(answer):
        pairs = enumerate(zip(expected, answer, strict=True))
        parts = ((f"{where}[{index}]", *pair) for index, pair in pairs)
    elif _are_same(expected, answer, tolerance):
        return ""
    else:
        return f"{where} was {expected!r}, is {answer!r}"
    differences = (find_difference(then, now, tolerance, name) for name, then, now in parts)
    return next(filter(None, differences), "")


def read_manifest(package: Path) -> str | None:
    """Read the manifest beside a package's artefact, a JSON document; None without a sound one."""
    try:
        content = (package / "artefact" / "model.joblib.json").read_bytes()
        parse_manifest(content)
    except (OSError, ValueError):
        return None
    return content.decode()


def list_engines(package: Path) -> list[str]:
    """List the forms of a package's model, the one that is used first; empty where it has one."""
    content = read_manifest(package)
    manifest = parse_manifest(content.encode()) if content else None
    if manifest is None or not manifest.portable:
        return []
    return ["portable", "sklearn"] if manifest.is_portable else ["sklearn", "portable"]


def describe(distribution: Distribution) -> dict[str, object]:
    """Give what the metadata of a wheel says of those who made it."""
    metadata = HeaderParser().parsestr(distribution.read_text("METADATA") or "")
    people = (_name(metadata[kind], metadata[f"{kind}-email"]) for kind in ("Author", "Maintainer"))
    addresses = (line.partition(",") for line in metadata.get_all("Project-URL", []))
    return {
        "author": next(filter(None, people), None),
        "license": metadata["License-Expression"] or metadata["License"],
        "addresses": {label.strip(): address.strip() for label, _, address in addresses},
    }


def render(document: str, more: Mapping[str, object] | None = None) -> str:
    """Lay out the chief fields of a provenance or a manifest as a table of names and values.

    Args:
        document: the text of a JSON object; a field of another shape than expected is shown
            as it is.
        more: further fields.

    Raises:
        RecordError: it is not a JSON object.
    """
    fields = {**_to_object(document), **(more or {})}
    fields["metrics"] = _join(fields.get("metrics"), fields.get("intervals"))
    try:
        rows = list(_list_rows({name: fields[name] for name in _SHOWN if fields.get(name)}, ""))
    except RecursionError:
        message = "nested too deeply"
        raise RecordError(message) from None
    width = max((len(name) for name, _ in rows), default=0)
    return "".join(f"{name:{width}}  {value}".rstrip() + "\n" for name, value in rows)


def _are_same(expected: object, answer: object, tolerance: float) -> bool:
    # bool is an int to Python.
    if {type(expected), type(answer)} <= {int, float}:
        try:
            return math.isclose(expected, answer, rel_tol=tolerance)  # type: ignore[arg-type]
        except OverflowError:  # a whole number beyond every float
            return expected == answer
    return type(expected) is type(answer) and expected == answer


def _read(distribution: Distribution, name: str) -> str | None:
    try:
        return distribution.read_text(name)
    except UnicodeDecodeError as error:
        message = f"{name}: {error}"
        raise RecordError(message) from None


def _to_object(text: str) -> dict[str, object]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(str(error)) from None
    if not isinstance(document, dict):
        message = "not a JSON object"
        raise RecordError(message)
    return document


def _name(name: str | None, mail: str | None) -> str:
    return f"{name} <{mail}>" if name and mail and "<" not in mail else mail or name or ""


def _to_row(row: Mapping[str, object]) -> tuple[Mapping[str, object], object]:
    match row:
        case {"input": {**record}, "prediction": answer}:
            return cast("dict[str, object]", record), answer
    message = "a golden prediction without an input and an answer"
    raise RecordError(message)


def _join(metrics: object, intervals: object) -> object:
    if not isinstance(metrics, dict) or not isinstance(intervals, dict):
        return metrics
    with_bounds = {
        name: f"{_show(metrics[name])} ({' to '.join(map(_show, bounds))})"
        for name, bounds in intervals.items()
        if name in metrics and isinstance(bounds, list)
    }
    return metrics | with_bounds


def _list_rows(fields: Mapping[str, object], indent: str) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        label = indent + _LABELS.get(name, _show(name))
        if isinstance(value, dict):
            if value:
                yield label, ""
            yield from _list_rows(value, indent + _INDENT)
        else:
            lines = value.splitlines() if isinstance(value, str) else [value]
            yield label, _show(lines[0] if lines else "")
            yield from (("", _show(line)) for line in lines[1:])


def _show(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_show, value))
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    # What does not print could garble the terminal.
    return str(value) if not isinstance(value, str) or value.isprintable() else json.dumps(value)
