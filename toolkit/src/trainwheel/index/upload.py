"""A wheel, sent to an index by twine; the index itself says whether it arrived.

Neither twine's exit code nor a status code is proof: servers answer 400, 409 or 200 to a file they
already have, some overwrite it, and a login page answers 200 to anything. So the file's digest
is read from the index before and after, and that decides.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from trainwheel.errors import (
    ConfigurationError,
    StepFailedError,
    TrainwheelError,
    UncertainError,
    VersionTakenError,
)
from trainwheel.index.client import SimpleIndex
from trainwheel.index.pages import files_like
from trainwheel.index.patience import PATIENCE, REFUSALS, Patience, Retries, describe_seconds
from trainwheel.index.pypirc import private_pypirc
from trainwheel.index.target import Target
from trainwheel.index.twine import Failure, explain_failure, plan_twine, read_failure
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.process import run
from trainwheel.system.progress import bar, sent_of
from trainwheel.system.text import describe_size
from trainwheel.wheel.metadata import read_name

__all__ = ["Standing", "await_listing", "describe_sending", "describe_taken", "publish"]

_WORTH_A_NOTICE = 3
"""The pause at which a person is told what is waited for: the first two take three seconds."""
_LARGE = 20_000_000
_PAUSE = 0.2


class Standing(enum.Enum):
    """What an index holds under a wheel's name."""

    ABSENT = "absent"
    IDENTICAL = "identical"
    DIFFERENT = "different"

    @classmethod
    def of(cls, digests: Iterable[str], sha256: str) -> Standing:
        """Return how the files under a wheel's name compare with the wheel.

        Two spellings of one name may be there at once; one with other content is enough.
        """
        present = set(digests)
        if not present:
            return cls.ABSENT
        return cls.IDENTICAL if present == {sha256} else cls.DIFFERENT


@dataclass
class _Listing:
    """What an index lists under the name of a wheel, and all that it has answered.

    Args:
        index: The index.
        filename: The wheel's name.
        sha256: Its digest.
        console: For a notice where the wait is long.
        was_there: Whether the index is known to have had these very bytes.
        answers: As `UncertainError` has them.
        trouble: Why the last look has found nothing out.
        waited: How many seconds the last wait took.
    """

    index: SimpleIndex
    filename: str
    sha256: str
    console: Console
    was_there: bool = False
    answers: list[tuple[float, str, int | None]] = field(default_factory=list)
    trouble: TrainwheelError | None = None
    waited: float = 0.0

    def look(self) -> Standing:
        """Return what the index lists.

        Raises:
            VersionTakenError: It lists other bytes under the name.
            ConfigurationError: It refuses the credentials.
            StepFailedError: It does not answer.
        """
        try:
            project, _ = read_name(Path(self.filename))
            files = files_like(self.index.files(project), self.filename)
        finally:
            self.note("page", self.index.page.status if self.index.page else None)
        digests = [self.index.digest_of(file) for file in files]
        standing = Standing.of(digests, self.sha256)
        if standing is Standing.DIFFERENT:
            theirs = next(digest for digest in digests if digest != self.sha256)
            label, names = f"index {self.index.target.name}", (self.filename, theirs, self.sha256)
            raise describe_taken(label, *names, was_there=self.was_there)
        self.was_there |= standing is Standing.IDENTICAL
        return standing

    def look_again(self) -> None:
        """Look once more after a moment, for another upload may have replaced this one.

        Raises:
            VersionTakenError: It has.
        """
        self.index.patience.wait(self.index.patience.delay)
        with contextlib.suppress(ConfigurationError, StepFailedError):
            self.look()

    def wait(self, most: float = math.inf) -> bool:
        """Return whether the index lists the wheel, now or within the time that this may take.

        Args:
            most: Seconds after which to give up in any case.

        Raises:
            VersionTakenError: It lists other bytes under the name.
        """
        patience, number, began = self.index.patience, 0, self.index.patience.now()
        seconds = math.nan
        while not self._is_there():
            seconds = min(most, self._longest_wait()) if math.isnan(seconds) else seconds
            self.waited = patience.now() - began
            if self.waited >= seconds or isinstance(self.trouble, ConfigurationError):
                return False
            number += 1
            if number == _WORTH_A_NOTICE:
                self.console.notice_once(
                    f"waiting for index {self.index.target.name} to list {self.filename}, "
                    f"at most {describe_seconds(seconds)}"
                )
            patience.wait(min(patience.pause(number), seconds - self.waited))
        return True

    def note(self, request: str, status: int | None) -> None:
        """Note the status of an answer and when it came, unless the one before was the same."""
        if not self.answers or self.answers[-1][1:] != (request, status):
            self.answers.append((time.time(), request, status))

    def uncertain(self, words: str) -> UncertainError:
        """Return what an upload ends in that may have arrived and is not listed.

        Args:
            words: What is known of it.
        """
        state = f"{self.filename} is not listed after {describe_seconds(self.waited)}"
        if self.trouble:
            state = self.trouble.message
        message = f"{words}, but {state}: it may be there already"
        hint = "if it is never listed, check its url and simple-url"
        return UncertainError(message, hint=hint, answers=self.answers)

    def _is_there(self) -> bool:
        self.trouble = None
        try:
            return self.look() is Standing.IDENTICAL
        except (ConfigurationError, StepFailedError) as error:
            # Only where a wheel was sent, which a server that is being restarted may well have.
            self.trouble = error
            return False

    def _longest_wait(self) -> float:
        page, configured = self.index.page, self.index.target.listing_wait
        return self.index.patience.listing_seconds(configured, page.freshness if page else 0.0)


