"""Lines of Python that the template writes for the columns of a table, as the formatter would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = [
    "declared",
    "in_toml",
    "listed",
    "literal",
    "quoted",
    "sample_of",
    "units_of",
    "wrap_imports",
]

_WIDTH = 100
_TYPES = {"number": "float", "whole": "int", "boolean": "bool", "date": "date"}
_KINDS = {"number": "Number", "whole": "Number", "boolean": "Flag", "date": "Day"}
_LONG_IMPORT = re.compile(rf"^(?=.{{{_WIDTH + 1}}})(from \S+ import) ([^(\n]+)$", re.MULTILINE)
_UNIT = re.compile(r"[(\[]([^)\]]{1,12})[)\]]\s*$")
_LAST_WORD = re.compile(r"_(mm|cm|m|km|mg|g|kg|ml|l|years|months|days|hours|minutes|percent)$")


def quoted(text: str) -> str:
    """Return a literal of a text, in the quotes that the formatter would choose."""
    plain = json.dumps(text, ensure_ascii=False)
    if text.count('"') > text.count("'"):
        inner = plain[1:-1].replace('\\"', '"').replace("'", "\\'")
        return f"'{inner}'"
    return plain


def in_toml(value: object) -> str:
    """Return a text, or a list of texts, as TOML has it, which is as JSON does."""
    return json.dumps(value, ensure_ascii=False)


def listed(texts: Iterable[str], name: str, brackets: str = "()") -> str:
    """Return an assignment of a tuple: in one line if it fits, else with a line for each.

    Args:
        texts: The items.
        name: What it is assigned to.
        brackets: Those of a list, for a list.
    """
    items, start, end = [quoted(text) for text in texts], brackets[0], brackets[1]
    comma = "," if len(items) == 1 and start == "(" else ""
    line = f"{name} = {start}{', '.join(items)}{comma}{end}"
    if len(line) <= _WIDTH:
        return line
    inner = "".join(f"\n    {item}," for item in items)
    return f"{name} = {start}{inner}\n{end}"


def literal(value: object) -> str:
    """Return a literal of a value."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return quoted(value) if isinstance(value, str) else repr(value)


def units_of(column: str, name: str) -> str:
    """Return the unit that a column has in its name; empty for none."""
    match = _UNIT.search(column) or _LAST_WORD.search(name)
    return match[1] if match else ""


def declared(field: Mapping[str, Any]) -> str:
    """Return the declaration of a field in the class of the records."""
    kind, name = _KINDS.get(field["kind"], "Category"), field["name"]
    base = _TYPES.get(field["kind"], "str") + (" | None" if field["is_optional"] else "")
    default = " = None" if field["is_optional"] else ""
    words = list(_words(field, kind))
    if not words:
        return f"    {name}: {base}{default}"
    line = f"    {name}: Annotated[{base}, {kind}({', '.join(words)})]{default}"
    if len(line) <= _WIDTH:
        return line
    inner = "".join(f"            {word},\n" for word in words)
    head = f"    {name}: Annotated[\n        {base},\n        {kind}(\n"
    return f"{head}{inner}        ),\n    ]{default}"


def _words(field: Mapping[str, Any], kind: str) -> Iterator[str]:
    """Yield the arguments of what a field may hold."""
    if kind == "Number":
        yield f"unit={quoted(units_of(field['column'], field['name']))}"
        if field["is_positive"]:
            yield "at_least=0"
    if field["choices"]:
        yield f"choices={field['name'].upper()}"
    if field["form"]:
        yield f"form={quoted(field['form'])}"
    if field["has_time"]:
        yield "drops_time=True"
    if field["column"] != field["name"]:
        yield f"name={quoted(field['column'])}"


def sample_of(field: Mapping[str, Any]) -> object:
    """Return a made-up value of a column, for the tests and the pages."""
    kind = field["kind"]
    if kind == "whole":
        return round((field["lowest"] + field["highest"]) / 2)
    if kind == "number":
        return float(f"{(field['lowest'] + field['highest']) / 2:.3g}")
    if kind == "boolean":
        return True
    if kind == "date":
        return "2024-01-31"
    return field["choices"][0] if field["choices"] else "something"


def wrap_imports(text: str) -> str:
    """Break lines that are too long since a name in them is: a name a line, as the formatter does.

    Args:
        text: Of a module.
    """

    def wrap(match: re.Match[str]) -> str:
        names = "".join(f"    {name.strip()},\n" for name in match[2].split(","))
        return f"{match[1]} (\n{names})"

    return _LONG_IMPORT.sub(wrap, text)
