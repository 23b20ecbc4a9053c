"""The two chains that are timed beside each other: the classic one, and ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkouts import git, move_aside
from benchmarks.downloads import base_python, network_only
from benchmarks.timing import Entrant

from integration.tiny import RealIndex, clean_variables, versions
from trainwheel.install.pipenv_setup import REQUIREMENTS

Taken = tuple[float, float]
"""Seconds by the clock, and of the processor."""

_OTHERS = ("CI", "COVERAGE", "NOX", "PIP", "PYTEST", "PYTHON", "UV_", "VIRTUAL_ENV", "XDG_CACHE")
"""The starts of variables that would steer a chain, or point to what this process runs in."""

_PATH = os.pathsep.join(
    place for place in os.environ["PATH"].split(os.pathsep) if not Path(place, "activate").exists()
)
"""The programs of this machine, without those of virtual environments."""


@dataclass(frozen=True)
class Chain:
    """A model repository, from its fresh clone to its published wheel.

    Args:
        name: What its log files are called.
        origin: The repository that is cloned.
        folder: Holds the clone, and the folder of caches.
        variables: All that its commands are given.
        published: The folder of the index that it publishes to.
        install: The commands that install all that it needs.
        classifier: The shipped module that is edited, in the clone.
        forgotten: What `make clean` leaves and a repeated work would be spared by, in the clone.
        makes_version: Whether a second release needs a version by name, and `setup.py` as it was.
    """

    name: str
    origin: Path
    folder: Path
    variables: Mapping[str, str]
    published: Path
    install: tuple[tuple[str, ...], ...]
    classifier: str
    forgotten: tuple[str, ...] = ()
    makes_version: bool = True

    @property
    def site(self) -> Path:
        """The clone."""
        return self.folder / "site"

    @property
    def cache(self) -> Path:
        """What XDG_CACHE_HOME names for it."""
        return self.folder / "cache"

    @property
    def aside(self) -> Path:
        """Where what is to be gone waits until nothing is timed; `remove_all` removes it."""
        return self.folder / "aside"

    def clone(self) -> None:
        """Clone it anew; nothing is published."""
        move_aside(self.site, self.aside)
        self._empty_index()
        git(self.folder, "clone", "-q", str(self.origin), str(self.site))

    def run_install(self) -> Taken:
        """Install all that it needs."""
        taken = [self.command(*argv).run() for argv in self.install]
        wall, cpu = map(sum, zip(*taken, strict=True))
        return wall, cpu

    def upload(self, *words: str, releases: int = 1) -> Taken:
        """Publish the model.

        Args:
            words: For make.
            releases: How many wheels the index must hold then.
        """
        taken = self.command("make", *words, "upload.model").run()
        assert len(versions(self.published)) == releases, self.name
        return taken

    def upload_edited(self) -> Taken:
        """Edit one line of the classifier, which does what it did, and publish that as well."""
        path = self.site / self.classifier
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        path.write_text(f"{first}  # edited\n{rest}", encoding="utf-8")
        if not self.makes_version:
            return self.upload(releases=2)
        git(self.site, "checkout", "-q", "setup.py")  # bumpversion has edited it
        return self.upload("version=2", releases=2)

    def make_stale(self) -> None:
        """Remove all that is made but the environments, restore the sources, publish nothing."""
        self.command("make", "clean").run()
        git(self.site, "checkout", "-q", ".")
        for name in self.forgotten:
            move_aside(self.site / name, self.aside)
        self._empty_index()

    def command(self, *argv: str) -> Entrant:
        """Return a command in the clone."""
        return Entrant(self.name, argv, self.site, self.variables, "", self.site)

    def _empty_index(self) -> None:
        for wheel in self.published.glob("*.whl"):
            wheel.unlink()


def classic(origin: Path, folder: Path, pipenv: Path, index: RealIndex) -> Chain:
    """Return the classic chain; pipenv-setup has an environment of its own in the clone.

    Args:
        origin: Its repository.
        folder: An empty one.
        pipenv: The folder of pipenv's program.
        index: Where it publishes.
    """
    environment = folder / "site" / ".pipenv-setup"
    variables = {
        **_variables(folder, f"{pipenv}{os.pathsep}{base_python()}"),
        **index.variables,
        "PIPENV_SETUP": str(environment / "bin" / "pipenv-setup"),
        "PIPENV_VENV_IN_PROJECT": "1",
    }
    pip = (str(environment / "bin" / "python"), "-m", "pip", "install", "-q", "--no-deps")
    install = (
        ("make", "install"),
        ("python3", "-m", "venv", str(environment)),
        (*pip, "--require-hashes", "-r", str(REQUIREMENTS)),
    )
    classifier = "src/oncology_model/classifier.py"
    return Chain("classic", origin, folder, variables, index.folder, install, classifier)


def ours(origin: Path, folder: Path) -> Chain:
    """Return this repository's chain, which publishes to its embedded index."""
    variables = _variables(folder, str(base_python()))
    published = folder / "site" / ".trainwheel" / "index"
    forgotten = (".trainwheel/cache", ".trainwheel/index")
    return Chain(
        *("ours", origin, folder, variables, published, (("make", "install"),)),
        classifier="model/oncology_model/classifier.py",
        forgotten=forgotten,
        makes_version=False,
    )


def _variables(folder: Path, path: str) -> dict[str, str]:
    folder.mkdir(parents=True)
    others = {k: v for k, v in clean_variables().items() if not k.startswith(_OTHERS)}
    return {
        **others,
        **network_only(),
        "PATH": f"{path}{os.pathsep}{_PATH}",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
