"""A secret is hidden once it is read, whatever the tools make of it."""

from __future__ import annotations

import ast
import base64
import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trainwheel
from trainwheel.system.secrets import Secret, Secrets, derived_forms

VALUES = st.text(min_size=8, max_size=30) | st.text("ab?>~'\"\\/<&+ é€😀\n", min_size=8)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("s3cret-token", "s3cret-token"), ("s3cret-token", "czNjcmV0LXRva2Vu"),
        ("s3cret-token", "MzY3JldC10b2tlb"), ("s3cret-token", "zM2NyZXQtdG9rZW"), ("ab", "YWI="),
        ("pass?>?>", "cGFzcz8+Pz4="), ("pass?>?>", "cGFzcz8-Pz4="), ("pass?>?>", "cGFzcz8-Pz4"),
        ("grün", "Z3L8bg=="), ("grün", "Z3LDvG4="), ("a b/c", "a%20b%2Fc"),
        ("a b/c", "a%20b%2fc"), ("a b/c", "a%20b/c"), ("a b/c", "a+b%2Fc"),
        ("p$s!:/@", "p$s!%3A%2F%40"), ("grün", "gr%C3%BCn"), ("grün", "gr%FCn"),
        ('say "hi"/é', r"say \"hi\"/\u00e9"), ('say "hi"/é', r"say \"hi\"/é"),
        ('say "hi"/é', r"say \"hi\"\/\u00e9"), ("<a&'b'>", "&lt;a&amp;'b'&gt;"),
        ("<a&'b'>", "&lt;a&amp;&#x27;b&#x27;&gt;"), ("<a&'b'>", "&lt;a&amp;&#39;b&#39;&gt;"),
        ("it's\\so\n", r"it\'s\\so\n"), ("it's\\so\n", r"it's\\so\n"), ("grün", r"gr\xfcn"),
        ("grün", r"gr\xc3\xbcn"), ("caf\udce9", "Y2Fm6Q=="),
    ],
)  # fmt: skip
def test_a_value_has_that_form(value: str, form: str) -> None:
    assert form in derived_forms(value)


@given(st.text(max_size=3))
def test_only_the_value_itself_is_shorter_than_four_characters(value: str) -> None:
    assert {form for form in derived_forms(value) if len(form) < 4} <= {value}
    assert derived_forms("") == frozenset()


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
        str, repr, ascii, quote, quote_plus, lambda text: quote(text, safe=""), json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: json.dumps(text).replace("/", r"\/"), html.escape,
        lambda text: html.escape(text, quote=False), lambda text: repr(text.encode()),
    ],
)  # fmt: skip
def test_escaped_text_holds_a_form_whatever_stands_around_the_value(
    encode: Callable[[str], str], value: str, before: str, after: str
) -> None:
    text = encode(before + value + after)

    assert any(form in text for form in derived_forms(value))


def reading(*values: str) -> Secrets:
    secrets = Secrets()
    for value in values:
        assert secrets.read(value) == Secret(value)
    return secrets


@pytest.mark.parametrize(("values", "text", "shown"), [
    ((), "nothing to hide", "nothing to hide"),
    (("s3cret",), "the s3cret and the s3cret", "the *** and the ***"),
    (("s3cret", "s3cret-token"), "it is s3cret-token", "it is ***"),
    (("s3cret-token", "s3cret"), "it is s3cret-token", "it is ***"),
    (("secret", "kkkkkse"), "kkkkksecret", "***"), (("abab",), "ababab", "***"),
    (("", " "), "a blank hides nothing", "a blank hides nothing"),
    (("a.b",), "a.b but not axb", "*** but not axb"),
    (("pa?:|¿",), "Basic Y2k6cGE/OnzCvw==", "Basic Y2k6***"),
    (("pa?:|¿",), "https://ci:pa%3F%3A%7C%C2%BF@i.test/", "https://ci:***@i.test/"),
    (("pa?:|¿",), "https://ci:pa%3f%3a%7c%c2%bf@i.test/", "https://ci:***@i.test/"),
    (("pa?:|¿",), r'{"password": "pa?:|\u00bf"}', '{"password": "***"}'),
    (("pa?:|¿",), r"b'pa?:|\xc2\xbf'", "b'***'"),
])  # fmt: skip
def test_what_was_read_is_starred_whole_and_also_encoded(
    values: tuple[str, ...], text: str, shown: str
) -> None:
    assert reading(*values).redact(text) == shown


