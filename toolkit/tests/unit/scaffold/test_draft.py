from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.scaffold.columns import Kind, examine
from trainwheel.scaffold.draft import Draft, draft
from trainwheel.scaffold.table import find_layout
from trainwheel.scaffold.target import Ask, Wishes

Columns = dict[str, Sequence[object]]
DRAW = random.Random(3)  # noqa: S311 - made-up rows
ROWS = 120


def choose(*values: object) -> list[object]:
    return [DRAW.choice(values) for _ in range(ROWS)]


TABLE: Columns = {
    "customer_id": [str(row + 1000) for row in range(ROWS)],
    "tenure": choose(*range(3, 40)),
    "fee": [f"{DRAW.gauss(0, 20):.2f}" for _ in range(ROWS)],
    "city": choose("Bern", "Basel", ""),
    "joined": [f"{DRAW.randrange(1, 29)}.{DRAW.randrange(1, 13)}.2020" for _ in range(ROWS)],
    "is_member": choose("True", "False"),
    "churned": [*choose("yes", "no", "no")[12:], *["yes", "no"] * 6],
}


def draft_of(
    folder: Path, columns: Columns, wishes: Wishes, ask: Ask | None = None, delimiter: str = ","
) -> Draft:
    """Write a table, and decide what a model makes of it."""
    path = folder / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return draft(examine(path, find_layout(path)), wishes, ask)


def test_each_column_becomes_a_field_of_its_kind(tmp_path: Path) -> None:
    made = draft_of(tmp_path, TABLE, Wishes("churned"))

    assert {each.name: each.kind for each in made.fields} == {
        "tenure": Kind.WHOLE, "fee": Kind.NUMBER, "city": Kind.CATEGORY, "joined": Kind.DATE,
        "is_member": Kind.BOOLEAN,
    }  # fmt: skip
    _, fee, city, joined, _ = made.fields
    assert (city.choices, city.is_optional) == (("Basel", "Bern"), True)
    assert (joined.form, joined.middle[:5], joined.middle[-3:]) == ("%d.%m.%Y", "2020-", "-01")
    assert [each.is_positive for each in made.fields] == [True, False, False, False, False]
    assert not fee.is_optional
    assert (made.task, made.labels, made.key) == ("classification", ("no", "yes"), "customer_id")
    assert (made.rows, made.decimal, made.missing) == (ROWS, ".", ())
    (notice,) = made.notices
    assert "customer_id names the rows" in notice


@pytest.mark.parametrize(("values", "task", "labels"), [
    (("1", "0"), "classification", ("0", "1")),
    (("1.0", "0.0", "1"), "classification", ("0", "1")),
    (("0", "1", "2"), "classification", ("0", "1", "2")),
    (("1.0", "2.0", "2"), "classification", ("2", "1")),
    (("0.5", "1.5", "1.5"), "classification", ("1.5", "0.5")),
    (("a", "B", "c"), "classification", ("B", "a", "c")),
    (tuple(range(30)), "regression", ()),
    (("0.5", "1", "7.25"), "regression", ()),
    (("NA", "True", "False"), "classification", ("False", "True")),
])  # fmt: skip
def test_the_task_follows_from_the_target(
    tmp_path: Path, values: tuple[str, ...], task: str, labels: tuple[str, ...]
) -> None:
    target = [values[row % len(values)] for row in range(ROWS)]
    made = draft_of(tmp_path, {**TABLE, "churned": target}, Wishes("churned"))
    assert (made.task, made.labels) == (task, labels)
    assert made.is_numeric is (bool(labels) and labels[0] in {"0", "2"})


@pytest.mark.parametrize("name", ["Body Mass (g)", "class", 'the "best"', "Größe", "年齢", "a,b"])
def test_columns_keep_their_own_names(tmp_path: Path, name: str) -> None:
    made = draft_of(tmp_path, {name: TABLE["fee"], "churned": TABLE["churned"]}, Wishes("churned"))
    (only,) = made.fields
    assert only.column == name
    assert only.name.isidentifier()
    assert only.name.isascii()


MANY_ZEROS = [str(min(row % 7, row % 4, row % 3)) for row in range(ROWS)]


