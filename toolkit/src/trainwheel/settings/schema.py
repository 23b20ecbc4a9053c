"""``[tool.trainwheel]`` as JSON Schema, for editors and for validate-pyproject."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from trainwheel.settings.config import Config
from trainwheel.settings.keys import Key, keys_of
from trainwheel.settings.tables import GateSettings, IndexSettings, RuleSettings

__all__ = ["render_schema", "tool_schema"]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_ASKS = ("min", "max", "max-drop", "max-drop-relative")
"""A rule of the gate gives at least one of these, and of the last two at most one."""


def tool_schema(_tool: str = "trainwheel") -> dict[str, Any]:
    """Return the schema of ``[tool.trainwheel]``, as validate-pyproject asks for it."""
    table = _table(keys_of(Config))
    rule = {
        **_table(keys_of(RuleSettings)),
        "anyOf": [{"required": [name]} for name in _ASKS],
        "not": {"required": [*_ASKS[-2:]]},
    }
    gate = {**_table(keys_of(GateSettings)), "additionalProperties": rule}
    indexes = {"type": "object", "additionalProperties": _table(keys_of(IndexSettings))}
    table["properties"] |= {"gate": gate, "index": indexes}
    return {"$schema": _DRAFT, "$id": "urn:trainwheel:tool", "title": "[tool.trainwheel]", **table}


def render_schema() -> str:
    """Return the schema of a whole pyproject.toml, as editors take it; other tables are free."""
    tool = {"properties": {"trainwheel": tool_schema()}}
    document = {"$schema": _DRAFT, "properties": {"tool": tool}}
    return f"{json.dumps(document, indent=1)}\n"


def _table(keys: Iterable[Key]) -> dict[str, Any]:
    table: dict[str, Any] = _empty()
    for key in keys:
        *parents, name = key.name.split(".")
        place = table
        for parent in parents:
            if key.is_required:
                _require(place, parent)
            place = _below(place, parent)
        if key.is_required:
            _require(place, name)
        place["properties"][name] = {**key.value.schema, "description": key.help}
    return table


def _below(table: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a table below another one; where a key has its name, it may be either."""
    inner = table["properties"].setdefault(name, _empty())
    if "properties" in inner:
        return inner  # type: ignore[no-any-return]
    if "anyOf" not in inner:
        inner = table["properties"][name] = {"anyOf": [inner, _empty()]}
    return inner["anyOf"][1]  # type: ignore[no-any-return]


def _empty() -> dict[str, Any]:
    return {"type": "object", "properties": {}, "additionalProperties": False}


def _require(table: dict[str, Any], name: str) -> None:
    table["required"] = sorted({*table.get("required", ()), name})
