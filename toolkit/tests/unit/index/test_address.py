"""Addresses and credentials: which can be used, and what is said of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.index.address import (
    check_address,
    check_password,
    check_value,
    is_loopback,
    origin,
    with_slash,
)


@pytest.mark.parametrize(
    "value",
    ["secret", "a b", "%(x)s", "#;=:", '"quoted"', "ä", "пароль", "日本 語", "🚂", "p%25w", "\\"],
)
def test_a_value_that_basic_authentication_carries_is_accepted(value: str) -> None:
    assert check_value(value) is None


@pytest.mark.parametrize(("value", "problem"), [
    ("", "empty"), ("two\nlines", "control character"), ("from a file\n", "control character"),
    ("\r", "control character"), ("a\tb", "control character"), ("zero\0", "control character"),
    ("soft\u00adhyphen", "control character"), ("\ud800", "control character"),
    (" leading", "blank"), ("trailing ", "blank"), ("no-break\u00a0", "blank"),
    ("line\u2028separator", "line break"), ("paragraph\u2029separator", "line break"),
])  # fmt: skip
def test_a_value_that_would_arrive_changed_is_refused(value: str, problem: str) -> None:
    assert problem in (check_value(value) or "")


@pytest.mark.parametrize("url", [
    "https://nexus.example.com/repository/models",
    "https://nexus.example.com:8443/repository/models/", "http://localhost:8081/repository/models/",
    "http://127.0.0.1:8081/", "http://127.9.9.9/", "http://[::1]:8081/",
])  # fmt: skip
def test_an_address_of_an_index_is_accepted(url: str) -> None:
    assert check_address(url) is None


@pytest.mark.parametrize(("url", "problem"), [
    ("", "empty"), ("nexus.example.com/repository/models", "http"),
    ("ftp://nexus.example.com/", "http"), ("file:///srv/index", "http"),
    ("https://пример.рф/", "beyond ASCII; write a host as xn--"), ("https://", "http"),
    ("https:///models", "http"), ("https://host:port/", "http"), ("https://[::1/", "http"),
    ("https://user:secret@nexus.example.com/", "user name"),
    ("https://user@nexus.example.com/", "user name"), ("https://@nexus.example.com/", "user name"),
    ("https://nexus.example.com/?token=1", "more than"),
    ("https://nexus.example.com/#models", "more than"),
    ("https://nexus.example.com/a b", "more than"),
    ("https://nexus.example.com\\evil", "more than"), ("https://nexus.example.com/\n", "control"),
    (" https://nexus.example.com/", "blank"), ("http://nexus.example.com/", "plain http"),
    ("http://192.168.0.1/", "plain http"), ("http://localhost.example.com/", "plain http"),
    ("http://127.0.0.1.example.com/", "plain http"),
])  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused(url: str, problem: str) -> None:
    assert problem in (check_address(url) or "")
    is_accepted = check_address(url, allow_http=True) is None
    assert is_accepted is (problem == "plain http")


@given(st.text())
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    check_address(text)
    check_address(f"https://{text}")
    is_loopback(f"http://{text}")


@pytest.mark.parametrize(("url", "expected"), [
    ("https://Host/a", ("https", "host", 443)), ("http://host:80/b", ("http", "host", 80)),
    ("http://host:8081", ("http", "host", 8081)), ("https://host@evil:1/", ("https", "evil", 1)),
    ("nonsense", ("", "", 0)), ("http://host:x/", ("", "", 0)),
])  # fmt: skip
def test_an_origin_is_scheme_host_and_port(url: str, expected: tuple[str, str, int]) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize("url", ["https://host/a", "https://host/a/", "https://host/a///"])
def test_an_address_ends_in_one_slash(url: str) -> None:
    assert with_slash(url) == "https://host/a/"


@pytest.mark.parametrize(
    "password",
    ["evaluate", "pip", "abc", "upload", "--no-deps", "models", "index.test", "https://"],
)
def test_a_password_that_stands_in_what_is_printed_cannot_be_hidden(password: str) -> None:
    problem = check_password(password, ["https://index.test/models/"]) or ""

    assert "too short" in problem
    assert password not in problem.split()


@pytest.mark.parametrize("password", ["s3cret", "ci-token", "pip-pip-pip", "correct horse", "1234"])
def test_any_other_password_can_be_hidden(password: str) -> None:
    assert check_password(password, ["https://index.test/models/"]) is None
    assert check_password("", []) == "is empty"
