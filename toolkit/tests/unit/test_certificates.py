"""A file of certificates that is named once reaches every tool."""

from __future__ import annotations

import pytest

from trainwheel.index.access import for_pip, for_uv
from trainwheel.index.certificates import find_bundle, pin_bundle
from trainwheel.index.pip import translate
from trainwheel.index.target import IndexSettings, Target, choose_index
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret

NAMES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")


@pytest.mark.parametrize("name", NAMES)
def test_any_of_the_variables_counts(name: str) -> None:
    assert find_bundle({name: "/ca.pem", "PATH": "/bin"}) == "/ca.pem"
    assert find_bundle({name: ""}) is None


def test_without_one_nothing_is_pinned() -> None:
    assert find_bundle({}) is None
    assert pin_bundle(None) == {}


@pytest.mark.parametrize("name", NAMES)
def test_uv_is_given_what_requests_was_told(name: str) -> None:
    settings = translate({}, {name: "/ca.pem"}, has_uv_config=False)

    shown = {name: "/ca.pem", **settings.variables}
    assert shown["SSL_CERT_FILE"] == "/ca.pem"


def test_the_setting_of_pip_wins_for_installing() -> None:
    settings = translate({"cert": "/pip.pem"}, {"CURL_CA_BUNDLE": "/ca.pem"}, has_uv_config=False)

    assert settings.variables["SSL_CERT_FILE"] == "/pip.pem"


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
