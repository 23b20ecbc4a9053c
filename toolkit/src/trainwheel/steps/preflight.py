"""What can be known before an hour of training is spent on something that cannot be published."""

from __future__ import annotations

import shutil

from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.project import Project
from trainwheel.engine.run import current_record
from trainwheel.errors import StepFailedError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.versions import check_not_lower, next_version
from trainwheel.requirements.setup_py import read_distribution_name, read_version
from trainwheel.steps.shared.cluster import cluster_of, reach
from trainwheel.steps.shared.facts import facts_of
from trainwheel.steps.shared.releasing import readable_registry, registry_of, wish_of

__all__ = ["check_cluster", "check_release", "check_upload"]

_SPARE = 256 << 20
"""Bytes kept free for environments, logs and the index."""

_COPIES = 6
"""How often an artefact is on disk at once: made, staged, built, proved, published, verified."""


def check_release(project: Project, name_asked: str | None) -> str:
    """Check what can be known of a release without asking the index, and return its version.

    Raises:
        ConfigurationError: setup.py holds no name or no version that can be read, the version or
            the build number is none, or the index is not configured as it must be.
    """
    source, wish = project.read_setup_py(), wish_of(project)
    read_distribution_name(source)
    version = next_version(
        read_version(source),
        (),
        asked=wish.asked,
        build_number=wish.build_number,
        offset=wish.offset,
    )
    readable_registry(project, name_asked, wish)
    return version


def check_upload(project: Project, name_asked: str | None) -> None:
    """Check the configuration, the credentials (on the index), the version and the free disk.

    Raises:
        ConfigurationError: A variable or key is missing or wrong, the index refuses the
            credentials, or the version asked for cannot be released.
        StepFailedError: The index does not answer, or the disk is too full.
    """
    _check_disk(project)
    registry = registry_of(project, name_asked)
    version = check_release(project, name_asked)
    if registry.target is not None and _is_work_ahead(project):
        SimpleIndex(registry.target).check_access(uploads=True)
    if wish_of(project).asked is not None:
        name = read_distribution_name(project.read_setup_py())
        check_not_lower(version, registry.wheels(name))


def check_cluster(project: Project) -> None:
    """Check that the cluster is configured as it must be and, if there is work, that it is there.

    Raises:
        TrainwheelError: It is not configured so.
        StepFailedError: Its scheduler takes no connection.
    """
    cluster = cluster_of(project)
    if cluster is None or not cluster.address or not _is_stale(project, "train"):
        return
    reach(cluster)


def _is_work_ahead(project: Project) -> bool:
    """Return whether anything is to be made; if not, the version step asks the index at once."""
    return _is_stale(project, "train") or _is_stale(project, "test")


def _is_stale(project: Project, step: str) -> bool:
    places = (project.root / name for name in project.config.training_data)
    if project.brings_data and not all(place.exists() for place in places):
        return True  # the data is yet to be brought, so nobody knows it
    now = fingerprint(project, step, facts_of(project, step))
    return current_record(project, step, now) is None


def _check_disk(project: Project) -> None:
    size = project.artefact.stat().st_size if project.artefact.is_file() else 0
    needed, free = _SPARE + _COPIES * size, shutil.disk_usage(project.root).free
    if free < needed:
        message = f"{free >> 20} MiB are free on the disk, a release needs {needed >> 20} MiB"
        raise StepFailedError(message, hint="make room, for example with make clean")
