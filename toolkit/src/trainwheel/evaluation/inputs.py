"""What a model takes: the columns of its records, by the rows that it was tried on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from trainwheel.evaluation.metrics import parse_object

__all__ = ["named_column", "parse_ranges", "project", "schema_of"]

_LARGEST = 1e308  # a float holds it, also where an integer is given

# Tried in this order: to Python a bool is an int as well.
_TYPES = (
    (type(None), "null"), (bool, "boolean"), (int, "integer"), (float, "number"),
    (str, "string"), (list, "array"), (dict, "object"),
)  # fmt: skip


def schema_of(records: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return column → the names that JSON Schema has for the types of its values, sorted.

    Args:
        records: Inputs of the model, JSON objects.
    """
    types: dict[str, set[str]] = {}
    for record in records:
        for name, value in record.items():
            kind = next(kind for python, kind in _TYPES if isinstance(value, python))
            types.setdefault(name, set()).add(kind)
    return {name: sorted(types[name]) for name in sorted(types)}


def project(
    records: Sequence[Mapping[str, Any]], columns: Collection[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the records with these columns only, and the names of those that were dropped."""
    dropped = sorted({name for record in records for name in record} - set(columns))
    return [{k: v for k, v in row.items() if k in columns} for row in records], dropped


def named_column(message: str, columns: Iterable[str]) -> str:
    """Return the column that a message names as a whole word; the longest, empty for none."""
    names = (n for n in columns if re.search(rf"(?<!\w){re.escape(n)}(?!\w)", message))
    return max(names, key=len, default="")


def parse_ranges(text: str | bytes) -> dict[str, Any]:
    """Return column → what training saw in it: the lowest and highest, or the categories.

    Raises:
        StepFailedError: The text is not a JSON object of these.
    """
    hint = 'let training write {"COLUMN": {"lowest": 1, "highest": 9}} or {"categories": ["a"]}'
    return parse_object(text, "inputs.json", "range", _is_range, hint)


def _is_range(name: str, value: object) -> bool:
    match value if name else None:
        case {"lowest": int() | float() as low, "highest": int() | float() as high, **others}:
            is_number = not isinstance(low, bool) and not isinstance(high, bool)
            return not others and is_number and -_LARGEST <= low <= high <= _LARGEST
        case {"lowest": str() as low, "highest": str() as high, **others}:
            with suppress(ValueError):
                return not others and date.fromisoformat(low) <= date.fromisoformat(high)
        case {"categories": [str(), *_] as texts, **others}:
            return not others and all(isinstance(text, str) for text in texts)
    return False
