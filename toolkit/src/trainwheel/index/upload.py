"""A wheel, sent to an index by twine; the index itself says whether it arrived.

Neither twine's exit code nor a status code tells: servers answer 400, 409 or 200 to a file they
already have, some overwrite it, and a login page answers 200 to anything. So the file's digest
is read from the index before and after, and that decides.
"""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from trainwheel.errors import StepFailedError, VersionTakenError
from trainwheel.index.access import secrets_of
from trainwheel.index.client import SimpleIndex
from trainwheel.index.pages import files_like
from trainwheel.index.patience import PATIENCE, Patience
from trainwheel.system.progress import shown
from trainwheel.index.pypirc import private_pypirc
from trainwheel.index.target import Target
from trainwheel.index.twine import judge, plan_twine
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.process import Completed, run

__all__ = ["Outcome", "Publication", "Standing", "compare", "publish"]


class Publication(enum.Enum):
    """What became of a wheel that is now on the index."""

    PUBLISHED = "published"
    ALREADY = "already published"


class Standing(enum.Enum):
    """What an index holds under a wheel's name."""

    ABSENT = "absent"
    IDENTICAL = "identical"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Outcome:
    """How an upload ended well, and the sha256 of what the index now offers."""

    publication: Publication
    sha256: str


def compare(digests: Iterable[str], sha256: str) -> Standing:
    """Return how the files under a wheel's name stand to the wheel.

    Two spellings of one name may stand side by side; one with other content spoils it.
    """
    found = set(digests)
    if not found:
        return Standing.ABSENT
    return Standing.IDENTICAL if found == {sha256} else Standing.DIFFERENT


def publish(  # noqa: PLR0913 - what the run hands to a step, each by name
    target: Target,
    wheel: Path,
    *,
    python: Path,
    environment: Environment,
    console: Console,
    log: Path | None,
    patience: Patience = PATIENCE,
) -> Outcome:
    """Put a wheel on an index, unless it holds the same bytes already.

    The check and the upload are not one atomic act: two runs that publish one version at the
    same time need an index that refuses to overwrite. The loser is told.

    Args:
        target: The index.
        wheel: The file.
        python: The Python of an environment that has twine.
        environment: The variables of this run; twine sees no credential among them.
        console: Hides the credentials from here on.
        log: A file to which twine's output is appended, redacted.
        patience: How long to wait and how often to try.

    Raises:
        VersionTakenError: The index holds other content under that name.
        ConfigurationError: It refuses the credentials, or the address is no upload address.
        StepFailedError: It does not answer, or refuses the wheel, or took it and lists none.
    """
    console.hide(*secrets_of(target))
    index = SimpleIndex(target, patience, console.notice_once)
    upload = _Upload(index, wheel, _sha256(wheel), patience)
    if upload.is_listed():
        return Outcome(Publication.ALREADY, upload.sha256)
    for delay in (*patience.delays(), None):
        completed = upload.send(python, environment, console, log)
        verdict = judge(completed, target, wheel.name)
        if upload.is_listed(polls=verdict is None or verdict.may_have_arrived):
            return Outcome(Publication.PUBLISHED, upload.sha256)
        if verdict is None:
            raise _unlisted(target, wheel)
        if not verdict.is_transient or delay is None:
            raise verdict.error
        console.notice(f"{verdict.error.message}; trying again in {delay:.0f} s")
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
        for delay in (*(self.patience.poll_delays() if polls else ()), None):
            standing = self._look()
            if standing is not Standing.ABSENT or delay is None:
                return standing is Standing.IDENTICAL
            time.sleep(delay)
        raise AssertionError  # pragma: no cover - the last delay is None, which returns

    def send(
        self, python: Path, environment: Environment, console: Console, log: Path | None
    ) -> Completed:
        """Run twine once and return how it ended."""
        target, timeout = self.index.target, self.patience.transfer_seconds(self._size)
        with private_pypirc(target) as config, shown(console, self.wheel, target.name) as started:
            command = plan_twine(python, target, self.wheel, config, environment, timeout=timeout)
            return run(command, environment, log=log, redact=console.redact, started=started)

    @property
    def _size(self) -> int:
        return self.wheel.stat().st_size

    def _look(self) -> Standing:
        files = files_like(self.index.files(_project(self.wheel)), self.wheel.name)
        digests = [self.index.digest_of(file) for file in files]
        standing = compare(digests, self.sha256)
        if standing is Standing.DIFFERENT:
            theirs = next(digest for digest in digests if digest != self.sha256)
            message = (
                f"index {self.index.target.name} holds other content as {self.wheel.name}: "
                f"sha256 {theirs[:12]} there, {self.sha256[:12]} here"
            )
            raise VersionTakenError(message, hint="release it as a new version")
        return standing


def _unlisted(target: Target, wheel: Path) -> StepFailedError:
    # A login page answers 200 to an upload as well.
    message = f"index {target.name} accepted {wheel.name} but does not list it"
    return StepFailedError(message, hint="check its url and simple-url, then run this again")


def _project(wheel: Path) -> str:
    try:
        return parse_wheel_filename(wheel.name)[0]
    except InvalidWheelFilename:
        message = f"{wheel.name} is not the file name of a wheel"
        raise StepFailedError(message) from None


def _sha256(wheel: Path) -> str:
    try:
        return digest_file(wheel)
    except OSError as error:
        message = f"cannot read {wheel.name}: {os.strerror(error.errno or 0)}"
        raise StepFailedError(message) from None
