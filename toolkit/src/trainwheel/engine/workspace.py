"""A model repository: its configuration, its lock and its files, with their digests."""

from __future__ import annotations

import functools
import itertools
import json
import re
import shlex
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trainwheel.engine.cache import ResultCache
from trainwheel.engine.digests import DigestTable
from trainwheel.engine.layout import Layout
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.requirements.lockfile import (
    Lockfile,
    check_fresh,
    parse_lockfile,
    render_requirements,
    requirements,
    slice_digest,
)
from trainwheel.requirements.pipfile import Pipfile, canonical_category, parse_pipfile
from trainwheel.settings.config import Config
from trainwheel.system.environ import Environment
from trainwheel.system.files import list_files, read_text
from trainwheel.system.ignored import Ignored

__all__ = ["Workspace"]

_CODE = frozenset({".py", ".pyi", ".typed"})
_TEXTS = frozenset({".md", ".rst", ".txt"})
_LARGEST_TEXT = 1 << 20


@dataclass(frozen=True)
class Workspace:
    """A model repository, each of whose files is read at most once in a run.

    Args:
        layout: Its paths.
        config: The configuration in pyproject.toml.
        environment: The variables of this run.
        only_looks: Whether nothing may be written, not even to ask the file system for its time.
    """

    layout: Layout
    config: Config
    environment: Environment
    only_looks: bool = False

    @functools.cached_property
    def digests(self) -> DigestTable:
        """The digests of the repository's files."""
        clock = time.time_ns if self.only_looks else None
        return DigestTable(self.layout.digests, clock, self.ignored)

    @functools.cached_property
    def ignored(self) -> Ignored:
        """The names that neither count nor ship."""
        return Ignored(self.config.ignore, str(self.layout.root))

    def files(self, path: Path) -> Iterator[Path]:
        """Yield a file itself, or the files below a folder that are not ignored.

        Raises:
            ConfigurationError: A symbolic link leads round in a circle.
        """
        return list_files(path, self.ignored)

    @functools.cached_property
    def cache(self) -> ResultCache:
        """The cache of results."""
        return ResultCache(self.layout.cache, self.config.cache_limit, self.digests.digest)

    @functools.cached_property
    def pipfile(self) -> Pipfile:
        """The requirements in the Pipfile."""
        return parse_pipfile(read_text(self.layout.root / "Pipfile"))

    @functools.cached_property
    def lock(self) -> Lockfile:
        """The locked packages.

        Raises:
            LockfileError: The lock is missing, cannot be read or does not match the Pipfile.
        """
        lock = parse_lockfile(read_text(self.layout.root / "Pipfile.lock"))
        check_fresh(self.pipfile, lock)
        return lock

    @functools.cached_property
    def package_facts(self) -> dict[tuple[str, ...], Mapping[str, str]]:
        """The facts of the locked packages by Pipfile categories; filled by `fingerprint`."""
        return {}

    def locked(self, *categories: str) -> str:
        """Return the locked packages of Pipfile categories, with their hashes."""
        return render_requirements(requirements(self.lock, *categories))

    def locked_digest(self, *categories: str) -> str:
        """Return one digest of the packages in categories; a missing category counts as empty."""
        present = [name for name in categories if self.has_category(name)]
        return slice_digest(self.lock, present)

    def has_category(self, name: str) -> bool:
        """Return whether the Pipfile has a category."""
        return canonical_category(name) in self.lock.categories

    def locks(self, category: str, package: str) -> bool:
        """Return whether a package is locked in a category; a missing category counts as empty."""
        entries = self.lock.packages(category) if self.has_category(category) else ()
        return any(entry.name == package for entry in entries)

    @property
    def is_portable(self) -> bool:
        """Whether the trained model has a portable form that is the default."""
        manifest = self.layout.manifest
        if self.config.portable != "default" or not manifest.is_file():
            return False
        return bool(json.loads(manifest.read_bytes()).get("portable", {}).get("is_default"))

    @property
    def runtime_categories(self) -> tuple[str, ...]:
        """The Pipfile categories that the wheel requires."""
        return ("packages",) if self.is_portable else self.config.model_categories

    def read_setup_py(self) -> bytes:
        """Return the content of setup.py.

        Raises:
            ConfigurationError: It cannot be read.
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
            StepFailedError: A file does not exist, or a folder has no files.
        """
        for path in self.layout.artefacts:
            if not any(self.files(path)):
                message = f"{self.layout.relative(path)} does not exist"
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
        """Return whether a path, relative to the root, is data and not code."""
        dvc_files = (f"{place}.dvc" for place in self.tracked_data)
        places = (*self.config.training_data, *self.config.inputs, *dvc_files)
        return any(Path(name).is_relative_to(place) for place in places)

    def training_command(self, model: Path, report: Path) -> tuple[str, ...]:
        """Return the configured training command with the paths in place of their names."""
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
        """Yield the files of the package that is shipped, without those that training makes."""
        belongs = self.made_by_training()
        return (path for path in self.files(self.layout.package) if not belongs(path))

    def trained(self) -> Iterator[Path]:
        """Yield each file of the trained model, and its manifest, which may be missing as yet."""
        for path in self.layout.trained:
            yield from self.files(path) if path.is_dir() else (path,)

    def unshipped(self) -> list[str]:
        """Return what training or an earlier configuration left in the package, and is not shipped.

        Names are relative to the root; hidden files, as for git and editors, are not among them.
        """
        belongs, trained = self.made_by_training(), frozenset(self.trained())
        files = (path for path in self.files(self.layout.package) if path not in trained)
        return [
            self.layout.relative(path)
            for path in files
            if belongs(path) and not path.name.startswith(".")
        ]

    def made_by_training(self) -> Callable[[Path], bool]:
        """Return a test for files: whether training makes them, or made them once.

        All but the code in the folder of the model belongs to training, unless that folder is the
        package itself; elsewhere, what is listed in a manifest of an earlier configuration.
        """
        # As texts: each of some hundred files is asked about several times in every run.
        layout = self.layout
        places = tuple(map(str, {*layout.trained, *_earlier_models(layout)}))
        below = tuple(f"{place}/" for place in places)
        has_folder = layout.artefact.parent != layout.package
        owned = f"{layout.artefact.parent}/" if has_folder else "\0"

        def belongs(path: Path) -> bool:
            text = str(path)
            if text.startswith(owned) and path.suffix not in _CODE:
                return True
            return text in places or text.startswith(below)

        return belongs

    def metadata_files(self) -> Iterator[Path]:
        """Yield the files that decide what the wheel's metadata says: at the root, or named there.

        A build reads whatever it likes, such as ``long_description=open("docs/index.rst").read()``.
        """
        root, paths = self.layout.root, list[Path]()
        for pattern in ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README*",
                        "LICENSE*", "LICENCE*", "NOTICE*"):  # fmt: skip
            paths += (path for path in sorted(root.glob(pattern))
                      if path.is_file() and not self.ignored.matches(path.name))  # fmt: skip
        for name in sorted(set(_names_in(root))):
            path = root / name
            if (
                path not in paths
                and _is_small(path)
                and not path.is_relative_to(self.layout.package)
            ):
                paths.append(path)
        yield from paths


