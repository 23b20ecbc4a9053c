"""What uv and pip are given of one index, and what is hidden of its credentials."""

from __future__ import annotations

import base64
import io

import pytest

from trainwheel.index.access import for_pip, for_uv, parse_address, secrets_of
from trainwheel.index.target import Target, choose_index
from trainwheel.settings.config import IndexSettings
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret

URL = "https://index.example.com/simple/"
SHUT = Target("team", URL, URL, username=Secret("ada@team"), password=Secret("p%/:w"))
FULL = "https://ada%40team:p%25%2F%3Aw@index.example.com/simple/"
PASSWORD = "pä/ss?word+1"
LINES = (
    "pip install --no-deps 'https://nexus.test/team/model/aws/ci.whl#sha256=ab'",
    "pip install scikit-learn==1.9.1 cloudpickle==3.1.2 # ci, team, aws, model, nexus, pip",
)


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


def test_no_proxy_stands_before_this_machine() -> None:
    target = Target("here", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/simple/")

    found = for_uv(target, {"NO_PROXY": "internal"}).variables

    assert found["NO_PROXY"] == found["no_proxy"] == "internal,localhost,127.0.0.1,::1"
    assert "NO_PROXY" not in for_uv(SHUT, {"NO_PROXY": "internal"}).variables


@pytest.mark.parametrize("address", [FULL, FULL.rstrip("/")])
def test_an_address_with_credentials_is_taken_apart(address: str) -> None:
    target = parse_address("rest", address)

    assert target.simple_url == URL
    assert target.username == SHUT.username
    assert target.password == SHUT.password
    assert for_uv(target, {}).variables["UV_DEFAULT_INDEX"] == FULL


def test_an_address_without_credentials_has_none() -> None:
    target = parse_address("rest", URL)

    assert target.username is None
    assert target.password is None


def test_an_index_is_checked_against_it_by_every_tool() -> None:
    settings = IndexSettings("team", url="https://index.example.com/")
    environment = Environment({"CURL_CA_BUNDLE": "/ca.pem"})

    target = choose_index("team", {"team": settings}, environment, lambda _: "")

    assert target is not None
    assert target.ca_bundle == "/ca.pem"
    assert for_uv(target, {}).variables["SSL_CERT_FILE"] == "/ca.pem"
    assert for_pip(target, {}, {})["PIP_CERT"] == "/ca.pem"


def test_an_index_without_one_is_checked_as_usual() -> None:
    target = Target("team", "https://index.example.com/", "https://index.example.com/simple/",
                    username=Secret("u"), password=Secret("p"))  # fmt: skip

    assert "SSL_CERT_FILE" not in for_uv(target, {}).variables


def hiding(username: str, password: str) -> Console:
    url = "https://nexus.test/"
    target = Target("team", url, url, username=Secret(username), password=Secret(password))
    console = Console(Environment(), io.StringIO())
    console.hide(*secrets_of(target))
    return console


NAMES = ("ci", "team", "aws", "model", "nexus", "pip", "__token__", "i")


@pytest.mark.parametrize("username", NAMES)
def test_a_user_name_changes_no_line(username: str) -> None:
    console = hiding(username, PASSWORD)

    assert [console.redact(line) for line in LINES] == list(LINES)


@pytest.mark.parametrize("username", ["ci", "team", "x", "user@example.org", "jürgen"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_neither_part_of_the_encoded_pair_is_shown(username: str, encoding: str) -> None:
    console = hiding(username, PASSWORD)
    encoded = base64.b64encode(f"{username}:{PASSWORD}".encode(encoding)).decode()

    assert console.redact(f"Authorization: Basic {encoded}") == "Authorization: Basic ***"
    assert console.redact(f"{username}:{PASSWORD}@nexus.test") == "***@nexus.test"
    assert console.redact(f"the password {PASSWORD}") == "the password ***"


def test_a_user_name_without_a_password_is_a_token() -> None:
    assert hiding("s3cret-token", "").redact("https://s3cret-token@nexus.test/") == (
        "https://***@nexus.test/"
    )


def test_an_open_index_has_no_secrets() -> None:
    assert secrets_of(None) == secrets_of(Target("open", "https://h/", "https://h/")) == ()
