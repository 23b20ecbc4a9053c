"""Whatever a Pipfile entry says, packaging reads the same out of its requirement."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from trainwheel.requirements.pep508 import _read, _read_plain, format_requirement, meaning
from trainwheel.requirements.pipfile import parse_package

_names = st.from_regex(r"[A-Za-z]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
_extras = st.lists(st.sampled_from(["a", "b-c", "D_e", "f.g"]), unique=True, max_size=3)
_clauses = st.lists(
    st.sampled_from([">=1", "<3", " != 1.5", "~=1.0", "==1.*", ">= 1!0", "<2.0a1"]), unique=True
)
_markers = st.fixed_dictionaries(
    {},
    optional={
        "markers": st.sampled_from(["os_name == 'nt'", "os_name=='nt' or python_version<'4'"]),
        "sys_platform": st.sampled_from(["== 'linux'", "!= 'win32'"]),
        "python_version": st.sampled_from(["< '3.9'", ">= '3.9'"]),
    },
)
_places = st.one_of(
    st.builds(
        lambda vcs, url, ref, folder: {vcs: url, "ref": ref, "subdirectory": folder},
        st.sampled_from(["git", "hg", "svn", "bzr"]),
        st.sampled_from(["https://x.example/o/r", "ssh://git@x.example/o/r", "git@x.example:o/r"]),
        st.sampled_from(["", "v1.0", "main", "0" * 40]),
        st.sampled_from(["", "d", "d/e"]),
    ),
    st.builds(
        lambda url: {"file": url},
        st.sampled_from(["https://x.example/a-1.tar.gz", "https://x.example/a.zip?b=c;d=e"]),
    ),
)
_ENVIRONMENTS: tuple[dict[str, str], ...] = tuple(
    {"os_name": os, "sys_platform": platform, "python_version": python}
    for os, platform in (("nt", "win32"), ("posix", "linux"))
    for python in ("3.8", "3.12")
)


def _parse(name: str, entry: dict[str, Any]) -> Requirement:
    package = parse_package(name, entry, where="Pipfile: [packages]")
    return Requirement(format_requirement(package, where="Pipfile: [packages]"))


def _holds(entry: dict[str, Any], environment: dict[str, str]) -> bool:
    texts = [entry["markers"]] if "markers" in entry else []
    texts += [f"{k} {entry[k]}" for k in ("sys_platform", "python_version") if k in entry]
    return all(Marker(text).evaluate(environment) for text in texts)


@given(_names, _extras, _clauses, _markers)
def test_a_release(
    name: str, extras: list[str], clauses: list[str], markers: dict[str, str]
) -> None:
    entry = {"version": ",".join(clauses) or "*", "extras": extras, **markers}
    found = _parse(name, entry)
    assert found.name == canonicalize_name(name)
    assert found.extras == set(map(canonicalize_name, extras))
    assert found.specifier == SpecifierSet(",".join(clauses))
    for environment in _ENVIRONMENTS:
        assert (not found.marker or found.marker.evaluate(environment)) == _holds(
            entry, environment
        )


@given(_names, _extras, _places, _markers)
def test_a_repository_or_an_archive(
    name: str, extras: list[str], place: dict[str, str], markers: dict[str, str]
) -> None:
    entry = {**place, "extras": extras, **markers}
    found = _parse(name, entry)
    assert found.name == canonicalize_name(name)
    assert found.extras == set(map(canonicalize_name, extras))
    assert found.url is not None
    address, _, fragment = found.url.partition("#")
    if "file" in place:
        assert found.url == place["file"]
    else:
        assert address.startswith(tuple(f"{vcs}+" for vcs in place))
        assert address.endswith(f"@{place['ref']}" if place["ref"] else "/r")
        assert fragment == (f"subdirectory={place['subdirectory']}" * bool(place["subdirectory"]))
    for environment in _ENVIRONMENTS:
        assert (not found.marker or found.marker.evaluate(environment)) == _holds(
            entry, environment
        )


_versions = st.from_regex(r"(0|[0-9]{1,3})(\.[0-9]{1,2}){0,3}(\.\*|rc1)?", fullmatch=True)
_texts = st.builds(
    lambda name, pairs, marker: name + ",".join(map("".join, pairs)) + marker,
    _names,
    st.lists(
        st.tuples(st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~=", "==="]), _versions),
        max_size=3,
    ),
    st.sampled_from(["", "; os_name == 'nt'"]),
)


@given(_texts)
def test_the_short_way_reads_the_same_as_the_long_one(text: str) -> None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        assert _read_plain(text) is None
        return
    assert meaning(text) == _read(requirement)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a==1", "A == 1.0"),
        ("a>=1.10,<2", "a<2.0,>=1.10.0"),
        ("a==1; os_name=='nt'", 'a==1.0.0 ; os_name == "nt"'),
        ("a", "a"),
    ],
)
def test_two_spellings_mean_the_same(first: str, second: str) -> None:
    assert meaning(first) == meaning(second)


@pytest.mark.parametrize(
    ("first", "second"), [("a==1", "a==10"), ("a~=1", "a~=1.0"), ("a==1", "a"), ("a>1", "a>=1")]
)
def test_two_meanings_differ(first: str, second: str) -> None:
    assert meaning(first) != meaning(second)
