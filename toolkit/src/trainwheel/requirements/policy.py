"""The requirements of a distribution, from a Pipfile and its lock.

Four policies decide how tightly they are pinned:

``locked``
    Everything that the lock pins, dependencies of dependencies too. For an application.
``direct``
    The packages of the Pipfile, each at its locked version.
``compatible``
    The packages of the Pipfile, from the locked version up to the next major one (the next minor
    one for 0.x). A package whose pickles need the same version is pinned to it.
``declared``
    The packages of the Pipfile, as they are written there.

Where the packages come from the Pipfile, so do their markers. With those that the lock adds, such
as ``python_version >= '3.9'``, an older Python would skip the package in silence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from trainwheel.errors import ConfigurationError, LockfileError
from trainwheel.requirements.addresses import find_secret
from trainwheel.requirements.lockfile import PIPFILE_LOCK, Lockfile
from trainwheel.requirements.pep508 import (
    Package,
    by_extra,
    format_requirement,
    meaning,
    name_of,
)
from trainwheel.requirements.pins import POLICIES, SyncSettings
from trainwheel.requirements.pipfile import Pipfile, canonical_category

__all__ = [
    "EXACT",
    "Plan",
    "describe_difference",
    "describe_drift",
    "plan_requirements",
    "plan_sync",
]

# scikit-learn does not support loading an estimator that another version pickled (its manual,
# "Model persistence"); XGBoost does for its own formats, but not for pickles ("Introduction to
# Model IO"). The others pickle their estimators in the same way, as the objects' attributes, and
# promise nothing. The loader in the wheel has the same set.
EXACT: Final = frozenset({
    "catboost", "category-encoders", "feature-engine", "hdbscan", "imbalanced-learn", "lightgbm",
    "ngboost", "scikit-learn", "scikit-learn-intelex", "scikit-survival", "sktime", "statsmodels",
    "umap-learn", "xgboost", "xgboost-cpu",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """The requirements to write.

    Attributes:
        requirements: PEP 508 texts, in the order of the Pipfile (by name for `locked`).
        notices: What a person should know: skipped packages, references that an index refuses.
        local: Names of packages that were skipped because they are local files or folders.
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
    plan = plan_requirements(pipfile, lock, settings.pins, is_portable=settings.is_portable)
    extras, notices = dict[str, tuple[str, ...]](), list(plan.notices)
    for extra, category in settings.extras.items():
        same = [name for name in extras if canonicalize_name(name) == canonicalize_name(extra)]
        if same:
            message = f"the extras {same[0]} and {extra} are the same (PEP 685)"
            raise ConfigurationError(message, hint="keep one in tool.trainwheel.sync.extras")
        # pipenv gives these to every Pipfile, even where they are not written.
        is_pipenv = lock is None or lock.file == PIPFILE_LOCK
        categories = {"packages", "dev-packages"} if is_pipenv else set()
        files = (pipfile, lock) if is_pipenv or settings.pins != "locked" else (lock,)
        categories |= {name for file in files if file for name in file.categories}
        if canonical_category(category) not in categories:
            names = " or ".join(file.file for file in (pipfile, lock) if file)
            message = f"the extra {extra!r} takes [{category}], which is not in {names}"
            raise ConfigurationError(message, hint="correct the category's name")
        part = plan_requirements(pipfile, lock, settings.pins, category=category)
        extras[extra] = part.requirements
        notices += (f"extra {extra}: {notice}" for notice in part.notices)
    more = extras.get(settings.required, ())
    replaced = set(map(name_of, more))
    own = (text for text in plan.requirements if name_of(text) not in replaced)
    return replace(plan, requirements=(*own, *more), notices=tuple(notices), extras=extras)


