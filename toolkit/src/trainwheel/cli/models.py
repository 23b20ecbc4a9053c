"""``trainwheel models installed``: what models an environment holds, and what they are."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.guest import INSTALLED_MODELS
from trainwheel.system.command import Command
from trainwheel.system.console import Console
from trainwheel.system.environ import read_environment
from trainwheel.system.process import run
from trainwheel.system.text import columns, shown

__all__ = ["add_models", "render_models"]

_MOST_METRICS = 2
_TEXTS = ("intended_use", "limits", "contact")


def add_models(parser: argparse.ArgumentParser) -> None:
    """Give a parser the subcommands of ``models``."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    installed = commands.add_parser("installed", help="list the models that an environment holds")
    installed.add_argument(
        "--python", type=Path, default=Path(sys.executable), metavar="PATH",
        help="the environment's interpreter (default: this one)",
    )  # fmt: skip
    installed.add_argument("--json", action="store_true", help="for programs, with all provenance")
    installed.set_defaults(run=_installed)


def _installed(arguments: argparse.Namespace) -> None:
    environment = read_environment()
    console = Console(environment)
    if not arguments.python.is_file():
        message = f"{arguments.python} is not an interpreter"
        hint = "name the python of an environment: --python ENV/bin/python"
        raise ConfigurationError(message, hint=hint)
    result = run(
        Command((str(arguments.python), "-P", str(INSTALLED_MODELS)), timeout=60.0), environment
    )
    if result.failed:
        message = f"{arguments.python} does not list its models: {result.last_line}"
        raise StepFailedError(message)
    models = json.loads(result.last_line)
    if arguments.json:
        console.line(json.dumps(models, indent=1, sort_keys=True))
        return
    for line in render_models(models):
        console.line(line)


def render_models(models: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the table, and of what each model is for: nobody else may say it."""
    if not models:
        yield "no model is installed here"
        return
    yield from columns([("model", "version", "commit", "metrics"), *map(_row, models)])
    for model in models:
        if texts := [*_texts(model)]:
            yield from ("", model["name"], *texts)


def _texts(model: Mapping[str, Any]) -> Iterator[str]:
    card = (model["provenance"] or {}).get("card")
    texts = card if isinstance(card, dict) else {}
    for name in _TEXTS:
        if text := " ".join(str(texts.get(name, "")).split()):
            yield f"  {name.replace('_', ' ')}: {shown(text)}"


def _row(model: Mapping[str, Any]) -> tuple[str, str, str, str]:
    provenance = model["provenance"] or {}
    commit = str(provenance.get("commit") or "")[:10]
    if commit and provenance.get("dirty"):
        commit += " with changes"
    metrics = provenance.get("metrics")
    numbers = [
        f"{name} {value:.3f}"
        for name, value in (metrics if isinstance(metrics, dict) else {}).items()
        if isinstance(value, float)
    ]
    return model["name"], model["version"], commit, ", ".join(numbers[:_MOST_METRICS])
