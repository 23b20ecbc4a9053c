"""What uv and pip are given of one index."""

from __future__ import annotations

import base64
from dataclasses import replace
from urllib.parse import unquote, urlsplit

import pytest
from requests import Request

from trainwheel.index.access import OriginAuth, for_pip, for_requests, for_uv, parse_address
from trainwheel.index.target import Target
from trainwheel.system.secrets import Secret, Secrets

URL = "https://index.example.com/simple/"
SHUT = Target("team", URL, URL, username=Secret("ada@team"), password=Secret("p%/:w"))
FULL = "https://ada%40team:p%25%2F%3Aw@index.example.com/simple/"


def test_uv_asks_this_index_and_no_other() -> None:
    found = for_uv(SHUT, {}).variables

    assert found["UV_DEFAULT_INDEX"] == FULL
    assert found["UV_NO_CONFIG"] == "1"
    others = ("UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
    assert [found[name] for name in others] == [""] * 4


def test_pip_asks_this_index_and_no_other_over_the_connection_it_has() -> None:
    pip = {"index-url": "https://other.example.com/", "cert": "/ca.pem", "find-links": "/wheels"}

    found = for_pip(SHUT, pip, {})

    assert found["PIP_INDEX_URL"] == FULL
    assert found["PIP_CONFIG_FILE"] == "/dev/null"
    assert found["PIP_CERT"] == "/ca.pem"
    assert found["PIP_EXTRA_INDEX_URL"] == found["PIP_FIND_LINKS"] == ""


def test_the_certificates_of_an_index_are_used_by_every_tool() -> None:
    target = replace(SHUT, ca_bundle="/ca.pem")

    assert for_uv(target, {}).variables["SSL_CERT_FILE"] == for_pip(target, {}, {})["PIP_CERT"]
    assert for_requests(target, URL) == {"proxies": None, "verify": "/ca.pem"}
    assert "SSL_CERT_FILE" not in for_uv(SHUT, {}).variables


def test_credentials_go_to_the_origins_of_the_index_alone() -> None:
    auth = OriginAuth(replace(SHUT, upload_url="https://upload.example.com/"))
    here, there, upload = (
        auth(Request("GET", url).prepare())
        for url in (URL, "https://index.example.com:444/", "https://upload.example.com/x")
    )

    assert here.headers["Authorization"] == upload.headers["Authorization"]
    assert here.headers["Authorization"].startswith("Basic ")
    assert "Authorization" not in there.headers


@pytest.mark.parametrize("password", ["pässwörd-é", "Пароль", "日本語-パス", "a:b%c\"d'e\\f", "🚂"])
def test_credentials_are_sent_as_utf_8_as_uv_sends_them(password: str) -> None:
    target = replace(SHUT, password=Secret(password))
    sent = OriginAuth(target)(Request("GET", URL).prepare()).headers["Authorization"]
    address = urlsplit(for_uv(target, {}).variables["UV_DEFAULT_INDEX"])

    assert base64.b64decode(sent.removeprefix("Basic ")).decode() == f"ada@team:{password}"
    assert unquote(address.password or "", errors="strict") == password


def test_no_proxy_stands_before_this_machine() -> None:
    target = Target("here", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/simple/")

    found = for_uv(target, {"NO_PROXY": "internal"}).variables

    assert found["NO_PROXY"] == found["no_proxy"] == "internal,localhost,127.0.0.1,::1"
    assert "NO_PROXY" not in for_uv(SHUT, {"NO_PROXY": "internal"}).variables
    direct = {"http": None, "https": None, "all": None}
    assert for_requests(target, target.simple_url) == {"proxies": direct, "verify": None}


@pytest.mark.parametrize("address", [FULL, FULL.rstrip("/")])
def test_an_address_with_credentials_is_taken_apart(address: str) -> None:
    target = parse_address("rest", address, Secrets())

    assert target.simple_url == URL
    assert target.username == SHUT.username
    assert target.password == SHUT.password
    assert for_uv(target, {}).variables["UV_DEFAULT_INDEX"] == FULL


def test_the_password_of_an_address_is_hidden_from_then_on() -> None:
    secrets = Secrets()

    parse_address("rest", FULL, secrets)

    assert secrets.redact("p%/:w, p%25%2F%3Aw") == "***, ***"


def test_a_password_of_an_address_that_is_a_word_of_ours_is_hidden_in_the_pair_only() -> None:
    secrets = Secrets()

    parse_address("rest", "https://ci:train@mirror.test/simple/", secrets)

    assert secrets.redact("nox -s train") == "nox -s train"
    assert secrets.redact("https://ci:train@mirror.test/") == "https://***@mirror.test/"


def test_an_address_without_credentials_has_none() -> None:
    target = parse_address("rest", URL, Secrets())

    assert target.username is None
    assert target.password is None
