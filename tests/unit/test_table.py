"""Tables are read in the forms that tools write, and errors name row and column."""

import pytest

from oncology_model.table import TableError, decode, parse_tumor, read_rows


def read(text: str) -> list[tuple[int, dict[str, str]]]:
    return list(read_rows(text, ["a", "b"]))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a,b\n1,2\n", id="unix"),
        pytest.param("a,b\r\n1,2\r\n", id="windows"),
        pytest.param("a,b\r1,2\r", id="old mac"),
        pytest.param("a,b\n1,2", id="no newline at the end"),
        pytest.param("b,a\n2,1\n", id="other order"),
        pytest.param(" a , b \n1,2\n", id="spaces in the header"),
        pytest.param('"a","b"\n"1","2"\n', id="quotes"),
        pytest.param("a,b\n1,2\n\n\n", id="blank rows at the end"),
    ],
)
def test_one_table_in_many_forms(text: str) -> None:
    assert read(text) == [(2, {"a": "1", "b": "2"})]


def test_blank_rows_count_in_the_numbers_of_rows() -> None:
    assert [number for number, _ in read("a,b\n1,2\n\n3,4\n")] == [2, 4]


def test_a_header_alone_is_a_table_without_rows() -> None:
    assert read("a,b\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty: a header with 2 columns is needed"),
        ("\n\n", "empty: a header with 2 columns is needed"),
        ("a\n1\n", "row 1, column b: missing"),
        ("a,b,c\n", "row 1, column c: unknown name"),
        ("a,a,b\n", "row 1, column a: given twice"),
        ("a,b\n1\n", "row 2: 1 cells, but the header has 2"),
        ("a,b\n1,2\n1,2,3\n", "row 3: 3 cells, but the header has 2"),
        ('a,b\n1,"2\n', "row 2: unexpected end of data"),
        (f"{'x' * 99}\n", f"row 1, column {'x' * 40}…: unknown name"),
    ],
)
def test_a_table_that_does_not_fit_says_where(text: str, message: str) -> None:
    with pytest.raises(TableError) as caught:
        read(text)
    assert str(caught.value) == message


def test_a_byte_order_mark_is_no_part_of_the_header() -> None:
    assert decode(b"\xef\xbb\xbfa,b\n") == "a,b\n"


def test_other_encodings_are_refused_with_the_row() -> None:
    with pytest.raises(TableError, match=r"^row 2: not UTF-8 text$"):
        decode("a,b\n1,é\n".encode("latin-1"))


@pytest.mark.parametrize("cell", ["1.5", " 1.5 ", "15e-1", "+1.5"])
def test_cells_are_numbers_as_tools_write_them(measurements: dict[str, float], cell: str) -> None:
    cells = dict.fromkeys(measurements, "0") | {"mean_area": cell}
    assert parse_tumor(2, cells).mean_area == 1.5


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("", "not a number: ''"),
        ("1,5", "not a number: '1,5'"),
        ("1_000", "not a number: '1_000'"),
        ("n/a", "not a number: 'n/a'"),
        ("nan", "must be finite, not nan"),
        ("1e999", "must be finite, not inf"),
        ("-1", "must not be negative, but is -1.0"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(
    measurements: dict[str, float], cell: str, problem: str
) -> None:
    cells = dict.fromkeys(measurements, "0") | {"mean_area": cell}
    with pytest.raises(TableError) as caught:
        parse_tumor(7, cells)
    assert str(caught.value) == f"row 7, column mean_area: {problem}"
