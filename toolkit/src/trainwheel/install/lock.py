"""Makes Pipfile.lock: `pipenv lock` on a copy, without the facts of this machine.

The lock that comes out names no index, is the same on every machine that sees the same releases,
and replaces the old one in one step or not at all.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from packaging.utils import canonicalize_name

from trainwheel.errors import LockfileError, StepFailedError
from trainwheel.install.conflicts import demands_of, explain, resolve_all
from trainwheel.install.lock_environment import LockEnvironment
from trainwheel.requirements.addresses import find_secret
from trainwheel.requirements.changes import Change, compare_locks, lock_category, merge, pins_of
from trainwheel.requirements.freshness import is_fresh, is_stamped, stamp_lock
from trainwheel.requirements.lockfile import check_digests, parse_lockfile
from trainwheel.requirements.pipfile import Pipfile, parse_pipfile
from trainwheel.system.environ import Environment
from trainwheel.system.files import read_text, write_atomically

__all__ = ["adopt_lock", "finish_lock", "lock", "plan_pipfile"]

Lock = dict[str, Any]
_BY_PIPENV = "pipenv wrote Pipfile.lock with the address of a machine's index"

_SECONDS = 60
"""How long a conflict may be looked into."""


def lock(
    root: Path,
    environment: Environment,
    names: Sequence[str] = (),
    *,
    log: Path | None = None,
    index_url: str = "",
) -> tuple[Change, ...]:
    """Lock the Pipfile's packages and return what changed.

    Args:
        root: The repository.
        environment: The variables of this run.
        names: The packages to update, with what they need; the others stay where they are as
            long as the Pipfile lets them. Without names, all are updated.
        log: Where the output of pipenv and uv is kept.
        index_url: The one index to ask, without credentials; empty for the machine's own.

    Raises:
        LockfileError: The Pipfile cannot be read, a name is in neither file, or an address holds
            a secret.
        ConfigurationError: pipenv, or the Python that locks, is not installed.
        StepFailedError: No versions fit together. The old lock stays.
    """
    pipfile = parse_pipfile(read_text(root / "Pipfile"))
    old = _parse(read_text(root / "Pipfile.lock"))
    with tempfile.TemporaryDirectory(prefix="trainwheel-lock-") as name:
        place = LockEnvironment(Path(name).resolve(), pipfile, environment, log, index_url)
        if names:
            _check_names(names, pipfile, old)
        place.set_up(root)
        digest = place.pipenv_hash()
        try:
            new = _lock_named(place, old, names) if names else _parse(place.pipenv_lock())
        except StepFailedError as error:
            raise _explain(error, place) from None
    text = finish_lock(new, pipfile, digest)
    write_atomically(root / "Pipfile.lock", text.encode())
    return compare_locks(old, json.loads(text))


def adopt_lock(root: Path, environment: Environment) -> str:
    """Finish a lock that plain pipenv has just written, as `lock` would have.

    One of another Pipfile stays, and so does one whose Pipfile names its sources: every machine
    agrees on those. In a CI job the checkout stays as it was committed.

    Returns:
        What to say about it; nothing where the lock stays.

    Raises:
        LockfileError: The Pipfile cannot be read, or an entry of the lock holds a secret.
    """
    text = read_text(root / "Pipfile.lock")
    content = _parse(text)
    pipfile = parse_pipfile(read_text(root / "Pipfile"))
    meta = content.get("_meta", {})
    if is_stamped(text) or pipfile.sources or not is_fresh(pipfile, meta):
        return ""
    if environment.in_ci:
        return f"{_BY_PIPENV}: run nox -s sync where it did, and commit Pipfile.lock"
    with tempfile.TemporaryDirectory(prefix="trainwheel-lock-") as name:
        place = LockEnvironment(Path(name).resolve(), pipfile, environment)
        place.copy_pipfile(root)
        finished = finish_lock(content, pipfile, place.pipenv_hash())
    write_atomically(root / "Pipfile.lock", finished.encode())
    if secret := next(filter(None, map(find_secret, map(str, meta["sources"]))), ""):
        return f"{_BY_PIPENV} and {secret}: all is out again; revoke that if it was committed"
    return f"{_BY_PIPENV}: that is out again, and the lock is stamped"


def finish_lock(content: Mapping[str, Any], pipfile: Pipfile, digest: str) -> str:
    """Return the text of a lock of pipenv's, without the facts of this machine.

    Args:
        content: The lock.
        pipfile: What was locked.
        digest: ``_meta.hash`` as every machine computes it; empty to leave pipenv's.

    Raises:
        LockfileError: A package has no digest, or an address in it holds a secret, which came from
            the machine's settings or from an entry of the old lock.
    """
    meta = dict(content["_meta"])
    if digest and not pipfile.sources:
        meta["hash"] = {"sha256": digest}
    text = stamp_lock(json.dumps({**content, "_meta": meta}), pipfile)
    check_digests(parse_lockfile(text))
    return text


def plan_pipfile(text: str, versions: Mapping[str, Mapping[str, str]]) -> str:
    """Return a Pipfile that asks for these versions and for nothing else.

    Args:
        text: The Pipfile; its sources and settings stay, and the extras and markers of entries.
        versions: Category → PEP 503 name → version.
    """
    document = tomlkit.parse(text)
    for category in parse_pipfile(text).categories:
        present = {canonicalize_name(key): value for key, value in document[category].items()}
        table = tomlkit.table()
        for name, version in versions.get(category, {}).items():
            value = present.get(canonicalize_name(name))
            options = dict(value) if isinstance(value, Mapping) else {}
            table[name] = {**options, "version": f"=={version}"}
        document[category] = table
    return tomlkit.dumps(document)


def _lock_named(place: LockEnvironment, old: Lock, names: Sequence[str]) -> Lock:
    """Return the old lock with the named packages, and what they need, at new versions."""
    pins = _resolve(place, old, names)
    moves = {
        category: dict(set(versions.items()) - set(pins_of(_section(old, category)).items()))
        for category, versions in pins.items()
    }
    text = (place.project / "Pipfile").read_text(encoding="utf-8-sig")
    fresh = _parse(place.pipenv_lock(plan_pipfile(text, moves)))
    sections = {
        lock_category(category): merge(_section(old, category), _section(fresh, category), versions)
        for category, versions in pins.items()
    }
    return {"_meta": fresh["_meta"], "default": {}, "develop": {}, **sections}


def _resolve(place: LockEnvironment, old: Lock, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return category → name → version."""
    options = [*(f"--upgrade-package={name}" for name in names), *_options(place.pipfile)]

    def resolve(category: str, lines: Sequence[str], bounds: Mapping[str, str]) -> dict[str, str]:
        present = pins_of(_section(old, category))
        return place.resolve(lines, options, pins=present, bounds=bounds)

    demands = demands_of(place.pipfile)
    pins = resolve_all(demands, resolve, binds=_binds(place.pipfile))
    return {category: pins.get(category, {}) for category in place.pipfile.categories}