def describe_taken(
    label: str, filename: str, theirs: str, ours: str, *, was_there: bool
) -> VersionTakenError:
    """Return what is wrong where an index holds other bytes under a wheel's name.

    Args:
        label: What people call the index.
        filename: The wheel's name.
        theirs: The sha256 that the index has.
        ours: That of the wheel.
        was_there: Whether the index is known to have had the wheel.
    """
    digests = f"sha256 {theirs[:12]} there, {ours[:12]} here"
    if was_there:
        message = f"{label} overwrites what it has: {filename} was replaced, {digests}"
        hint = "release it as a new version, and let the index refuse to overwrite"
        return VersionTakenError(message, hint=hint)
    message = f"{label} holds other content as {filename}: {digests}"
    return VersionTakenError(message, hint="release it as a new version")


def await_listing(
    target: Target, filename: str, sha256: str, console: Console, patience: Patience
) -> None:
    """Wait until an index lists a wheel that it was sent.

    Raises:
        VersionTakenError: It lists other bytes under the name.
        UncertainError: It does not list the wheel within the time that this may take.
    """
    index = SimpleIndex(target, patience, console.notice_once)
    listing = _Listing(index, filename, sha256, console)
    if not listing.wait():
        words = f"index {target.name} was sent the wheel"
        raise listing.uncertain(words)


def publish(  # noqa: PLR0913 - what the run hands to a step, each by name
    target: Target,
    wheel: Path,
    *,
    python: Path,
    environment: Environment,
    console: Console,
    log: Path | None,
    patience: Patience = PATIENCE,
    looks_again: bool = False,
    was_sent: bool = False,
) -> bool:
    """Put a wheel on an index and return whether it was sent, for the index may hold it already.

    The check and the upload are not one atomic act: of two runs that publish one version at the
    same time the later one fails; on an index that overwrites, the earlier one.

    Args:
        target: The index.
        wheel: The file.
        python: The Python of an environment that has twine.
        environment: The variables of this run; twine sees no credential among them.
        console: Where people are told.
        log: A file to which twine's output is appended, redacted.
        patience: How long to wait and how often to try.
        looks_again: Read the index once more a moment later, as no verification follows.
        was_sent: An earlier run sent the wheel, and does not know what became of it.

    Raises:
        VersionTakenError: The index holds other content under that name.
        ConfigurationError: It refuses the credentials, or its url does not take uploads.
        StepFailedError: It does not answer, or refuses the wheel.
        UncertainError: It may have the wheel, and does not list it.
    """
    index = SimpleIndex(target, patience, console.notice_once)
    listing = _Listing(index, wheel.name, digest_file(wheel), console)
    if listing.look() is Standing.IDENTICAL:
        return False
    if not target.is_ascii:
        index.check_access(uploads=True)
    send = functools.partial(_send, index, wheel, python, environment, console, log)
    _send_until_listed(listing, send, was_sent=was_sent)
    if looks_again:
        listing.look_again()
    return True


