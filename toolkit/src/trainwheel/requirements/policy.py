"""What a distribution should require, given a Pipfile and its lock.

Four policies say how tightly:

``locked``
    Every pin of the lock section, transitive ones too. For an application.
``direct``
    What the Pipfile names, at the locked version.
``compatible``
    What the Pipfile names: the packages whose pickles bind to one version at exactly that, every
    other from the locked version up to the next major one (the next minor one for 0.x).
``declared``
    What the Pipfile says.

Where the Pipfile chooses the packages it chooses their markers too: the lock's own
(``python_version >= '3.9'``) would make an older Python skip the package in silence.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from packaging.specifiers import InvalidSpecifier, Specifier
from packaging.version import InvalidVersion, Version

from trainwheel.errors import ConfigurationError, LockfileError
from trainwheel.requirements import setup_py
from trainwheel.requirements.addresses import find_secret
from trainwheel.requirements.lockfile import Lockfile
from trainwheel.requirements.package import Package
from trainwheel.requirements.pep508 import format_requirement
from trainwheel.requirements.pins import POLICIES, SyncSettings
from trainwheel.requirements.pipfile import Pipfile, canonical_category

__all__ = [
    "EXACT",
    "Plan",
    "describe_drift",
    "plan_requirements",
    "plan_sync",
    "sync_setup_py",
]

# scikit-learn promises nothing about an estimator that another version of it pickled.
EXACT: Final = frozenset(("scikit-learn",))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to require.

    Attributes:
        requirements: PEP 508 texts, in the order of the Pipfile (of the lock for `locked`).
        notices: What a person should know: packages left out, references an index refuses.
        local: Names of packages that were left out because they are files or folders here.
        extras: Name of an extra → its requirements.
    """

    requirements: tuple[str, ...]
    notices: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan_sync(pipfile: Pipfile | None, lock: Lockfile | None, settings: SyncSettings) -> Plan:
    """Return the requirements and the extras of a project.

    Raises:
        ConfigurationError: As for :func:`plan_requirements`, or an extra's category is missing.
    """
    plan = plan_requirements(pipfile, lock, settings.pins)
    extras, notices = {}, list(plan.notices)
    for extra, category in settings.extras.items():
        # Every Pipfile has these, be they not written.
        known = {"packages", "dev-packages"}
        known |= {name for file in (pipfile, lock) if file for name in file.categories}
        if canonical_category(category) not in known:
            message = f"the extra {extra!r} is to hold [{category}], which the Pipfile lacks"
            raise ConfigurationError(message, hint="correct the category's name")
        part = plan_requirements(pipfile, lock, settings.pins, category=category)
        extras[extra] = part.requirements
        notices += (f"extra {extra}: {notice}" for notice in part.notices)
    return replace(plan, notices=tuple(notices), extras=extras)


def plan_requirements(
    pipfile: Pipfile | None,
    lock: Lockfile | None,
    policy: str = "compatible",
    *,
    category: str = "packages",
    exact: Collection[str] = EXACT,
) -> Plan:
    """Return the requirements of `category` under `policy`.

    Args:
        pipfile: None is enough for `locked`.
        lock: None is enough for `declared`.
        policy: See the module.
        category: The Pipfile's name of it.
        exact: PEP 503 names that `compatible` pins.

    Raises:
        ConfigurationError: No such policy.
        LockfileError: A package is not locked, has no name, or its address needs a variable.
    """
    if policy not in POLICIES:
        message = f"sync policy {policy!r} is not known"
        raise ConfigurationError(message, hint=f"use one of {', '.join(POLICIES)}")
    file = "Pipfile.lock" if policy == "locked" else "Pipfile"
    named = lock if policy == "locked" else pipfile
    if named is None or (lock is None and policy != "declared"):
        message = f"{file if named is None else 'Pipfile.lock'} is missing"
        raise LockfileError(message, hint=f"policy {policy!r} needs it")
    where = f"{file}: [{category}]"
    packages = named.packages(category)
    if policy in {"direct", "compatible"} and lock is not None:
        pinned = tuple(_pinned(packages, lock.packages(category), where))
        if policy == "compatible":
            pairs = zip(pinned, packages, strict=True)
            pinned = tuple(p if p.name in exact else _loosened(p, d.specifier) for p, d in pairs)
        packages = pinned
    texts = [_text(package, where) for package in packages if not package.path]
    local = tuple(package.name for package in packages if package.path)
    return Plan(tuple(texts), tuple(_notices(packages)), local)


