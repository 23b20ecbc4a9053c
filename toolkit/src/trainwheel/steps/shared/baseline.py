"""The baseline: the newest published version of the release series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import MissingCredentialsError, StepFailedError, TrainwheelError
from trainwheel.evaluation.gate import Baseline
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.versions import newest_in_series
from trainwheel.requirements.lockfile import requirements
from trainwheel.requirements.setup_py import read_distribution_name, read_version
from trainwheel.steps.shared.registry import registry_of, wheels_of
from trainwheel.system.files import remove
from trainwheel.wheel.metadata import read_member
from trainwheel.wheel.record import parse_record, record_digest

__all__ = ["Published", "find_published"]


@dataclass(frozen=True)
class Published:
    """The newest published version of the release series, as far as this run may know.

    Args:
        version: Empty if there is none.
        reason: Why there is none; a clause for a message.
        is_deferred: Whether this job has no access to the index, so that upload compares.
        error: Why the index could not be read, for callers that need its answer.
        registry: The index that has it.
        file: Its wheel.
    """

    version: str = ""
    reason: str = ""
    is_deferred: bool = False
    error: TrainwheelError | None = None
    registry: Registry | None = None
    file: PublishedFile | None = None

    @property
    def mark(self) -> str:
        """A text that identifies this state of the index."""
        digest = "" if self.file is None else self.file.hashes.get("sha256", "")
        return f"{self.version} {digest}".strip() or self.reason

    def wheel(self, workspace: Workspace) -> Path:
        """Return its wheel on this machine's disk.

        Raises:
            StepFailedError: There is none, or the index does not serve it.
        """
        if self.registry is None or self.file is None:
            raise StepFailedError(self.reason)
        own = workspace.layout.dist / self.file.filename
        if own.is_file() and workspace.digests.digest(own) == self.file.hashes.get("sha256"):
            return own  # it was packaged here
        folder = workspace.layout.published
        wheel = self.registry.fetch(self.file, folder)
        for other in folder.iterdir() if folder.is_dir() else ():
            if other not in wheel.parents:
                remove(other)  # of a version that was the newest once
        return wheel

    def has_model_of(self, workspace: Workspace) -> bool:
        """Return whether its wheel holds the model of this repository, and so predicts the same.

        That is the same artefact, the same files of the package, entry point and runtime packages.
        """
        from trainwheel.wheel.proof import read_provenance
        from trainwheel.wheel.sbom import locked_version

        try:
            wheel = self.wheel(workspace)
            provenance = read_provenance(wheel)
            rows = parse_record(read_member(wheel, "RECORD"), wheel.name).values()
        except TrainwheelError:
            return False
        contents = {row.name: row.digest for row in rows if ".dist-info/" not in row.name}
        packages = requirements(workspace.lock, *workspace.config.model_categories)
        versions = {package.name: locked_version(package) for package in packages}
        return (
            provenance.golden.predict == workspace.config.predict
            and versions.items() <= provenance.packages.items()
            and _is_package(workspace, contents)
        )

    def baseline(self, run: Run) -> Baseline:
        """Return the baseline for the gate, with the metrics in the published wheel."""
        from trainwheel.wheel.proof import read_provenance

        if not self.version:
            return Baseline(reason=self.reason, is_deferred=self.is_deferred)
        try:
            provenance = read_provenance(self.wheel(run.workspace))
        except TrainwheelError as error:
            run.console.notice(f"the provenance of {self.version} cannot be read: {error.message}")
            return Baseline(self.version)
        return Baseline(self.version, metrics=provenance.metrics)


def find_published(run: Run, name_asked: str | None) -> Published:
    """Return the newest published version of the release series.

    An index that cannot be read is not an error here: a caller that needs its answer raises it.
    """
    source = run.workspace.read_setup_py()
    name, base = read_distribution_name(source), read_version(source)
    try:
        registry = registry_of(run, name_asked, to_read=True)
        wheels = wheels_of(run, registry, name)
    except MissingCredentialsError:
        reason = "the index cannot be read here, so the comparison is left to upload"
        return Published(reason=reason, is_deferred=True)
    except TrainwheelError as error:
        return Published(reason=f"the index cannot be read: {error.message}", error=error)
    newest = newest_in_series(base, wheels)
    if newest is None:
        return Published(reason=f"nothing is published in {_series(base)} ({registry.label})")
    return Published(newest, registry=registry, file=wheels[newest])


def _is_package(workspace: Workspace, contents: Mapping[str, str]) -> bool:
    """Return whether these names and digests are those of the package and its trained model."""
    source, trained = workspace.layout.source, frozenset(workspace.trained())
    here = {}
    for path in (*workspace.shipped_package(), *trained):
        name = path.relative_to(source).as_posix()
        # Files of other kinds are in the wheel only if package_data names them.
        if name in contents or path in trained or path.suffix == ".py":
            here[name] = record_digest(bytes.fromhex(workspace.digests.digest(path)))
    return here == contents


def _series(base: str) -> str:
    version = Version(base)
    return f"{f'{version.epoch}!' if version.epoch else ''}{version.major}.{version.minor}.x"
