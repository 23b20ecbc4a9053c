"""Fetch the data that training reads: a snapshot by a command of the user's, or from DVC."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from trainwheel.engine.chain import FORCE, VERBOSE, WAIT, Flag, Step
from trainwheel.engine.execute import run_step
from trainwheel.engine.inputs import files
from trainwheel.engine.records import read_record
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError, LockfileError, RefusedError, StepFailedError
from trainwheel.evaluation.data_shape import FileShape, changes, parse_shape, render_shape, rows_of
from trainwheel.guest import DESCRIBE_DATA
from trainwheel.system.digest import digest_json
from trainwheel.system.files import everything_below, write_atomically
from trainwheel.system.process import Command
from trainwheel.system.secrets import SecretClass

__all__ = ["STEP"]

ACCEPT = Flag(
    "--accept", "accept the data as it is: write its columns and row counts to data.schema"
)
VERSION = "the data's version"
"""A fact that only the data's source knows."""

_SECRETS = frozenset({SecretClass.DATA})


def _run(run: Run) -> None:
    """Fetch the data unless it is up to date; silent if there is nothing to do."""
    workspace, is_accepted = run.workspace, run.options.has("accept")
    if not workspace.fetches_data:
        if "data" in run.named:
            summary = "nothing to fetch: neither data.command nor a .dvc file beside the data"
            run.console.outcome("data", summary)
        return
    config = workspace.config
    has_version = config.data_command and config.data_version_command
    version = {VERSION: _ask_version(run)} if has_version else {}

    def work(scratch: Path) -> Mapping[str, str]:
        return _fetch(run, scratch, version.get(VERSION, ""), is_accepted=is_accepted)

    force = run.is_forced("data") or _has_moved(workspace)
    run_step(run, STEP, work, learned=version, force=force)
    if is_accepted:
        run.console.line(f"{_accept(workspace)} written: commit it")


def _has_moved(workspace: Workspace) -> bool:
    """Return whether data that DVC tracks has changed since the last pull."""
    record = read_record(workspace.layout.records, "data")
    facts = {} if record is None else record.facts
    return bool(workspace.tracked_data) and facts.get("signature") != _sign(workspace)


def _fetch(run: Run, scratch: Path, version: str, *, is_accepted: bool) -> Mapping[str, str]:
    """Write the snapshot into the scratch folder, and pull what DVC tracks.

    Raises:
        StepFailedError: A command failed, or wrote nothing.
        RefusedError: The columns or the number of rows differ from what was accepted.
    """
    workspace, facts, summary = run.workspace, dict[str, str](), list[str]()
    folder = scratch / workspace.layout.data.name
    folder.mkdir()
    if workspace.tracked_data:
        _pull(run)
        facts["signature"] = _sign(workspace)
        summary.append(f"{len(workspace.tracked_data)} tracked by DVC")
    if workspace.config.data_command:
        shape = _take_snapshot(run, folder)
        facts |= {"shape": render_shape(shape), "version": version}
        if not is_accepted:
            _refuse_changes(workspace, shape)
        rows = rows_of(shape)
        summary.append(f"{len(shape)} files" if rows is None else f"{rows} rows")
    return {"summary": ", ".join(summary), **facts}


def _accept(workspace: Workspace) -> str:
    """Write the columns and row counts of the current snapshot; return the file's name.

    Raises:
        ConfigurationError: No data command is configured.
    """
    record = read_record(workspace.layout.records, "data")
    if record is None or "shape" not in record.facts:
        message = "no snapshot has been fetched that could be accepted"
        raise ConfigurationError(message, hint="configure tool.trainwheel.data.command")
    name = workspace.config.data_schema
    write_atomically(workspace.layout.root / name, record.facts["shape"].encode())
    return name


def _ask_version(run: Run) -> str:
    argv = tuple(shlex.split(run.workspace.config.data_version_command))
    output = run.tools.run("data", argv, what="the data's version command", secrets=_SECRETS)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        message = "tool.trainwheel.data.version-command printed nothing"
        raise StepFailedError(message, hint="its last line must identify the state of the data")
    return lines[-1]


def _take_snapshot(run: Run, folder: Path) -> dict[str, FileShape]:
    words = shlex.split(run.workspace.config.data_command)
    argv = tuple(word.replace("{folder}", str(folder)) for word in words)
    env = {"PYTHONPATH": str(run.workspace.layout.source)}
    run.tools.run("data", argv, what="the data command", secrets=_SECRETS, env=env)
    if not any(everything_below(folder)):
        message = "the data command succeeded but wrote no file"
        hint = "it must write into the folder that {folder} names in tool.trainwheel.data.command"
        raise StepFailedError(message, hint=hint)
    answer = folder.with_name("shape.json")
    command = (str(run.tools.python("data")), "-P", str(DESCRIBE_DATA), str(folder), str(answer))
    result = run.tools.complete(Command(command), "data")
    if result.failed:
        message = f"the snapshot cannot be read: {result.last_line}"
        raise StepFailedError(message, hint="correct tool.trainwheel.data.command")
    return parse_shape(answer.read_bytes(), "the snapshot")


def _refuse_changes(workspace: Workspace, shape: Mapping[str, FileShape]) -> None:
    path = workspace.layout.root / workspace.config.data_schema
    record = read_record(workspace.layout.records, "data")
    if path.is_file():
        before = parse_shape(path.read_bytes(), path.name)
    elif record is not None and "shape" in record.facts:
        before = parse_shape(record.facts["shape"], "the record of data")
    else:
        return
    differences = list(changes(before, shape, workspace.config.data_max_row_change))
    if differences:
        more = f", and {len(differences) - 1} more" if len(differences) > 1 else ""
        message = f"the data differs from what was accepted: {differences[0]}{more}"
        hint = "if the change is intended: nox -s data -- --accept"
        raise RefusedError(message, hint=hint, details=differences)


def _pull(run: Run) -> None:
    workspace = run.workspace
    if not workspace.locks("data", "dvc"):
        name = workspace.tracked_data[0]
        message = f"{name} is tracked by DVC, but dvc is missing from [data] of the Pipfile"
        raise LockfileError(message, hint="add it and run `nox -s lock`")
    targets = tuple(f"{name}.dvc" for name in workspace.tracked_data)
    argv = ("python", "-P", "-m", "dvc", "pull", "--quiet", *targets)
    env = {"DVC_NO_ANALYTICS": "1", "CI": "true"}
    run.tools.run("data", argv, what="dvc pull", secrets=_SECRETS, env=env)


def _sign(workspace: Workspace) -> str:
    """Return a digest of the names, sizes and times of the data files."""
    paths = (workspace.layout.root / name for name in workspace.tracked_data)
    names = (name for path in paths if path.exists() for name in everything_below(path))
    return digest_json([[name, *workspace.digests.written(name)] for name in names])


def _tracked(workspace: Workspace) -> Iterator[Path]:
    return (workspace.layout.root / f"{name}.dvc" for name in workspace.tracked_data)


def _facts(workspace: Workspace) -> dict[str, str]:
    return {
        "the data command": workspace.config.data_command,
        "tracked by DVC": " ".join(workspace.tracked_data),
    }


STEP = Step(
    name="data",
    help="Fetch the data that training reads, by a command or from DVC",
    run=_run,
    is_link=True,
    category="data",
    alone=True,
    inputs=(files("the `.dvc` files of `data`", _tracked),),
    facts=_facts,
    learns=(VERSION,),
    outputs=lambda layout: (layout.data,),
    is_absent=lambda workspace: not workspace.fetches_data,
    flags=(ACCEPT, FORCE, WAIT, VERBOSE),
    keeps_results=False,
)