@pytest.mark.parametrize(("name", "more", "wishes"), [
    ("no such target", {}, {"target": "churn"}),
    ("no target", {}, {"target": ""}),
    ("no such column to drop", {}, {"drop": ("fees",)}),
    ("not a number", {}, {"kinds": {"city": Kind.NUMBER}}),
    ("target dropped", {}, {"drop": ("churned",)}),
    ("empty target", {"churned": [""] * ROWS}, {}),
    ("one class", {"churned": ["no"] * ROWS}, {}),
    ("one class and missing", {"churned": choose("no", "")}, {}),
    ("rare class", {"churned": ["a"] * 3 + ["b"] * (ROWS - 3)}, {}),
    ("few truths", {"churned": ["a", "b", "", "", ""] * 24}, {}),
    ("names as target", {"churned": [f"Ann {row}" for row in range(ROWS)]}, {}),
    ("days as target", {"churned": TABLE["joined"]}, {}),
    ("counts", {"churned": MANY_ZEROS}, {}),
    ("texts for a regression", {}, {"task": "regression"}),
    ("classes beyond count", {"churned": list(range(ROWS))}, {"task": "classification"}),
    ("no such class", {}, {"positive": "maybe"}),
    ("few keys", {}, {"key": "city"}),
    ("positive of numbers", {"churned": TABLE["fee"]}, {"positive": "1"}),
    ("positive of three", {"churned": ["a", "b", "c"] * 40}, {"positive": "a"}),
    ("dressed target", {"churned": [f"${row},000" for row in range(ROWS)]}, {}),
    ("column called like a part of a date", {"joined: day": choose(1, 2.5, 9)}, {}),
    ("too large", {"fee": ["1e300", *TABLE["fee"][1:]]}, {}),
    ("nothing to read", {}, {"drop": ("tenure", "fee", "city", "joined", "is_member")}),
])  # fmt: skip
def test_what_no_model_can_be_trained_on_is_one_line(
    tmp_path: Path, name: str, more: Columns, wishes: dict[str, object],
    sentence: Callable[[str], None],
) -> None:  # fmt: skip
    whole = Wishes(**{"target": "churned", **wishes})  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError) as caught:
        draft_of(tmp_path, {**TABLE, **more}, whole)
    assert name
    sentence(str(caught.value))


def test_two_rows_are_too_few(tmp_path: Path) -> None:
    table = {name: cells[-2:] for name, cells in TABLE.items()}
    with pytest.raises(ConfigurationError, match="2 rows"):
        draft_of(tmp_path, table, Wishes("churned"))


