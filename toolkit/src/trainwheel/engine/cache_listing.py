"""The list of a result in the cache, as JSON with a digest of itself.

Pure. A list that was cut short or edited, or that names a path outside the folder that a result
is restored into, counts as absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainwheel.engine.observed import Observed
from trainwheel.system.digest import digest_json

__all__ = ["Listing", "Result", "parse_listing", "render_listing"]

SCHEMA = 2
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_YEAR_5138 = 1e11
"""Seconds since 1970, far above any real time: greater values would not fit in dates."""


@dataclass(frozen=True)
class Result:
    """What is known of a step's run apart from its outputs.

    Args:
        facts: What the step reported, for its record.
        seconds: How long it took.
        made: When it ended, in seconds since 1970.
        observed: What its processes read; None where nobody looked.
    """

    facts: Mapping[str, str]
    seconds: float
    made: float
    observed: Observed | None = None


@dataclass(frozen=True)
class Listing:
    """The files of a result; every path is relative to the step's scratch folder, with slashes.

    Args:
        result: What is known of the run.
        files: Path → sha256.
        executable: The files that may be executed.
        folders: Every folder, empty ones too; each before the folders in it.
    """

    result: Result
    files: Mapping[str, str]
    executable: frozenset[str]
    folders: tuple[str, ...]

    @property
    def digests(self) -> set[str]:
        """The digests of its files."""
        return set(self.files.values())

    @property
    def outputs(self) -> set[str]:
        """The names of the outputs: files and folders at the top."""
        return {name.partition("/")[0] for name in (*self.files, *self.folders)}


def render_listing(step: str, key: str, listing: Listing) -> bytes:
    """Return the bytes of a list's file."""
    observed = listing.result.observed
    document = {
        "step": step,
        "key": key,
        **vars(listing.result),
        "observed": None if observed is None else observed.as_json(),
        "files": dict(listing.files),
        "executable": sorted(listing.executable),
        "folders": list(listing.folders),
    }
    whole = {"schema": SCHEMA, "sha256": digest_json(document), "result": document}
    return json.dumps(whole, separators=(",", ":")).encode()


def parse_listing(step: str, key: str, data: bytes) -> Listing | None:
    """Return the list for a step and key from the bytes of its file; None for anything else."""
    try:
        whole: Any = json.loads(data)
        document = whole["result"]
        if whole["schema"] != SCHEMA or whole["sha256"] != digest_json(document):
            return None
        if (document["step"], document["key"]) != (step, key):
            return None
        return _listing(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _listing(document: Any) -> Listing:
    facts, files = document["facts"], document["files"]
    executable, folders = document["executable"], document["folders"]
    whole = (
        isinstance(executable, list)
        and isinstance(folders, list)
        and all(isinstance(fact, str) for fact in facts.values())
        and all(_DIGEST.fullmatch(digest) for digest in files.values())
        and all(map(_is_inside, (*files, *folders)))
        and files.keys() >= set(executable)
    )
    if not whole:
        raise ValueError
    observed = document["observed"]
    observed = None if observed is None else Observed.of_json(observed)
    result = Result(facts, _number(document["seconds"]), _number(document["made"]), observed)
    return Listing(result, files, frozenset(executable), tuple(folders))


def _is_inside(name: str) -> bool:
    """Return whether a path stays in its folder: without ``..``, and not absolute."""
    return "\0" not in name and {"", ".", ".."}.isdisjoint(name.split("/"))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _YEAR_5138:
        raise ValueError
    return float(value)
