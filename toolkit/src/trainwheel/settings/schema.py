"""The settings as a JSON schema, for editors and validators of pyproject.toml."""

from __future__ import annotations

from typing import Any

from trainwheel.settings.config import Config, GateRule, GateSettings, IndexSettings
from trainwheel.settings.keys import Key, keys_of

__all__ = ["pyproject_schema", "tool_schema"]

_DRAFT = "http://json-schema.org/draft-07/schema#"


def tool_schema(tool_name: str = "trainwheel") -> dict[str, Any]:
    """Return the schema of ``[tool.trainwheel]``, as plug-ins of validate-pyproject do.

    Args:
        tool_name: The table's name, which validate-pyproject passes.
    """
    table = _table(Config)
    table["properties"] |= {
        "gate": {**_table(GateSettings), "additionalProperties": _table(GateRule)},
        "index": {"type": "object", "additionalProperties": _table(IndexSettings)},
    }
    return {"$schema": _DRAFT, "$id": f"urn:trainwheel:tool:{tool_name}", **table}


def pyproject_schema() -> dict[str, Any]:
    """Return the schema of a pyproject.toml that may have the table, for editors."""
    tools = {"type": "object", "properties": {"trainwheel": _table_without_id()}}
    return {"$schema": _DRAFT, "type": "object", "properties": {"tool": tools}}


def _table_without_id() -> dict[str, Any]:
    return {name: part for name, part in tool_schema().items() if not name.startswith("$")}


def _table(settings: type) -> dict[str, Any]:
    table = _empty()
    for key in keys_of(settings):
        _add(table, key.name.split("."), key)
    return table


def _empty() -> dict[str, Any]:
    return {"type": "object", "properties": {}, "additionalProperties": False}


def _add(table: dict[str, Any], names: list[str], key: Key) -> None:
    """Add a key to the schema of its table, which stands below those that its name goes through."""
    name, *rest = names
    if key.is_required:
        table.setdefault("required", []).append(name)
    properties = table["properties"]
    if not rest:
        properties[name] = {"description": key.help, **key.value.schema}
        return
    below = properties.setdefault(name, _empty())
    if "anyOf" not in below and "properties" not in below:
        # A key that may be a value or a table of further keys: `data`.
        below = properties[name] = {"anyOf": [below, _empty()]}
    _add(below["anyOf"][1] if "anyOf" in below else below, rest, key)
