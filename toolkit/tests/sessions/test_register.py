"""``register()`` gives a noxfile the sessions of the chain."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterable

import nox
import pytest
from nox import registry

import trainwheel
from trainwheel.cli.nox import hush
from trainwheel.steps import load_chain
from trainwheel.system.process import is_closed

STEPS = load_chain().steps
NAMES = [step.name for step in STEPS]


def test_every_step_is_a_session_that_runs_when_asked_for_and_tells_what_it_does() -> None:
    nox.options.stop_on_first_error = False

    trainwheel.register()

    assert nox.options.stop_on_first_error is True
    sessions = registry.get().values()
    assert not any(func.default for func in sessions)
    assert {func.venv_backend for func in sessions} == {"none"}
    told = {name: func.func.__doc__ for name, func in registry.get().items()}
    assert told == {step.name: f"{step.help}." for step in STEPS}
    assert list(told) == NAMES


def test_nox_knows_nothing_of_what_a_step_needs() -> None:
    trainwheel.register()

    assert not any(func.requires for func in registry.get().values())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_the_run(number: signal.Signals) -> None:
    trainwheel.register()

    with pytest.raises(SystemExit) as caught:
        signal.raise_signal(number)

    assert caught.value.code == 128 + number
    assert is_closed()


def test_an_interrupt_unwinds_the_run_as_nox_knows_it() -> None:
    trainwheel.register()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)

    assert is_closed()


@pytest.mark.parametrize(("only", "exclude", "registered"), [
    (None, (), NAMES), (["train"], (), ["train"]), (["test", "train"], (), ["train", "test"]),
    (iter(["test"]), (), ["test"]), ([], (), []),
    (None, ["doc"], [name for name in NAMES if name != "doc"]), (None, iter(NAMES), []),
    (["train", "test"], {"train"}, ["test"]), (["train"], {"doc"}, ["train"]),
    ("train", "doc", ["train"]),
])  # fmt: skip
def test_steps_are_chosen_by_name(
    only: Iterable[str] | None, exclude: Iterable[str], registered: list[str]
) -> None:
    trainwheel.register(only=only, exclude=exclude)

    assert list(registry.get()) == registered


@pytest.mark.parametrize(
    ("only", "exclude", "unknown"),
    [(["trian"], (), "trian"), (None, ["docs"], "docs"), (["train", "zzz", "aaa"], ["mmm"], "aaa")],
)
def test_an_unknown_name_ends_the_noxfile_with_one_line(
    only: Iterable[str] | None, exclude: Iterable[str], unknown: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        trainwheel.register(only=only, exclude=exclude)

    code = str(caught.value.code)
    assert code.startswith(f"configuration: register() does not know the step {unknown!r}; ")
    assert code.endswith(f" {', '.join(NAMES)}")
    assert registry.get() == {}


def test_the_sessions_of_the_noxfile_itself_stay() -> None:
    @nox.session
    def mine(session: nox.Session) -> None:
        """Do something else."""

    trainwheel.register(only=["train"])

    assert list(registry.get()) == ["mine", "train"]


@pytest.mark.parametrize(("message", "is_shown"), [
    ("Running session train", False), ("Session train was successful in 3 seconds.", False),
    ("Ran 4 sessions in 9 seconds:", False), ("* train: success, took 3 seconds", False),
    ("Session train failed: training ended with exit code 1", True),
    ("Session train aborted: failed: training ended with exit code 1.", True),
    ("Session train interrupted.", True),
    ("Session train raised exception ZeroDivisionError()", True), ("Running session trains", True),
    ("Running session tests", True), ("Running session other", True),
    ("Session other was successful in 3 seconds.", True),
    ("* other: success, took 3 seconds", True),
    ("Missing interpreters will error by default on CI systems.", True),
])  # fmt: skip
def test_nox_is_silent_about_our_sessions_while_all_is_well(
    caplog: pytest.LogCaptureFixture, message: str, *, is_shown: bool
) -> None:
    hush(frozenset({"train", "test"}))

    logging.getLogger("nox").warning("%s", message)

    assert (message in caplog.messages) is is_shown


def test_the_http_library_does_not_tell_of_every_request(caplog: pytest.LogCaptureFixture) -> None:
    hush(frozenset())
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3.connectionpool").debug("GET /simple/")
        logging.getLogger("urllib3.connectionpool").warning("retrying")

    assert caplog.messages == ["retrying"]
