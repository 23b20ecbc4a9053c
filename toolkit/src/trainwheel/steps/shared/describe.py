"""The documents in a wheel's metadata: provenance, golden predictions, bill of materials."""

from __future__ import annotations

import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from trainwheel import __version__
from trainwheel.engine.inputs import COMMAND, DATA, TRAINING, digests_of
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import read_record
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.golden import parse_golden
from trainwheel.evaluation.inputs import schema_of
from trainwheel.evaluation.metrics import split_intervals
from trainwheel.install.bytecode import site_packages
from trainwheel.requirements.lockfile import requirements
from trainwheel.requirements.pylock import digests_of_files
from trainwheel.steps.shared.artefact import describe_artefact
from trainwheel.steps.shared.findings import (
    read_data_digests,
    read_engine,
    read_intervals,
    read_metrics,
    read_object,
    read_snapshot,
)
from trainwheel.steps.shared.held_out import read_held_out
from trainwheel.steps.shared.release import Release
from trainwheel.system.digest import digest_json
from trainwheel.system.environ import python_version
from trainwheel.system.git import Commit
from trainwheel.wheel.distributions import parse_metadata, read_environment_of
from trainwheel.wheel.provenance import Golden, Provenance, Training
from trainwheel.wheel.sbom import Contents, bill_name, locked_version, render_bill

if TYPE_CHECKING:
    from packaging.pylock import Package

    from trainwheel.install.environments import Installer

__all__ = ["contents_of", "describe", "trace"]


def describe(workspace: Workspace, provenance: Provenance, contents: Contents) -> dict[str, bytes]:
    """Return the files for the wheel's metadata folder, by path relative to it.

    Args:
        workspace: The model repository.
        provenance: Of the model.
        contents: What the bill of materials lists.

    Raises:
        ConfigurationError: The provenance does not fit its schema, as with a number of params.json
            that is not finite.
    """
    return {
        "trainwheel/provenance.json": provenance.render().encode(),
        "trainwheel/golden.jsonl": _golden(workspace.layout),
        bill_name(provenance.name): render_bill(provenance, contents, __version__).encode(),
    }


def contents_of(
    workspace: Workspace, installer: Installer, metadata: bytes, files: Iterable[Package] | None
) -> Contents:
    """Return what the bill of materials lists.

    Args:
        workspace: The model repository.
        installer: Makes the environment of the runtime packages, in which the wheel is proved.
        metadata: The wheel's METADATA.
        files: The files of the locked packages, where they are known.
    """
    with installer.holding(workspace.locked("packages")) as home:
        installed = read_environment_of(site_packages(home)) if home else {}
    # The kind of what was measured: binary, multiclass or regression.
    kind = read_object(workspace.layout.verdict).get("measured", {}).get("kind", "")
    task = kind if kind in {"", "regression"} else "classification"
    return Contents(
        parse_metadata(metadata.decode("utf-8")),
        requirements(workspace.lock, "packages"),
        installed,
        digests_of_files(files or ()),
        workspace.config.task or task,
    )


def trace(workspace: Workspace, release: Release, commit: Commit) -> Provenance:
    """Return the provenance of the trained model.

    Args:
        workspace: The model repository.
        release: The release that is packaged.
        commit: The state of the repository.

    Raises:
        ConfigurationError: params.json is not a JSON object.
        StepFailedError: metrics.json or data.json is malformed.
    """
    config, layout = workspace.config, workspace.layout
    golden, inputs = _golden(layout), _read_by_training(workspace)
    data = {name: digest for name, digest in inputs.items() if workspace.is_data(name)}
    sources = {name: inputs[name] for name in inputs.keys() - data.keys()}
    metrics, _ = split_intervals(read_metrics(layout))
    return Provenance(
        name=canonicalize_name(release.name),
        version=release.version,
        release_key=release.release_key,
        commit=commit.sha,
        dirty=commit.is_dirty,
        commit_time=commit.moment,
        training=Training(
            command=config.train_command,
            parameters=_read(layout.parameters),
            engine=read_engine(layout),
            python=f"{sys.implementation.name} {python_version()}",
            platform=sysconfig.get_platform(),
            source=digest_json(sources),
            data={**read_data_digests(layout), **data},
            read=digest_json(inputs),
            snapshot=read_snapshot(workspace),
        ),
        metrics=metrics,
        intervals=read_intervals(layout),
        gate=_gate(workspace),
        packages=_packages(workspace),
        artefact=describe_artefact(workspace),
        golden=Golden(
            sha256=hashlib.sha256(golden).hexdigest(),
            count=len(golden.splitlines()),
            predict=config.predict,
            tolerance=config.tolerance,
        ),
        inputs=_schema(layout),
        card=config.card or None,
    )


def _read_by_training(workspace: Workspace) -> dict[str, str]:
    """Return the files that training read → sha256; one from elsewhere by its last part."""
    record = read_record(workspace.layout.records, "train")
    assumed = (COMMAND, TRAINING, DATA)
    files = digests_of(workspace, *assumed) if record is None else record.fingerprint.files
    return {f"…/{Path(name).name}" if name.startswith("/") else name: files[name] for name in files}


def _schema(layout: Layout) -> dict[str, list[str]]:
    golden = parse_golden(_golden(layout).decode("utf-8"))
    held_out = read_held_out(layout.holdout).inputs if layout.holdout.is_file() else ()
    return schema_of([*(row.input for row in golden), *held_out])


def _gate(workspace: Workspace) -> dict[str, Any] | None:
    """Return the rules, not the verdict, which depends on what was published at the time."""
    rules = workspace.config.gate.rules
    if not rules:
        return None
    # A key with its default value is omitted.
    return {
        rule.metric: {
            k: v for k, v in asdict(rule).items() if k != "metric" and v not in {None, ""}
        }
        for rule in rules
    }


def _packages(workspace: Workspace) -> dict[str, str]:
    packages = requirements(workspace.lock, "packages", "train")
    return {package.name: locked_version(package) for package in packages}


def _golden(layout: Layout) -> bytes:
    return layout.golden.read_bytes()


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        message = f"{path.name} is not JSON: {error}"
        raise ConfigurationError(message) from None
    if not isinstance(document, dict):
        message = f"{path.name} is not a JSON object"
        raise ConfigurationError(message)
    return document
