"""A value is found again in whatever the tools make of it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.system.secrets import derived_forms

VALUES = st.text(min_size=8, max_size=30) | st.text("ab?>~'\"\\/<&+ é€😀\n", min_size=8)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("s3cret-token", "s3cret-token"),
        ("s3cret-token", "czNjcmV0LXRva2Vu"),
        ("s3cret-token", "MzY3JldC10b2tlb"),
        ("s3cret-token", "zM2NyZXQtdG9rZW"),
        ("ab", "YWI="),
        ("pass?>?>", "cGFzcz8+Pz4="),
        ("pass?>?>", "cGFzcz8-Pz4="),
        ("pass?>?>", "cGFzcz8-Pz4"),
        ("grün", "Z3L8bg=="),
        ("grün", "Z3LDvG4="),
        ("a b/c", "a%20b%2Fc"),
        ("a b/c", "a%20b%2fc"),
        ("a b/c", "a%20b/c"),
        ("a b/c", "a+b%2Fc"),
        ("p$s!:/@", "p$s!%3A%2F%40"),
        ("grün", "gr%C3%BCn"),
        ("grün", "gr%FCn"),
        ('say "hi"/é', r"say \"hi\"/\u00e9"),
        ('say "hi"/é', r"say \"hi\"/é"),
        ('say "hi"/é', r"say \"hi\"\/\u00e9"),
        ("<a&'b'>", "&lt;a&amp;'b'&gt;"),
        ("<a&'b'>", "&lt;a&amp;&#x27;b&#x27;&gt;"),
        ("<a&'b'>", "&lt;a&amp;&#39;b&#39;&gt;"),
        ("it's\\so\n", r"it\'s\\so\n"),
        ("it's\\so\n", r"it's\\so\n"),
        ("grün", r"gr\xfcn"),
        ("grün", r"gr\xc3\xbcn"),
        ("caf\udce9", "Y2Fm6Q=="),
    ],
)
def test_a_value_has_that_form(value: str, form: str) -> None:
    assert form in derived_forms(value)


def test_an_empty_value_has_no_forms() -> None:
    assert derived_forms("") == frozenset()


@given(st.text(max_size=3))
def test_only_the_value_itself_is_shorter_than_four_characters(value: str) -> None:
    assert {form for form in derived_forms(value) if len(form) < 4} <= {value}


@given(VALUES, st.binary(max_size=9), st.binary(max_size=9))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_holds_a_form_whatever_stands_around_the_value(
    encode: Callable[[bytes], bytes], value: str, before: bytes, after: bytes
) -> None:
    text = encode(before + value.encode() + after).decode()

    assert any(form in text for form in derived_forms(value))


@given(VALUES, st.text(max_size=9), st.text(max_size=9))
@pytest.mark.parametrize(
    "encode",
    [
        str,
        repr,
        ascii,
        quote,
        quote_plus,
        lambda text: quote(text, safe=""),
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: json.dumps(text).replace("/", r"\/"),
        html.escape,
        lambda text: html.escape(text, quote=False),
        lambda text: repr(text.encode()),
    ],
)
def test_escaped_text_holds_a_form_whatever_stands_around_the_value(
    encode: Callable[[str], str], value: str, before: str, after: str
) -> None:
    text = encode(before + value + after)

    assert any(form in text for form in derived_forms(value))


@given(st.text(st.characters(), max_size=20))
def test_also_half_characters_have_forms(value: str) -> None:
    assert value in {*derived_forms(value), ""}
