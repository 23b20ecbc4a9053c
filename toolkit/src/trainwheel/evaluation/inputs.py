"""What a model takes: the columns of its records, by the rows that it was tried on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

__all__ = ["named_column", "project", "schema_of"]

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
