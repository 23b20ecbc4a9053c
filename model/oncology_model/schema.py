"""JSON Schema (draft 2020-12) of what the model reads and answers, for services and forms."""

from collections.abc import Sequence
from dataclasses import MISSING
from datetime import date
from typing import Any

from oncology_model.kinds import Category, Field, Flag, Number
from oncology_model.ranges import Categories, Days, Held, Range, Ranges
from oncology_model.record import Record, layout_of

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DATE = {"type": "string", "format": "date"}


def describe_record(record: type[Record], ranges: Ranges) -> dict[str, Any]:
    """Return the schema of a record as a JSON object.

    Args:
        record: the class of the records.
        ranges: those of training. They stand beside the bounds of what is possible, as
            ``x-training``: a validator passes over them.
    """
    fields = layout_of(record).fields
    return {
        "$schema": _DRAFT,
        "title": record.__name__,
        **_describe_class(record),
        "type": "object",
        "properties": {each.name: _describe_field(each, ranges.get(each.name)) for each in fields},
        "required": [each.name for each in fields if each.default is MISSING],
        "additionalProperties": False,
    }


def describe_result(labels: Sequence[str] | None) -> dict[str, Any]:
    """Return the schema of `Result.as_json`.

    Args:
        labels: the classes that are known; none if they are not; None if numbers are predicted.
    """
    share: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
    prediction: dict[str, Any] = {"type": "number"}
    shares: dict[str, Any] = {"type": "object", "maxProperties": 0}
    if labels is not None:
        prediction = {"type": "string", **({"enum": list(labels)} if labels else {})}
        shares = {"type": "object", "additionalProperties": share}
        if labels:
            shares["propertyNames"] = {"enum": list(labels)}
    properties: dict[str, Any] = {
        "prediction": prediction,
        "probability": {"type": "null"} if labels is None else {"anyOf": [share, {"type": "null"}]},
        "probabilities": shares,
        "model_version": {"type": "string"},
        "warnings": {"type": "array", "items": {"type": "string"}},
    }
    return {
        "$schema": _DRAFT,
        "title": "Result",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _describe_field(field: Field, held: Held | None) -> dict[str, Any]:
    kind = field.kind
    schema: dict[str, Any]
    if isinstance(kind, Number):
        stated = {"minimum": kind.at_least, "maximum": kind.at_most, "x-unit": kind.unit or None}
        schema = {"type": "integer" if kind.whole else "number"}
        schema |= {name: value for name, value in stated.items() if value is not None}
    elif isinstance(kind, Category):
        schema = {"type": "string", **({"enum": list(kind.choices)} if kind.choices else {})}
    else:
        schema = {"type": "boolean"} if isinstance(kind, Flag) else {**_DATE}
    if field.may_miss:
        schema = {"anyOf": [schema, {"type": "null"}]}
    if text := _describe(field, held):
        schema["description"] = text
    if isinstance(held, Range):
        schema["x-training"] = {"lowest": held.lowest, "highest": held.highest}
    elif isinstance(held, Days):
        first, last = held.lowest.isoformat(), held.highest.isoformat()
        schema["x-training"] = {"lowest": first, "highest": last}
    elif isinstance(held, Categories):
        schema["x-training"] = {"categories": list(held.categories)}
    if field.default is not MISSING:
        is_day = isinstance(field.default, date)
        schema["default"] = str(field.default) if is_day else field.default
    return schema


def _describe(field: Field, held: Held | None) -> str:
    kind = field.kind
    unit = kind.unit if isinstance(kind, Number) else ""
    parts = [kind.about, f"in {unit}" if unit else ""]
    if isinstance(held, Range | Days):
        parts.append(f"{held} in training")
    return "; ".join(part for part in parts if part)


def _describe_class(record: type[Record]) -> dict[str, str]:
    text = (record.__doc__ or "").strip().partition("\n")[0]
    # A dataclass without a docstring, as all are under -OO, has its signature in its place.
    return {} if text.startswith(f"{record.__name__}(") else {"description": text}
