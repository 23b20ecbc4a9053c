"""A password is hidden alone and with its user name; the name alone is public."""

from __future__ import annotations

import base64
import io

import pytest

from trainwheel.index.credentials import secrets_of
from trainwheel.index.target import Target
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret

PASSWORD = "pä/ss?word+1"
LINES = (
    "pip install --no-deps 'https://nexus.test/team/model/aws/ci.whl#sha256=ab'",
    "pip install scikit-learn==1.9.1 cloudpickle==3.1.2 # ci, team, aws, model, nexus, pip",
)


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
