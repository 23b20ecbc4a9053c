"""Check that the entry point can be imported and called, before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError
from trainwheel.guest import ENTRY_POINT
from trainwheel.system.process import Command

__all__ = ["check_entry_point"]

_ANSWER = "\x1eentry point: "
_KEY = "tool.trainwheel.predict"


def check_entry_point(run: Run, scratch: Path) -> None:
    """Import the entry point from the package that is shipped, and look whether it can be called.

    What its module raises for want of the model, which is not trained yet, is only noticed.

    Args:
        run: This run.
        scratch: A folder for the source root, which has a link to the package and nothing else.

    Raises:
        ConfigurationError: A module or the function is missing or cannot be called.
    """
    layout, predict = run.workspace.layout, run.workspace.config.predict
    root = scratch / "entry_point"
    package = root / layout.package.relative_to(layout.source)
    package.parent.mkdir(parents=True)
    package.symlink_to(layout.package, target_is_directory=True)
    argv = (str(run.tools.python("train")), "-P", str(ENTRY_POINT), predict, str(root))
    result = run.tools.complete(Command(argv, env={"PYTHONPATH": str(root)}), "train")
    # Not splitlines, which takes the record separator for the end of a line.
    lines = [line for line in result.output.split("\n") if line.startswith(_ANSWER)]
    for answer in map(json.loads, (line.removeprefix(_ANSWER) for line in lines)):
        problem = f"{answer['problem']}{_place(run, answer, root)}"
        if answer["certain"]:
            message = f"{_KEY} = {json.dumps(predict)}, but {problem}"
            raise ConfigurationError(message, hint=_fix(run, **answer))
        run.console.notice(f"{_KEY} is only checked after the training, because {problem}")


def _place(run: Run, answer: Mapping[str, Any], root: Path) -> str:
    layout, file = run.workspace.layout, answer["file"]
    if file.startswith(f"{root}/"):
        file = layout.relative(layout.source / Path(file).relative_to(root))
    return f" ({file} line {answer['line']})" if file else ""


def _fix(run: Run, *, module: str, file: str, **_: object) -> str:
    """Return what to do about a module that is missing; empty where that is plain."""
    top, config = module.partition(".")[0], run.workspace.config
    if not top or top == config.package.partition(".")[0]:
        return ""
    source = run.workspace.layout.source
    if any((source / name).exists() for name in (top, f"{top}.py")):
        return f"the wheel ships nothing but {config.package}: move what it needs of {top} there"
    package = "if it is a package, add it to [packages] of the Pipfile and run `nox -s lock`"
    return package if file else ""
