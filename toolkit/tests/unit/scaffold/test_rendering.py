"""Who made a model, and its address: what is taken, and how it is written."""

from __future__ import annotations

import ast

import pytest

from trainwheel.scaffold.code import literal
from trainwheel.scaffold.rendering import (
    author_mail,
    author_name,
    problem_of_address,
    problem_of_author,
)


@pytest.mark.parametrize(("text", "name", "mail"), [
    ("Ann B. <a@x.org>", "Ann B.", "a@x.org"), ("a@x.org", "", "a@x.org"), ("Ann", "Ann", ""),
    (" Ann  <a@x.org> ", "Ann", "a@x.org"), ("<a@x.org>", "", "a@x.org"), ("", "", ""),
])  # fmt: skip
def test_an_author_is_a_name_a_mail_or_both(text: str, name: str, mail: str) -> None:
    assert (author_name(text), author_mail(text)) == (name, mail)
    assert problem_of_author(text) == ""


@pytest.mark.parametrize("text", ["Ann <ann>", "Ann <a@x.org", "a@x.org, b@x.org", "Ann\nB",
                                  "A <a@b@c>", "x" * 77])  # fmt: skip
def test_another_text_is_not_an_author(text: str) -> None:
    assert problem_of_author(text)


@pytest.mark.parametrize(("text", "is_taken"), [
    ("", True), ("https://x.org/a_b?c", True), ("http://x.org", True), ("git@x.org:a", False),
    ("https://user:pass@x.org", False), ('https://x.org/"', False), ("https://x.org/a b", False),
    ("x.org", False), ("https://", False),
])  # fmt: skip
def test_an_address_is_one_that_a_browser_opens(text: str, *, is_taken: bool) -> None:
    assert (problem_of_address(text) == "") is is_taken


@pytest.mark.parametrize("text", ["a", "a 'b'", 'a "b"', """'a' "b\"""", "a\\b", 'a\\"'])
def test_a_literal_is_the_text(text: str) -> None:
    assert ast.literal_eval(literal(text)) == text
