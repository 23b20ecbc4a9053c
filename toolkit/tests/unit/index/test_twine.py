"""The command that uploads, and why twine failed."""

from __future__ import annotations

import http.client
import itertools
from pathlib import Path

import pytest
import requests
from twine.exceptions import InvalidDistribution, RedirectDetected
from urllib3.exceptions import ProtocolError

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.guest import SEND
from trainwheel.guest.send_with_twine import described
from trainwheel.index.target import Target
from trainwheel.index.twine import explain_failure, plan_twine, read_raised
from trainwheel.system.environ import Environment
from trainwheel.system.process import Completed

TARGET = Target(
    "nexus",
    "https://nexus/r/",
    "https://nexus/r/simple/",
    credential_names=("NEXUS_USERNAME", "NEXUS_PASSWORD"),
)


def _answered(status: int, reason: str = "") -> requests.HTTPError:
    response = requests.Response()
    response.status_code, response.reason = status, reason
    return requests.HTTPError(f"{status} from https://nexus/r/", response=response)


def _chain(*errors: BaseException) -> BaseException:
    """Return the first error as Python has it when the others led to it."""
    for error, cause in itertools.pairwise(errors):
        error.__context__ = cause
    return errors[0]


REFUSED = _chain(
    requests.ConnectionError("HTTPConnectionPool(host='h'): Max retries exceeded"),
    ConnectionRefusedError(111, "Connection refused"),
)
ABORTED = _chain(
    requests.ConnectionError(("Connection aborted.", http.client.RemoteDisconnected("Remote end"))),
    http.client.RemoteDisconnected("Remote end closed connection without response"),
)
REDIRECTED = RedirectDetected.from_args("https://nexus/r", "https://nexus/r/")


@pytest.mark.parametrize(
    ("error", "kind", "words", "is_transient", "may_have_arrived"),
    [
        (_answered(401), ConfigurationError, "NEXUS_PASSWORD", False, False),
        (_answered(403), ConfigurationError, "NEXUS_USERNAME", False, False),
        (_answered(404), ConfigurationError, "not the simple index", False, False),
        (_answered(405), ConfigurationError, "takes no uploads", False, False),
        (_answered(413), StepFailedError, "too large", False, False),
        (_answered(400, "x cannot be updated"), StepFailedError, "x cannot", False, True),
        (_answered(400, "\x1b[31mred"), StepFailedError, "Bad Request: [31mred", False, True),
        (_answered(409, "exists"), StepFailedError, "409 Conflict: exists", False, True),
        (_answered(409, "Conflict"), StepFailedError, "(409 Conflict)", False, True),
        (_answered(429), StepFailedError, "429", True, True),
        (_answered(500), StepFailedError, "500", True, True),
        (_answered(503), StepFailedError, "503", True, True),
        (_answered(599), StepFailedError, "599", True, True),
        (REDIRECTED, ConfigurationError, "name the final address", False, False),
        (REFUSED, StepFailedError, "connection refused", True, True),
        (ABORTED, StepFailedError, "the connection broke", True, True),
        (requests.ReadTimeout("late"), StepFailedError, "connection broke", True, True),
        (requests.exceptions.ProxyError("x"), StepFailedError, "connection broke", True, True),
        (BrokenPipeError(32, "Broken pipe"), StepFailedError, "broken pipe", True, True),
        (ProtocolError("x"), StepFailedError, "connection broke", True, True),
        (requests.exceptions.SSLError("x"), StepFailedError, "certificate", False, False),
        (
            InvalidDistribution("Cannot find file (or expand pattern): 'x'\nTry again"),
            StepFailedError,
            "nexus: Cannot find file (or expand pattern): 'x'",
            False,
            True,
        ),
        (ValueError("odd"), StepFailedError, "ValueError: odd", False, True),
        (
            ModuleNotFoundError("No module named 'twine'"),
            StepFailedError,
            "twine is not installed",
            False,
            False,
        ),
        (
            ModuleNotFoundError("No module named 'rich'"),
            StepFailedError,
            "ModuleNotFoundError: No module named 'rich'",
            False,
            True,
        ),
    ],
)
def test_an_exception_is_one_line_with_the_fix(  # noqa: PLR0913, PLR0917 - a table
    error: BaseException,
    kind: type[TrainwheelError],
    words: str,
    is_transient: bool,  # noqa: FBT001 - a table
    may_have_arrived: bool,  # noqa: FBT001 - a table
    tmp_path: Path,
) -> None:
    with pytest.raises(type(error)), described(tmp_path / "raised.json"):
        raise error
    raised = read_raised(tmp_path / "pypirc", str)

    failure = explain_failure(Completed(1, "Traceback\n"), raised, TARGET, "demo.whl")

    assert failure is not None
    assert type(failure.error) is kind
    assert words in str(failure.error)
    assert "\n" not in str(failure.error)
    assert "Traceback" not in str(failure.error)
    assert (failure.is_transient, failure.may_have_arrived) == (is_transient, may_have_arrived)


