"""Which version a release gets, and whether there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from trainwheel.errors import ConfigurationError
from trainwheel.index.versions import (
    Wish,
    check_not_lower,
    decide,
    describe_preferred,
    newest_in_series,
    next_version,
    parse_version,
)


@pytest.mark.parametrize(("base", "published", "expected"), [
    ("0.1.0", [], "0.1.0"), ("0.1", [], "0.1"), ("0.1.0", ["0.1.0"], "0.1.1"),
    ("0.1.0", ["0.1.9", "0.1.10"], "0.1.11"), ("0.2.0", ["0.1.174"], "0.2.0"),
    ("0.1.0", ["0.2.0"], "0.1.0"), ("0.1.5", ["0.1.3"], "0.1.5"), ("0.1", ["0.1"], "0.1.1"),
    ("1", ["1.0.3"], "1.0.4"), ("1.2.0.dev0", [], "1.2.0.dev0"),
    ("1.2.0.dev0", ["1.2.0.dev0"], "1.2.0"), ("1.2.0rc1", ["1.2.0.dev1"], "1.2.0rc1"),
    ("1.2.0", ["1.2.1rc1"], "1.2.1"), ("1.2.0", ["1.2.3.post1"], "1.2.4"),
    ("1.2.0", ["1.2.3+cpu"], "1.2.4"), ("1.2.0", ["1.2.3.4"], "1.2.4"),
    ("1!0.1.0", ["0.1.7", "1!0.1.2"], "1!0.1.3"), ("0.1.0", ["0.1.2-what", "0.1.1"], "0.1.2"),
    ("v0.1.0", [], "0.1.0"),
])  # fmt: skip
def test_the_next_version_is_the_next_free_patch_of_the_series(
    base: str, published: list[str], expected: str
) -> None:
    assert next_version(base, published, Wish()) == expected


@pytest.mark.parametrize(("asked", "expected"), [
    ("175", "0.1.175"), ("007", "0.1.7"), ("1.2.0", "1.2.0"), ("v1.2.0", "1.2.0"), ("1.2", "1.2"),
    ("2.0.0rc1", "2.0.0rc1"),
])  # fmt: skip
def test_a_version_asked_for_by_name_is_taken(asked: str, expected: str) -> None:
    assert next_version("0.1.0", ["0.1.3"], Wish(asked, build_number=9)) == expected


def test_the_build_number_is_the_patch() -> None:
    assert next_version("0.1.0", ["0.1.3"], Wish(build_number=12)) == "0.1.12"
    wish = Wish(build_number=12, offset=-12)
    assert next_version("1!0.1.0", ["0.1.174"], wish) == "1!0.1.0"


def test_a_negative_patch_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="negative patch"):
        next_version("0.1.0", [], Wish(build_number=3, offset=-4))


@pytest.mark.parametrize(
    "text", ["latest", "", "1.2.x", "1.2-", "\uff11.\uff12", "\u0661\u0667\u0665", "9" * 5000]
)
def test_what_is_not_pep_440_is_refused_in_one_line(
    text: str, sentence: Callable[[object], None]
) -> None:
    with pytest.raises(ConfigurationError, match="version asked for") as caught:
        next_version("0.1.0", [], Wish(text))
    sentence(caught.value)


def test_a_base_that_is_not_pep_440_names_setup_py() -> None:
    with pytest.raises(ConfigurationError, match=r"version in setup\.py 'one'"):
        newest_in_series("one", [])
    with pytest.raises(ConfigurationError, match=r"version in setup\.py 'one'"):
        next_version("one", [], Wish())


@pytest.mark.parametrize(
    ("version", "published"),
    [("0.1.170", ["0.1.174"]), ("0.1.0rc1", ["0.1.0"]), ("0.1", ["0.1.1"])],
)
def test_a_version_below_those_of_its_series_is_refused(version: str, published: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"is lower than 0\.1"):
        check_not_lower(version, published)


@pytest.mark.parametrize(
    ("version", "published"),
    [("0.1.174", ["0.1.174"]), ("0.1.5", ["0.2.0"]), ("0.1.5", []), ("0.1.0", ["0.1"])],
)
def test_an_equal_version_or_another_series_is_not_lower(
    version: str, published: list[str]
) -> None:
    check_not_lower(version, published)


def test_the_newest_of_a_series_is_by_version_and_not_by_text() -> None:
    assert newest_in_series("0.1.0", ["0.1.9", "0.1.10", "0.2.0", "nonsense"]) == "0.1.10"
    assert newest_in_series("0.3.0", ["0.1.9"]) is None


SINCE = "0.1.174"
AGAIN = f"unchanged since {SINCE}, released all the same"


@pytest.mark.parametrize(("published", "unchanged", "wish", "expected"), [
    ([SINCE], True, Wish(build_number=200), (SINCE, False, f"unchanged since {SINCE}")),
    ([SINCE], True, Wish(), (SINCE, False, f"unchanged since {SINCE}")),
    ([SINCE], True, Wish(asked="180"), ("0.1.180", True, "asked for by name")),
    ([SINCE], True, Wish(always=True), ("0.1.175", True, AGAIN)),
    (iter([SINCE]), False, Wish(build_number=175), ("0.1.175", True, "build 175")),
    ([SINCE], False, Wish(build_number=3, offset=200), ("0.1.203", True, "build 3")),
    ([SINCE], False, Wish(), ("0.1.175", True, "the next free patch")),
    ([], False, Wish(), ("0.1.0", True, "the first release")),
    (["0.9.0"], True, Wish(), ("0.1.0", True, "the next free patch")),
])  # fmt: skip
def test_content_is_released_once_unless_it_is_asked_for(
    published: Iterable[str],
    unchanged: bool,  # noqa: FBT001 - a table
    wish: Wish,
    expected: tuple[str, bool, str],
) -> None:
    decision = decide("0.1.0", published, unchanged=unchanged, wish=wish)
    assert astuple(decision) == expected


def test_a_build_number_that_fell_behind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="raise the offset"):
        decide("0.1.0", ["0.1.174"], unchanged=False, wish=Wish(build_number=3))


_versions = st.builds(
    "{}.{}.{}{}".format, st.integers(0, 2), st.integers(0, 2), st.integers(0, 30),
    st.sampled_from(["", "rc1", ".dev2", ".post1", "+local"]),
)  # fmt: skip


@given(_versions, st.lists(_versions))
def test_the_next_version_is_new_and_above_all_of_its_series(
    base: str, published: list[str]
) -> None:
    chosen = next_version(base, published, Wish())
    assert parse_version(chosen) not in map(Version, published)
    check_not_lower(chosen, published)
    newest = newest_in_series(base, published)
    assert newest is None or Version(chosen) > Version(newest)


@pytest.mark.parametrize(("version", "releases", "chosen"), [
    ("0.1.8", ["0.1.5", "0.2.0"], "0.2.0"), ("0.1.8", ["0.2.0", "0.10.0"], "0.10.0"),
    ("0.1.8", ["0.2.0.post1"], "0.2.0.post1"), ("0.1.8", ["1!0.0.1"], "1!0.0.1"),
    ("0.2.0", ["0.2.0+cpu"], "0.2.0+cpu"), ("0.3.0rc1", ["0.2.0"], "0.2.0"),
    ("0.3.0.dev1", ["0.2.0"], "0.2.0"), ("0.1.0rc1", ["0.2.0a1"], "0.2.0a1"),
])  # fmt: skip
def test_a_release_that_a_plain_install_does_not_choose_is_named_with_what_to_do(
    version: str, releases: list[str], chosen: str
) -> None:
    notice = describe_preferred("tiny", version, ["what", *releases])

    assert f"chooses {chosen}, not {version}:" in notice
    assert f"`pip install tiny=={version}`" in notice
    assert "\n" not in notice


@pytest.mark.parametrize(("version", "releases"), [
    ("0.1.0", []), ("0.1.8", ["0.1.5"]), ("0.1.8", ["0.1.8"]), ("1.0", ["1.0.0"]),
    ("0.1.8", ["0.2.0rc1", "0.2.0.dev3"]), ("0.1.0rc2", ["0.1.0rc1"]), ("0.1.8", ["what"]),
])  # fmt: skip
def test_a_release_that_a_plain_install_chooses_needs_no_notice(
    version: str, releases: list[str]
) -> None:
    assert describe_preferred("tiny", version, releases) == ""
