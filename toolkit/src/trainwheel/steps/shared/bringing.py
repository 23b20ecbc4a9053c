"""Bring the data that training reads: a snapshot by a command of the user's, or from DVC."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from trainwheel.engine.project import Project
from trainwheel.engine.records import read_record
from trainwheel.errors import ConfigurationError, LockfileError, RefusedError, StepFailedError
from trainwheel.evaluation.data_shape import (
    FileShape,
    changes,
    columns_digest,
    parse_shape,
    render_shape,
    rows_of,
)
from trainwheel.guest import DESCRIBE_DATA
from trainwheel.requirements.pipfile import canonical_category
from trainwheel.steps.shared.facts import DATA_VERSION, facts_of
from trainwheel.system.environ import SecretClass
from trainwheel.system.files import everything_below, write_atomically
from trainwheel.system.process import Command, run

__all__ = ["accept", "bring", "data_facts", "has_moved", "read_snapshot"]

_DATA = frozenset({SecretClass.DATA})
_TOKEN_SECONDS = 120.0


def data_facts(project: Project) -> dict[str, str]:
    """Return what makes the data step stale; asks the version command, where there is one.

    Raises:
        StepFailedError: The version command failed, or printed nothing.
    """
    facts, config = facts_of(project, "data"), project.config
    if config.data_command and config.data_version_command:
        facts[DATA_VERSION] = _ask_version(project)
    return facts


def has_moved(project: Project) -> bool:
    """Return whether data that DVC tracks is not as the last pull left it."""
    record = read_record(project.records, "data")
    known = {} if record is None else record.facts
    return bool(project.tracked_data) and known.get("signature") != _sign(project)


def bring(project: Project, scratch: Path, *, is_accepted: bool) -> Mapping[str, str]:
    """Write the snapshot into ``scratch / "data"``, and pull what DVC tracks.

    Raises:
        StepFailedError: A command failed, or brought nothing.
        RefusedError: Columns, or the number of rows, are not what was accepted.
    """
    facts, told = {}, []
    if project.tracked_data:
        _pull(project)
        facts["signature"] = _sign(project)
        told.append(f"{len(project.tracked_data)} tracked by DVC")
    if project.config.data_command:
        shape = _take_snapshot(project, scratch / "data")
        facts |= {
            "shape": render_shape(shape),
            "version": data_facts(project).get(DATA_VERSION, ""),
        }
        if not is_accepted:
            _refuse_changes(project, shape)
        rows = rows_of(shape)
        told.append(f"{len(shape)} files" if rows is None else f"{rows} rows")
    return {"summary": ", ".join(told), **facts}


def accept(project: Project) -> str:
    """Write down the columns and rows of the snapshot that stands; return the file's name.

    Raises:
        ConfigurationError: There is no data command.
    """
    record = read_record(project.records, "data")
    if record is None or "shape" not in record.facts:
        message = "there is no snapshot to accept"
        raise ConfigurationError(message, hint="configure tool.trainwheel.data.command")
    write_atomically(project.root / project.config.data_schema, record.facts["shape"].encode())
    return project.config.data_schema


def read_snapshot(project: Project) -> dict[str, object] | None:
    """Return what the provenance says of the snapshot; None where no command brought one."""
    record = read_record(project.records, "data")
    if not project.config.data_command or record is None or "shape" not in record.facts:
        return None
    shape = parse_shape(record.facts["shape"], "the record of data")
    return {
        "version": record.facts.get("version") or None,
        "rows": rows_of(shape),
        "columns": {name: dict(file.columns) for name, file in shape.items()},
        "columns_digest": columns_digest(shape),
    }


def _ask_version(project: Project) -> str:
    argv = tuple(shlex.split(project.config.data_version_command))
    output = project.run_tool("data", argv, what="the data's version command", secrets=_DATA)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        message = "tool.trainwheel.data.version-command printed nothing"
        raise StepFailedError(message, hint="it must print what changes with the data, on one line")
    return lines[-1]


def _take_snapshot(project: Project, folder: Path) -> dict[str, FileShape]:
    folder.mkdir()
    words = shlex.split(project.config.data_command)
    argv = tuple(word.replace("{folder}", str(folder)) for word in words)
    env = {"PYTHONPATH": str(project.source)}
    project.run_tool("data", argv, what="the data command", secrets=_DATA, env=env)
    if not any(everything_below(folder)):
        message = "the data command ended well but wrote nothing"
        hint = "it must write into the folder that {folder} names in tool.trainwheel.data.command"
        raise StepFailedError(message, hint=hint)
    answer = folder.with_name("shape.json")
    command = (str(project.python("data")), "-P", str(DESCRIBE_DATA), str(folder), str(answer))
    completed = run(Command(command), project.environment, log=project.log_of("data"))
    if completed.failed:
        message = f"the snapshot cannot be read: {completed.last_line}"
        raise StepFailedError(message, hint="correct tool.trainwheel.data.command")
    return parse_shape(answer.read_bytes(), "the snapshot")


def _refuse_changes(project: Project, shape: Mapping[str, FileShape]) -> None:
    path = project.root / project.config.data_schema
    record = read_record(project.records, "data")
    if path.is_file():
        before = parse_shape(path.read_bytes(), path.name)
    elif record is not None and "shape" in record.facts:
        before = parse_shape(record.facts["shape"], "the record of data")
    else:
        return
    found = list(changes(before, shape, project.config.data_max_row_change))
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        message = f"the data is not what was accepted: {found[0]}{more}"
        hint = "if it is meant to be so: nox -s data -- --accept"
        raise RefusedError(message, hint=hint, details=found)


def _pull(project: Project) -> None:
    has_category = canonical_category("data") in project.lock.categories
    locked = project.lock.packages("data") if has_category else ()
    if not any(package.name == "dvc" for package in locked):
        name = project.tracked_data[0]
        message = f"{name} is tracked by DVC, but [data] of the Pipfile has no dvc"
        raise LockfileError(message, hint="add it and run `nox -s lock`")
    targets = tuple(f"{name}.dvc" for name in project.tracked_data)
    argv = ("python", "-P", "-m", "dvc", "pull", "--quiet", *targets)
    env = {"DVC_NO_ANALYTICS": "1", "CI": "true"}
    project.run_tool("data", argv, what="dvc pull", secrets=_DATA, env=env)


def _sign(project: Project) -> str:
    """Return what changes when anyone writes to the data, without reading it."""
    paths = (project.root / name for name in project.tracked_data)
    files = (found for path in paths if path.exists() for found in everything_below(path))
    return json.dumps([[found, *project.digests.written(found)] for found in files])
