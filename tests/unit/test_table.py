"""Tables are read in the forms that tools write, and errors name row and column."""

import io
import json
from collections.abc import Iterator

import pytest

from oncology_model.jsonlines import JsonLines
from oncology_model.table import Columns, CsvTable, Row, Table, TableError, read_lines

COLUMNS = Columns(["a", "b"], ["city"], frozenset({"a", "b"}))
ADDED = {"prediction": False, "probability": True}


def open_csv(content: str | bytes, **options: str) -> CsvTable:
    data = content.encode() if isinstance(content, str) else content
    return CsvTable(read_lines(io.BytesIO(data)), COLUMNS, **options)


def open_json(text: str) -> JsonLines:
    return JsonLines(read_lines(io.BytesIO(text.encode())), COLUMNS)


def read(content: str | bytes, **options: str) -> list[tuple[int, dict[str, object]]]:
    return [(row.number, row.values) for row in open_csv(content, **options).rows()]


def write(table: Table, **answer: object) -> str:
    return table.begin(ADDED) + table.render((row, answer) for row in table.rows())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("a,b\n1,2\n", id="unix"),
        pytest.param("a,b\r\n1,2\r\n", id="windows"),
        pytest.param("a,b\r1,2\r", id="old mac"),
        pytest.param("a,b\n1,2", id="no newline at the end"),
        pytest.param("b,a\n2,1\n", id="other order"),
        pytest.param(" a , b \n1,2\n", id="spaces in the header"),
        pytest.param('"a","b"\n"1","2"\n', id="quotes"),
        pytest.param("a,b\n1,2\n\n  \n\n", id="blank rows at the end"),
        pytest.param("\ufeffa,b\n1,2\n", id="byte-order mark"),
        pytest.param("a;b\n1;2\n", id="semicolons"),
        pytest.param("a\tb\n1\t2\n", id="tabs"),
        pytest.param("a|b\n1|2\n", id="bars"),
        pytest.param(",a,b\n0,1,2\n", id="the index of pandas"),
        pytest.param("id;a;b;name, first\n7;1;2;x\n", id="another delimiter in the header"),
        pytest.param("a,b,a note; of c; and d\n1,2,\n", id="many of another delimiter"),
    ],
)
def test_one_table_in_many_forms(content: str) -> None:
    assert read(content) == [(2, {"a": "1", "b": "2"})]


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ("a,b\n1,2\n\n3,4\n", [2, 4]),
        ("\n\na,b\n1,2\n", [4]),
        ('a,b,"a\nnote"\n1,2,"x\r\ny"\n3,4,z\n', [3, 5]),
        ('a,b\n"1\n",2\n3,4\n', [2, 4]),
    ],
)
def test_rows_are_counted_as_an_editor_counts_the_lines_that_they_begin_on(
    content: str, numbers: list[int]
) -> None:
    assert [number for number, _ in read(content)] == numbers


@pytest.mark.parametrize(
    ("content", "options", "cells"),
    [
        ("a;b\n1,5;2\n", {}, ["1.5", "2"]),
        ("a;b\n1.5;2\n", {}, ["1.5", "2"]),
        ("a;b;city\n1;2;Bern, BE\n", {}, ["1", "2", "Bern, BE"]),
        ("a;b\n1,5;2\n", {"decimal": "."}, ["1,5", "2"]),
        ('a,b\n"1,5",2\n', {"decimal": ","}, ["1.5", "2"]),
        ('a,b\n"1,5",2\n', {}, ["1,5", "2"]),
        ("a\tb\n1,5\t2\n", {}, ["1,5", "2"]),
        ("a\tb\tcity\n1,5\t2\tx,y.\n", {"decimal": ","}, ["1.5", "2", "x,y."]),
        ("a:b\n1:2\n", {"delimiter": ":"}, ["1", "2"]),
    ],
)
def test_a_comma_is_the_decimal_sign_where_nothing_else_can_be_meant(
    content: str, options: dict[str, str], cells: list[str]
) -> None:
    ((_, values),) = read(content, **options)
    assert list(values.values()) == cells


def test_a_point_beside_decimal_commas_may_be_a_thousand_and_is_refused() -> None:
    rows = list(open_csv("a;b\n1.500;2\n1,5;2\n").rows())
    problems = [row.problem for row in rows]
    assert problems[0]
    assert problems[0][0] == "a"
    assert "--decimal ." in problems[0][1]
    assert problems[1] is None


def test_a_header_alone_is_a_table_without_rows() -> None:
    assert read("a,b\n") == []


