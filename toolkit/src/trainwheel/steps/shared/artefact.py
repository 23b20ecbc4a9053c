"""What training writes into the package: collected, checked, and described file by file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainwheel.engine.layout import Layout
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError
from trainwheel.guest import CONVERT
from trainwheel.system.environ import python_version
from trainwheel.system.files import remove
from trainwheel.system.text import shown
from trainwheel.wheel.manifest import render_manifest

if TYPE_CHECKING:
    from trainwheel.wheel.provenance import Artefact, TrainedFile

__all__ = [
    "Portable",
    "add_portable",
    "collect",
    "describe_artefact",
    "make_room",
    "manifest_with",
    "model_in",
    "notice_unshipped",
]

_FOLDER = "folder"
"""The format of an artefact that is one."""


def model_in(layout: Layout, scratch: Path) -> Path:
    """Return where training writes the model, or the chief one of its files and folders."""
    return scratch / layout.scratch_name(layout.artefact)


def make_room(layout: Layout, scratch: Path) -> None:
    """Make the folders in which training writes the files of the model."""
    for path in layout.artefacts:
        (scratch / layout.scratch_name(path)).parent.mkdir(parents=True, exist_ok=True)


def collect(run: Run, scratch: Path) -> Mapping[str, TrainedFile]:
    """Check what training wrote as the model, and remove what the configuration does not name.

    Args:
        run: This run.
        scratch: The folder of the results.

    Returns:
        Path relative to the folder of the manifest → the file.

    Raises:
        StepFailedError: A file is missing or empty, a link, or has a name that no wheel can hold.
    """
    from trainwheel.wheel.record import check_names

    layout = run.workspace.layout
    folder = model_in(layout, scratch).parent
    places = [scratch / layout.scratch_name(path) for path in layout.artefacts]
    final = layout.artefact.parent.relative_to(layout.package)
    for place, path in zip(places, layout.artefacts, strict=True):
        _remove_ignored(run.workspace, place, path)
        _check(place, (final / place.relative_to(folder)).as_posix(), is_chief=place == places[0])
    extras = [path for path in _entries(folder) if not {path, *path.parents} & {*places}]
    names = [(final / path.relative_to(folder)).as_posix() for path in extras]
    _notice_extras(run, [name for name in names if not run.workspace.ignored.matches(name)])
    for path in extras:
        remove(path)
    files = {path.relative_to(folder).as_posix(): path for path in _entries(folder)}
    check_names(files)
    return {name: _describe(path, run.workspace.digests.digest) for name, path in files.items()}


@dataclass(frozen=True)
class Portable:
    """The file with a model's portable form.

    Args:
        file: Its name, beside the chief file of the model.
        described: Its digest, size and format.
        reason: Why the model has no such form, which is all that the file holds then.
        is_default: Whether the model is used in this form unless another is asked for.
    """

    file: str
    described: TrainedFile
    reason: str
    is_default: bool


def add_portable(run: Run, model: Path, report: Path, scratch: Path) -> Portable | None:
    """Derive arrays from the fitted estimator, and prove that they answer as it does.

    A model that cannot be converted, or whose arrays answer otherwise, ships as it did before.

    Args:
        run: This run; the environment of training is there.
        model: The file that training wrote; what it refers to has been checked.
        report: The folder of what training writes beside it.
        scratch: The folder of the results.

    Returns:
        The form; None where none is asked for.

    Raises:
        StepFailedError: The script that converts it failed.
    """
    if run.workspace.layout.portable is None:
        return None
    path, answer = model.with_suffix(".npz"), scratch / "portable.json"
    records = (report / name for name in ("holdout.jsonl", "golden.jsonl"))
    words = (run.workspace.config.predict, model, path, answer, *filter(Path.is_file, records))
    argv = ("python", "-P", str(CONVERT), *map(str, words))
    source = str(run.workspace.layout.source)
    run.tools.run("train", argv, what="the conversion", env={"PYTHONPATH": source})
    reason: str = json.loads(answer.read_bytes())["reason"]
    if reason:
        run.console.notice(f"no portable form, so the wheel needs scikit-learn: {reason}")
    is_default = run.workspace.config.portable == "default"
    return Portable(path.name, _describe(path, run.workspace.digests.digest), reason, is_default)


def manifest_with(
    chief: str,
    files: Mapping[str, TrainedFile],
    versions: Mapping[str, str],
    ranges: Mapping[str, object],
    portable: Portable | None,
) -> str:
    """Return the manifest of what training wrote, and of its portable form.

    Args:
        chief: Name of the model, or of the chief one of its files and folders.
        files: Path relative to the manifest's folder → each file that training wrote.
        versions: Of the packages that the model needs to load.
        ranges: Column → what training saw in it; empty where it does not say.
        portable: The form; None where none is asked for.
    """
    form = None
    if portable is not None:
        files = {**files, portable.file: portable.described}
        if not portable.reason:
            form = {"file": portable.file, "is_default": portable.is_default}
    more = {"inputs": ranges, "portable": form}
    return render_manifest(chief, files, versions, python_version(), more)


def _remove_ignored(workspace: Workspace, place: Path, final: Path) -> None:
    """Remove what is not part of a model by its name, unless that is the model's own."""
    matches, relative = workspace.ignored.matches, workspace.layout.relative
    for path in [] if matches(relative(final)) else list(_entries(place)):
        if matches(relative(final / path.relative_to(place))):
            remove(path)


