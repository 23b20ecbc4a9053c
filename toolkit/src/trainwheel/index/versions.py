"""Which version a release gets, and whether there is one.

The *release series* of a version is its epoch, major and minor number; a release raises the patch
number. The rules follow PEP 440:

* the base (the version in setup.py) with one number, ``1``, is of the series 1.0;
* a fourth number does not count: after 1.2.3.4 comes 1.2.4;
* after a pre-release or a development release comes its final one (1.2.0rc1, then 1.2.0), after
  a post release and after a local version the next patch;
* a published name that is not a PEP 440 version is ignored, as installers do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import Version

from trainwheel.errors import ConfigurationError

__all__ = [
    "Decision",
    "Wish",
    "check_not_lower",
    "decide",
    "describe_preferred",
    "newest_in_series",
    "next_version",
    "parse_version",
]


@dataclass(frozen=True, slots=True)
class Wish:
    """The wishes of the person or CI job that releases.

    Attributes:
        asked: A version by name: ``175`` (that patch of the base's series) or ``1.2.0``.
        build_number: The CI's, counting up.
        offset: Added to the build number, for a CI service that counts from 1 again.
        always: Release even if nothing has changed.
    """

    asked: str | None = None
    build_number: int | None = None
    offset: int = 0
    always: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do.

    Attributes:
        version: To release, or the one that holds the same content already.
        releases: Whether there is anything to release.
        reason: One clause for a person.
    """

    version: str
    releases: bool
    reason: str


def decide(base: str, releases: Iterable[str], *, unchanged: bool, wish: Wish) -> Decision:
    """Return whether to release, and as what.

    Args:
        base: The version in setup.py.
        releases: Every version on the index.
        unchanged: The release key equals that of :func:`newest_in_series`. The caller compares.
        wish: What was asked for.

    Raises:
        ConfigurationError: A version is not PEP 440, or lower than what is published.
    """
    releases = tuple(releases)
    newest = newest_in_series(base, releases) if unchanged else None
    if newest is not None and wish.asked is None and not wish.always:
        return Decision(newest, releases=False, reason=f"unchanged since {newest}")
    version = next_version(base, releases, wish)
    check_not_lower(version, releases)
    return Decision(version, releases=True, reason=_reason(wish, newest, releases))


def _reason(wish: Wish, newest: str | None, releases: tuple[str, ...]) -> str:
    if wish.asked is not None:
        return "asked for by name"
    if newest is not None:
        return f"unchanged since {newest}, released all the same"
    if wish.build_number is not None:
        return f"build {wish.build_number}"
    return "the next free patch" if releases else "the first release"


def next_version(base: str, releases: Iterable[str], wish: Wish) -> str:
    """Return the version to release: as asked, by the build number, or the next free one.

    Args:
        base: The version in setup.py; the next free one itself where it is above all published.
        releases: Every version on the index, of any series.
        wish: What was asked for.

    Raises:
        ConfigurationError: A version is not PEP 440, or the patch comes out negative.
    """
    start = parse_version(base, what="version in setup.py")
    if wish.asked is not None:
        # isdecimal alone takes digits of every script, which PEP 440 does not.
        is_patch = wish.asked.isascii() and wish.asked.isdecimal()
        text = _patch(start, wish.asked) if is_patch else wish.asked
        return str(parse_version(text, what="version asked for"))
    if wish.build_number is not None:
        patch = wish.build_number + wish.offset
        if patch < 0:
            build = f"build number {wish.build_number} with offset {wish.offset}"
            message = f"{build} gives a negative patch"
            raise ConfigurationError(message, hint="raise the offset")
        return _patch(start, patch)
    newest = newest_in_series(base, releases)
    if newest is None or start > (highest := Version(newest)):
        return str(start)
    return _patch(start, highest.micro + (not highest.is_prerelease))


def newest_in_series(base: str, releases: Iterable[str]) -> str | None:
    """Return the highest published version with the epoch, major and minor number of `base`.

    Raises:
        ConfigurationError: `base` is not PEP 440.
    """
    series = _series(parse_version(base, what="version in setup.py"))
    versions = [version for version in _readable(releases) if _series(version) == series]
    return str(max(versions)) if versions else None


def check_not_lower(version: str, releases: Iterable[str]) -> None:
    """Check that nothing higher is published in the series of `version`.

    The same version passes: the upload finds out whether its content is the same.

    Raises:
        ConfigurationError: Installers would prefer the older release.
    """
    newest = newest_in_series(version, releases)
    if newest is not None and Version(version) < Version(newest):
        message = f"version {version} is lower than {newest}, which is published"
        raise ConfigurationError(message, hint="ask for a higher one, or raise the offset")


def describe_preferred(project: str, version: str, releases: Iterable[str]) -> str:
    """Return a notice where ``pip install NAME`` chooses another release; empty where it does not.

    It chooses the highest final version, and a pre-release only where there is no final one
    (PEP 440, "Handling of pre-releases").

    Args:
        project: The distribution's name.
        version: To release.
        releases: Every version on the index that is not yanked.
    """
    own = Version(version)
    versions = [*_readable(releases), own]
    best = max([each for each in versions if not each.is_prerelease] or versions)
    if best == own:
        return ""
    return (
        f"a plain `pip install {project}` chooses {best}, not {version}: install it with "
        f"`pip install {project}=={version}`, or put a final version above {best} into setup.py"
    )


def parse_version(text: str, *, what: str = "version") -> Version:
    """Return `text` as a version.

    Raises:
        ConfigurationError: It is not PEP 440.
    """
    try:
        return Version(text)
    except ValueError:  # InvalidVersion is one; so is a number of thousands of digits
        message = f"{what} {text[:40]!r} is not a PEP 440 version"
        raise ConfigurationError(message, hint="write it like 1.2.0") from None


def _readable(releases: Iterable[str]) -> list[Version]:
    versions = []
    for text in releases:
        try:
            versions.append(Version(text))
        except ValueError:
            continue
    return versions


def _series(version: Version) -> tuple[int, int, int]:
    return version.epoch, version.major, version.minor


def _patch(base: Version, patch: int | str) -> str:
    epoch = f"{base.epoch}!" if base.epoch else ""
    return f"{epoch}{base.major}.{base.minor}.{patch}"