def plan_requirements(
    pipfile: Pipfile | None,
    lock: Lockfile | None,
    policy: str = "compatible",
    *,
    category: str = "packages",
    is_portable: bool = False,
) -> Plan:
    """Return the requirements of `category` under `policy`.

    Args:
        pipfile: May be None for `locked`.
        lock: May be None for `declared`.
        policy: See the module.
        category: The Pipfile's name of the category.
        is_portable: Whether the model is read by an older numpy than the locked one.

    Raises:
        ConfigurationError: The policy is unknown.
        LockfileError: A package that is not locked, has an unknown name, or needs a variable.
    """
    if policy not in POLICIES:
        message = f"sync policy {policy!r} is not known"
        raise ConfigurationError(message, hint=f"use one of {', '.join(POLICIES)}")
    is_alone = _is_alone(lock, pipfile, category)
    if is_alone and policy == "declared":
        message = f"pyproject.toml has no {_label(category, 'pyproject.toml')}"
        message += f", and {policy!r} takes what is named there"
        raise LockfileError(message, hint="list it there, or take another policy")
    file = "Pipfile.lock" if policy == "locked" else "Pipfile"
    origin = lock if policy == "locked" or is_alone else pipfile
    if origin is None or (lock is None and policy != "declared"):
        message = f"{file if origin is None else 'Pipfile.lock'} is missing"
        raise LockfileError(message, hint=f"policy {policy!r} needs it")
    where = f"{origin.file}: {_label(category, origin.file)}"
    packages = origin.packages(category)
    if policy == "locked":
        # Each tool has an order of its own for names with a dot, a capital or an underscore.
        packages = tuple(sorted(packages, key=lambda package: package.name))
    if policy in {"direct", "compatible"} and lock is not None:
        pinned = _pinned(packages, lock, category, where)
        pairs = [(each, "") for each in packages] if origin is lock else list(pinned)
        if policy == "compatible":
            pairs = [(_compatible(p, c, is_portable=is_portable), c) for p, c in pairs]
        packages = tuple(package for package, _ in pairs)
    if policy != "declared":
        _refuse_unpinned(packages, category)
    texts = [_text(package, where) for package in packages if not package.path]
    local = tuple(package.name for package in packages if package.path)
    return Plan(tuple(texts), tuple(_notices(packages)), local)


def describe_drift(before: bytes, after: bytes, *, name: str = "setup.py") -> str:
    """Return the unified diff from `before` to `after`; empty if they are the same bytes.

    A line with a secret in an address is replaced, and bytes that are not UTF-8 are escaped.
    """
    old, new = (
        [f"{line}\n" for line in source.decode(errors="backslashreplace").splitlines()]
        for source in (before, after)
    )
    return "".join(map(_hide_secret, difflib.unified_diff(old, new, name, f"{name} (synced)")))


def describe_difference(plan: Plan, texts: Iterable[str]) -> tuple[str, ...]:
    """Return how built metadata differ from a plan; nothing if they mean the same.

    One line a requirement: ``-`` for one that is built and not in the plan, ``+`` for one that is
    in the plan and not built. Extras that the plan does not name are left out.

    Args:
        plan: What the lock asks for.
        texts: The lines of ``Requires-Dist``.
    """
    built = by_extra(texts)
    lines = []
    for extra, requirements in {"": plan.requirements, **plan.extras}.items():
        of = f" (extra {extra})" if extra else ""
        present = built.get(canonicalize_name(extra), {})
        planned = {meaning(text): text for text in requirements}
        lines += [f"-{present[key]}{of}" for key in present if key not in planned]
        lines += [f"+{planned[key]}{of}" for key in planned if key not in present]
    return tuple(_hide_secret(line).rstrip("\n") for line in sorted(lines, key=_by_name))


def _by_name(line: str) -> tuple[str, bool]:
    return name_of(line[1:].partition(" (extra ")[0]), line.startswith("+")


def _hide_secret(line: str) -> str:
    """Return a line of a diff for a log: a line that is taken out may hold a secret."""
    kind = find_secret(line)
    return f"{line[0]}(a line with {kind} is not shown)\n" if kind else line


def _label(category: str, file: str) -> str:
    """Return what people call the list of a category in a file."""
    if file in {"Pipfile", PIPFILE_LOCK}:
        return f"[{category}]"
    return "dependencies" if category == "packages" else f"extra or group {category}"


def _is_alone(lock: Lockfile | None, manifest: Pipfile | None, category: str) -> bool:
    """Return whether nothing but the lock says what a project needs: then it needs all of it."""
    if lock is None or lock.file == PIPFILE_LOCK:
        return False
    return manifest is None or canonical_category(category) not in manifest.categories


def _pinned(
    packages: tuple[Package, ...], lock: Lockfile, category: str, where: str
) -> Iterator[tuple[Package, str]]:
    """Yield the manifest's packages as they are locked, with the extras of both and its clauses."""
    is_separate = lock.file == PIPFILE_LOCK or canonical_category(category) in lock.categories
    pins: dict[str, list[Package]] = {}
    for entry in lock.packages(category if is_separate else "packages"):
        pins.setdefault(entry.name, []).append(entry)
    for package in packages:
        if package.path:
            yield package, ""
            continue
        entries = pins.get(package.name, [])
        if lock.file != PIPFILE_LOCK:
            entries = [entry for entry in entries if _satisfies(entry, package)]
        if not entries:
            reason = "is locked at another version" if package.name in pins else "is not"
            message = f"{where} {package.key}{package.specifier} {reason} in {lock.file}"
            raise LockfileError(message, hint=lock.hint)
        for pin in entries:
            # Which of several versions is for whom, the lock alone says.
            markers = pin.markers if len(entries) > 1 else ()
            yield _as_locked(package, pin, markers), package.specifier


