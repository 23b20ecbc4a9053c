"""``trainwheel wheelhouse``: all that the lock needs, for a machine without a network."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.index.pip import UvSettings
from trainwheel.install.environments import Installer
from trainwheel.install.routing import Routing
from trainwheel.requirements.lockfile import (
    LockedRequirement,
    Lockfile,
    render_requirements,
    requirements,
)
from trainwheel.system.command import Command
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.process import run
from trainwheel.system.secrets import SecretClass

__all__ = ["Wheelhouse", "locate", "plan_downloads"]

_READ = frozenset({SecretClass.READ})


@dataclass(frozen=True)
class Wheelhouse:
    """A folder that pip and uv install from.

    Args:
        folder: Made where it is missing; what it holds of this lock is not fetched again.
        environment: The variables of this run; pip's own settings say where files come from.
        routing: Where packages come from that are bound to an index.
    """

    folder: Path
    environment: Environment
    routing: Routing | None = None

    def fetch(self, packages: Sequence[LockedRequirement]) -> None:
        """Fetch the file of each requirement that fits this Python and platform.

        Raises:
            ConfigurationError: The folder cannot be used, or pip is not installed.
            StepFailedError: A file cannot be fetched, or its digest is not in the lock.
        """
        self._make_folder()
        text = render_requirements(packages)
        if self.routing is None:
            self._fetch_share(text, {})
            return
        for share, opened in self.routing.for_pip(text).items():
            with opened as variables:
                self._fetch_share(share, variables)

    def _fetch_share(self, share: str, variables: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory(prefix="trainwheel-") as name:
            listing = Path(name) / "requirements.txt"
            listing.write_text(share, encoding="utf-8")
            argv = (
                *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input"),
                *("--disable-pip-version-check", "--no-deps", "--require-hashes"),
                *("--dest", str(self.folder), "--requirement", str(listing)),
            )
            command = Command(argv, env=variables, secrets=_READ, is_open=True)
            result = run(command, self.environment)
        if "No module named pip" in result.last_line:
            message = "pip is not installed beside this command"
            raise ConfigurationError(message, hint="run it as .venv/bin/trainwheel")
        if result.failed:
            lines = [line for line in result.output.splitlines() if line.startswith("ERROR: ")]
            reason = lines[-1].removeprefix("ERROR: ") if lines else result.last_line
            message = f"pip cannot fetch all that is locked: {reason}"
            raise StepFailedError(message, hint="run it again: files already fetched are kept")

    def files(self) -> tuple[Path, ...]:
        """Return the files in the folder, sorted by name."""
        return tuple(sorted(path for path in self.folder.iterdir() if path.is_file()))

    def strangers(self, packages: Sequence[LockedRequirement]) -> Iterator[str]:
        """Yield the names of files whose digests are not in the lock, such as an old one's."""
        digests = {digest for requirement in packages for digest in requirement.hashes}
        yield from (p.name for p in self.files() if f"sha256:{digest_file(p)}" not in digests)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{self.folder} cannot be made: {error.strerror}"
            raise ConfigurationError(message, hint="name a folder, new or your own") from None


def locate(installer: Installer, requirements: str) -> Iterator[str]:
    """Yield what uv knows of the files of locked packages, each text a pylock.toml (PEP 751).

    Args:
        installer: Knows where packages come from.
        requirements: The locked packages with their digests.

    Raises:
        StepFailedError: An index does not answer, and uv's cache does not have its pages.
    """
    for share in installer.divide(requirements) if requirements.strip() else ():
        settings = share.settings or installer.settings
        remote = _without_disk(settings)
        if remote != settings:
            # What is on this disk hides the same release on an index, which everybody can reach.
            with contextlib.suppress(StepFailedError):
                yield _ask(installer, share.requirements, remote)
        yield _ask(installer, share.requirements, settings)


def _without_disk(settings: UvSettings) -> UvSettings:
    variables = dict(settings.variables)
    for name, separator in (("UV_EXTRA_INDEX_URL", " "), ("UV_FIND_LINKS", ",")):
        places = variables.pop(name, "").split(separator)
        if remote := [place for place in places if place.startswith(("http:", "https:"))]:
            variables[name] = separator.join(remote)
    if variables == settings.variables:
        return settings
    # It is asked in addition, so nobody waits for it as long as for what must answer.
    return replace(
        settings, variables={**variables, "UV_HTTP_TIMEOUT": "10", "UV_HTTP_RETRIES": "1"}
    )


def _ask(installer: Installer, requirements: str, settings: UvSettings) -> str:
    with tempfile.TemporaryDirectory(prefix="trainwheel-") as folder:
        file = Path(folder) / "pylock.toml"
        uv = partial(
            installer.uv,
            *("pip", "compile", "--quiet", "--universal", "--no-deps", *settings.arguments),
            *("--python", sys.executable, "--output-file", str(file), "-"),
            stdin=requirements,
            settings=settings,
        )
        try:
            uv("--offline")
        except StepFailedError:
            uv()
        return file.read_text(encoding="utf-8")


def plan_downloads(
    lock: Lockfile, categories: Sequence[str]
) -> tuple[tuple[LockedRequirement, ...], ...]:
    """Return what to fetch, in groups that pin no package twice, and nothing twice.

    Args:
        lock: The lock.
        categories: Their names; empty for all.

    Raises:
        LockfileError: A category is not in the lock.
    """
    pins: set[tuple[str, str]] = set()
    groups = []
    for category in categories or sorted(lock.categories):
        rows = requirements(lock, category)
        groups.append(tuple(row for row in rows if (row.name, row.pin) not in pins))
        pins.update((row.name, row.pin) for row in rows)
    return tuple(group for group in groups if group)
