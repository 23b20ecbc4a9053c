"""What a CI service shows of a run: a summary in Markdown, and a mark at each failed test."""

from __future__ import annotations

import argparse
import json
import re
import xml.etree.ElementTree as ET  # nosec B405 - reads what this run wrote
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from trainwheel.system.console import Console
from trainwheel.system.environ import read_environment
from trainwheel.system.markdown import code, inline
from trainwheel.system.secrets import Secrets

__all__ = ["add_annotations", "add_summary", "list_metrics", "mark_failures", "sum_up"]

_PLACE = re.compile(r"^(?P<file>[^\s:]+\.py):(?P<line>\d+):", re.MULTILINE)
_RELEASE, _JUNIT = "version.json", "test/junit.xml"
_EVALUATION = "evaluate/evaluation.json"
_ESCAPES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTIES = _ESCAPES | str.maketrans({":": "%3A", ",": "%2C"})


def add_summary(parser: argparse.ArgumentParser) -> None:
    """Give a parser what ``summary`` does."""
    parser.add_argument(
        "--metrics", action="store_true", help="the measured metrics alone, as GitLab compares them"
    )
    parser.set_defaults(
        run=lambda a: _print(
            (list_metrics if a.metrics else sum_up)(Path.cwd() / "build"), a.secrets
        )
    )


def add_annotations(parser: argparse.ArgumentParser) -> None:
    """Give a parser what ``annotations`` does."""
    parser.set_defaults(run=_annotate)


def _annotate(arguments: argparse.Namespace) -> None:
    _print(mark_failures(Path.cwd() / "build", _place()), arguments.secrets)


def _place() -> str:
    """Return where this folder lies in the checkout, of which GitHub marks the files."""
    checkout = read_environment().get("GITHUB_WORKSPACE")
    with suppress(ValueError):
        return Path.cwd().relative_to(Path(checkout or "").resolve()).as_posix()
    return ""


def _print(lines: Iterator[str], secrets: Secrets) -> None:
    console = Console(read_environment(secrets=secrets))
    for line in lines:
        console.line(line)


def list_metrics(build: Path) -> Iterator[str]:
    """Yield the measured metrics as text of OpenMetrics; none where nothing was measured.

    Args:
        build: The folder that the steps write to.
    """
    metrics = _read_object(build / _EVALUATION).get("metrics", {})
    for name, value in metrics.items():
        yield f"{re.sub(r'[^a-zA-Z0-9_]', '_', name)} {value}"
    yield "# EOF"


def sum_up(build: Path) -> Iterator[str]:
    """Yield a page in Markdown: what was built, the metrics and the gate's verdict.

    Args:
        build: The folder that the steps write to; missing files are skipped.
    """
    release, failures = _release(build), list(_failures(build))
    is_released = release.get("releases", True)
    wheels = sorted(path.name for path in build.glob("dist/*.whl")) if is_released else []
    if not is_released:
        yield f"Nothing to release: {inline(release.get('reason', 'nothing has changed'))}."
        yield ""
    for name in wheels:
        distribution, version = name.split("-")[:2]
        yield f"Built and proved: **{distribution.replace('_', '-')} {version}**, `{name}`"
        yield ""
    page = build / "train" / "metrics.md"
    if page.is_file():
        yield from page.read_text(encoding="utf-8").splitlines()
        yield ""
    for name in _unreadable(build):
        yield f"`{name}` holds nothing that can be read."
        yield ""
    for name, place, _ in failures:
        where = f" in {inline(place[0])}, line {place[1]}" if place else ""
        yield f"- failed: {code(name)}{where}"
    if is_released and not (wheels or failures):
        yield "No wheel was packaged: the log says why."


def mark_failures(build: Path, folder: str = "") -> Iterator[str]:
    """Yield a line for each failed test and each failed condition of the gate, as GitHub reads it.

    Args:
        build: The folder that the steps write to.
        folder: Where the model lies in the checkout.
    """
    for name, place, message in _failures(build):
        where = {"file": f"{PurePosixPath(folder, place[0])}", "line": place[1]} if place else {}
        properties = {**where, "title": name}.items()
        mark = ",".join(f"{key}={text.translate(_IN_PROPERTIES)}" for key, text in properties)
        yield f"::error {mark}::{message.translate(_ESCAPES)}"


def _release(build: Path) -> Mapping[str, Any]:
    """Return what the version step decided; nothing where that cannot be read."""
    return _read_object(build / _RELEASE)


def _read_object(path: Path) -> Mapping[str, Any]:
    with suppress(OSError, ValueError):
        document = json.loads(path.read_bytes())
        return document if isinstance(document, dict) else {}
    return {}


def _cases(build: Path) -> list[ET.Element]:
    """Return the test cases; none where they cannot be read, as of a run that was killed."""
    with suppress(OSError, ET.ParseError):
        return list(ET.parse(build / _JUNIT).getroot().iter("testcase"))  # noqa: S314  # nosec B314
    return []


def _unreadable(build: Path) -> Iterator[str]:
    """Yield the files that are there and cannot be read."""
    files = {_RELEASE: _release(build), _JUNIT: _cases(build)}
    yield from (name for name, content in files.items() if not content and (build / name).is_file())


def _failures(build: Path) -> Iterator[tuple[str, tuple[str, str] | None, str]]:
    """Yield name, file with line, and message of each failed case."""
    for case in _cases(build):
        for failure in (*case.findall("failure"), *case.findall("error")):
            places = [place for place in _PLACE.finditer(failure.text or "") if _is_ours(place)]
            # The last one is where it failed, those before are what called it.
            place = (places[-1]["file"], places[-1]["line"]) if places else None
            yield case.get("name", "a test"), place, failure.get("message") or "failed"


def _is_ours(place: re.Match[str]) -> bool:
    """Return whether a file is one of the repository: not of Python, nor of an environment."""
    path = PurePosixPath(place["file"])
    is_hidden = any(part.startswith(".") for part in path.parts)
    return not (path.is_absolute() or is_hidden or "site-packages" in path.parts)
