"""Where everything of a model stands: every path below the repository, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainwheel.settings.config import Config
from trainwheel.wheel.manifest import manifest_of

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """The paths of a model repository; nothing is read or made.

    Args:
        root: The repository's folder.
        source: The source root.
        package: The folder of the package that is shipped.
        artefact: The trained model.
        model: The model's name where a repository has several; empty where it has one.
    """

    root: Path
    source: Path
    package: Path
    artefact: Path
    model: str = ""

    @classmethod
    def of(cls, root: Path, config: Config, model: str = "") -> Layout:
        """Return the layout of the repository at ``root``."""
        return cls(
            root,
            root / config.source,
            root / config.package_folder,
            root / config.artefact_path,
            model,
        )

    def relative(self, path: Path) -> str:
        """Return a path as records and messages name it: from the root, with slashes."""
        return path.relative_to(self.root).as_posix()

    @property
    def manifest(self) -> Path:
        """What is recorded of the trained model, beside it."""
        return manifest_of(self.artefact)

    @property
    def trained(self) -> frozenset[Path]:
        """What training puts into the package."""
        return frozenset({self.artefact, self.manifest})

    @property
    def build(self) -> Path:
        """What steps make; `clean` removes it."""
        return self.root / "build" / self.model

    @property
    def records(self) -> Path:
        """The folder of the step records."""
        return self.build / ".trainwheel"

    @property
    def scratch(self) -> Path:
        """Where steps make what is renamed into place at their end."""
        return self.records / "tmp"

    @property
    def aside(self) -> Path:
        """Where outputs are kept whose inputs moved meanwhile."""
        return self.records / "aside"

    @property
    def digests(self) -> Path:
        """The table of the digests of files."""
        return self.records / "digests.json"

    def log(self, step: str) -> Path:
        """Return the file that keeps what a step's tools printed."""
        return self.build / "log" / f"{step}.log"

    @property
    def doc(self) -> Path:
        """The model's site."""
        return self.build / "doc"

    @property
    def data(self) -> Path:
        """What the data command wrote."""
        return self.build / "data"

    @property
    def train(self) -> Path:
        """What training wrote of itself, and the report."""
        return self.build / "train"

    @property
    def metrics(self) -> Path:
        """Metrics by name, as training wrote them."""
        return self.train / "metrics.json"

    @property
    def predictions(self) -> Path:
        """Truth and predictions of the held-out rows."""
        return self.train / "predictions.csv"

    @property
    def holdout(self) -> Path:
        """Inputs and truth of the held-out rows."""
        return self.train / "holdout.jsonl"

    @property
    def golden(self) -> Path:
        """The golden predictions."""
        return self.train / "golden.jsonl"

    @property
    def parameters(self) -> Path:
        """The parameters that training used."""
        return self.train / "params.json"

    @property
    def data_digests(self) -> Path:
        """The digests of data that is not a file of the repository."""
        return self.train / "data.json"

    @property
    def run_facts(self) -> Path:
        """What training took: time, memory, packages."""
        return self.train / "training.json"

    @property
    def repeatability(self) -> Path:
        """Whether training repeats, as far as somebody asked."""
        return self.train / "repeatability.json"

    @property
    def report(self) -> Path:
        """The report's page."""
        return self.train / "report.html"

    @property
    def metrics_table(self) -> Path:
        """The metrics as a table, for a pull request."""
        return self.train / "metrics.md"

    @property
    def card(self) -> Path:
        """The model card."""
        return self.train / "model_card.md"

    @property
    def evaluation(self) -> Path:
        """What was measured, the verdict and the pictures."""
        return self.build / "evaluate"

    @property
    def verdict(self) -> Path:
        """What the gate says, and what it was said of."""
        return self.evaluation / "judged.json"

    @property
    def test(self) -> Path:
        """The results of the tests, and their coverage."""
        return self.build / "test"

    @property
    def junit(self) -> Path:
        """The results of the tests and of the gate, for CI services."""
        return self.test / "junit.xml"

    @property
    def release(self) -> Path:
        """The decided version."""
        return self.build / "version.json"

    @property
    def dist(self) -> Path:
        """The wheel and its proof."""
        return self.build / "dist"

    @property
    def store(self) -> Path:
        """What outlives a clean: the embedded index and caches; models share it."""
        return self.root / ".trainwheel"

    @property
    def index(self) -> Path:
        """The files of the embedded index."""
        return self.store / "index"

    @property
    def keys(self) -> Path:
        """The release keys of published wheels, by digest."""
        return self.store / "keys"

    @property
    def published(self) -> Path:
        """Published wheels that were fetched to compare with."""
        return self.store / "published"

    @property
    def cache(self) -> Path:
        """What steps made of earlier inputs."""
        return self.store / "cache"

    @property
    def checkpoints(self) -> Path:
        """The unfinished work of long training."""
        return self.store / "checkpoints"

    @property
    def lock(self) -> Path:
        """What one run at a time holds."""
        return self.store / "lock"

    @property
    def uv_cache(self) -> Path:
        """Where uv keeps its cache if the home folder cannot be written."""
        return self.store / "uv-cache"
