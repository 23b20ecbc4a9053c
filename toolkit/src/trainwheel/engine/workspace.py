"""What a model repository holds: its configuration, its lock and its files, with their digests."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwheel.engine.cache import ResultCache
from trainwheel.engine.digests import DigestTable
from trainwheel.engine.layout import Layout
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.requirements.lockfile import (
    Lockfile,
    Pipfile,
    check_fresh,
    parse_lockfile,
    parse_pipfile,
    render_requirements,
    requirements,
    slice_digest,
)
from trainwheel.requirements.pipfile import canonical_category
from trainwheel.settings.config import Config
from trainwheel.system.environ import Environment
from trainwheel.system.files import list_files, read_text

__all__ = ["Workspace"]


@dataclass(frozen=True)
class Workspace:
    """A model repository, as a run of this process finds it.

    Args:
        layout: Where everything stands.
        config: What pyproject.toml says.
        environment: The variables of this run.
    """

    layout: Layout
    config: Config
    environment: Environment

    @functools.cached_property
    def digests(self) -> DigestTable:
        """The digests of the repository's files."""
        return DigestTable(self.layout.digests)

    @functools.cached_property
    def cache(self) -> ResultCache:
        """What steps made of earlier inputs."""
        return ResultCache(self.layout.cache, self.config.cache_limit, self.digests.digest)

    @functools.cached_property
    def pipfile(self) -> Pipfile:
        """What the Pipfile asks for."""
        return parse_pipfile(read_text(self.layout.root / "Pipfile"))

    @functools.cached_property
    def lock(self) -> Lockfile:
        """The locked packages; refused where the lock is missing, unreadable or stale."""
        lock = parse_lockfile(read_text(self.layout.root / "Pipfile.lock"))
        check_fresh(self.pipfile, lock)
        return lock

    @functools.cached_property
    def package_facts(self) -> dict[tuple[str, ...], Mapping[str, str]]:
        """What the lock says of Pipfile categories, as far as it was asked for in this run."""
        return {}

    def locked(self, *categories: str) -> str:
        """Return the locked packages of Pipfile categories, with their hashes."""
        return render_requirements(requirements(self.lock, *categories))

    def locked_digest(self, *categories: str) -> str:
        """Return one digest of what categories lock; those that the Pipfile lacks lock nothing."""
        present = [name for name in categories if self.has_category(name)]
        return slice_digest(self.lock, present)

    def has_category(self, name: str) -> bool:
        """Return whether the Pipfile has a category."""
        return canonical_category(name) in self.lock.categories

    def locks(self, category: str, package: str) -> bool:
        """Return whether a package is locked in a category, which may be missing."""
        locked = self.lock.packages(category) if self.has_category(category) else ()
        return any(entry.name == package for entry in locked)

    def read_setup_py(self) -> bytes:
        """Return what setup.py holds now.

        Raises:
            ConfigurationError: There is none.
        """
        try:
            return (self.layout.root / "setup.py").read_bytes()
        except OSError as error:
            message = f"setup.py cannot be read: {error.strerror}"
            hint = "write one that calls setup(name=…, version=…, packages=…)"
            raise ConfigurationError(message, hint=hint) from None

    def require_artefact(self) -> None:
        """Check that there is a trained model.

        Raises:
            StepFailedError: There is none.
        """
        if not self.layout.artefact.is_file():
            message = f"{self.config.artefact_path} does not exist"
            raise StepFailedError(message, hint="train the model first: nox -s train")

    @property
    def tracked_data(self) -> tuple[str, ...]:
        """The data that DVC tracks: each has a file with ``.dvc`` behind its name."""
        names = self.config.data
        return tuple(name for name in names if (self.layout.root / f"{name}.dvc").is_file())

    @property
    def fetches_data(self) -> bool:
        """Whether a step of its own fetches what training reads."""
        return bool(self.config.data_command or self.tracked_data)

    def is_data(self, name: str) -> bool:
        """Return whether a path, relative to the root, is data and no code."""
        tracked = (f"{place}.dvc" for place in self.tracked_data)
        places = (*self.config.training_data, *self.config.inputs, *tracked)
        return any(Path(name).is_relative_to(place) for place in places)

    def training_command(self, model: Path, report: Path) -> tuple[str, ...]:
        """Return the configured training command with its paths filled in."""
        words = {
            "{model}": (str(model),),
            "{report}": (str(report),),
            "{data}": self.config.training_data,
        }
        argv: list[str] = []
        for word in shlex.split(self.config.train_command):
            argv += words.get(word, (word,))
        return tuple(argv)

    def shipped_package(self) -> Iterator[Path]:
        """Yield the files of the package that goes into the wheel, without what training makes."""
        for path in list_files(self.layout.package):
            if path not in self.layout.trained:
                yield path

    def metadata_files(self) -> Iterator[Path]:
        """Yield the files at the root that decide what the wheel's metadata says."""
        for pattern in ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README*",
                        "LICENSE*", "LICENCE*", "NOTICE*"):  # fmt: skip
            found = sorted(self.layout.root.glob(pattern))
            yield from (path for path in found if path.is_file())
