"""twine: the command that uploads, and the meaning of its failures.

Every failure of twine is exit code 1, so what `trainwheel.guest.send_with_twine` says of the
exception decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.guest import SEND
from trainwheel.index.access import for_twine
from trainwheel.index.patience import describe_status, is_transient, read_retry_after
from trainwheel.index.target import Target
from trainwheel.system.command import Command, Completed
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secrets

__all__ = ["Failure", "explain_failure", "plan_twine", "read_failure"]

_CERTIFICATE = {"SSLError", "SSLCertVerificationError"}
_NOT_MADE = {
    "ConnectionRefusedError", "NewConnectionError", "ConnectTimeoutError", "ProxyError"
}  # fmt: skip
"""Nothing was sent: there was no connection."""
_CONNECTION = {"ConnectionError", "Timeout", "ProtocolError", "ChunkedEncodingError"}


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
        config: A ``.pypirc`` with the index's address and credentials; beside it a failure is
            described, for `read_failure`.
        environment: Says which hosts are reached without a proxy.
        timeout: Seconds; twine itself would wait for ever.
    """
    options = ("--config-file", str(config), "--non-interactive", "--disable-progress-bar")
    argv = (str(python), "-P", str(SEND), str(_beside(config)))
    return Command(
        (*argv, "--no-color", "upload", *options, "-r", target.name, str(wheel)),
        env=for_twine(environment.variables),
        is_open=True,
        timeout=timeout,
    )


def read_failure(config: Path, secrets: Secrets) -> dict[str, Any]:
    """Return what `trainwheel.guest.send_with_twine` says of a failure, without secrets.

    Args:
        config: The ``.pypirc`` of the command.
        secrets: Those of this run; a server may repeat what it was sent.

    Returns:
        Nothing where twine ended without an exception, or was ended.
    """
    try:
        failure: dict[str, Any] = json.loads(_beside(config).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    texts = {key: secrets.redact(text) for key, text in failure.items() if isinstance(text, str)}
    return failure | texts


def _beside(config: Path) -> Path:
    return config.with_name("failure.json")


def explain_failure(
    result: Completed, said: Mapping[str, Any], target: Target, filename: str
) -> Failure | None:
    """Return why twine failed, or None where it did not.

    Args:
        result: How it ended.
        said: As `read_failure` returns it.
        target: The index.
        filename: The wheel's name.
    """
    if not result.failed and not result.is_late:
        return None
    if result.is_late or result.returncode < 0:
        words = "no end in time" if result.is_late else f"signal {-result.returncode}"
        return _failed(target, f"the upload was stopped: {words}", may_have_arrived=True)
    if "status" in said:
        failure = _explain_status(said["status"], said["reason"].strip(), target, filename)
        return replace(failure, status=said["status"], after=read_retry_after(said["headers"]))
    return _explain_exception(said, result.last_line, target)


def _explain_exception(said: Mapping[str, Any], last_line: str, target: Target) -> Failure:
    kinds = frozenset(said.get("kinds", ()))
    if "RedirectDetected" in kinds:
        return _configuration(target, "redirects uploads", "name the final address as its url")
    if kinds & _CERTIFICATE:
        hint = "point REQUESTS_CA_BUNDLE at the certificates of your organisation"
        return _failed(target, "its certificate is not accepted", hint=hint)
    if kinds & _CONNECTION:
        words = next(iter(said["system"]), "the connection broke").lower()
        may_have_arrived = not kinds & _NOT_MADE
        return _failed(target, words, is_transient=True, may_have_arrived=may_have_arrived)
    if "ModuleNotFoundError" in last_line:
        error = StepFailedError("twine is not installed", hint="lock it in the upload category")
        return Failure(error)
    words = _printable(said.get("words") or last_line) or "twine printed nothing"
    return _failed(target, words, may_have_arrived="TwineException" not in kinds)


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
