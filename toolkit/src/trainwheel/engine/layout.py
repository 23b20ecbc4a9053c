"""Every path of a model repository, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainwheel.settings.config import Config

__all__ = ["Layout", "manifest_of"]


def manifest_of(artefact: Path) -> Path:
    """Return the path of an artefact's manifest: the artefact's name with ``.json`` appended."""
    return artefact.with_name(f"{artefact.name}.json")


class _Below:
    """A path below another one of the layout.

    Args:
        above: The attribute that holds the other one.
        name: The name of the file or folder.
    """

    def __init__(self, above: str, name: str) -> None:
        self._above, self._name = above, name

    def __get__(self, layout: Any, owner: type | None = None) -> Path:
        return Path(getattr(layout, self._above), self._name)


@dataclass(frozen=True)
class Layout:
    """The paths of a model repository; nothing is read or made.

    Args:
        root: The repository's folder.
        source: The source root.
        package: The folder of the package that is shipped.
        artefacts: The files and folders of the trained model, the chief one first; the others
            are in the folder of that one, or below it.
    """

    root: Path
    source: Path
    package: Path
    artefacts: tuple[Path, ...]

    build = _Below("root", "build")
    """The outputs and records of steps; `clean` removes the folder."""
    records = _Below("build", ".trainwheel")
    """The folder of the step records."""
    scratch = _Below("records", "tmp")
    """The scratch folders of steps; outputs are renamed into place from here."""
    aside = _Below("records", "aside")
    """The outputs of steps whose inputs changed while they ran."""
    digests = _Below("records", "digests.json")
    """The table of the digests of files."""
    doc = _Below("build", "doc")
    """The model's site."""
    data = _Below("build", "data")
    """The snapshot that the data command wrote."""
    train = _Below("build", "train")
    """The files that training writes beside the model, and the report."""
    metrics = _Below("train", "metrics.json")
    """Metrics by name, as training wrote them."""
    predictions = _Below("train", "predictions.csv")
    """Truth and predictions of the held-out rows."""
    holdout = _Below("train", "holdout.jsonl")
    """Inputs and truth of the held-out rows."""
    golden = _Below("train", "golden.jsonl")
    """The golden predictions."""
    parameters = _Below("train", "params.json")
    """The parameters that training used."""
    data_digests = _Below("train", "data.json")
    """The digests of data that is not a file of the repository."""
    run_facts = _Below("train", "training.json")
    """The resources of training: time, memory, packages."""
    repeatability = _Below("train", "repeatability.json")
    """Whether training gave the same model twice; only after ``train -- --check-repeatable``."""
    report = _Below("train", "report.html")
    """The report's page, in one file."""
    site = _Below("build", "report")
    """The same page and its style sheet, for a server that refuses styles inside a page."""
    metrics_table = _Below("train", "metrics.md")
    """The metrics as a table, for a pull request."""
    card = _Below("train", "model_card.md")
    """The model card."""
    evaluation = _Below("build", "evaluate")
    """The measurements, the verdict and the pictures."""
    verdict = _Below("evaluation", "evaluation.json")
    """The verdict of the gate, and the values that it is about."""
    answers = _Below("evaluation", "answers.jsonl")
    """What the entry point answers to the held-out rows."""
    test = _Below("build", "test")
    """The results of the tests, and their coverage."""
    junit = _Below("test", "junit.xml")
    """The results of the tests and of the gate, for CI services."""
    release = _Below("build", "version.json")
    """The decided version."""
    proved = _Below("build", "prove")
    """The file that `prove` writes."""
    matrix = _Below("proved", "matrix.json")
    """The Pythons, numpys and scipys with which the wheel repeats its golden predictions."""
    dist = _Below("build", "dist")
    """The wheel and its proof."""
    store = _Below("root", ".trainwheel")
    """What `clean` does not remove: the embedded index and the caches; shared by all models."""
    index = _Below("store", "index")
    """The files of the embedded index."""
    keys = _Below("store", "keys")
    """The release keys of published wheels, by digest."""
    published = _Below("store", "published")
    """Published wheels that were fetched as baselines."""
    cache = _Below("store", "cache")
    """The cache of results."""
    checkpoints = _Below("store", "checkpoints")
    """The unfinished work of long training."""
    lock = _Below("store", "lock")
    """The file that the one active run locks."""

    @classmethod
    def of(cls, root: Path, config: Config) -> Layout:
        """Return the layout of the repository at ``root``."""
        source, package = root / config.source, root / config.package_folder
        return cls(root, source, package, tuple(root / name for name in config.artefact_paths))

    @property
    def artefact(self) -> Path:
        """The trained model, or the chief one of its files and folders."""
        return self.artefacts[0]

    @property
    def manifest(self) -> Path:
        """The manifest of the trained model, beside the chief file."""
        return manifest_of(self.artefact)

    @property
    def trained(self) -> tuple[Path, ...]:
        """The files and folders that training puts into the package, the manifest last."""
        return (*self.artefacts, self.manifest)

    def scratch_name(self, output: Path) -> str:
        """Return the path of an output in the scratch folder of its step.

        Those in the package have a folder of their own there, which mirrors that of the model: so
        training finds the place of a further file beside that of the first.
        """
        if output.is_relative_to(self.package):
            return f"model/{output.relative_to(self.artefact.parent).as_posix()}"
        return output.name

    def log(self, step: str) -> Path:
        """Return the log of a step: the output of its tools."""
        return self.build / "log" / f"{step}.log"

    def relative(self, path: Path) -> str:
        """Return a path as records and messages name it: from the root, with slashes."""
        return path.relative_to(self.root).as_posix()