def test_of_a_single_column_a_quoted_blank_is_a_row() -> None:
    table = CsvTable(read_lines(io.BytesIO(b'city\n""\n\nBern\n')), Columns([], ["city"]))
    assert [row.values["city"] for row in table.rows()] == ["", "Bern"]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["empty", "2 columns"]),
        (b"\n\n", ["empty"]),
        (b"a\n1\n", ["row 1, column b", "missing"]),
        (b"c,d\n", ["row 1, column a", "missing", "1 others"]),
        (b"a,bb\n", ["row 1, column b", "missing", "bb"]),
        (b"a,a,b\n", ["row 1, column a", "twice"]),
        (b"a,b,prediction \n", ["row 1, column prediction", "--prefix"]),
        (b'a,b\n1,"2\n', ["row 2", "quotation marks"]),
        (b'a,"b\n1,2\n', ["row 1", "quotation marks"]),
        (b'a,b\n1,"2"3\n', ["row 2", "quotation marks"]),
        (b'a,b\n1,2\n"' + 140_000 * b"x\n", ["row 3", "quotation marks"]),
        ("a,b\n1,é\n".encode("latin-1"), ["row 2", "UTF-8"]),
        ("a,b\n".encode("utf-16"), ["row 1", "UTF-16", "UTF-8"]),
        ("a,b\n".encode("utf-16-be"), ["row 1", "NUL", "UTF-8"]),
        (b"a,b\n1,2\n1,\0\n", ["row 3", "NUL"]),
        (b"\x1f\x8b\x08\x00", ["row 1"]),
        (b"a,b\n" + 2**24 * b"1", ["row 2", "16,777,216"]),
    ],
    ids=range(17),
)
def test_what_is_not_a_table_of_these_columns_says_where(content: bytes, parts: list[str]) -> None:
    with pytest.raises(TableError) as caught:
        write(open_csv(content))
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message
    assert len(message) < 200


@pytest.mark.parametrize("cells", ["1", "1,2,3"])
def test_a_row_of_another_width_is_a_problem_of_its_own(cells: str) -> None:
    rows = list(open_csv(f"a,b\n{cells}\n1,2\n").rows())
    assert rows[0].problem == ("", f"{len(cells.split(','))} cells, but the header has 2")
    assert rows[1].problem is None


@pytest.mark.parametrize(("header", "count"), [("a,b,cty", 1), ("a,b,x", 0), ("a,b,city,cty", 0)])
def test_an_optional_column_that_seems_misspelt_is_pointed_out(header: str, count: int) -> None:
    assert len(open_csv(f"{header}\n").notes) == count


def test_rows_are_read_one_by_one() -> None:
    given: list[int] = []

    def lines() -> Iterator[str]:
        yield "a,b\n"
        for number in range(10_000):
            given.append(number)
            yield "1,2\n"

    rows = CsvTable(lines(), COLUMNS).rows()
    next(rows)
    assert len(given) <= 1000


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ("a,b\n1,2\n", "prediction,probability\nx,0.5\n"),
        ("id,a,b\n7,1,2\n", "id,prediction,probability\n7,x,0.5\n"),
        (",a,b\r\n0,1,2\r\n", ",prediction,probability\n0,x,0.5\n"),
        ('b,"x\n",a, i \n1,"p""q",2, é\n', '"x\n", i ,prediction,probability\n"p""q", é,x,0.5\n'),
        ("id;a;b\n7;1,5;2\n", "id;prediction;probability\n7;x;0,5\n"),
        ("id\ta\tb\n7\t1\t2\n", "id\tprediction\tprobability\n7\tx\t0.5\n"),
        ("n,n,a,b\n7,8,1,2\n", "n,n,prediction,probability\n7,8,x,0.5\n"),
        ("a,b\n", "prediction,probability\n"),
    ],
)  # fmt: skip
def test_other_columns_stand_before_the_answers(content: str, written: str) -> None:
    assert write(open_csv(content), prediction="x", probability="0.5") == written


def test_a_row_without_an_answer_has_blank_cells_for_it() -> None:
    table = open_csv("id,a,b\n7,1\n")
    text = table.begin({**ADDED, "error": False})
    text += table.render((row, {"error": "why, then"}) for row in table.rows())
    assert text == 'id,prediction,probability,error\n7,,,"why, then"\n'


def test_json_lines_are_handed_through_as_they_are() -> None:
    text = '\ufeff{"id": "é\\ud800", "a": 1, "n": [1.5, null], "b": 2}\r\n\n{"b": 4}\n'
    rows = list(open_json(text).rows())
    assert rows[0] == Row(1, {"a": 1, "b": 2}, {"id": "é\ud800", "n": [1.5, None]})
    assert rows[1] == Row(3, {"b": 4}, {})
    written = [json.loads(line) for line in write(open_json(text), prediction="x").splitlines()]
    assert written == [
        {"id": "é\ud800", "n": [1.5, None], "prediction": "x"},
        {"prediction": "x"},
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[1]", "object"), ("7", "object"), ("{", "object"), ('{"a":' * 50_000, "object"),
        ('{"a": 1, "a": 2}', "twice"), ('{"a": NaN}', "finite"), ('{"id": 1e999}', "finite"),
        ("1" * 5000, "digits"), ("a,b", "object"),
    ],
    ids=range(9),
)  # fmt: skip
def test_a_line_that_is_not_a_json_object_is_a_problem_of_its_own(line: str, problem: str) -> None:
    rows = list(open_json(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n').rows())
    assert [row.problem and row.problem[0] for row in rows] == [None, "", None]
    assert rows[1].problem
    assert problem in rows[1].problem[1]


def test_a_name_that_is_added_cannot_be_handed_through() -> None:
    with pytest.raises(TableError, match=r"^row 1, column prediction: .*--prefix"):
        write(open_json('{"prediction": 1}\n'), prediction="x")