@pytest.mark.parametrize(("more", "names"), [
    ({"gone": [""] * ROWS}, ["gone"]),
    ({"same": ["x"] * ROWS}, ["same"]),
    ({"again": TABLE["fee"]}, ["again", "fee"]),
    ({"name": [f"Ann {row}" for row in range(ROWS)]}, ["name", "--as name=category"]),
    ({"": list(range(ROWS))}, ["without a name"]),
    ({"age": [*choose(*range(20, 80))[:-3], "unasked", "unasked", "?"]}, ["'unasked'", "age"]),
    ({"day": ["1/2/2024", "3/2/2024", "1/2/2024"] * 40}, ["day/month"]),
    ({"left": ["1" if each == "yes" else "0" for each in TABLE["churned"]]},
     ["left alone says", "--drop left"]),
    ({"shop_id": choose(3, 4, 5)}, ["shop_id has too few different values"]),
    ({"shop_id": [row // 4 for row in range(ROWS)]}, ["rows with the same shop_id"]),
    ({"churned": ["", *TABLE["churned"][1:]]}, ["1 row"]),
    ({"age": [*choose(*range(20, 80))[4:], *["-999"] * 4]}, ["age is -999 in 4 rows"]),
    ({"churned": ["no"] * 54 + ["yes"] * 12 + ["no"] * 54},
     ["churned is 'yes' in 10.0% of the rows"]),
    ({"price": [f"{row},000" for row in range(ROWS)]}, ["price has numbers", "'0,000'", "left"]),
    ({"share": choose("5%", "10 %", "7.5%")}, ["share has numbers", "taken for a category"]),
])  # fmt: skip
def test_what_a_person_should_know_is_said(tmp_path: Path, more: Columns, names: list[str]) -> None:
    notices = draft_of(tmp_path, {**TABLE, **more}, Wishes("churned")).notices
    assert all(any(name in notice for notice in notices) for name in names), notices


def test_what_is_doubtful_is_asked_about_where_somebody_is_there(tmp_path: Path) -> None:
    asked: list[str] = []
    answers = {"Which": "churned", "visits": "category", "left": "drop", "0": "regression"}

    def ask(question: str, choices: Sequence[str]) -> str:
        asked.append(question)
        answer = answers[question.split(maxsplit=1)[0]]
        assert answer in choices
        return answer

    more = {"visits": [f"room {row}" for row in range(ROWS)],
            "left": ["1" if each == "yes" else "0" for each in TABLE["churned"]]}  # fmt: skip
    made = draft_of(tmp_path, {**TABLE, **more}, Wishes(), ask)

    assert [question.split()[0] for question in asked] == ["Which", "visits", "left"]
    names = [each.name for each in made.fields]
    assert "visits" in names
    assert "left" not in names


def test_what_the_options_say_counts(tmp_path: Path) -> None:
    kinds = {"tenure": Kind.CATEGORY, "customer_id": Kind.WHOLE}
    wishes = Wishes("churned", drop=("fee",), key="joined", kinds=kinds, positive="no")
    made = draft_of(tmp_path, TABLE, wishes)
    assert {each.column: each.kind for each in made.fields if each.column in kinds} == kinds
    assert not {"fee", "joined"} & {each.column for each in made.fields}
    assert (made.key, made.labels) == ("joined", ("yes", "no"))


def test_a_wide_table_has_a_field_for_each_column(tmp_path: Path) -> None:
    wide = {f"x {number}": [str(DRAW.random()) for _ in range(ROWS)] for number in range(300)}
    made = draft_of(tmp_path, {**wide, "churned": TABLE["churned"]}, Wishes("churned"))
    assert len({each.name for each in made.fields}) == 300


def test_a_column_of_texts_alone_is_enough(tmp_path: Path) -> None:
    notes = [f"said {row} things of the fee" for row in range(ROWS)]
    made = draft_of(tmp_path, {"note": notes, "churned": TABLE["churned"]}, Wishes("churned"))
    assert [each.kind for each in made.fields] == [Kind.TEXT]


def test_numbers_with_a_decimal_comma_are_numbers(tmp_path: Path) -> None:
    fees = [str(fee).replace(".", ",") for fee in TABLE["fee"]]
    made = draft_of(tmp_path, {**TABLE, "fee": fees}, Wishes("churned"), delimiter=";")
    assert made.decimal == ","
    assert made.fields[1].kind is Kind.NUMBER


def test_two_kinds_of_decimal_points_cannot_be_read_together(tmp_path: Path) -> None:
    fees = [str(fee).replace(".", ",") for fee in TABLE["fee"]]
    with pytest.raises(ConfigurationError, match=r"again has .* comma.* fee a decimal point"):
        draft_of(tmp_path, {**TABLE, "again": fees}, Wishes("churned"), delimiter=";")


@pytest.mark.parametrize(("name", "is_positive"), [
    ("outdoor temp (°C)", False), ("lon", False), ("lonely", True),
    ("price change", False), ("price", True),
])  # fmt: skip
def test_what_may_be_below_zero_has_no_bound(
    tmp_path: Path, name: str, is_positive: object
) -> None:
    made = draft_of(tmp_path, {name: TABLE["tenure"], "churned": TABLE["churned"]},
                    Wishes("churned"))  # fmt: skip
    assert [each.is_positive for each in made.fields] == [is_positive]


def test_spaces_at_the_end_of_cells_are_no_part_of_them(tmp_path: Path) -> None:
    padded: Columns = {name: [f"{cell} " for cell in cells] for name, cells in TABLE.items()}
    made, plain = (draft_of(tmp_path, each, Wishes("churned")) for each in (padded, TABLE))
    assert (made.fields, made.labels) == (plain.fields, plain.labels)
    assert (made.is_padded, plain.is_padded) == (True, False)


def test_a_comma_in_a_category_is_no_decimal_point(tmp_path: Path) -> None:
    made = draft_of(tmp_path, {**TABLE, "size": choose("1,5", "x", "y")}, Wishes("churned"))
    assert made.decimal == "."


@pytest.mark.parametrize(("columns", "is_by_place"), [
    (["city", "is_member"], True), (["fee"], False), (["customer_id", "city"], False)])  # fmt: skip
def test_rows_that_are_mostly_the_same_are_held_out_by_their_place(
    tmp_path: Path, columns: list[str], *, is_by_place: bool
) -> None:
    table = {name: TABLE[name] for name in (*columns, "churned")}
    made = draft_of(tmp_path, table, Wishes("churned"))
    assert made.is_by_place is is_by_place
    assert any("depends on their place" in each for each in made.notices) is is_by_place


def test_long_answers_are_no_choices(tmp_path: Path) -> None:
    made = draft_of(tmp_path, {**TABLE, "city": choose("a " * 40, "b")}, Wishes("churned"))
    assert [each.choices for each in made.fields if each.column == "city"] == [()]


def test_the_markers_of_missing_cells_are_collected(tmp_path: Path) -> None:
    ages = [*choose(*range(20, 80))[:-3], "unasked", "?", "?"]
    made = draft_of(tmp_path, {**TABLE, "age": ages, "fee": choose("NA", "1.5", "2")},
                    Wishes("churned"))  # fmt: skip
    assert sorted(made.missing) == ["?", "NA", "unasked"]
