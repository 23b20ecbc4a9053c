"""twine: the command that uploads, and why it failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.guest import SEND
from trainwheel.index.access import for_twine
from trainwheel.index.patience import describe_status, is_transient
from trainwheel.index.target import Target
from trainwheel.system.environ import Environment
from trainwheel.system.process import Command, Completed

__all__ = ["Failure", "Raised", "explain_failure", "plan_twine", "read_raised"]

_CONNECTION = {"ConnectionError", "Timeout", "ChunkedEncodingError", "ProtocolError"}


@dataclass(frozen=True)
class Raised:
    """The exception that ended twine, as `trainwheel.guest.send_with_twine` describes it.

    Args:
        classes: The names of its class and of all base classes.
        words: Its first argument.
        status: The status code of the server's answer; None where there was none.
        reason: What the server said beside it.
        system: What the operating system said.
    """

    classes: list[str]
    words: str = ""
    status: int | None = None
    reason: str = ""
    system: str = ""


@dataclass(frozen=True)
class Failure:
    """Why an upload failed.

    Args:
        error: What a person is told.
        is_transient: Whether the next try may succeed.
        may_have_arrived: Whether the index may hold the file in spite of it.
    """

    error: TrainwheelError
    is_transient: bool = False
    may_have_arrived: bool = False


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
        config: A ``.pypirc`` with the index's address and credentials; what `read_raised` reads
            is written beside it.
        environment: Says which hosts are reached without a proxy.
        timeout: Seconds; twine itself would wait for ever.
    """
    options = ("--config-file", str(config), "--non-interactive", "--disable-progress-bar")
    argv = (str(python), "-P", str(SEND), str(_raised_path(config)), "--no-color", "upload")
    return Command(
        (*argv, *options, "-r", target.name, str(wheel)),
        env=for_twine(environment.variables),
        timeout=timeout,
    )


def read_raised(config: Path, redact: Callable[[str], str]) -> Raised | None:
    """Return the exception that ended the twine of a configuration file; None for none.

    Args:
        config: The ``.pypirc``.
        redact: Takes secrets out of what the server said.
    """
    path = _raised_path(config)
    if not path.is_file():
        return None
    values: dict[str, Any] = json.loads(path.read_bytes())
    for key in ("words", "reason", "system"):
        values[key] = redact(values[key])
    return Raised(**values)


def explain_failure(
    completed: Completed, raised: Raised | None, target: Target, filename: str
) -> Failure | None:
    """Return why twine failed, None where it says that it did not.

    Args:
        completed: How it ended.
        raised: The exception that ended it.
        target: The index.
        filename: The wheel's name.
    """
    if not completed.failed and not completed.is_late:
        return None
    if completed.is_late or completed.returncode < 0:
        words = "no end in time" if completed.is_late else f"signal {-completed.returncode}"
        return _failed(target, f"the upload was ended: {words}", may_have_arrived=True)
    if raised is None:
        words = _printable(completed.last_line) or "twine said nothing"
        return _failed(target, words, may_have_arrived=True)
    return _explain_raised(raised, target, filename)


def _explain_raised(raised: Raised, target: Target, filename: str) -> Failure:
    classes = set(raised.classes)
    if "RedirectDetected" in classes:
        return _configuration(target, "redirects uploads", "name the final address as its url")
    if raised.status is not None:
        return _explain_status(raised.status, raised.reason, target, filename)
    if "SSLError" in classes:
        hint = "point REQUESTS_CA_BUNDLE at the certificates of your organisation"
        return _failed(target, "its certificate is not accepted", hint=hint)
    if classes & _CONNECTION:
        words = raised.system.lower() or "the connection broke"
        return _failed(target, words, is_transient=True, may_have_arrived=True)
    if "ModuleNotFoundError" in classes and raised.words.endswith(("'twine'", "'requests'")):
        error = StepFailedError("twine is not installed", hint="lock it in the upload category")
        return Failure(error)
    own = "" if "TwineException" in classes else f"{raised.classes[0]}: "
    words = _printable(f"{own}{raised.words.partition(chr(10))[0]}")
    return _failed(target, words, may_have_arrived=True)


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


def _raised_path(config: Path) -> Path:
    return config.with_name("raised.json")


def _printable(text: str) -> str:
    """Return a server's words without what would steer a terminal, and not too many of them."""
    return "".join(character for character in text if character.isprintable())[:200].strip()
