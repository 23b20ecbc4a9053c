from __future__ import annotations

import ast
from typing import Any

import pytest

from trainwheel.scaffold.code import declared, listed, literal, quoted, units_of, wrap_imports

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
    assert wrap_imports(text).startswith(f"{short}{broken}x = ")
    assert wrap_imports(wrap_imports(text)) == wrap_imports(text)
