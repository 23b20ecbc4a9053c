"""Copy a release from one index to the next: the same bytes, verified on both sides.

Nothing is built: the next index gets the very bytes that were tested on the first. Every part can
be repeated, so a run that was interrupted is completed by running it again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from trainwheel.engine.chain import TO, VERBOSE, WAIT, Flag, Step
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.registry import Registry
from trainwheel.index.versions import parse_version
from trainwheel.requirements.setup_py import read_distribution_name

if TYPE_CHECKING:
    from trainwheel.install.environments import Installer
    from trainwheel.steps.shared.publish import Publisher

__all__ = ["STEP", "check_indexes", "promote"]

FROM = Flag("--from", "the index to promote from, by its name in pyproject.toml", "NAME")


def _run(run: Run) -> None:
    """Promote the requested release, or the newest one."""
    from trainwheel.steps.shared.publish import publisher_of

    options, start = run.options, time.monotonic()
    indexes = check_indexes(options.get("from"), options.get("to"))
    if len(options.names) > 1:
        message = f"promote takes one version, but {len(options.names)} were given"
        raise ConfigurationError(message, hint="run it once for each")
    run.workspace.layout.log("promote").unlink(missing_ok=True)
    source, target = (publisher_of(run, "promote", name) for name in indexes)
    name = read_distribution_name(run.workspace.read_setup_py())
    version = options.names[0] if options.names else None
    summary = promote(name, version, source, target, run.tools.installer("promote"))
    run.console.outcome("promote", summary, time.monotonic() - start)


def check_indexes(name_from: str | None, name_to: str | None) -> tuple[str, str]:
    """Return the names of the two indexes.

    Raises:
        ConfigurationError: One is missing, or both are the same.
    """
    for flag, name in (("--from", name_from), ("--to", name_to)):
        if not name:
            message = f"promote needs {flag} NAME"
            raise ConfigurationError(message, hint="nox -s promote -- --from NAME --to NAME")
    if name_from == name_to:
        message = f"promote goes from one index to another, not from {name_from} to itself"
        raise ConfigurationError(message, hint="name two indexes")
    return str(name_from), str(name_to)


def promote(
    project: str, version: str | None, source: Publisher, target: Publisher, installer: Installer
) -> str:
    """Copy a release, verify it on both indexes, and return one line for the console.

    Args:
        project: The distribution's name.
        version: The release; None for the newest on the source.
        source: The index to copy from.
        target: The index to copy to.
        installer: Installs the locked packages for the verification.

    Raises:
        ConfigurationError: The source does not have the release, or its wheel no provenance;
            the target refuses the credentials, or has a higher version in the release series.
        VersionTakenError: The target holds other content under this version.
        StepFailedError: An index does not answer, or the wheel predicts differently than in
            training.
        UncertainError: The target may have the wheel, and does not list it.
    """
    from trainwheel.wheel.proof import read_promise

    name = canonicalize_name(project)
    _check_access(source.registry, target.registry)
    with tempfile.TemporaryDirectory(prefix="trainwheel-") as folder:
        wheels = source.registry.wheels(name)
        chosen = _choose(name, version, wheels, source.registry.label)
        wheel = source.registry.fetch(wheels[chosen], Path(folder))
        proof = read_promise(wheel)
        source.verify(proof, installer)
        upload = target.upload(wheel, proof)
        target.announce(proof, target.verify(proof, installer))
    return upload.summary


def _check_access(source: Registry, target: Registry) -> None:
    """Try the credentials of both indexes before anything is fetched."""
    for registry, uploads in ((source, False), (target, True)):
        if registry.target is not None:
            SimpleIndex(registry.target).check_access(uploads=uploads)


def _choose(name: str, version: str | None, available: Iterable[str], label: str) -> str:
    versions = {Version(text): text for text in available}
    if not versions:
        message = f"{name} is not published in {label}"
        raise ConfigurationError(message, hint="publish it there first")
    newest = max((v for v in versions if not v.is_prerelease), default=max(versions))
    if version is None:
        return versions[newest]
    requested = parse_version(version)
    if requested not in versions:
        message = f"{name} {version} is not published in {label}"
        raise ConfigurationError(message, hint=f"the newest there is {newest}")
    return versions[requested]


STEP = Step(
    name="promote",
    help="Copy a published wheel to the next index, verified on both",
    run=_run,
    category="upload",
    alone=True,
    flags=(FROM, TO, WAIT, VERBOSE),
    takes_names="VERSION",
)
