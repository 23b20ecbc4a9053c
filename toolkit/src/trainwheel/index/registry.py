"""What an index holds of a project: its versions, and the release key of the newest."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from trainwheel.errors import TrainwheelError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.folder import published_wheels
from trainwheel.index.pages import PublishedFile
from trainwheel.index.patience import PATIENCE
from trainwheel.index.target import Target
from trainwheel.index.versions import newest_in_series
from trainwheel.system.digest import digest_file
from trainwheel.system.files import write_atomically
from trainwheel.wheel.metadata import read_release_key

__all__ = ["Registry"]


@dataclass(frozen=True)
class Registry:
    """A project's releases on an index.

    Args:
        target: The index; None for the embedded one, whose files are read where they are.
        folder: The files of the embedded index.
        keys: Where the release keys of published wheels are kept by digest, so that each wheel
            is fetched at most once; None to keep none.
        notify: Called with a notice where the index redirects a request for a project that it does
            not have; None makes that an error (`SimpleIndex`).
        digest: Returns the sha256 of a file of the embedded index.
    """

    target: Target | None
    folder: Path
    keys: Path | None = None
    notify: Callable[[str], object] | None = None
    digest: Callable[[Path], str] = field(default=digest_file)

    @property
    def label(self) -> str:
        """What people call the index."""
        return "the embedded index" if self.target is None else f"index {self.target.name}"

    def wheels(self, project: str) -> Mapping[str, PublishedFile]:
        """Return version → wheel, without yanked ones (PEP 592).

        Raises:
            MissingCredentialsError: The credentials are missing, and it cannot be read without.
        """
        name = canonicalize_name(project)
        if self.target is None:
            return _by_version(published_wheels(self.folder, name, self.digest))
        with self._reading(self.target) as index:
            files = index.files(name)
            # Some hide from those who may not read that there is anything (404).
            if not files and self.target.missing and not index.is_open():
                raise self.target.missing
        return _by_version(files)

    def unchanged_since(
        self, wheels: Mapping[str, PublishedFile], version: str, release_key: str
    ) -> str | None:
        """Return the newest release in the series of ``version`` if it has this release key."""
        newest = newest_in_series(version, wheels)
        if newest is None or self._release_key(wheels[newest]) != release_key:
            return None
        return newest

    def fetch(self, file: PublishedFile, folder: Path) -> Path:
        """Return a published wheel on this machine's disk, below ``folder`` if it was fetched.

        Raises:
            StepFailedError: The index does not serve it, or other bytes than it says.
        """
        if self.target is None:
            return self.folder / file.filename
        path = folder / file.hashes.get("sha256", "unknown") / file.filename
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = tempfile.TemporaryDirectory(dir=folder)
            with scratch as name, self._reading(self.target) as index:
                index.download(file, Path(name)).replace(path)
        return path

    def keep_key(self, digest: str, key: str | None) -> None:
        """Keep the release key of a wheel by its sha256, so that the wheel need not be fetched."""
        if self.keys is not None and digest:
            write_atomically(self.keys / f"{digest}.json", json.dumps(key).encode())

    @contextlib.contextmanager
    def _reading(self, target: Target) -> Iterator[SimpleIndex]:
        """Yield the index; an anonymous read that fails says which credentials are missing."""
        # Without credentials a refusal is an answer.
        patience = replace(PATIENCE, refusals=0) if target.missing else PATIENCE
        try:
            yield SimpleIndex(target, patience, self.notify)
        except TrainwheelError:
            if target.missing is None:
                raise
            raise target.missing from None

    def _release_key(self, file: PublishedFile) -> str | None:
        if self.target is None:
            return read_release_key(self.folder / file.filename)
        digest = file.hashes.get("sha256", "")
        if self.keys is not None and (path := self.keys / f"{digest}.json").is_file():
            key = json.loads(path.read_bytes())
            return key if isinstance(key, str) else None
        scratch = tempfile.TemporaryDirectory(prefix="trainwheel-")
        with scratch as folder, self._reading(self.target) as index:
            key = read_release_key(index.download(file, Path(folder)))
        self.keep_key(digest, key)
        return key


def _by_version(files: Iterable[PublishedFile]) -> dict[str, PublishedFile]:
    wheels = {}
    for file in files:
        try:
            _, version, _, _ = parse_wheel_filename(file.filename)
        except InvalidWheelFilename:
            continue
        if not file.is_yanked:
            wheels[str(version)] = file
    return wheels
