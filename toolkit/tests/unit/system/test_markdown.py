"""What we write as Markdown reads as it should in a real renderer, whatever names are in it."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from trainwheel.cli.ci import sum_up
from trainwheel.evaluation.gate import FAILED, Baseline, Difference, MetricCheck, Verdict
from trainwheel.evaluation.report import Subject, origin, render_metrics
from trainwheel.steps.report import write_report
from trainwheel.system.markdown import block, code, inline, table
from trainwheel.system.text import shown
from unit.repository import make_repository, open_here, write

ODD = [
    "a|b", "a\\|b", "two\nlines", "<b>bold</b>", "<!-- gone", "&lt;", "`code`", "a ``b` c",
    "*x* __y__ _z_ ~~w~~", "[link](javascript:x)", "![i](x)", "f1_per__class_", "trailing\\",
    "# heading", "- item", "12. item", "=====", "---", "> quote", "```", "- - -", "+0.01 of 0.95",
    "größe µ/²",
]  # fmt: skip
PLAIN = {"text", "text_special", "softbreak", "code_inline", "strong_open", "strong_close",
         "hardbreak"}  # fmt: skip
NUL = "\0"  # every renderer shows it as another letter


def parse(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def shape(tokens: list[Token]) -> list[str]:
    """Return the blocks of a page, those of a table without its cells."""
    within = {"thead", "tbody", "tr", "th", "td"}
    kinds = (token.type.rpartition("_") for token in tokens if token.type != "inline")
    opened = ((name or end) for name, _, end in kinds if end != "close")
    return [name for name in opened if name not in within]


def words(token: Token) -> str:
    """Return what a reader sees of a line; markup in it would be missed."""
    children = token.children or []
    assert {child.type for child in children} <= PLAIN, children
    breaks = {"softbreak": " ", "hardbreak": "\n"}
    return "".join(breaks.get(child.type, child.content) for child in children)


def rows_of(tokens: list[Token]) -> list[list[str]]:
    """Return the texts of the cells of all tables, row by row."""
    rows: list[list[str]] = []
    for before, token in itertools.pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if before.type in {"td_open", "th_open"}:
            rows[-1].append(words(token))
    return rows


def paragraphs(tokens: list[Token]) -> list[str]:
    pairs = itertools.pairwise(tokens)
    return [words(token) for before, token in pairs if before.type == "paragraph_open"]


def read(text: str) -> str:
    return " ".join(text.split())


def check_text(text: str) -> None:
    tokens = parse(f"- {inline(text)}\n\n{inline(text)}\n")

    assert shape(tokens) == ["bullet_list", "list_item", "paragraph", "paragraph"]
    assert paragraphs(tokens) == [read(text)] * 2


@pytest.mark.parametrize(
    "text", ["0.95", "-0.1", "balanced_accuracy", "at least 0.9", "#1", "1.0.2"]
)
def test_what_needs_no_escape_has_none(text: str) -> None:
    assert inline(text) == text


@pytest.mark.parametrize("text", ODD)
def test_an_odd_text_reads_as_it_is(text: str) -> None:
    check_text(text)


texts = st.text(min_size=1).map(lambda text: text.replace(NUL, "")).filter(read) | st.text(
    alphabet="ab1.)(\\`*_[]<>&|~#+-=! \n", min_size=1
).filter(read)


@given(texts)
def test_any_text_reads_as_it_is_also_as_code(text: str) -> None:
    check_text(text)
    assert paragraphs(parse(f"x {code(text)} y\n")) == [f"x {read(text)} y"]


@given(st.lists(st.lists(texts.map(read), min_size=1), min_size=1, max_size=3))
def test_a_text_of_several_lines_keeps_its_lines_and_paragraphs(parts: list[list[str]]) -> None:
    text = "\n \n\n".join("\n".join(lines) for lines in parts)

    tokens = parse(f"# x\n\n{block(text)}\n\n- y\n")

    items = ["bullet_list", "list_item", "paragraph"]
    assert shape(tokens) == ["heading", *["paragraph"] * len(parts), *items]
    assert paragraphs(tokens)[:-1] == ["\n".join(lines) for lines in parts]


@given(st.lists(st.tuples(texts, texts | st.just("")), min_size=1, max_size=3))
def test_a_table_has_its_cells_and_ends(rows: list[tuple[str, str]]) -> None:
    tokens = parse("\n".join([*table(("name", "told"), rows), "What follows."]))

    assert shape(tokens) == ["table", "paragraph"]
    assert rows_of(tokens)[1:] == [[*map(read, row)] for row in rows]


def subject(name: str) -> Subject:
    checks = (MetricCheck(name, 0.5, "at least 0.9", FAILED, f"told of {name}"),)
    return Subject(
        "small-model",
        {name: 0.5},
        {
            "named": {name: {"value": 0.5, "low": 0.4, "high": 0.6}},
            "notes": [f"{name!r} is never predicted", name],
            "rows": 10,
            "positive": name,
            "classes": [name, "other"],
            "confusion": [[4, 1], [2, 3]],
        },
        Baseline("0.1.0", "", metrics={name: 0.6}),
        {name: Difference(0.5, 0.6, -0.2, 0.0, 0.1, 10)},
        Verdict(checks, "0.1.0", refusal=f"refused for {name}"),
        carriers=("KNeighborsClassifier",),
    )


@pytest.mark.parametrize("name", ["accuracy", *ODD])
def test_the_table_for_a_pull_request_is_whole(name: str) -> None:
    about = subject(name)

    tokens = parse(render_metrics(about))

    items = ["list_item", "paragraph"]
    assert shape(tokens) == [
        *("heading", "paragraph", "table", "table", "bullet_list", *items * 3),
        *("paragraph", "table"),
    ]  # fmt: skip
    rows = rows_of(tokens)
    assert [len(row) for row in rows] == [5, 5, 6, 6, 6, 5, 5]
    assert [row[0] for row in rows] == [
        *("metric", read(name), "class", read(name), "other", "metric", read(name))
    ]
    notes = [read(origin(about)), *map(read, about.measured["notes"]), about.warning]
    assert paragraphs(tokens) == [*notes, f"Gate: failed. refused for {read(name)}."]


def test_without_notes_the_verdict_is_a_paragraph_of_its_own() -> None:
    verdict = Verdict((MetricCheck("accuracy", 1.0, "at least 0.9", "passed"),))
    about = Subject("small", {"accuracy": 1.0}, {}, Baseline(), {}, verdict)

    tokens = parse(render_metrics(about))

    assert shape(tokens) == ["heading", "paragraph", "table", "paragraph", "table"]
    assert [len(row) for row in rows_of(tokens)] == [3, 3, 5, 5]


@pytest.mark.parametrize("name", ["accuracy", *ODD])
def test_the_model_card_is_whole(tmp_path: Path, name: str) -> None:
    root = make_repository(tmp_path / "small")
    write(root, "build/train/metrics.json", json.dumps({name: 0.5}))
    write(root, "build/train/params.json", json.dumps({name: name}))
    about = subject(name)
    evaluation = {
        "verdict": about.verdict.as_json(),
        "baseline": asdict(about.baseline),
        "measured": about.measured,
        "compared": {name: asdict(row) for name, row in about.compared.items()},
    }
    run = open_here(root)
    write(root, "build/evaluate/evaluation.json", json.dumps(evaluation))

    write_report(run)

    tokens = parse(run.workspace.layout.card.read_text(encoding="utf-8"))
    items = ["list_item", "paragraph"]
    assert shape(tokens) == [
        *("heading", "paragraph", "heading", "fence", "fence"),
        *("heading", "paragraph", "table", "table", "bullet_list", *items * 2),
        *("heading", "bullet_list", *items * 3, "paragraph"),
    ]
    assert [row[0] for row in rows_of(tokens)] == [
        *("metric", read(name), "class", read(name), "other")
    ]
    assert f"{read(name)}: {read(shown(name))}" in paragraphs(tokens)
    digest = hashlib.sha256((root / "data/rows.csv").read_bytes()).hexdigest()
    assert f"data data/rows.csv: sha256 {digest}" in paragraphs(tokens)
    assert any(text.endswith(f"the positive class is {read(name)}.") for text in paragraphs(tokens))


@pytest.mark.parametrize("name", ["test_small", *ODD])
def test_the_summary_of_a_run_is_whole(tmp_path: Path, name: str) -> None:
    write(tmp_path, "train/metrics.md", render_metrics(subject("accuracy")))
    write(tmp_path, "version.json", json.dumps({"releases": False, "reason": name}))
    escaped = (name.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "&#10;"))  # fmt: skip
    case = f'<testcase name="{escaped}"><failure message="no"/></testcase>'
    write(tmp_path, "test/junit.xml", f"<testsuite>{case}</testsuite>")
    write(tmp_path, "other.txt", "")

    tokens = parse("\n".join(sum_up(tmp_path)))

    assert paragraphs(tokens)[0] == f"Nothing to release: {read(name)}."
    assert paragraphs(tokens)[-1] == f"failed: {read(name)}"
    assert shape(tokens)[:5] == ["paragraph", "heading", "paragraph", "table", "table"]
    assert shape(tokens)[-4:] == ["table", "bullet_list", "list_item", "paragraph"]


def test_what_cannot_be_read_is_told_in_a_paragraph_of_its_own(tmp_path: Path) -> None:
    names = ("version.json", "test/junit.xml")
    for name in names:
        write(tmp_path, name, "{")

    told = paragraphs(parse("\n".join(sum_up(tmp_path))))

    assert told[:2] == [f"{name} holds nothing that can be read." for name in names]
    assert len(told) == 3