def _explain(error: StepFailedError, place: LockEnvironment) -> StepFailedError:
    """Return an error that says what does not fit together, as far as uv finds out in time."""
    end, options = time.monotonic() + _SECONDS, _options(place.pipfile)

    def resolve(_: str, lines: Sequence[str], bounds: Mapping[str, str]) -> dict[str, str]:
        left = max(0.1, end - time.monotonic())
        return place.resolve(lines, options, bounds=bounds, seconds=left)

    demands = demands_of(place.pipfile)
    return explain(error, demands, resolve, binds=_binds(place.pipfile))


def _options(pipfile: Pipfile) -> tuple[str, ...]:
    allows = pipfile.raw.get("pipenv", {}).get("allow_prereleases") is True
    return ("--prerelease=allow",) if allows else ()


def _binds(pipfile: Pipfile) -> bool:
    """Return whether [packages] binds the other categories, as pipenv has it unless told."""
    return pipfile.raw.get("pipenv", {}).get("use_default_constraints") is not False


def _check_names(names: Sequence[str], pipfile: Pipfile, old: Lock) -> None:
    names_there = {p.name for packages in pipfile.categories.values() for p in packages}
    for category, entries in old.items():
        names_there |= set() if category == "_meta" else set(map(canonicalize_name, entries))
    for name in names:
        if canonicalize_name(name) not in names_there:
            message = f"{name} is neither in the Pipfile nor in Pipfile.lock"
            raise LockfileError(message, hint="name a package that is, or add it to the Pipfile")


def _section(content: Lock, category: str) -> dict[str, Any]:
    section: dict[str, Any] = content.get(lock_category(category), {})
    return section


def _parse(text: str | None) -> Lock:
    """Return a lock's content; an unreadable one counts as empty, for a new one is made."""
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        return {}
    return content
