"""A token is what a command prints, and nobody else gets to see it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from trainwheel.errors import (
    ConfigurationError,
    MissingCredentialsError,
    StepFailedError,
    TrainwheelError,
)
from trainwheel.index.tokens import TokenSource
from trainwheel.settings.tables import IndexSettings
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.secrets import Secret


def settings(program: str, *arguments: str) -> IndexSettings:
    command = shlex.join((sys.executable, "-c", program, *arguments))
    return IndexSettings("cloud", token_command=command)


@pytest.fixture
def tokens() -> TokenSource:
    return TokenSource(read_environment())


def test_the_token_is_what_is_printed_and_not_what_is_said_beside_it(tokens: TokenSource) -> None:
    program = "import sys; print('expires soon', file=sys.stderr); print('t0ken')"

    assert not tokens.minted
    assert tokens(settings(program)) == "t0ken"
    assert tokens.minted == (Secret("t0ken"),)
    assert "t0ken" not in repr(tokens)


def test_a_token_is_taken_again_for_a_while(tokens: TokenSource, tmp_path: Path) -> None:
    program = "import sys; open(sys.argv[1], 'a').write('x'); print('t0ken')"
    counted = settings(program, str(tmp_path / "count"))

    assert [tokens(counted), tokens(counted)] == ["t0ken", "t0ken"]
    assert (tmp_path / "count").read_text() == "x"


def test_the_command_sees_the_credentials_of_this_run() -> None:
    environment = Environment({**read_environment().variables, "NEXUS_PASSWORD": "pa%s#word"})

    token = TokenSource(environment)(settings("import os; print(os.environ['NEXUS_PASSWORD'])"))

    assert token == "pa%s#word"


@pytest.mark.parametrize(("program", "kind", "told"), [
    ("print('s3cret'); raise SystemExit(3)", MissingCredentialsError, "ended with exit code 3"),
    ("raise Exception('s3cret')", MissingCredentialsError, "ended with exit code 1; run it by"),
    ("pass", ConfigurationError, "prints nothing; it has to print the token alone"),
    ("print('your token:', 's3cret')", ConfigurationError, "prints more than one word"),
    ("print('s3cret')\nprint('s3cret')", ConfigurationError, "prints more than one word"),
])  # fmt: skip
def test_what_is_no_token_is_one_line_without_what_was_printed(
    tokens: TokenSource, program: str, kind: type[TrainwheelError], told: str
) -> None:
    with pytest.raises(kind) as caught:
        tokens(settings(program))

    assert f"tool.trainwheel.index.cloud.token-command {told}" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("command", "kind", "told"), [
    ("nosuch-program --now", StepFailedError, "cannot start nosuch-program"),
    ("print 'half", ConfigurationError, "is not a command: it has an unmatched quotation mark"),
])  # fmt: skip
def test_what_is_no_command_is_one_line(
    tokens: TokenSource, command: str, kind: type[TrainwheelError], told: str
) -> None:
    with pytest.raises(kind, match=told):
        tokens(IndexSettings("cloud", token_command=command))


@pytest.mark.parametrize("arguments", [("-m", "planted"), ("-c", "import planted")])
def test_the_command_imports_nothing_that_lies_where_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: TokenSource, arguments: tuple[str, str]
) -> None:
    (tmp_path / "planted.py").write_text("print('t0ken')")
    monkeypatch.chdir(tmp_path)
    command = shlex.join((sys.executable, *arguments))

    with pytest.raises(MissingCredentialsError, match="ended with exit code 1"):
        tokens(IndexSettings("cloud", token_command=command))
