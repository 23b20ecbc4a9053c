"""The command that uploads, and what twine's failures mean."""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from requests.exceptions import ChunkedEncodingError, SSLError
from twine.exceptions import InvalidDistribution, RedirectDetected

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.guest import SEND
from trainwheel.guest.send_with_twine import describe_failure
from trainwheel.index.target import Target
from trainwheel.index.twine import explain_failure, plan_twine, read_failure
from trainwheel.system.command import Completed
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secrets

TARGET = Target(
    "nexus",
    "https://nexus/r/",
    "https://nexus/r/simple/",
    credential_names=("NEXUS_USERNAME", "NEXUS_PASSWORD"),
)


def _answered(status: int, reason: str, **headers: str) -> requests.HTTPError:
    response = requests.Response()
    response.status_code, response.reason = status, reason
    response.headers.update({name.replace("_", "-"): text for name, text in headers.items()})
    return requests.HTTPError("see its answer", response=response)


def _led_to(error: Exception, *causes: Exception) -> Exception:
    for later, earlier in itertools.pairwise((error, *causes)):
        later.__context__ = earlier
    return error


REFUSED = _led_to(
    requests.ConnectionError("pool"), OSError(5, "Later"), OSError(111, "Refused here")
)
ABORTED = _led_to(requests.ConnectionError("pool"), http.client.RemoteDisconnected("closed"))
UNTRUSTED = _led_to(SSLError("pool"), OSError(1, "not trusted"))


FINAL, LATER = (False, False), (True, True)
UNSURE = (False, True)


@pytest.mark.parametrize(("error", "kind", "words", "standing"), [
    (_answered(401, "Unauthorized"), ConfigurationError, "NEXUS_PASSWORD", FINAL),
    (_answered(403, "Forbidden"), ConfigurationError, "NEXUS_USERNAME", FINAL),
    (_answered(404, "Not Found"), ConfigurationError, "not the simple index", FINAL),
    (_answered(405, "Method Not Allowed"), ConfigurationError, "takes no uploads", FINAL),
    (_answered(413, "Content Too Large"), StepFailedError, "demo.whl is too large", FINAL),
    (_answered(400, "x cannot\n"), StepFailedError, "Bad Request: x cannot", UNSURE),
    (_answered(409, "Conflict"), StepFailedError, "(409 Conflict)", UNSURE),
    (_answered(429, "Too Many Requests"), StepFailedError, "429", LATER),
    (_answered(500, "Internal Server Error"), StepFailedError, "500", LATER),
    (_answered(599, ""), StepFailedError, "599", LATER),
    (RedirectDetected("https://x"), ConfigurationError, "the final address", FINAL),
    (REFUSED, StepFailedError, "refused here", (True, False)),
    (ABORTED, StepFailedError, "connection broke", LATER),
    (requests.ReadTimeout("pool"), StepFailedError, "connection broke", LATER),
    (ChunkedEncodingError("pool"), StepFailedError, "connection broke", LATER),
    (BrokenPipeError(32, "Broken pipe"), StepFailedError, "broken pipe", LATER),
    (UNTRUSTED, StepFailedError, "certificate", FINAL),
    (InvalidDistribution("no file 'x'"), StepFailedError, ": no file 'x'", FINAL),
    (KeyError("repository"), StepFailedError, "KeyError: 'repository'", UNSURE),
    (OSError("x" * 300), StepFailedError, f": OSError: {'x' * 191}", UNSURE),
])  # fmt: skip
def test_a_failure_is_one_line_with_the_fix(
    error: Exception, kind: type[TrainwheelError], words: str, standing: tuple[bool, bool],
    sentence: Callable[[object], None],
) -> None:  # fmt: skip
    failure = explain_failure(Completed(1, "x"), describe_failure(error), TARGET, "demo.whl")
    assert failure is not None
    assert type(failure.error) is kind
    assert words in str(failure.error)
    assert not [word for word in ("\n", "Traceback", "x" * 192) if word in str(failure.error)]
    assert (failure.is_transient, failure.may_have_arrived) == standing
    sentence(failure.error)


@pytest.mark.parametrize(("output", "words", "may_have_arrived"), [
    ("", "twine printed nothing", True), ("Killed\x1b[31m\n", ": Killed[31m", True),
    ("ModuleNotFoundError: No module named 'twine'\n", "in the upload category", False),
])  # fmt: skip
def test_without_an_exception_of_twine_the_last_line_says_why(
    output: str, words: str, *, may_have_arrived: bool
) -> None:
    failure = explain_failure(Completed(1, output), {}, TARGET, "demo.whl")
    assert failure is not None
    assert str(failure.error).endswith(words)
    assert failure.may_have_arrived is may_have_arrived


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({}, None), ({"Retry_After": "8"}, 8), ({"Retry_After": "soon"}, None),
        ({"Retry_After": "Mon, 02 Nov 2026 10:01:00 GMT", "Date": "Mon, 02 Nov 2026 10:00:00 GMT"},
         60),
    ],
)  # fmt: skip
def test_a_failure_says_what_the_server_answered_and_when_to_try_again(
    headers: dict[str, str], after: float | None
) -> None:
    said = describe_failure(_answered(429, "Too Many Requests", **headers))
    failure = explain_failure(Completed(1, ""), json.loads(json.dumps(said)), TARGET, "demo.whl")
    assert failure is not None
    assert (failure.status, failure.after) == (429, after)


def test_what_a_failure_says_is_read_without_secrets(tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.read('pa"s;w')
    config, path = tmp_path / "pypirc", tmp_path / "failure.json"
    assert read_failure(config, secrets) == {}
    path.write_text(json.dumps({"reason": 'not pa"s;w', "status": 400}))
    assert read_failure(config, secrets) == {"reason": "not ***", "status": 400}
    path.write_text('{"reason": "cut o')
    assert read_failure(config, secrets) == {}


def test_success_is_no_failure() -> None:
    assert explain_failure(Completed(0, "Uploading demo.whl\n"), {}, TARGET, "demo.whl") is None


@pytest.mark.parametrize(
    ("completed", "words"),
    [(Completed(-15, "", is_late=True), "no end in time"), (Completed(-9, ""), "signal 9")],
)
def test_an_upload_that_was_ended_may_have_arrived(completed: Completed, words: str) -> None:
    failure = explain_failure(completed, {}, TARGET, "demo.whl")
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
        *("/env/python", "-P", str(SEND), "/t/failure.json"),
        *("--no-color", "upload", "--config-file", "/t/c"),
        *("--non-interactive", "--disable-progress-bar", "-r", "nexus", "/w.whl"),
    )
    assert not {"TWINE_PASSWORD", "NEXUS_PASSWORD", "PYTHONPATH"} & child.keys()
    assert child["NETRC"] == "/dev/null"
    assert child["PYTHON_KEYRING_BACKEND"] == "keyring.backends.null.Keyring"
    assert child["NO_PROXY"] == child["no_proxy"] == "intranet,localhost,127.0.0.1,::1"