@pytest.mark.parametrize(
    ("output", "words"), [("", "twine said nothing"), ("usage\nKilled\x1b[31m\n", "Killed[31m")]
)
def test_without_an_exception_the_last_line_is_the_reason(output: str, words: str) -> None:
    failure = explain_failure(Completed(1, output), None, TARGET, "demo.whl")

    assert failure is not None
    assert failure.error.message == f"upload to index nexus: {words}"
    assert (failure.is_transient, failure.may_have_arrived) == (False, True)


def test_what_a_server_said_is_redacted(tmp_path: Path) -> None:
    with pytest.raises(requests.HTTPError), described(tmp_path / "raised.json"):
        raise _answered(400, 'not with pä"ss')

    raised = read_raised(tmp_path / "pypirc", lambda text: text.replace('pä"ss', "***"))

    assert raised is not None
    assert raised.reason == "not with ***"


def test_a_run_without_an_exception_leaves_none(tmp_path: Path) -> None:
    with described(tmp_path / "raised.json"):
        pass

    assert read_raised(tmp_path / "pypirc", str) is None


def test_success_is_no_failure() -> None:
    assert explain_failure(Completed(0, "Uploading demo.whl\n"), None, TARGET, "demo.whl") is None


@pytest.mark.parametrize(
    ("completed", "words"),
    [(Completed(-15, "", is_late=True), "no end in time"), (Completed(-9, ""), "signal 9")],
)
def test_an_upload_that_was_ended_may_have_arrived(completed: Completed, words: str) -> None:
    failure = explain_failure(completed, None, TARGET, "demo.whl")
    assert failure is not None
    assert words in str(failure.error)
    assert failure.may_have_arrived
    assert not failure.is_transient


def test_the_command_names_the_index_and_pins_what_could_replace_the_password() -> None:
    variables = {
        "TWINE_PASSWORD": "other",
        "NETRC": "/x",
        "NEXUS_PASSWORD": "secret",
        "NO_PROXY": "intranet",
        "PYTHON_KEYRING_BACKEND": "evil",
        "PYTHONPATH": "x",
    }
    environment = Environment(variables)
    command = plan_twine(
        Path("/env/python"), TARGET, Path("/w.whl"), Path("/t/c"), environment, timeout=5
    )
    child = environment.for_child(command.env, command.secrets)
    assert command.argv == (
        *("/env/python", "-P", str(SEND), "/t/raised.json", "--no-color", "upload"),
        *("--config-file", "/t/c", "--non-interactive", "--disable-progress-bar"),
        *("-r", "nexus", "/w.whl"),
    )
    assert not {"TWINE_PASSWORD", "NEXUS_PASSWORD", "PYTHONPATH"} & child.keys()
    assert child["NETRC"] == "/dev/null"
    assert child["PYTHON_KEYRING_BACKEND"] == "keyring.backends.null.Keyring"
    assert child["NO_PROXY"] == child["no_proxy"] == "intranet,localhost,127.0.0.1,::1"
