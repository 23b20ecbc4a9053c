"""Say in words why no versions fit together, and which change of the Pipfile would do.

pipenv names neither the category nor, often, the package (pipenv#1137). So the Pipfile is resolved
once more by uv, as pipenv does it, and then with one constraint lifted at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from packaging.utils import canonicalize_name

from trainwheel.errors import StepFailedError
from trainwheel.requirements.pep508 import Package, format_requirement
from trainwheel.requirements.pipfile import Pipfile
from trainwheel.system.command import Completed

__all__ = ["Demand", "NoSolutionError", "demands_of", "explain", "raise_for", "resolve_all"]

MOST_ATTEMPTS: Final = 8
"""How many changes of a kind are tried; with a warm cache uv takes a tenth of a second each."""

_KEPT = "Pipfile.lock is as it was"
_ERROR = re.compile(r"(?:\S+\.)?(?:ERROR|[A-Z]\w*(?:Error|Failure)): *(?:ERROR: *)?(?P<what>\S.*)")
_CAUSES = re.compile(r"^The conflict is caused by:\n(?P<lines>(?:[ \t]+\S.*\n?)+)", re.MULTILINE)
_REASON = re.compile(
    r"No solution found.*?(?P<reason>Because .*?)(?:\n *\n|\n *hint:|\Z)", re.DOTALL
)
_NEED = re.compile(r"(?:all versions of )?(?P<who>\S+) depends? on (?P<what>[^\s,]+)")
_OF_UV = re.compile(r"^ ?error: (?P<what>\S.*)", re.MULTILINE)
# As pip and uv have it.
_GIT = re.compile(
    r"Failed to build '(?P<name>[^']+)' when git (?P<command>\w+)"
    r"|Failed to download and build `(?P<other>\S+) @ \w+\+"
)
_WORD = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)


class NoSolutionError(StepFailedError):
    """uv found no versions that fit together; the message is its explanation."""


@dataclass(frozen=True)
class Demand:
    """What a category of the Pipfile asks for."""

    category: str
    package: Package

    @property
    def line(self) -> str:
        """The requirement for uv: a folder by its path, for uv reads there what it needs."""
        package = self.package
        if not package.path:
            return format_requirement(package, where=f"Pipfile: [{self.category}]")
        extras = f"[{','.join(package.extras)}]" if package.extras else ""
        return f"{'-e ' if package.editable else ''}{package.path}{extras}"

    def __str__(self) -> str:
        """Return the words for a person."""
        return f"[{self.category}] {self.package.name}{self.package.specifier}"


Resolve = Callable[[str, Sequence[str], Mapping[str, str]], dict[str, str]]
"""Returns name → version for a category's requirements, within the versions of other packages."""


def demands_of(pipfile: Pipfile) -> tuple[Demand, ...]:
    """Return all that a Pipfile asks for."""
    rows = pipfile.categories.items()
    return tuple(Demand(category, package) for category, each in rows for package in each)


def resolve_all(
    demands: Sequence[Demand], resolve: Resolve, *, binds: bool = True
) -> dict[str, dict[str, str]]:
    """Return category → name → version; like pipenv, [packages] first.

    Args:
        demands: The requirements.
        resolve: Resolves one category.
        binds: Whether the versions of [packages] bind the other categories.

    Raises:
        NoSolutionError: No versions fit together.
    """
    pins: dict[str, dict[str, str]] = {}
    for category in sorted({each.category for each in demands}, key=_packages_first):
        lines = [each.line for each in demands if each.category == category]
        pins[category] = resolve(category, lines, pins.get("packages", {}) if binds else {})
    return pins


def explain(
    error: StepFailedError, demands: Sequence[Demand], resolve: Resolve, *, binds: bool = True
) -> StepFailedError:
    """Return an error that names the packages of a conflict, who asks for them, and a change.

    Args:
        error: What pipenv or uv said; it is returned where uv can resolve the demands.
        demands: All that the Pipfile asks for.
        resolve: Resolves one category, or raises `NoSolutionError`.
        binds: Whether the versions of [packages] bind the other categories.
    """
    if match := _GIT.search(error.message):
        return _of_repository(match, demands)
    search = _Search(resolve, binds)
    demands = sorted(demands, key=lambda each: _packages_first(each.category))
    for category in dict.fromkeys(each.category for each in demands):
        bound = {category, "packages"} if binds else {category}
        together = [each for each in demands if each.category in bound]
        if search.pins(together) is None:
            break
    else:
        return error
    locked, joint = search.limits(together)
    reason = search.reason
    if not reason:
        return error
    words = {str(canonicalize_name(word)) for word in _WORD.findall(reason)}
    involved = [each for each in together if each.package.name in words]
    if not involved:
        message = f"pipenv lock: {reason}"
        return StepFailedError(message, hint=_KEPT)
    limits = {name: joint[name] for name in sorted(words & {*locked}) if name in joint}
    limits = {name: version for name, version in limits.items() if version != locked[name]}
    # One that settles the conflicts of all categories is better than one for this category alone.
    changes = _changes(search, demands, involved, limits)
    changes = changes or _changes(search, together, involved, limits)
    hint = ", or ".join(changes) or "change what one of them asks for"
    if "was not found" in reason:
        hint = f"correct the name, or {hint}"
    bounds = [f"[packages] is locked with {name} {locked[name]}" for name in limits]
    message = f"pipenv lock: no versions fit: {_describe(involved, reason, bounds)}"
    return StepFailedError(message, hint=f"{hint}; {_KEPT}", details=[reason])