@given(st.lists(st.text("abc", min_size=1), min_size=1, max_size=4), st.text("abcd"))
def test_nothing_that_was_read_survives(values: list[str], text: str) -> None:
    shown = reading(*values).redact(text)

    assert not any(value in shown for value in values)


PASSWORD = "pä/ss?word+1"
LINES = (
    "pip install --no-deps 'https://nexus.test/team/model/aws/ci.whl#sha256=ab'",
    "pip install scikit-learn==1.9.1 cloudpickle==3.1.2 # ci, team, aws, model, nexus, pip",
)


def logging_in(username: str, password: str) -> Secrets:
    secrets = Secrets()
    assert secrets.read_login(username, password) == (Secret(username), Secret(password))
    return secrets


@pytest.mark.parametrize(
    "username", ["ci", "team", "aws", "model", "nexus", "pip", "__token__", "i"]
)
@pytest.mark.parametrize("password", [PASSWORD, "pip"])
def test_neither_a_user_name_nor_a_password_of_three_letters_changes_a_line(
    username: str, password: str
) -> None:
    secrets = logging_in(username, password)

    assert [secrets.redact(line) for line in LINES] == list(LINES)


@pytest.mark.parametrize("username", ["ci", "team", "x", "user@example.org", "jürgen"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("password", [PASSWORD, "pip", "word"])
def test_neither_part_of_the_encoded_pair_is_shown(
    username: str, encoding: str, password: str
) -> None:
    secrets = logging_in(username, password)
    encoded = base64.b64encode(f"{username}:{password}".encode(encoding)).decode()

    assert secrets.redact(f"Authorization: Basic {encoded}") == "Authorization: Basic ***"
    assert secrets.redact(f"{username}:{password}@nexus.test") == "***@nexus.test"


@pytest.mark.parametrize(
    ("username", "password"),
    [("ci", "s3cret"), ("s3cret", ""), ("", "s3cret"), ("ci", "s3cret\N{SNOWMAN}")],
)
def test_a_password_or_a_token_without_one_is_starred_alone(username: str, password: str) -> None:
    token = password or username

    assert logging_in(username, password).redact(f"https://{token}@nexus.test/") == (
        "https://***@nexus.test/"
    )


@pytest.mark.parametrize(
    ("password", "encoding"),
    # Their Base64 has letters that an address escapes.
    [("~~>?~~?", "utf-8"), ("ä~>?~~?", "utf-8"), ("ä~>?~~?", "latin-1"), ("парол~ь", "utf-8")],
)
def test_the_pair_is_starred_where_its_base64_is_encoded_in_turn(
    password: str, encoding: str
) -> None:
    encoded = quote(base64.b64encode(f"us:{password}".encode(encoding)).decode(), safe="")

    assert "%2" in encoded
    assert logging_in("us", password).redact(encoded) == "***"


WHEEL = "demo_model-1.0-py3-none-any.whl"
STORE = "https://store.test/b/"


@pytest.mark.parametrize(("text", "shown"), [
    (f"{STORE}{WHEEL}?X-Goog-Signature=S3#sha256=ab", f"{STORE}{WHEEL}?***#sha256=ab"),
    (f"{STORE}{WHEEL}?S3", f"{STORE}{WHEEL}?***"), (f"{STORE}{WHEEL}?%53=1", f"{STORE}{WHEEL}?***"),
    (f"{STORE}demo-1.0.tar.gz?v=1&t=S3 and more", f"{STORE}demo-1.0.tar.gz?*** and more"),
    (f"{STORE}{WHEEL}.metadata?t=S3", f"{STORE}{WHEEL}.metadata?***"),
    (f"Max retries exceeded with url: /b/{WHEEL}?sig=S3 (Caused", f"/b/{WHEEL}?*** (Caused"),
    (f'"GET /b/{WHEEL}?sig=S3 HTTP/1.1" 403', f'"GET /b/{WHEEL}?*** HTTP/1.1" 403'),
    (f"`{STORE}a?X-Amz-Date=1&X-Amz-Signature=S3`", f"`{STORE}a?***"),
    (f"{STORE}a?v=1&token=S3", f"{STORE}a?***"),
    (f"{STORE}a?v=1&amp;private_token=S3", f"{STORE}a?***"),
    (f"{STORE}a?se=2026&sp=r&sig=S3", f"{STORE}a?***"),
    (rf'{{"url": "{STORE}a?v=1\u0026Signature=S3"}}', f'{{"url": "{STORE}a?***"}}'),
    (f"{STORE}a?Key-Pair-Id=K&Policy=S3", f"{STORE}a?***"),
    (f"{STORE}a?AWSAccessKeyId=S3&Expires=1", f"{STORE}a?***"),
    (f"{STORE}a?md5=S3&expires=17", f"{STORE}a?***"),
    *((f"{STORE}{WHEEL}?{mark}S3", f"{STORE}{WHEEL}?***") for mark in "-~$?/+=;"),
    (f"{STORE}a?to=b%3Fv%3D1%26sig%3DS3", f"{STORE}a?***"),
    (f"to={STORE}{WHEEL}%3Fsig=S3", f"to={STORE}{WHEEL}?***"),
    (f"{STORE}{WHEEL.upper()}?S3", f"{STORE}{WHEEL.upper()}?***"),
    (f"{STORE}{WHEEL}.asc?S3", f"{STORE}{WHEEL}.asc?***"),
    (f"{STORE}{WHEEL}.provenance?S3", f"{STORE}{WHEEL}.provenance?***"),
])  # fmt: skip
def test_what_opens_a_file_is_hidden(text: str, shown: str) -> None:
    hidden = Secrets().redact(text)

    assert shown in hidden
    assert "S3" not in hidden


@pytest.mark.parametrize(
    "text",
    [
        f"{STORE}page?number=2&sort=name", f"is it {WHEEL}? no", f"'{WHEEL}?'",
        f"pip install --no-deps '{STORE}{WHEEL}#sha256=ab'", "a ? b : c", "what? token=1", "",
    ],
)  # fmt: skip
def test_what_opens_nothing_stays(text: str) -> None:
    assert Secrets().redact(text) == text


def test_a_long_line_takes_no_time() -> None:
    line = "a?" * 200_000 + "x" * 1_000_000

    assert Secrets().redact(line).startswith("a?")


LIBRARY = Path(trainwheel.__file__).parent


def modules_that(uses: Callable[[ast.AST], bool]) -> set[str]:
    """Return the modules of the library with a node for which ``uses`` is true."""
    return {
        path.relative_to(LIBRARY).as_posix()
        for path in LIBRARY.rglob("*.py")
        if "template" not in path.parts
        and any(map(uses, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
    }


def test_three_modules_at_most_see_the_value_of_a_secret() -> None:
    def looks(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr == "reveal"

    assert modules_that(looks) == {"index/access.py", "index/pypirc.py", "system/leaks.py"}


def test_a_secret_is_made_only_where_it_is_hidden_as_well() -> None:
    def makes(node: ast.AST) -> bool:
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        return name.rpartition(".")[2] == "Secret"

    assert modules_that(makes) == {"system/secrets.py"}
