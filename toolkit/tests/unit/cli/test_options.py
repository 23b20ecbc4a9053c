"""What stands after ``--`` is read the same way by every session of a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.cli.sessions import parse_options
from trainwheel.engine.run import Options
from trainwheel.errors import ConfigurationError
from trainwheel.steps import load_chain

CHAIN = load_chain()
FLAGS = CHAIN.flags
ALL = [step.name for step in CHAIN.steps]
SWITCHES = [flag.name for flag in FLAGS if not flag.metavar]
VALUED = [flag.name for flag in FLAGS if flag.metavar]


@pytest.mark.parametrize(
    ("words", "values", "names"),
    [
        ([], {}, ()),
        (["--verbose"], {"verbose": ""}, ()),
        (["--to", "corporate"], {"to": "corporate"}, ()),
        (["--to=corporate"], {"to": "corporate"}, ()),
        (["--to=a=b"], {"to": "a=b"}, ()),
        (["--to", "first", "--to", "last"], {"to": "last"}, ()),
        (["a==1", "--verbose", "b"], {"verbose": ""}, ("a==1", "b")),
        (["--port", "8080", "--host", "0.0.0.0"], {"port": "8080", "host": "0.0.0.0"}, ()),  # noqa: S104
    ],
)
def test_options_are_read(words: list[str], values: dict[str, str], names: tuple[str, ...]) -> None:
    assert parse_options(words, CHAIN, ALL) == Options(values, names)


@pytest.mark.parametrize(("words", "message"), [
    (["--two"], "no session knows the option --two; did you mean --to?"),
    (["--vebrose"], "no session knows the option --vebrose; did you mean --verbose?"),
    (["-x"], f"no session knows the option -x; they know {', '.join(flag.name for flag in FLAGS)}"),
    (["-"], "no session knows the option -;"), (["-1"], "no session knows the option -1;"),
    (["name", "--"], "no session knows the option --;"),
    (["--", "--verbose"], "no session knows the option --;"),
    (["--verb"], "no session knows the option --verb;"),
    (["-h"], "no session knows the option -h;"),
    (["--verbose b"], "no session knows the option --verbose b; did you mean --verbose?"),
    (["--nonsense=secret"], "no session knows the option --nonsense;"),
    (["--to"], "--to needs a value: --to NAME"), (["--to="], "--to needs a value: --to NAME"),
    (["--to", ""], "--to needs a value: --to NAME"),
    (["--to", "--verbose"], "--to needs a value: --to NAME"),
    (["--to=--verbose"], "--to needs a value: --to NAME"),
    (["--to", "-1"], "--to needs a value: --to NAME"),
    (["--to", "-a b"], "--to needs a value: --to NAME"),
    (["--to", "--"], "--to needs a value: --to NAME"),
    (["--port"], "--port needs a value: --port NUMBER"),
    (["--verbose=1"], "--verbose takes no value"), (["--check="], "--check takes no value"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_options(words, CHAIN, ALL)

    assert str(caught.value).startswith(f"configuration: {message}")


@pytest.mark.parametrize(("sessions", "is_taken"), [
    (["verify"], True), (["lock"], True), (["upload", "verify"], True), (["train"], False),
    (["upload"], False), ([], False),
])  # fmt: skip
def test_a_word_needs_a_session_that_takes_it(sessions: list[str], *, is_taken: bool) -> None:
    if is_taken:
        assert parse_options(["name==1"], CHAIN, sessions).names == ("name==1",)
    else:
        with pytest.raises(ConfigurationError, match="no session of this run takes 'name==1'"):
            parse_options(["name==1"], CHAIN, sessions)


def test_flags_of_other_sessions_are_left_to_them() -> None:
    options = parse_options(["--to", "corporate", "--check"], CHAIN, ["train"])

    assert options.get("to") == "corporate"
    assert options.has("check")
    assert options.get("port") is None
    assert not options.has("verbose")


values = st.text(min_size=1).filter(lambda text: not text.startswith("-"))


@given(
    st.dictionaries(st.sampled_from(VALUED), values),
    st.sets(st.sampled_from(SWITCHES)),
    st.lists(values),
    st.randoms(use_true_random=False),
)
def test_every_spelling_of_the_same_options_is_read_alike(
    valued: dict[str, str], switches: set[str], names: list[str], random: object
) -> None:
    assert hasattr(random, "choice")
    spelled = [
        [f"{name}={value}"] if random.choice([True, False]) else [name, value]
        for name, value in valued.items()
    ]
    groups = [*spelled, *([switch] for switch in switches)]
    words = [word for group in [*groups, names] for word in group]

    options = parse_options(words, CHAIN, ["verify"])

    expected = valued | dict.fromkeys(switches, "")
    assert options.values == {name.removeprefix("--"): value for name, value in expected.items()}
    assert options.names == tuple(names)


@given(st.lists(st.text()))
def test_any_words_are_read_or_refused_in_one_line(words: list[str]) -> None:
    try:
        told = f"configuration: read {len(parse_options(words, CHAIN, ALL).names)} names"
    except ConfigurationError as error:
        told = str(error)

    assert told.startswith("configuration: ")
    assert len(told.splitlines()) == 1
