"""twine: the command that uploads, and the meaning of its output.

Every failure of twine is exit code 1, so the text decides; connection errors come as a
traceback, of which only the last words help.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.guest import SEND
from trainwheel.index.access import for_twine
from trainwheel.index.patience import describe_status, is_transient
from trainwheel.index.target import Target
from trainwheel.system.command import Command, Completed
from trainwheel.system.environ import Environment

__all__ = ["Failure", "explain_failure", "plan_twine"]

_STATUS = re.compile(r"HTTPError: ([0-9]{3}) .* from \S+\s*(.*)")
_OWN_WORDS = re.compile(r"^ERROR\s+(?:[A-Za-z]+: )?(.*)$", re.MULTILINE)
_CERTIFICATE = re.compile(r"SSLError|CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError")
_CONNECTION = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|ProtocolError|RemoteDisconnected|BrokenPipeError"
    r"|ProxyError|ChunkedEncodingError|ConnectionResetError"
)
_MISSING = re.compile(r"No module named '?(twine|requests)\b")
_SYSTEM = re.compile(r"\[Errno -?[0-9]+\] ([^'\")\]\n]+)")


@dataclass(frozen=True)
class Failure:
    """Why an upload failed.

    Args:
        error: The error to show.
        is_transient: Whether the next try may succeed.
        may_have_arrived: Whether the index may hold the file in spite of it.
        status: The status that the index answered, if it did.
        after: Seconds that it asks to wait (Retry-After).
    """

    error: TrainwheelError
    is_transient: bool = False
    may_have_arrived: bool = False
    status: int | None = None
    after: float | None = None


def plan_twine(  # noqa: PLR0913 - one command from its parts, each by name
    python: Path,
    target: Target,
    wheel: Path,
    config: Path,
    environment: Environment,
    *,
    timeout: float,
) -> Command:
    """Return the command that uploads a wheel.

    Args:
        python: The Python of an environment that has twine.
        target: The index.
        wheel: The file.
        config: A ``.pypirc`` with the index's address and credentials.
        environment: Says which hosts are reached without a proxy.
        timeout: Seconds; twine itself would wait for ever.
    """
    options = ("--config-file", str(config), "--non-interactive", "--disable-progress-bar")
    argv = (str(python), "-P", str(SEND), "--no-color", "upload", *options)
    return Command(
        (*argv, "-r", target.name, str(wheel)),
        env=for_twine(environment.variables),
        is_open=True,
        timeout=timeout,
    )


def explain_failure(result: Completed, target: Target, filename: str) -> Failure | None:
    """Return why twine failed, or None where it did not.

    Args:
        result: How it ended.
        target: The index.
        filename: The wheel's name.
    """
    if not result.failed and not result.is_late:
        return None
    if result.is_late or result.returncode < 0:
        words = "no end in time" if result.is_late else f"signal {-result.returncode}"
        return _failed(target, f"the upload was stopped: {words}", may_have_arrived=True)
    return _explain_output(result, target, filename)


def _explain_output(result: Completed, target: Target, filename: str) -> Failure:
    output = result.output
    if "RedirectDetected" in output:
        return _configuration(target, "redirects uploads", "name the final address as its url")
    if answer := _STATUS.search(output):
        failure = _explain_status(int(answer[1]), answer[2].strip(), target, filename)
        return replace(failure, status=int(answer[1]))
    if _CERTIFICATE.search(output):
        hint = "point REQUESTS_CA_BUNDLE at the certificates of your organisation"
        return _failed(target, "its certificate is not accepted", hint=hint)
    if _CONNECTION.search(output):
        return _explain_connection(output, target)
    return _explain_words(result, target)


def _explain_status(status: int, reason: str, target: Target, filename: str) -> Failure:
    text = describe_status(status)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        what = f"refuses uploads with these credentials ({status})"
        return _configuration(target, what, target.credentials_hint)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        hint = "its url must be the upload address, not the simple index"
        return _configuration(target, f"takes no uploads at its url ({text})", hint)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        hint = "raise the limit of the server, or of the proxy before it"
        return _failed(target, f"{filename} is too large for it ({text})", hint=hint)
    if is_transient(status):
        return _failed(target, text, is_transient=True, may_have_arrived=True)
    words = "" if reason in text else f": {_printable(reason)}"
    return _failed(target, f"it refuses {filename} ({text}{words})", may_have_arrived=True)


def _explain_connection(output: str, target: Target) -> Failure:
    reasons = _SYSTEM.findall(output)
    words = reasons[-1].strip().lower() if reasons else "the connection broke"
    return _failed(target, words, is_transient=True, may_have_arrived=True)


def _explain_words(result: Completed, target: Target) -> Failure:
    if _MISSING.search(result.output):
        error = StepFailedError("twine is not installed", hint="lock it in the upload category")
        return Failure(error)
    own = _OWN_WORDS.findall(result.output)
    words = _printable(own[-1] if own else result.last_line) or "twine printed nothing"
    return _failed(target, words, may_have_arrived=True)


def _failed(
    target: Target,
    text: str,
    *,
    hint: str = "",
    is_transient: bool = False,
    may_have_arrived: bool = False,
) -> Failure:
    error = StepFailedError(f"upload to index {target.name}: {text}", hint=hint)
    return Failure(error, is_transient=is_transient, may_have_arrived=may_have_arrived)


def _configuration(target: Target, text: str, hint: str) -> Failure:
    return Failure(ConfigurationError(f"index {target.name} {text}", hint=hint))


def _printable(text: str) -> str:
    """Return a server's words without control characters, 200 characters at most."""
    return "".join(character for character in text if character.isprintable())[:200].strip()
