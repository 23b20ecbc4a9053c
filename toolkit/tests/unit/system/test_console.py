"""What a person sees on a terminal, in a pipe and in a CI log, and never a secret."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from trainwheel.system.command import Command
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.process import run

BOLD, DIM, OFF, CLEAR = "\033[1m", "\033[2m", "\033[0m", "\r\033[K"
TERMINAL = {"TERM": "xterm"}


def say(
    act: Callable[[Console], object], variables: dict[str, str] | None = None, read: str = ""
) -> str:
    """Return what a console prints into a pipe when a secret was read after it was made."""
    stream, environment = io.StringIO(), Environment({**(variables or {}), "READ": read})
    console = Console(environment, stream)
    environment.secret("READ")
    act(console)
    return stream.getvalue()


@contextmanager
def terminal(variables: dict[str, str]) -> Iterator[tuple[Console, Callable[[], str]]]:
    """Yield a console on a real pseudo terminal, and what reads the terminal."""
    master, slave = os.openpty()
    try:
        with os.fdopen(slave, "w", encoding="utf-8", newline="") as stream:
            yield Console(Environment(variables), stream), lambda: _read(master, stream)
    finally:
        os.close(master)


def _read(master: int, stream: TextIO) -> str:
    """Return what the terminal was sent; it arrives in parts, up to a mark that we send last."""
    stream.write("\0")
    stream.flush()
    text = ""
    while not text.endswith("\0"):
        text += os.read(master, 65536).decode()
    return text.removesuffix("\0").replace("\r\n", "\n")


def test_a_line_an_outcome_and_a_notice_are_one_line_each_without_colour_in_a_pipe() -> None:
    def act(console: Console) -> None:
        with console.working("train"):
            console.line("hello")
        console.outcome("train", "done", None)
        console.outcome("train", "done", 0.04)
        console.outcome("train", "done", 61.25)
        console.notice("no data")

    assert say(act, TERMINAL).splitlines() == [
        *("hello", "train    done", "train    done  0.0 s", "train    done  61.2 s"),
        "notice: no data",
    ]


def test_a_terminal_gets_colour() -> None:
    with terminal(TERMINAL) as (console, read):
        console.outcome("train", "done", 1.0)
        assert read() == f"{BOLD}train   {OFF} done{DIM}  1.0 s{OFF}\n"


@pytest.mark.parametrize(
    "variables", [{**TERMINAL, "NO_COLOR": "1"}, {"TERM": "dumb"}, {**TERMINAL, "CI": "true"}]
)
def test_a_terminal_gets_no_colour_where_it_is_not_wanted(variables: dict[str, str]) -> None:
    with terminal(variables) as (console, read):
        console.outcome("train", "done", 1.0)
        assert read() == "train    done  1.0 s\n"


def test_what_is_at_work_is_replaced_by_the_next_line_and_by_that_only() -> None:
    with terminal({**TERMINAL, "NO_COLOR": "1"}) as (console, read):
        with console.working("train"):
            assert read() == f"{CLEAR}train    …"
            console.line("first")
            assert read() == f"{CLEAR}first\n"
            console.line("second")
            assert read() == "second\n"
        console.line("third")
        assert read() == "third\n"


def test_a_ci_log_on_a_terminal_gets_no_progress() -> None:
    with terminal({**TERMINAL, "CI": "1"}) as (console, read), console.working("train"):
        assert read() == ""


def test_a_step_that_fails_leaves_an_empty_line_to_whoever_prints_next() -> None:
    with terminal(TERMINAL) as (console, read):
        with pytest.raises(ZeroDivisionError), console.working("train"):
            raise ZeroDivisionError
        assert read() == f"{CLEAR}train    …{CLEAR}"


@pytest.mark.parametrize("command", [
    "pip install 'https://ci.test/demo-1.0-py3-none-any.whl#sha256=ab' scikit-learn==1.9.1",
    "pip install --find-links '/a folder/index' demo==1.0",
])  # fmt: skip
def test_a_command_is_printed_whole(command: str) -> None:
    printed = say(lambda console: console.command("install:  ", command))

    assert printed == f"install:  {command}\n"


@pytest.mark.parametrize("password", ["demo", "1.0", "s3cret", "c2Vj", "/demo"])
def test_a_command_that_would_be_cut_is_not_printed_and_that_is_told(password: str) -> None:
    command = "pip install https://index.test/demo-1.0.whl?s3cret=c2Vj"

    printed = say(lambda console: console.command("install:  ", command), read=password)

    assert printed.startswith("notice: a command is not printed")
    assert "pip install" not in printed
    assert len(printed.splitlines()) == 1


def test_the_query_of_a_signed_address_is_not_printed() -> None:
    printed = say(lambda console: console.line("GET https://store.test/demo.whl?sig=s3cret failed"))

    assert printed == "GET https://store.test/demo.whl?*** failed\n"


@pytest.mark.parametrize("act", [
    lambda console: console.line("the s3cret"),
    lambda console: console.outcome("upload", "the s3cret", 1.0),
    lambda console: console.notice("the s3cret"), lambda console: console.notice_once("the s3cret"),
])  # fmt: skip
def test_a_secret_that_was_read_is_starred_in_whatever_is_printed(
    act: Callable[[Console], object],
) -> None:
    printed = say(act, read="s3cret")

    assert "s3cret" not in printed
    assert "the ***" in printed


@pytest.mark.parametrize(("encoding", "printed"), [
    ("utf-8", "café → naïve \\udcff".encode()), ("ascii", b"caf\\xe9 \\u2192 na\\xefve \\udcff"),
    ("latin-1", b"caf\xe9 \\u2192 na\xefve \\udcff"),
])  # fmt: skip
def test_a_stream_that_lacks_a_letter_gets_its_number(encoding: str, printed: bytes) -> None:
    raw = io.BytesIO()
    console = Console(Environment(), io.TextIOWrapper(raw, encoding=encoding))

    console.line("café → naïve \udcff")

    assert raw.getvalue() == printed + os.linesep.encode()


def test_steps_beside_each_other_print_in_their_order_whatever_each_says_when() -> None:
    def act(console: Console) -> None:
        console.expect("abc")
        for word in ("1", "2 s3cret"):
            for step in "cba":
                with console.speaking(step):
                    console.line(f"{step}{word}")
        with console.speaking("c"):
            console.line("now", is_live=True)
        console.line("of none")
        console.end("b")
        console.end("a")

    printed = say(act, read="s3cret").splitlines()

    assert printed == ["a1", "a2 ***", "now", "of none", "b1", "b2 ***", "c1", "c2 ***"]


def test_where_all_end_at_once_nothing_that_was_said_is_lost() -> None:
    def act(console: Console) -> None:
        console.expect("abc")
        for step in "cb":
            with console.speaking(step):
                console.notice_once("the same")
                console.line(step)
        for step in "abc":
            console.end(step)

    assert say(act).splitlines() == ["b", "notice: the same", "c"]


def test_a_terminal_shows_all_steps_that_are_at_work() -> None:
    with terminal(TERMINAL) as (console, read):
        with console.working("a"), console.working("b"):
            assert read() == f"{CLEAR}a        …{CLEAR}a, b     …"
        assert read() == f"{CLEAR}{CLEAR}a        …{CLEAR}"


def test_what_a_process_prints_is_said_by_the_step_that_started_it() -> None:
    def act(console: Console) -> None:
        environment = Environment({"PATH": os.environ["PATH"]})
        console.expect("ab")
        with console.speaking("b"):
            run(Command(("echo", "of b")), environment, echo=console.line)
        with console.speaking("a"):
            console.line("of a")
        console.end("a")

    assert say(act) == "of a\nof b\n"
