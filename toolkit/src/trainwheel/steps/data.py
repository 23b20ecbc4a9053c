"""Fetch the data that training reads: a snapshot by a command of the user's, or from DVC."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from trainwheel.engine.chain import FORCE, JOBS, VERBOSE, WAIT, Files, Flag, Step
from trainwheel.engine.closure import import_closure
from trainwheel.engine.entry_points import code_of
from trainwheel.engine.execute import run_step
from trainwheel.engine.records import read_record
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError, LockfileError, RefusedError, StepFailedError
from trainwheel.evaluation.data_shape import (
    FileShape,
    changes,
    markers_of,
    merge,
    news,
    parse_shape,
    render_shape,
    rows_of,
)
from trainwheel.guest import DESCRIBE_DATA
from trainwheel.system.command import Command
from trainwheel.system.digest import digest_json
from trainwheel.system.files import everything_below, read_text, write_atomically
from trainwheel.system.secrets import SecretClass

__all__ = ["STEP"]

ACCEPT = Flag(
    "--accept", "accept the data as it is: write its columns and row counts to data.schema"
)
VERSION = "the data's version"
"""A fact that only the data's source knows."""

_SECRETS = frozenset({SecretClass.DATA})
_REFUSED = "data-refused"
"""A file among the records that tells that the last snapshot was refused."""


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

    # What was refused was not kept: whoever accepts it means that, not what was there before.
    is_again = is_accepted and (workspace.layout.records / _REFUSED).exists()
    force = run.is_forced("data") or _has_moved(workspace) or is_again
    run_step(run, STEP, work, learned=version, force=force)
    (workspace.layout.records / _REFUSED).unlink(missing_ok=True)
    if is_accepted:
        _accept(run)


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
        declared = _declared(workspace)
        observed = _take_snapshot(run, folder, declared)
        earlier = _earlier(workspace)
        if not is_accepted:
            _refuse_changes(workspace, declared or earlier, observed)
        shape = merge(declared, observed)
        facts |= {
            "shape": render_shape(shape),
            # Without a file that declares it, the widest that was seen is what counts.
            "earlier": render_shape(merge({} if is_accepted else earlier, observed)),
            "version": version,
        }
        rows = rows_of(shape)
        summary.append(f"{len(shape)} files" if rows is None else f"{rows} rows")
    return {"summary": ", ".join(summary), **facts}


def _declared(workspace: Workspace) -> dict[str, FileShape]:
    """Return what the schema file says; nothing without one."""
    path = workspace.layout.root / workspace.config.data_schema
    return parse_shape(path.read_bytes(), path.name) if path.is_file() else {}


def _earlier(workspace: Workspace) -> dict[str, FileShape]:
    """Return the shape of the snapshots before; nothing before the first."""
    record = read_record(workspace.layout.records, "data")
    facts = {} if record is None else record.facts
    text = facts.get("earlier") or facts.get("shape")
    return parse_shape(text, "the record of data") if text else {}


def _accept(run: Run) -> None:
    """Show how the current snapshot changes the schema file, and write it.

    Raises:
        ConfigurationError: No data command is configured.
    """
    workspace = run.workspace
    record = read_record(workspace.layout.records, "data")
    if record is None or "shape" not in record.facts:
        message = "no snapshot has been fetched that could be accepted"
        raise ConfigurationError(message, hint="configure tool.trainwheel.data.command")
    name, before = workspace.config.data_schema, _declared(workspace)
    after = parse_shape(record.facts["shape"], "the record of data")
    lines = list(news(before, after, markers_in=_places_of_markers(workspace)))
    for line in lines:
        run.console.line(f"  {line}")
    if before and not lines:
        run.console.line(f"{name} is up to date")
        return
    write_atomically(workspace.layout.root / name, record.facts["shape"].encode())
    run.console.line(f"{name} written: commit it")


def _ask_version(run: Run) -> str:
    argv = tuple(shlex.split(run.workspace.config.data_version_command))
    env = {"PYTHONPATH": str(run.workspace.layout.source)}
    what = "the data's version command"
    output = run.tools.run("data", argv, what=what, secrets=_SECRETS, env=env)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        message = "tool.trainwheel.data.version-command printed nothing"
        raise StepFailedError(message, hint="its last line must identify the state of the data")
    return lines[-1]