def _names_in(root: Path) -> Iterator[str]:
    """Yield what may be the name of a text in setup.py, setup.cfg and the tables of metadata."""
    for name in ("setup.py", "setup.cfg", "pyproject.toml"):
        if (root / name).is_file():
            yield from _texts_in(name, (root / name).read_text(encoding="utf-8", errors="replace"))


@functools.lru_cache(maxsize=8)
def _texts_in(name: str, text: str) -> tuple[str, ...]:
    """Return the words in a file that have the form of a path to prose or a version."""
    if name == "setup.cfg":
        text = " ".join(re.findall(r"\bfile:(.*(?:\n[ \t]+.*)*)", text))
    elif name == "pyproject.toml":
        text = _metadata_tables(text)
    words = re.findall(r"[\w.-]+(?:/[\w.-]+)*", text)
    # A folder and a file may be two words, joined by a slash or by os.path.join.
    words += [f"{one}/{other}" for one, other in itertools.pairwise(words)]
    return tuple(word for word in words if _is_text(PurePosixPath(word)))


def _metadata_tables(text: str) -> str:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        return ""
    tool = document.get("tool", {}).get("setuptools", {})
    return f"{document.get('project')} {tool.get('dynamic') if isinstance(tool, dict) else ''}"


def _is_text(path: PurePosixPath) -> bool:
    return (path.suffix in _TEXTS or path.name.isupper()) and ".." not in path.parts


def _is_small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _LARGEST_TEXT


def _earlier_models(layout: Layout) -> Iterator[Path]:
    """Yield what an earlier configuration trained into the package, by the manifest beside it."""
    for manifest in list_files(layout.package):
        artefact = manifest.with_suffix("")
        if manifest.suffix == ".json" and manifest != layout.manifest and artefact.exists():
            names = _files_of(manifest.read_bytes())
            if names is not None:
                yield from (manifest, artefact, *(manifest.parent / name for name in names))


def _files_of(manifest: bytes) -> tuple[str, ...] | None:
    """Return the files that a manifest lists, by their paths from it; None for another document."""
    try:
        document: Any = json.loads(manifest)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not document.keys() >= {"schema", "versions", "python"}:
        return None
    files = document.get("files", {})
    return tuple(files) if isinstance(files, dict) else None
