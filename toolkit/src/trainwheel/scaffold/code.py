"""Lines of Python that the template writes for the columns of a table, as the formatter would."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = [
    "assigned",
    "declared",
    "drawn",
    "in_toml",
    "listed",
    "literal",
    "quoted",
    "sample_of",
    "settle_long",
    "units_of",
    "width_of",
]

_WIDTH = 100
_TYPES = {"number": "float", "whole": "int", "boolean": "bool", "date": "date"}
_KINDS = {"number": "Number", "whole": "Number", "boolean": "Flag", "date": "Day"}
_LONG_IMPORT = re.compile(rf"^(?=.{{{_WIDTH + 1}}})(from \S+ import) ([^(\n]+)$", re.MULTILINE)
_LONG_TEXT = re.compile(r"""(?:[A-Z]+ = |\s+(?:name=)?)(?:'|"(?!""))(?!.*# noqa)""")
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


def assigned(text: str, name: str) -> str:
    """Return an assignment of a text, in brackets where it fits into a line of its own alone."""
    line, alone = f"{name} = {quoted(text)}", f"    {quoted(text)}"
    if width_of(alone) <= _WIDTH < width_of(line):
        return f"{name} = (\n{alone}\n)"
    return line


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
    if width_of(line) <= _WIDTH:
        return line
    inner = "".join(f"\n    {item}," for item in items)
    return f"{name} = {start}{inner}\n{end}"


def width_of(text: str) -> int:
    """Return how many columns a text takes, as the formatter counts them."""
    marks = sum(map(bool, map(unicodedata.combining, text)))
    return len(text) - marks + sum(unicodedata.east_asian_width(each) in "WF" for each in text)


def literal(value: object) -> str:
    """Return a literal of a value."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return quoted(value) if isinstance(value, str) else repr(value).replace("e+", "e")


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
    if width_of(line) <= _WIDTH:
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


def drawn(field: Mapping[str, Any]) -> str:
    """Return the item of a dictionary that draws made-up values of a column."""
    line = f"        {quoted(field['column'])}: {field['draw']},"
    call, mark, arguments = field["draw"].partition("(")
    if width_of(line) <= _WIDTH or not mark:
        return line
    return f"        {quoted(field['column'])}: {call}(\n            {arguments[:-1]}\n        ),"


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
        return field["middle"]
    return field["choices"][0] if field["choices"] else "something"


def settle_long(text: str) -> str:
    """Break imports that are too long, a name a line; the linter has to take long names of columns.

    Args:
        text: Of a module.
    """

    def wrap(match: re.Match[str]) -> str:
        names = "".join(f"    {name.strip()},\n" for name in match[2].split(","))
        return f"{match[1]} (\n{names})"

    lines = _LONG_IMPORT.sub(wrap, text).splitlines(keepends=True)
    return "".join(
        f"{line.rstrip()}  # noqa: E501\n" if _LONG_TEXT.match(line) and not _fits(line) else line
        for line in lines
    )


def _fits(line: str) -> bool:
    # The linter takes a line without a space, however long.
    return width_of(line.rstrip("\n")) <= _WIDTH or " " not in line.strip()
