"""A wheel, sent to an index by twine; the index itself says whether it arrived.

Neither twine's exit code nor a status code is proof: servers answer 400, 409 or 200 to a file they
already have, some overwrite it, and a login page answers 200 to anything. So the file's digest
is read from the index before and after, and that decides.
"""

from __future__ import annotations

import contextlib
import enum
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trainwheel.errors import StepFailedError, VersionTakenError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.pages import files_like
from trainwheel.index.patience import PATIENCE, Patience
from trainwheel.index.pypirc import private_pypirc
from trainwheel.index.target import Target
from trainwheel.index.twine import Failure, explain_failure, plan_twine, read_failure
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.process import run
from trainwheel.system.progress import bar, sent_of
from trainwheel.system.text import describe_size
from trainwheel.system.turns import aside
from trainwheel.wheel.metadata import read_name

__all__ = ["Standing", "describe_sending", "publish"]

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


def publish(  # noqa: PLR0913 - what the run hands to a step, each by name
    target: Target,
    wheel: Path,
    *,
    python: Path,
    environment: Environment,
    console: Console,
    log: Path | None,
    patience: Patience = PATIENCE,
) -> bool:
    """Put a wheel on an index and return whether it was sent, for the index may hold it already.

    The check and the upload are not one atomic act: two runs that publish one version at the
    same time need an index that refuses to overwrite. The later one fails.

    Args:
        target: The index.
        wheel: The file.
        python: The Python of an environment that has twine.
        environment: The variables of this run; twine sees no credential among them.
        console: Where people are told.
        log: A file to which twine's output is appended, redacted.
        patience: How long to wait and how often to try.

    Raises:
        VersionTakenError: The index holds other content under that name.
        ConfigurationError: It refuses the credentials, or its url does not take uploads.
        StepFailedError: It does not answer, refuses the wheel, or accepts it and does not list it.
    """
    index = SimpleIndex(target, patience, console.notice_once)
    upload = _Upload(index, wheel, digest_file(wheel), patience)
    if upload.is_listed():
        return False
    if not target.is_ascii:
        index.check_access(uploads=True)
    for delay in (*patience.delays(patience.tries), None):
        failure = upload.send(python, environment, console, log)
        if upload.is_listed(polls=failure is None or failure.may_have_arrived):
            return True
        if failure is None:
            # A login page answers 200 to an upload as well.
            message = f"index {target.name} accepted {wheel.name} but does not list it"
            hint = "check its url and simple-url, then run this again"
            raise StepFailedError(message, hint=hint)
        if not failure.is_transient or delay is None:
            raise failure.error
        console.notice(f"{failure.error.message}; trying again in {delay:.0f} s")
        with aside():
            time.sleep(delay)
    raise AssertionError  # pragma: no cover - the last delay is None, which raises


@dataclass(frozen=True)
class _Upload:
    """A wheel and the index that it is meant for."""

    index: SimpleIndex
    wheel: Path
    sha256: str
    patience: Patience

    def is_listed(self, *, polls: bool = False) -> bool:
        """Return whether the index offers these very bytes.

        Args:
            polls: Look again for a while, for some servers list a file a little later.

        Raises:
            VersionTakenError: It offers others under the wheel's name.
        """
        for delay in (*(self.patience.delays(self.patience.polls) if polls else ()), None):
            standing = self._look()
            if standing is not Standing.ABSENT or delay is None:
                return standing is Standing.IDENTICAL
            with aside():
                time.sleep(delay)
        raise AssertionError  # pragma: no cover - the last delay is None, which returns

    def send(
        self, python: Path, environment: Environment, console: Console, log: Path | None
    ) -> Failure | None:
        """Run twine once and return why it failed, if it did."""
        target, wheel = self.index.target, self.wheel
        timeout = self.patience.transfer_seconds(wheel.stat().st_size)
        with private_pypirc(target) as config, _shown(console, wheel, target.name) as watch:
            command = plan_twine(python, target, wheel, config, environment, timeout=timeout)
            result = run(command, environment, log=log, started=watch)
            said = read_failure(config, environment.secrets)
        return explain_failure(result, said, target, wheel.name)

    def _look(self) -> Standing:
        files = files_like(self.index.files(read_name(self.wheel)[0]), self.wheel.name)
        digests = [self.index.digest_of(file) for file in files]
        standing = Standing.of(digests, self.sha256)
        if standing is Standing.DIFFERENT:
            theirs = next(digest for digest in digests if digest != self.sha256)
            message = (
                f"index {self.index.target.name} holds other content as {self.wheel.name}: "
                f"sha256 {theirs[:12]} there, {self.sha256[:12]} here"
            )
            raise VersionTakenError(message, hint="release it as a new version")
        return standing


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
