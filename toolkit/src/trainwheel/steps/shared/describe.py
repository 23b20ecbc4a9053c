"""What a wheel says of itself: provenance, golden predictions, bill of materials."""

from __future__ import annotations

import hashlib
import json
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from trainwheel import __version__
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.project import Project
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.evaluation.metrics import split_intervals
from trainwheel.guest import DESCRIBE_WHEEL
from trainwheel.requirements.lockfile import requirements
from trainwheel.steps.shared.bringing import read_snapshot
from trainwheel.steps.shared.releasing import Release
from trainwheel.steps.shared.report_files import (
    read_data_digests,
    read_engine,
    read_intervals,
    read_metrics,
)
from trainwheel.system.digest import digest_json
from trainwheel.system.git import Commit
from trainwheel.system.process import Command, run
from trainwheel.wheel.manifest import FORMAT
from trainwheel.wheel.provenance import Artefact, Golden, Provenance, Training
from trainwheel.wheel.sbom import bill_name, describe_materials, locked_version

__all__ = ["describe", "trace"]


def describe(project: Project, provenance: Provenance, scratch: Path) -> dict[str, bytes]:
    """Return what goes into the wheel's metadata folder, relative to it.

    Args:
        project: The model repository.
        provenance: Of the model.
        scratch: A folder for what is made on the way.

    Raises:
        StepFailedError: Provenance or bill of materials do not fit their schemas.
        ConfigurationError: A number of params.json is not finite.
    """
    text = provenance.render()
    return {
        "trainwheel/provenance.json": text.encode(),
        "trainwheel/golden.jsonl": _golden(project),
        bill_name(provenance): _bill_of_materials(project, provenance, text, scratch / "bill.json"),
    }


def trace(project: Project, release: Release, commit: Commit) -> Provenance:
    """Return the provenance of the model that stands trained.

    Args:
        project: The model repository.
        release: What is to be released.
        commit: The state of the repository.

    Raises:
        ConfigurationError: params.json is no JSON object.
        StepFailedError: metrics.json or data.json is not as it should be.
    """
    config, golden = project.config, _golden(project)
    sources, data = _split(project, fingerprint(project, "train", {}).files)
    metrics, _ = split_intervals(read_metrics(project))
    return Provenance(
        name=canonicalize_name(release.name),
        version=release.version,
        release_key=release.release_key,
        commit=commit.sha,
        dirty=commit.is_dirty,
        commit_time=commit.moment,
        training=Training(
            command=config.train_command,
            parameters=_read(project.root / "build/train/params.json"),
            engine=read_engine(project),
            python=f"{sys.implementation.name} {'.'.join(map(str, sys.version_info[:3]))}",
            platform=sysconfig.get_platform(),
            source=digest_json(sources),
            data={**read_data_digests(project), **data},
            snapshot=read_snapshot(project),
        ),
        metrics=metrics,
        intervals=read_intervals(project),
        gate=_gate(project),
        packages=_packages(project),
        artefact=Artefact(
            path=project.artefact.relative_to(project.source).as_posix(),
            sha256=project.digests.digest(project.artefact),
            size=project.artefact.stat().st_size,
            format=FORMAT,
        ),
        golden=Golden(
            sha256=hashlib.sha256(golden).hexdigest(),
            count=len(golden.splitlines()),
            predict=config.predict,
            tolerance=config.tolerance,
        ),
    )


def _gate(project: Project) -> dict[str, Any] | None:
    """Return what was asked of the metrics; the verdict depends on what was published then."""
    rules = project.config.gate.rules
    if not rules:
        return None
    # What is left out has its default.
    return {
        rule.metric: {
            k: v for k, v in asdict(rule).items() if k != "metric" and v not in {None, ""}
        }
        for rule in rules
    }


def _packages(project: Project) -> dict[str, str]:
    locked = requirements(project.lock, "packages", "train")
    return {package.name: locked_version(package) for package in locked}


def _golden(project: Project) -> bytes:
    return (project.root / "build/train/golden.jsonl").read_bytes()


def _split(project: Project, inputs: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return training's inputs, the code and the data."""
    tracked = (f"{name}.dvc" for name in project.tracked_data)
    named = (*project.config.training_data, *project.config.inputs, *tracked)
    places = tuple(map(Path, named))
    data = {
        name: digest
        for name, digest in inputs.items()
        if any(Path(name).is_relative_to(place) for place in places)
    }
    return {name: inputs[name] for name in inputs.keys() - data.keys()}, data


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        message = f"{path.name} is not JSON: {error}"
        raise ConfigurationError(message) from None
    if not isinstance(found, dict):
        message = f"{path.name} is no JSON object"
        raise ConfigurationError(message)
    return found


def _bill_of_materials(project: Project, provenance: Provenance, text: str, target: Path) -> bytes:
    schema = (files("trainwheel") / "data" / "provenance-1.json").read_text(encoding="utf-8")
    locked = requirements(project.lock, "packages")
    materials = describe_materials(provenance, locked, __version__)
    document = {"provenance": text, "schema": json.loads(schema), **materials}
    argv = (str(project.python("package")), "-P", str(DESCRIBE_WHEEL), str(target))
    command = Command(argv, stdin=json.dumps(document), env={"PYTHONHASHSEED": "0"})
    completed = run(command, project.environment, log=project.log_of("package"))
    if completed.failed:
        message = f"the wheel cannot be described: {completed.last_line}"
        raise StepFailedError(message)
    return target.read_bytes()