def describe_artefact(workspace: Workspace) -> Artefact:
    """Return the trained model, as provenance has it."""
    from trainwheel.wheel.provenance import Artefact

    layout, digests = workspace.layout, workspace.digests
    files = {
        path.relative_to(layout.source).as_posix(): _describe(path, digests.digest)
        for path in workspace.trained()
        if path != layout.manifest
    }
    name = layout.artefact.relative_to(layout.source).as_posix()
    if name not in files:
        size = sum(each.size for path, each in files.items() if path.startswith(f"{name}/"))
        return Artefact(name, digests.output(layout.artefact), size, _FOLDER, files)
    chief = files[name]
    more = files if len(files) > 1 else {}
    return Artefact(name, chief.sha256, chief.size, chief.format, more)


def _describe(path: Path, digest: Callable[[Path], str]) -> TrainedFile:
    from trainwheel.wheel.formats import format_of
    from trainwheel.wheel.provenance import TrainedFile

    return TrainedFile(digest(path), path.stat().st_size, format_of(path))


def notice_unshipped(run: Run) -> None:
    """Say which files in the package belong to training, but not to its present model."""
    if names := run.workspace.unshipped():
        run.console.notice_once(
            f"not in the wheel: {_name_first(names)}; beside the model, only code ships and what "
            "tool.trainwheel.artefact names"
        )


def _notice_extras(run: Run, names: Sequence[str]) -> None:
    if names:
        run.console.notice(
            f"training wrote {_name_first(names)}, which tool.trainwheel.artefact does not name: "
            "not in the wheel"
        )


def _name_first(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{shown(names[0])}{more}"


def _check(place: Path, name: str, *, is_chief: bool) -> None:
    entries = list(_entries(place)) if os.path.lexists(place) else []
    for path in entries:
        if path.is_symlink() or not path.is_file():
            where = shown(Path(name, path.relative_to(place)).as_posix())
            kind = "a symbolic link" if path.is_symlink() else "not a regular file"
            message = f"training wrote {where}, which is {kind}"
            raise StepFailedError(message, hint="let it write the file itself")
    if not any(path.stat().st_size for path in entries):
        message = f"training succeeded but {name} is {'empty' if entries else 'missing'}"
        hint = f"it must write it beside {{model}}, or tool.trainwheel.artefact not name {name}"
        if is_chief:
            hint = "it must write what {model} names in tool.trainwheel.train.command"
        raise StepFailedError(message, hint=hint)


def _entries(place: Path) -> Iterator[Path]:
    """Yield a file, or all but folders below a folder, in a fixed order; no link is followed."""
    if place.is_symlink() or not place.is_dir():
        yield place
        return
    for entry in sorted(place.iterdir()):
        yield from _entries(entry)
