"""What counts for a step beside its files, its packages and its Python."""

from __future__ import annotations

from trainwheel.commits import read_commit
from trainwheel.digests import digest_file
from trainwheel.hosts import PREDICT
from trainwheel.project import Project
from trainwheel.releasing import read_release

__all__ = ["DECISION", "RELEASE", "facts_of"]

DECISION, RELEASE = "the decision", "the release"
"""Facts that no file of the repository tells: what the version step decided."""


def facts_of(project: Project, step: str) -> dict[str, str]:
    """Return the configuration, and what else is no file, that makes a step stale.

    The version step's decision is not among them: only the index knows it.

    Raises:
        StepFailedError: ``package`` is asked for before a version was decided.
    """
    config = project.config
    match step:
        case "train":
            return {
                "the training command": config.train_command,
                "tool.trainwheel.artefact": config.artefact_path,
                "tool.trainwheel.data": " ".join(config.data),
                "tool.trainwheel.predict": config.predict,
                "the golden host": digest_file(PREDICT),
            }
        case "test":
            return {"the tests": config.tests, "the package": config.package}
        case "package":
            release = read_release(project.root / "build" / "version.json")
            return {
                RELEASE: release.mark,
                "the commit": read_commit(project.root, project.environment).mark,
                "tool.trainwheel.predict": config.predict,
                "tool.trainwheel.tolerance": str(config.tolerance),
                "tool.trainwheel.wheel.store-above": str(config.store_above),
                "the runtime packages": project.locked_digest("packages"),
                "the test packages": project.locked_digest("packages", "test"),
            }
        case _:
            return {}