def _as_locked(package: Package, pin: Package, markers: tuple[str, ...]) -> Package:
    return replace(
        pin,
        key=package.key,
        extras=tuple(sorted({*package.extras, *pin.extras})),
        markers=(*package.markers, *markers),
        subdirectory=pin.subdirectory or package.subdirectory,
    )


def _satisfies(pin: Package, package: Package) -> bool:
    """Return whether a lock's entry is one of the versions that its manifest allows."""
    if not pin.specifier or not package.specifier:
        return True
    version = pin.specifier.lstrip("=")
    return SpecifierSet(package.specifier).contains(version, prereleases=True)


def _refuse_unpinned(packages: tuple[Package, ...], category: str) -> None:
    """Refuse a package that the lock names and does not pin.

    pipenv locks neither version nor digest of a package whose marker is false where it locks.

    Raises:
        LockfileError: There is one.
    """
    for package in packages:
        if not (package.specifier or package.url or package.path):
            message = f"Pipfile.lock: [{category}] {package.key} has neither version nor digest"
            if package.markers:
                message += ", as its marker was false on the machine that locked it"
            hint = 'write its version "==…" into the Pipfile, or remove its marker there'
            raise LockfileError(message, hint=f"{hint}, and run `nox -s lock`")


def _text(package: Package, where: str) -> str:
    """Return PEP 508 text that may be published.

    Raises:
        LockfileError: The address needs a variable, which users of the wheel do not have.
    """
    # A secret itself was refused when the file was read.
    if find_secret(package.url, variables=False):
        message = f"{where} {package.key} needs a variable in its address, which is published"
        hint = "users of the wheel do not have that variable: use ssh, or a credential helper"
        raise LockfileError(message, hint=hint)
    return format_requirement(package, where=where)


def _loosened(release: Package, specifier: str) -> Package:
    """Return a release that may be newer, up to the next major version or the Pipfile's own bound.

    The locked version replaces the lower bounds of the Pipfile; its other clauses stay.
    """
    if release.url or "===" in specifier:
        return release
    try:
        version = Version(release.specifier.removeprefix("=="))
        clauses = [Specifier(clause) for clause in specifier.split(",") if clause]
    except ValueError:
        # Not a version, or one with more digits than int() takes.
        return release
    clauses = [clause for clause in clauses if clause.operator not in {">", ">="}]
    if any(clause.operator == "==" and not clause.version.endswith(".*") for clause in clauses):
        return release
    bounds = [f">={version.public}"]
    if not any(clause.operator in {"<", "<=", "==", "~="} for clause in clauses):
        bounds.append(f"<{_next_incompatible(version)}")
    return replace(release, specifier=",".join([*bounds, *map(str, clauses)]))


def _compatible(release: Package, specifier: str, *, is_portable: bool) -> Package:
    if release.name in EXACT:
        return release
    loosened = _loosened(release, specifier)
    is_numpy = release.name == "numpy" and is_portable
    return _for_arrays(loosened, specifier) if is_numpy else loosened


def _for_arrays(numpy: Package, specifier: str) -> Package:
    """Return numpy from the Pipfile's own lower bound on, or from 2.0: arrays need no newer one."""
    clauses = [] if numpy.url else list(SpecifierSet(numpy.specifier))
    others = sorted(str(each) for each in clauses if each.operator != ">=")
    if len(others) == len(clauses):
        return numpy
    own = [str(each) for each in SpecifierSet(specifier) if each.operator in {">", ">="}]
    return replace(numpy, specifier=",".join([*(own or [">=2.0"]), *others]))


def _next_incompatible(version: Version) -> str:
    """Return the next version that may be incompatible, by semantic versioning."""
    epoch = f"{version.epoch}!" if version.epoch else ""
    return f"{epoch}{version.major + 1}" if version.major else f"{epoch}0.{version.minor + 1}"


def _notices(packages: tuple[Package, ...]) -> Iterator[str]:
    for package in packages:
        if package.path:
            yield f"{package.name} is skipped: {package.path} is local"
        elif package.url:
            yield f"{package.name} is a direct reference, which public indexes refuse in an upload"
    indexes = sorted({package.index for package in packages if package.index})
    if len(indexes) > 1:
        yield f"packages come from several indexes ({', '.join(indexes)}); a wheel cannot name them"