def _take_snapshot(
    run: Run, folder: Path, declared: Mapping[str, FileShape]
) -> dict[str, FileShape]:
    parts = shlex.split(run.workspace.config.data_command)
    argv = tuple(word.replace("{folder}", str(folder)) for word in parts)
    env = {"PYTHONPATH": str(run.workspace.layout.source)}
    run.tools.run("data", argv, what="the data command", secrets=_SECRETS, env=env)
    layout, ignored = run.workspace.layout, run.workspace.ignored
    if not any(everything_below(folder, ignored, layout.data)):
        message = "the data command succeeded but wrote no file"
        hint = "it must write into the folder that {folder} names in tool.trainwheel.data.command"
        raise StepFailedError(message, hint=hint)
    answer = folder.with_name("shape.json")
    words = (str(folder), str(answer), json.dumps(markers_of(declared)), ignored.pattern)
    script = (str(run.tools.python("data")), "-P", str(DESCRIBE_DATA))
    command = (*script, *words, f"{layout.relative(layout.data)}/")
    result = run.tools.complete(Command(command), "data")
    if result.failed:
        message = f"the snapshot cannot be read: {result.last_line}"
        raise StepFailedError(message, hint="fix the table, or what the data command writes")
    return parse_shape(answer.read_bytes(), "the snapshot")


def _refuse_changes(
    workspace: Workspace, before: Mapping[str, FileShape], shape: Mapping[str, FileShape]
) -> None:
    most = workspace.config.data_max_row_change
    places = _places_of_markers(workspace)
    differences = list(changes(before, shape, most, markers_in=places)) if before else []
    if differences:
        more = f", and {len(differences) - 1} more" if len(differences) > 1 else ""
        message = f"the data differs from what was accepted: {differences[0]}{more}"
        hint = "if the change is right: nox -s data -- --accept"
        write_atomically(workspace.layout.records / _REFUSED, b"")
        raise RefusedError(message, hint=hint, details=differences)


def _places_of_markers(workspace: Workspace) -> str:
    """Return the files that name what stands for a missing value: a record reads cells too."""
    package, name = workspace.layout.package, workspace.config.data_schema
    record = read_text(package / "record.py") or ""
    if "\n    missing: ClassVar" not in record or not (package / "datamodel.py").is_file():
        return name
    return f"{name} and {workspace.layout.relative(package / 'datamodel.py')}"


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
    names = (name for path in paths for name in everything_below(path, workspace.ignored))
    return digest_json([[name, *workspace.digests.written(name)] for name in names])


def _entries(workspace: Workspace) -> set[Path | str]:
    """Return what the commands for the data run: files, and names of modules."""
    root, source, config = workspace.layout.root, workspace.layout.source, workspace.config
    commands = (config.data_command, config.data_version_command)
    argvs = [shlex.split(command) for command in commands if command]
    return {entry for argv in argvs for entry in code_of(argv, root, source)}


def _programs(workspace: Workspace) -> Iterator[Path]:
    """Yield the files that the commands and their scripts name."""
    pulled = [workspace.layout.root / name for name in workspace.tracked_data]  # while it runs
    for path in _entries(workspace):
        if isinstance(path, Path) and not any(path.is_relative_to(place) for place in pulled):
            yield path


def _modules(workspace: Workspace) -> Iterator[Path]:
    """Yield the modules that these import, by their text."""
    root, source = workspace.layout.root, workspace.layout.source
    entries = (
        each for each in _entries(workspace) if isinstance(each, str) or each.suffix == ".py"
    )
    closure = import_closure(entries, root=root, source=source)
    return iter(closure - {*workspace.trained()})


def _tracked(workspace: Workspace) -> Iterator[Path]:
    return (workspace.layout.root / f"{name}.dvc" for name in workspace.tracked_data)


def _facts(workspace: Workspace) -> dict[str, str]:
    return {
        "the data command": workspace.config.data_command,
        "what stands for a missing value": digest_json(markers_of(_declared(workspace))),
        "tracked by DVC": " ".join(workspace.tracked_data),
    }


STEP = Step(
    name="data",
    help="Fetch the data that training reads, by a command or from DVC",
    run=_run,
    is_link=True,
    category="data",
    alone=True,
    inputs=(
        Files("the `.dvc` files of `data`", _tracked),
        Files("what `data.command` and `data.version-command` run", _programs),
    ),
    assumed=(Files("what these import", _modules),),
    settings=frozenset({".dvcignore"}),
    facts=_facts,
    learns=(VERSION,),
    outputs=lambda layout: (layout.data,),
    is_absent=lambda workspace: not workspace.fetches_data,
    flags=(ACCEPT, FORCE, WAIT, VERBOSE, JOBS),
    keeps_results=False,
)
