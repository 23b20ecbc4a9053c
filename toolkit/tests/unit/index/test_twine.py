"""The command that uploads, and what twine's words mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.guest import SEND
from trainwheel.index.target import Target
from trainwheel.index.twine import explain_failure, plan_twine
from trainwheel.system.command import Completed
from trainwheel.system.environ import Environment

TARGET = Target(
    "nexus",
    "https://nexus/r/",
    "https://nexus/r/simple/",
    credential_names=("NEXUS_USERNAME", "NEXUS_PASSWORD"),
)
WARNING = "WARNING  Error during upload. Retry with the --verbose option for more details.\n"
TRACEBACK = "Traceback (most recent call last):\n  File ...\n"
REFUSED = (
    f"{TRACEBACK}requests.exceptions.ConnectionError: HTTPConnectionPool(host='h'): Max retries "
    "exceeded (Caused by NewConnectionError('<...>: Failed: [Errno 111] Connection refused'))\n"
)
ABORTED = (
    f"{TRACEBACK}requests.exceptions.ConnectionError: ('Connection aborted.', "
    "RemoteDisconnected('Remote end closed connection without response'))\n"
)


def _http(status: int, phrase: str, reason: str = "") -> str:
    return f"{WARNING}ERROR    HTTPError: {status} {phrase} from https://nexus/r/\n {reason}\n"


FINAL, LATER = (False, False), (True, True)
UNSURE = (False, True)


@pytest.mark.parametrize(
    ("output", "kind", "words", "standing"),
    [
        (_http(401, "Unauthorized"), ConfigurationError, "NEXUS_PASSWORD", FINAL),
        (_http(403, "Forbidden"), ConfigurationError, "NEXUS_USERNAME", FINAL),
        (_http(404, "Not Found"), ConfigurationError, "not the simple index", FINAL),
        (_http(405, "Method Not Allowed"), ConfigurationError, "takes no uploads", FINAL),
        (_http(413, "Content Too Large"), StepFailedError, "demo.whl is too large", FINAL),
        (_http(400, "Bad Request", "x cannot"), StepFailedError, "Bad Request: x cannot", UNSURE),
        (_http(409, "Conflict", "Conflict"), StepFailedError, "(409 Conflict)", UNSURE),
        (_http(429, "Too Many Requests"), StepFailedError, "429", LATER),
        (_http(500, "Internal Server Error"), StepFailedError, "500", LATER),
        (_http(599, "Unknown Status"), StepFailedError, "599", LATER),
        ("ERROR    RedirectDetected: https://x\n", ConfigurationError, "the final address", FINAL),
        (REFUSED, StepFailedError, "connection refused", LATER),
        (ABORTED, StepFailedError, "connection broke", LATER),
        (f"{TRACEBACK}SSLError: x\nConnectionError\n", StepFailedError, "certificate", FINAL),
        ("ERROR    InvalidDistribution: no file 'x'\n", StepFailedError, ": no file 'x'", UNSURE),
        ("/python: No module named twine\n", StepFailedError, "not installed", FINAL),
        ("", StepFailedError, "twine printed nothing", UNSURE),
        ("Killed\x1b[31m\n", StepFailedError, "Killed[31m", UNSURE),
        (f"ERROR    {'x' * 300}\n", StepFailedError, f": {'x' * 200}", UNSURE),
    ],
)
def test_a_failure_is_one_line_with_the_fix(
    output: str,
    kind: type[TrainwheelError],
    words: str,
    standing: tuple[bool, bool],
    sentence: Callable[[object], None],
) -> None:
    failure = explain_failure(Completed(1, output), TARGET, "demo.whl")
    assert failure is not None
    assert type(failure.error) is kind
    assert words in str(failure.error)
    assert not [word for word in ("\n", "Traceback", "x" * 201) if word in str(failure.error)]
    assert (failure.is_transient, failure.may_have_arrived) == standing
    sentence(failure.error)


def test_success_is_no_failure() -> None:
    assert explain_failure(Completed(0, "Uploading demo.whl\n"), TARGET, "demo.whl") is None


@pytest.mark.parametrize(
    ("completed", "words"),
    [(Completed(-15, "", is_late=True), "no end in time"), (Completed(-9, ""), "signal 9")],
)
def test_an_upload_that_was_ended_may_have_arrived(completed: Completed, words: str) -> None:
    failure = explain_failure(completed, TARGET, "demo.whl")
    assert failure is not None
    assert words in str(failure.error)
    assert failure.may_have_arrived
    assert not failure.is_transient


def test_the_command_names_the_index_and_pins_what_could_replace_the_password() -> None:
    names = ("TWINE_PASSWORD", "NETRC", "NEXUS_PASSWORD", "PYTHON_KEYRING_BACKEND", "PYTHONPATH")
    environment = Environment({**dict.fromkeys(names, "evil"), "NO_PROXY": "intranet"})
    command = plan_twine(
        Path("/env/python"), TARGET, Path("/w.whl"), Path("/t/c"), environment, timeout=5
    )
    child = environment.for_child(command.env, command.secrets)
    assert command.timeout == 5
    assert command.argv == (
        *("/env/python", "-P", str(SEND), "--no-color", "upload", "--config-file", "/t/c"),
        *("--non-interactive", "--disable-progress-bar", "-r", "nexus", "/w.whl"),
    )
    assert not {"TWINE_PASSWORD", "NEXUS_PASSWORD", "PYTHONPATH"} & child.keys()
    assert child["NETRC"] == "/dev/null"
    assert child["PYTHON_KEYRING_BACKEND"] == "keyring.backends.null.Keyring"
    assert child["NO_PROXY"] == child["no_proxy"] == "intranet,localhost,127.0.0.1,::1"
