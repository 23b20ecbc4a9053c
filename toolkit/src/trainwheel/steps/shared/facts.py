"""What counts for a step beside its files, its packages and its Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from trainwheel.engine.project import Project
from trainwheel.guest import CLUSTER, DRAW, MEASURING, PREDICT, TRAIN
from trainwheel.requirements.pipfile import canonical_category
from trainwheel.requirements.setup_py import read_distribution_name
from trainwheel.steps.shared.releasing import read_release
from trainwheel.steps.shared.report_files import read_data_digests, read_engine, read_intervals
from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.git import read_commit

__all__ = ["DATA_VERSION", "DECISION", "PUBLISHED", "RELEASE", "TEMPLATES", "facts_of"]

DECISION, RELEASE = "the decision", "the release"
"""Facts that no file of the repository tells: what the version step decided."""

PUBLISHED, DATA_VERSION = "what is published", "the data's version"
"""Facts that only the index, or only the place where the data lives, can tell."""

TEMPLATES = Path(__file__).parents[2] / "data" / "report"


def facts_of(project: Project, step: str) -> dict[str, str]:
    """Return the configuration, and what else is no file, that makes a step stale.

    The version step's decision is not among them: only the index knows it.

    Raises:
        StepFailedError: ``package`` is asked for before a version was decided.
    """
    known = _FACTS.get(step)
    return {} if known is None else known(project)


def _of_data(project: Project) -> dict[str, str]:
    config = project.config
    return {
        "the data command": config.data_command,
        "tracked by DVC": " ".join(project.tracked_data),
    }


def _of_train(project: Project) -> dict[str, str]:
    config = project.config
    return {
        "the training command": config.train_command,
        "tool.trainwheel.artefact": config.artefact_path,
        "tool.trainwheel.data": " ".join(config.training_data),
        "tool.trainwheel.train.threads": str(config.threads),
        "tool.trainwheel.predict": config.predict,
        "the golden host": digest_file(PREDICT),
        "the training host": digest_file(TRAIN),
        # Not where the cluster is: the same work comes to the same anywhere.
        **(_of_cluster() if config.engine != "local" else {}),
    }


def _of_cluster() -> dict[str, str]:
    return {
        "tool.trainwheel.train.engine": "dask",
        "the hosts of the cluster": digest_json(_digests(*sorted(CLUSTER.glob("*.py")))),
    }


def _of_judge(project: Project) -> dict[str, str]:
    config = project.config
    return {
        "tool.trainwheel.gate": digest_json(asdict(config.gate)),
        "tool.trainwheel.predict": config.predict,
        "tool.trainwheel.tolerance": str(config.tolerance),
        "the measuring hosts": digest_json(
            _digests(*sorted(MEASURING.glob("*.py")), DRAW, PREDICT)
        ),
        "the packages of pictures": _locked(project, "packages", "report"),
    }


def _of_report(project: Project) -> dict[str, str]:
    config = project.config
    return {
        "tool.trainwheel.report.show-rows": str(config.show_rows),
        "the templates": digest_json(_digests(*sorted(TEMPLATES.iterdir()))),
        "setup.py": digest_json(read_distribution_name(project.read_setup_py())),
    }


def _of_test(project: Project) -> dict[str, str]:
    config = project.config
    return {"the tests": config.tests, "the package": config.package}


def _of_package(project: Project) -> dict[str, str]:
    config = project.config
    release = read_release(project.root / "build" / "version.json")
    return {
        RELEASE: release.mark,
        "the training": digest_json([read_engine(project), read_data_digests(project)]),
        "the intervals": digest_json(read_intervals(project)),
        "the commit": read_commit(project.root, project.environment).mark,
        "tool.trainwheel.predict": config.predict,
        "tool.trainwheel.tolerance": str(config.tolerance),
        "tool.trainwheel.wheel.store-above": str(config.store_above),
        "the runtime packages": project.locked_digest("packages"),
        "the test packages": project.locked_digest("packages", "test"),
    }


_FACTS: Final[Mapping[str, Callable[[Project], dict[str, str]]]] = {
    "data": _of_data,
    "train": _of_train,
    "judge": _of_judge,
    "report": _of_report,
    "test": _of_test,
    "package": _of_package,
}


def _digests(*paths: Path) -> list[str]:
    return [digest_file(path) for path in paths]


def _locked(project: Project, *categories: str) -> str:
    known = project.lock.categories
    present = [name for name in categories if canonical_category(name) in known]
    return project.locked_digest(*present)
