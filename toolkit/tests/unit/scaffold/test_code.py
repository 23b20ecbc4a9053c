from __future__ import annotations

import ast
from typing import Any

import pytest

from trainwheel.scaffold.code import (
    assigned,
    declared,
    drawn,
    listed,
    literal,
    quoted,
    settle_long,
    units_of,
)

LONG = [f"a rather long category {number}" for number in range(9)]


def field_of(**more: object) -> dict[str, Any]:
    plain = {"column": "fee", "name": "fee", "kind": "number", "is_optional": False}
    return {**plain, "choices": [], "is_positive": False, "form": "", "has_time": False, **more}


@pytest.mark.parametrize("text", ["", "fee", 'the "best"', "it's", '"it\'s"', "a\\b", "ä\n", "€"])
def test_a_text_is_written_as_a_literal(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    assert ast.literal_eval(literal([text, 1, None])) == [text, 1, None]


@pytest.mark.parametrize("texts", [[], ["a"], ["a", "b"], LONG])
@pytest.mark.parametrize("brackets", ["()", "[]"])
def test_a_sequence_is_assigned_within_the_length_of_a_line(
    texts: list[str], brackets: str
) -> None:
    code = listed(texts, "CITY", brackets)
    assert max(map(len, code.splitlines())) <= 100
    name, _, value = code.partition(" = ")
    assert (name, list(ast.literal_eval(value))) == ("CITY", texts)
    assert isinstance(ast.literal_eval(value), tuple if brackets == "()" else list)


@pytest.mark.parametrize(("column", "name", "unit"), [
    ("Body Mass (g)", "body_mass_g", "g"), ("length_mm", "length_mm", "mm"), ("fee", "fee", ""),
    ("mass", "mass", ""), ("Fee [CHF]", "fee_chf", "CHF"), ("(a very long remark)", "a", ""),
])  # fmt: skip
def test_the_unit_is_taken_from_the_name(column: str, name: str, unit: str) -> None:
    assert units_of(column, name) == unit


@pytest.mark.parametrize(("more", "code"), [
    ({}, 'fee: Annotated[float, Number(unit="")]'),
    ({"kind": "whole", "is_positive": True}, 'fee: Annotated[int, Number(unit="", at_least=0)]'),
    ({"kind": "boolean"}, "fee: bool"),
    ({"kind": "date", "is_optional": True}, "fee: date | None = None"),
    ({"kind": "text"}, "fee: str"),
    ({"kind": "category", "choices": ["a"]}, "fee: Annotated[str, Category(choices=FEE)]"),
    ({"kind": "date", "form": "%d/%m/%Y"}, 'fee: Annotated[date, Day(form="%d/%m/%Y")]'),
    ({"kind": "date", "has_time": True}, "fee: Annotated[date, Day(drops_time=True)]"),
    ({"kind": "date", "column": "a fee"}, 'fee: Annotated[date, Day(name="a fee")]'),
])  # fmt: skip
def test_a_field_is_declared_as_one_would_write_it(more: dict[str, object], code: str) -> None:
    assert declared(field_of(**more)) == f"    {code}"


def test_a_long_declaration_has_a_line_for_each_argument() -> None:
    code = declared(field_of(column="x" * 60, is_positive=True, is_optional=True))
    assert max(map(len, code.splitlines())) <= 100
    assert "            at_least=0,\n" in code
    assert code.endswith("    ] = None")


def test_only_an_import_that_is_too_long_is_broken() -> None:
    short = "from a import b, c\n"
    text = f"{short}from {'p' * 80} import Apple, Pear\nx = '{'from a import b ' * 9}'\n"
    broken = f"from {'p' * 80} import (\n    Apple,\n    Pear,\n)\n"
    assert settle_long(text).startswith(f"{short}{broken}x = ")
    assert settle_long(settle_long(text)) == settle_long(text)


@pytest.mark.parametrize(("line", "is_marked"), [
    (f'    "{"a b" * 40}",', True), (f'            name="{"年齢 " * 18}",', True),
    (f'    "{"a" * 120}",', False), (f'TARGET = "{"a b" * 40}"', True), ('    "a b",', False),
    (f'    "{"a b" * 40}",  # noqa: E501', False), (f'    """{"a b" * 40}', False),
])  # fmt: skip
def test_the_linter_has_to_take_long_names(line: str, *, is_marked: bool) -> None:
    assert settle_long(f"{line}\n") == f"{line}{'  # noqa: E501' if is_marked else ''}\n"


def test_an_assignment_that_is_too_long_for_a_line_has_brackets() -> None:
    assert assigned("a" * 80, "KEY") == f'KEY = "{"a" * 80}"'
    assert assigned("a" * 94, "KEY") == f'KEY = (\n    "{"a" * 94}"\n)'
    assert assigned("a" * 200, "KEY") == f'KEY = "{"a" * 200}"'


def test_the_draw_of_a_column_with_a_long_name_is_broken() -> None:
    field = {"column": "a" * 90, "draw": "draw.uniform(1, 2, ROWS)"}
    assert drawn(field).splitlines()[1:] == ["            1, 2, ROWS", "        ),"]
    assert drawn({**field, "column": "a"}) == '        "a": draw.uniform(1, 2, ROWS),'