@dataclass
class _Search:
    """Resolves what may be changed.

    Attributes:
        resolve: Resolves one category.
        binds: Whether the versions of [packages] bind the other categories.
        reason: uv's explanation of the last failure.
    """

    resolve: Resolve
    binds: bool
    reason: str = ""

    def pins(self, demands: Sequence[Demand]) -> dict[str, dict[str, str]] | None:
        """Return category → name → version, or None."""
        try:
            return resolve_all(demands, self.resolve, binds=self.binds)
        except StepFailedError as error:
            self.reason = error.message if isinstance(error, NoSolutionError) else ""
        return None

    def limits(self, demands: Sequence[Demand]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the versions of [packages] alone, and those that fit with all; both may be empty.

        pipenv takes the newest versions for [packages], and these bind the other categories, also
        where older ones would do for both.
        """
        alone = [each for each in demands if each.category == "packages"]
        together = [Demand("packages", each.package) for each in demands]
        if not self.reason or len(alone) == len(demands):
            return {}, {}
        before = self.reason
        joint = (self.pins(together) or {}).get("packages", {})
        if not joint:
            return {}, {}
        self.reason = before
        return (self.pins(alone) or {}).get("packages", {}), joint


@dataclass(frozen=True)
class _Change:
    """A change of the Pipfile: how to say it, and what the Pipfile then asks for."""

    words: str
    demands: Sequence[Demand]
    shown: Demand | None = None

    def describe(self, pins: Mapping[str, Mapping[str, str]]) -> str:
        """Return the words, with the version that the change lets in."""
        if self.shown is None:
            return self.words
        version = pins[self.shown.category].get(self.shown.package.name, "another version")
        return self.words.format(version)


def _changes(
    search: _Search,
    demands: Sequence[Demand],
    involved: Sequence[Demand],
    limits: Mapping[str, str],
) -> list[str]:
    """Return at most two changes after which all fit, of the smallest kind that there is."""
    # Last first: what tests or linting ask for is easier to change than what users install.
    last_first = list(reversed(involved))
    limited = [_limit(demands, limits)] if limits else []
    lifted = [_lift(demands, each) for each in last_first if each.package.specifier]
    removed = [_remove(demands, each) for each in last_first]
    for kind in (limited, lifted, removed):
        results = [(change, search.pins(change.demands)) for change in kind[:MOST_ATTEMPTS]]
        if words := [change.describe(pins) for change, pins in results if pins is not None]:
            return words[:2]
    return []


def _limit(demands: Sequence[Demand], limits: Mapping[str, str]) -> _Change:
    rows = {each.package.name: each for each in demands if each.category == "packages"}
    words = []
    for name, version in limits.items():
        package = rows[name].package if name in rows else Package(key=name, name=name)
        specifier = ",".join(filter(None, (package.specifier, f"<={version}")))
        rows[name] = Demand("packages", replace(package, specifier=specifier))
        words.append(f'{name} = "{specifier}"')
    others = [each for each in demands if each.category != "packages"]
    return _Change(f"write {' and '.join(words)} into [packages]", [*rows.values(), *others])


def _lift(demands: Sequence[Demand], lifted: Demand) -> _Change:
    free = replace(lifted, package=replace(lifted.package, specifier=""))
    changed = [free if each is lifted else each for each in demands]
    words = f"allow {lifted.package.name} {{}} in [{lifted.category}]"
    return _Change(words, changed, lifted)


def _remove(demands: Sequence[Demand], removed: Demand) -> _Change:
    words = f"leave {removed.package.name} out of [{removed.category}]"
    return _Change(words, [each for each in demands if each is not removed])


def _describe(involved: Sequence[Demand], reason: str, bounds: Sequence[str]) -> str:
    """Return who asks for what, and what these packages need in turn."""
    needs = [f"{match['who']} needs {match['what']}" for match in _NEED.finditer(reason)]
    asked = " and ".join(map(str, involved))
    if len(involved) == 1 and not needs:
        # As in: Because there is no version of six==9 and you require six==9, we can conclude …
        needs = [reason.partition(" and you require")[0].removeprefix("Because ")]
    return ": ".join(filter(None, (asked, ", ".join([*dict.fromkeys(needs), *bounds]))))


def _of_repository(match: re.Match[str], demands: Sequence[Demand]) -> StepFailedError:
    """Return what is wrong with a repository, of which pip shows the command that failed."""
    name = canonicalize_name(match["name"] or match["other"])
    entry = next((str(each) for each in demands if each.package.name == name), name)
    if match["command"] == "checkout":
        message = f"pipenv lock: the repository of {entry} has no branch, tag or commit of that ref"
        return StepFailedError(message, hint=f"correct its ref in the Pipfile; {_KEPT}")
    message = f"pipenv lock: the repository of {entry} cannot be read"
    hint = f"correct its address or ref in the Pipfile, or get access to it; {_KEPT}"
    return StepFailedError(message, hint=hint)


def _packages_first(category: str) -> tuple[bool, str]:
    return category != "packages", category


def raise_for(result: Completed, what: str) -> None:
    """Check that pipenv or uv succeeded.

    Raises:
        NoSolutionError: uv found no versions that fit together.
        StepFailedError: It failed for another reason.
    """
    if not result.failed:
        return
    if match := _REASON.search(result.output):
        raise NoSolutionError(" ".join(match["reason"].split()), hint=_KEPT)
    matches = map(_ERROR.match, map(str.strip, result.output.splitlines()))
    message = next((match["what"] for match in matches if match), result.last_line)
    if what.startswith("uv") and (error := _OF_UV.search(result.output)):
        message = error["what"]
    if causes := _CAUSES.search(result.output):
        first = "no versions fit" if message.startswith("ResolutionImpossible") else message
        message = f"{first}: {', '.join(map(str.strip, causes['lines'].splitlines()))}"
    message = f"{what}: {message}"
    raise StepFailedError(message, hint=_KEPT)