def _send_until_listed(
    listing: _Listing, send: Callable[[], Failure | None], *, was_sent: bool
) -> None:
    target, patience = listing.index.target, listing.index.patience
    retries = Retries(patience)
    while True:
        failure = send()
        listing.note("upload", HTTPStatus.OK if failure is None else failure.status)
        listing.was_there = failure is None
        if listing.wait(_seconds_after(failure, patience, was_sent=was_sent)):
            return
        if failure is None:
            # A login page answers 200 to an upload as well.
            words = f"index {target.name} accepted the upload"
            raise listing.uncertain(words)
        was_sent |= _may_be_there(failure)
        try:
            seconds = _pause_after(failure, retries)
        except TrainwheelError as error:
            if was_sent:
                raise listing.uncertain(error.message) from None
            raise
        notice = f"{failure.error.message}; trying again in {describe_seconds(seconds)}"
        listing.console.notice(notice)
        patience.wait(seconds)


def _seconds_after(failure: Failure | None, patience: Patience, *, was_sent: bool) -> float:
    """Return for how long to look for a wheel at most, after an upload that ended so."""
    if failure is None:
        return math.inf
    # The index says that it did not look at the wheel.
    is_unread = failure.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    return patience.listing if was_sent or (failure.may_have_arrived and not is_unread) else 0.0


def _may_be_there(failure: Failure) -> bool:
    """Return whether nobody can know if the index took the wheel: it broke, or did not answer."""
    status = failure.status or HTTPStatus.INTERNAL_SERVER_ERROR
    is_broken = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return failure.may_have_arrived and is_broken and status != HTTPStatus.SERVICE_UNAVAILABLE


def _pause_after(failure: Failure, retries: Retries) -> float:
    if failure.is_transient or failure.status in REFUSALS:
        return retries.next_pause(failure.error, failure.status, failure.after)
    raise failure.error


def _send(  # noqa: PLR0913, PLR0917 - what a run of twine needs
    index: SimpleIndex,
    wheel: Path,
    python: Path,
    environment: Environment,
    console: Console,
    log: Path | None,
) -> Failure | None:
    """Run twine once and return why it failed, if it did."""
    target = index.target
    timeout = index.patience.transfer_seconds(wheel.stat().st_size)
    with private_pypirc(target) as config, _shown(console, wheel, target.name) as watch:
        command = plan_twine(python, target, wheel, config, environment, timeout=timeout)
        result = run(command, environment, log=log, started=watch)
        said = read_failure(config, environment.secrets)
    return explain_failure(result, said, target, wheel.name)


def describe_sending(count: int, size: int, seconds: float) -> str:
    """Return one line: how much of a file is sent, and how fast.

    Args:
        count: Bytes so far.
        size: Bytes in all.
        seconds: Since the first of them.
    """
    share = min(count / size, 1.0) if size else 1.0
    rate = f", {describe_size(int(count / seconds))}/s" if seconds > 1 else ""
    of_all = f"{describe_size(count)} of {describe_size(size)}"
    return f"{'upload':<8} {bar(count, size)} {share:4.0%}  {of_all}{rate}"


@contextlib.contextmanager
def _shown(console: Console, wheel: Path, index: str) -> Iterator[Callable[[int], None]]:
    """Show the upload's progress while the block runs; yield a function for twine's process number.

    twine's own bar would need a terminal to itself. Where there is none, a wheel that takes a
    while gets one line.
    """
    size = wheel.stat().st_size
    if not console.is_terminal and size >= _LARGE:
        console.line(f"sending {wheel.name}, {describe_size(size)}, to index {index}")
    is_over = threading.Event()
    watchers: list[threading.Thread] = []

    def watch(pid: int) -> None:
        if console.is_terminal:
            watchers.append(threading.Thread(target=_watch, args=(pid, console, wheel, is_over)))
            watchers[0].start()

    try:
        yield watch
    finally:
        is_over.set()
        for watcher in watchers:
            watcher.join()


def _watch(pid: int, console: Console, wheel: Path, is_over: threading.Event) -> None:
    path, size, since = wheel.resolve(), wheel.stat().st_size, 0.0
    while not is_over.wait(_PAUSE):
        count = sent_of(pid, path)
        if count is not None:
            since = since or time.monotonic()
            console.progress(describe_sending(count, size, time.monotonic() - since))