def sync_setup_py(source: bytes, plan: Plan, *, name: str = "setup.py") -> bytes:
    """Return `source` requiring what `plan` says; the same bytes when it says so already.

    Raises:
        SetupPyError: It cannot be edited without running it.
    """
    new = setup_py.replace_install_requires(source, plan.requirements, name)
    for extra, requirements in plan.extras.items():
        new = setup_py.replace_extra(new, extra, requirements, name)
    return new


def describe_drift(before: bytes, after: bytes, *, name: str = "setup.py") -> str:
    """Return the unified diff from `before` to `after`; empty when they are the same bytes.

    A line with a secret in an address is not repeated.
    """
    old, new = (_lines(source) for source in (before, after))
    return "".join(map(_shown, difflib.unified_diff(old, new, name, f"{name} (synced)")))


def _shown(line: str) -> str:
    """Return a line of a difference, which goes into logs: what it takes out may be a secret."""
    what = find_secret(line)
    return f"{line[0]}(a line with {what} is not shown)\n" if what else line


def _lines(source: bytes) -> list[str]:
    """Return lines to show to a person, each with a line end; bytes outside UTF-8 escaped."""
    lines = source.decode(errors="backslashreplace").splitlines()
    return [f"{line}\n" for line in lines]


def _pinned(
    packages: tuple[Package, ...], locked: tuple[Package, ...], where: str
) -> Iterator[Package]:
    """Yield what the Pipfile names at the locked version or commit, with the extras of both."""
    pins = {pin.name: pin for pin in locked}
    for package in packages:
        pin = pins.get(package.name)
        if package.path:
            yield package
        elif pin is None:
            message = f"{where} {package.key} is not in Pipfile.lock"
            raise LockfileError(message, hint="run `nox -s lock` and commit Pipfile.lock")
        else:
            yield replace(
                pin,
                key=package.key,
                extras=tuple(sorted({*package.extras, *pin.extras})),
                markers=package.markers,
                subdirectory=pin.subdirectory or package.subdirectory,
            )


def _text(package: Package, where: str) -> str:
    """Return PEP 508 text that may be published.

    Raises:
        LockfileError: The address needs the credentials of a variable, which a wheel cannot bring.
    """
    # A secret itself was refused when the file was read.
    if find_secret(package.url, variables=False):
        message = f"{where} {package.key} needs a variable in its address, which is published"
        hint = "whoever installs the wheel lacks it: use ssh, or a credential helper"
        raise LockfileError(message, hint=hint)
    return format_requirement(package, where=where)


def _loosened(package: Package, declared: str) -> Package:
    """Return a pinned release open up to the next major version, within what is declared.

    Of the Pipfile's clauses the lower bounds give way to the locked version; the others stay,
    and an upper bound among them takes the place of ours.
    """
    if package.url or "===" in declared:
        return package
    try:
        locked = Version(package.specifier.removeprefix("=="))
        kept = [Specifier(clause) for clause in declared.split(",") if clause]
    except (InvalidVersion, InvalidSpecifier):
        return package
    kept = [clause for clause in kept if clause.operator not in {">", ">="}]
    if any(clause.operator == "==" and not clause.version.endswith(".*") for clause in kept):
        return package
    clauses = [f">={locked.public}"]
    if not any(clause.operator in {"<", "<=", "==", "~="} for clause in kept):
        clauses.append(f"<{_next_incompatible(locked)}")
    return replace(package, specifier=",".join([*clauses, *map(str, kept)]))


def _next_incompatible(version: Version) -> str:
    """Return the first version that semantic versioning lets break things."""
    epoch = f"{version.epoch}!" if version.epoch else ""
    return f"{epoch}{version.major + 1}" if version.major else f"{epoch}0.{version.minor + 1}"


def _notices(packages: tuple[Package, ...]) -> Iterator[str]:
    for package in packages:
        if package.path:
            yield f"{package.name} is local ({package.path}) and was left out"
        elif package.url:
            yield f"{package.name} is a direct reference, which public indexes refuse in an upload"
    indexes = sorted({package.index for package in packages if package.index})
    if len(indexes) > 1:
        yield f"packages come from several indexes ({', '.join(indexes)}), which no wheel can say"
