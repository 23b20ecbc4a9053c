"""Where the installed model comes from: the record that its wheel carries.

Nothing here needs scikit-learn or numpy: the record can be read where the model cannot run.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

from oncology_model.manifest import parse_manifest

_RECORD = "trainwheel/provenance.json"
# In the order in which they are shown; the first line of them is the provenance's, the other
# the manifest's.
_SHOWN = (
    *("name", "version", "commit", "dirty", "commit_time", "training", "metrics", "gate"),
    *("artefact", "packages", "sha256", "size", "versions", "python"),
)
_INDENT = "  "


def read_provenance(package: Path) -> str | None:
    """Read the record of the distribution that a package was installed from.

    Args:
        package: the folder of this package, wherever it is installed.

    Returns:
        A JSON document, or None if no wheel with such a record was installed: in a checkout
        of the sources, or where another tool built the wheel.

    Raises:
        UnicodeDecodeError: the record is damaged.
    """
    parts = __package__.split(".")
    # No other folder of the path: what is installed there is not what was imported.
    folder = package.parents[len(parts) - 1]
    module = "/".join([*parts, "__init__.py,"])
    for distribution in distributions(path=[str(folder)]):
        document = distribution.read_text(_RECORD)
        if document is not None:
            members = (distribution.read_text("RECORD") or "").splitlines()
            if any(line.startswith(module) for line in members):
                return document
    return None


def read_manifest(package: Path) -> str | None:
    """Read the manifest beside a package's artefact, a JSON document; None without a sound one."""
    try:
        content = (package / "artefact" / "model.joblib.json").read_bytes()
        parse_manifest(content)
    except (OSError, ValueError):
        return None
    return content.decode()


def render(document: str) -> str:
    """Lay out the chief fields of a provenance or a manifest as a table of names and values.

    Args:
        document: the text of a JSON object; a field of another shape than expected is shown
            as it is.

    Raises:
        ValueError: it is not a JSON object.
    """
    try:
        fields = json.loads(document)
        fields["metrics"] = _join(fields.get("metrics"), fields.get("intervals"))
        rows = list(_list_rows({name: fields[name] for name in _SHOWN if fields.get(name)}, ""))
    except (AttributeError, TypeError, RecursionError):
        message = "not a JSON object"
        raise ValueError(message) from None
    width = max((len(name) for name, _ in rows), default=0)
    return "".join(f"{name:{width}}  {value}".rstrip() + "\n" for name, value in rows)


def _join(metrics: object, intervals: object) -> object:
    if not isinstance(metrics, dict) or not isinstance(intervals, dict):
        return metrics
    with_bounds = {
        name: f"{_show(metrics[name])} ({' to '.join(map(_show, bounds))})"
        for name, bounds in intervals.items()
        if name in metrics and isinstance(bounds, list)
    }
    return metrics | with_bounds


def _list_rows(fields: Mapping[str, object], indent: str) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            if value:
                yield indent + _show(name), ""
            yield from _list_rows(value, indent + _INDENT)
        else:
            yield indent + _show(name), _show(value)


def _show(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_show, value))
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    # What is not plain text could garble the terminal, or be none of its letters.
    is_plain = isinstance(value, str) and value.isascii() and value.isprintable()
    return str(value) if is_plain else json.dumps(value)
