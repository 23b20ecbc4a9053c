"""Whatever a Pipfile's entry says, packaging reads the same out of its requirement."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from trainwheel.errors import LockfileError
from trainwheel.requirements.pep508 import (
    Joined,
    MarkerMeaning,
    Meaning,
    _read,
    _read_plain,
    by_extra,
    format_requirement,
    meaning,
    name_of,
)
from trainwheel.requirements.pipfile import parse_package

_HOST = "https://x.example"


def _format(key: str, entry: object) -> str:
    return format_requirement(parse_package(key, entry, where="Pipfile:"), where="Pipfile:")


@pytest.mark.parametrize(
    ("key", "entry", "expected"),
    [
        ("a", "*", "a"),
        ("a", {}, "a"),
        ("a", "1.0", "a==1.0"),
        ("a", 1.5, "a==1.5"),
        ("a", "(>= 1.0 , < 2)", "a>=1.0,<2"),
        ("a[z]", {"extras": ["b"], "version": ">1"}, "a[b,z]>1"),
        ("a", {"os_markers": "os_name=='nt'"}, 'a; os_name == "nt"'),
        (
            "a",
            {"markers": "os_name=='nt' or os_name=='posix'", "sys_platform": "=='linux'"},
            'a; (os_name == "nt" or os_name == "posix") and sys_platform == "linux"',
        ),
        ("a", {"git": f"git+{_HOST}/r.git", "ref": "v1"}, f"a @ git+{_HOST}/r.git@v1"),
        (
            "a",
            {"git": "git@x.example:o/r.git", "ref": "v1", "subdirectory": "d/e"},
            "a @ git+ssh://git@x.example/o/r.git@v1#subdirectory=d/e",
        ),
        (
            "a",
            {"git": f"{_HOST}/r.git@v1#egg=b&subdirectory=d", "ref": "v1", "subdirectory": "d/"},
            f"a @ git+{_HOST}/r.git@v1#subdirectory=d/",
        ),
        *(
            ("a", {"git": f"{repository}{written}", **entry}, f"a @ {address}@{ref}")
            for repository, address in (
                (f"{_HOST}/o/r", f"git+{_HOST}/o/r"),
                (f"{_HOST}/@o/r.git", f"git+{_HOST}/@o/r.git"),
                (f"{_HOST}/@r", f"git+{_HOST}/@r"),
                ("ssh://git@x.example/r", "git+ssh://git@x.example/r"),
                ("git@x.example:o/r", "git+ssh://git@x.example/o/r"),
                ("git+file:///srv/r", "git+file:///srv/r"),
            )
            for written, entry, ref in (
                ("@main#subdirectory=x", {"ref": "0a1b"}, "0a1b#subdirectory=x"),
                ("@a/b", {"ref": "0a1b", "subdirectory": "x"}, "0a1b#subdirectory=x"),
                ("@main#egg=a&subdirectory=./x", {}, "main#subdirectory=./x"),
                ("?a=b", {"ref": "0a1b"}, "0a1b?a=b"),
            )
        ),
        (
            "a",
            {"hg": f"{_HOST}/r", "extras": ["x"], "markers": "os_name=='nt'"},
            f'a[x] @ hg+{_HOST}/r ; os_name == "nt"',
        ),
        ("a", {"file": f"{_HOST}/b-1.0.tar.gz"}, f"a @ {_HOST}/b-1.0.tar.gz"),
        (
            "0a1b2c3",
            {"file": f"{_HOST}/My_Demo-1.2-py3-none-any.whl"},
            f"my-demo @ {_HOST}/My_Demo-1.2-py3-none-any.whl",
        ),
        (
            "0a1b2c3",
            {"file": f"{_HOST}/demo-1.2.tar.gz?x=y#z=1"},
            f"demo @ {_HOST}/demo-1.2.tar.gz?x=y#z=1",
        ),
        ("0a1b2c3", {"git": f"{_HOST}/r.git#egg=Demo"}, f"demo @ git+{_HOST}/r.git"),
        ("0a1b2c3", "*", "0a1b2c3"),
    ],
)
def test_every_kind_of_entry_has_a_pep_508_form(key: str, entry: object, expected: str) -> None:
    assert _format(key, entry) == expected


@pytest.mark.parametrize(
    ("key", "entry", "names"),
    [
        ("a", ">=x.y", "a: 'a>=x.y' is not"),
        ("a", {"git": "git@[]:r.git"}, r"a: 'a @ git@\[\]:r.git' is not"),
        ("a", {"markers": "nonsense == 'x'"}, "a: \"nonsense == 'x'\" is not"),
        ("a", {"sys_platform": "linux"}, "a: 'sys_platform linux' is not"),
        ("0a1b2c3", {"file": f"{_HOST}/main.zip"}, "0a1b2c3 = .*main.zip "),
        ("0a1b2c3", {"git": f"{_HOST}/r.git"}, "0a1b2c3 = .*r.git "),
        *(
            ("a", {"git": f"{_HOST}/r", "ref": ref}, "a: the ref .* cannot")
            for ref in ("v1#egg=b", "a b", "p@1", "--upload-pack=x", "v?x=1")
        ),
    ],
)
def test_an_entry_without_a_pep_508_form_is_refused(
    key: str, entry: object, names: str, sentence: Callable[[object], None]
) -> None:
    with pytest.raises(LockfileError, match=names) as caught:
        _format(key, entry)
    sentence(caught.value)


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
    st.builds(lambda clauses: {"version": ",".join(clauses) or "*"}, _clauses),
    st.builds(
        lambda vcs, url, ref, folder: {vcs: url, "ref": ref, "subdirectory": folder},
        st.sampled_from(["git", "hg", "svn", "bzr"]),
        st.sampled_from([f"{_HOST}/o/r", "ssh://git@x.example/o/r", "git@x.example:o/r"]),
        st.sampled_from(["", "v1.0", "main", "0" * 40]),
        st.sampled_from(["", "d", "d/e"]),
    ),
    st.builds(
        lambda url: {"file": url},
        st.sampled_from([f"{_HOST}/a-1.tar.gz", f"{_HOST}/a.zip?b=c;d=e"]),
    ),
)
_ENVIRONMENTS: tuple[dict[str, str], ...] = tuple(
    {"os_name": os, "sys_platform": platform, "python_version": python}
    for os, platform in (("nt", "win32"), ("posix", "linux"))
    for python in ("3.8", "3.12")
)


def _holds(entry: dict[str, Any], environment: dict[str, str]) -> bool:
    texts = [entry["markers"]] if "markers" in entry else []
    texts += [f"{k} {entry[k]}" for k in ("sys_platform", "python_version") if k in entry]
    return all(Marker(text).evaluate(environment) for text in texts)


@given(_names, _extras, _places, _markers)
def test_an_entry_and_its_requirement_say_the_same(
    name: str, extras: list[str], place: dict[str, str], markers: dict[str, str]
) -> None:
    requirement = Requirement(_format(name, {**place, "extras": extras, **markers}))

    assert requirement.name == canonicalize_name(name)
    assert requirement.extras == set(map(canonicalize_name, extras))
    version = place.get("version", "*")
    assert requirement.specifier == SpecifierSet("" if version == "*" else version)
    if "file" in place:
        assert requirement.url == place["file"]
    elif "ref" in place:
        address, _, fragment = str(requirement.url).partition("#")
        assert address.startswith(tuple(f"{vcs}+" for vcs in place))
        assert address.endswith(f"@{place['ref']}" if place["ref"] else "/r")
        assert fragment == f"subdirectory={place['subdirectory']}" * bool(place["subdirectory"])
    for environment in _ENVIRONMENTS:
        applies = not requirement.marker or requirement.marker.evaluate(environment)
        assert applies == _holds(markers, environment)


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
        assert name_of(text) == meaning(text) == text
        return
    assert meaning(text) == _read(requirement)
    assert name_of(text) == canonicalize_name(requirement.name)


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("a==1", "A == 1.0", True),
        ("a>=1.10,<2", "a<2.0,>=1.10.0", True),
        ("a==1; os_name=='nt'", 'a==1.0.0 ; os_name == "nt"', True),
        ("a[x,y]", "a[y,x]", True),
        ("? ?", "?   ?", True),
        # More digits than int() takes.
        ("a==1." + "9" * 5000, " a==1." + "9" * 5000, True),
        ("a; '3.9' <= python_version", 'a; python_version >= "3.9"', True),
        ("a; os_name=='x' and (extra=='p_Q' or os_name!='y')",
         "a; (os_name!='y' or extra=='P-q') and os_name=='x'", True),
        ("a; os_name=='x' or (os_name=='y' or os_name=='z')",
         "a; os_name=='z' or os_name=='x' or os_name=='y'", True),
        ("a; os_name=='x' and os_name=='y'", "a; os_name=='x' or os_name=='y'", False),
        ("a; os_name<'x'", "a; 'x'<os_name", False),
        ("a==1", "a==10", False),
        ("a~=1", "a~=1.0", False),
        ("a==1", "a", False),
        ("a>1", "a>=1", False),
        ("a; os_name=='nt'", "a; nonsense", False),
    ],
)  # fmt: skip
def test_two_texts_are_compared_by_meaning(first: str, second: str, *, is_same: bool) -> None:
    assert (meaning(first) == meaning(second)) is is_same


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("a>=1", {"": "a>=1"}),
        ("a; extra == 'Dev_Tools'", {"dev-tools": "a"}),
        ("a; (os_name == 'nt') and extra == 'x'", {"x": "a; os_name == 'nt'"}),
        ("a; extra == 'x' or extra == 'y'", {"x": "a", "y": "a"}),
        ("a; os_name == 'nt' or extra == 'x'", {"": "a; os_name == 'nt'", "x": "a"}),
        ("a; extra != 'x'", {"": "a"}),
        ("a; os_name == 'nt' and extra != 'x'", {"": "a; os_name == 'nt'"}),
        ("a @ https://h.example/a;b ; extra == 'x'", {"x": "a @ https://h.example/a;b"}),
        ("? ?", {"": "? ?"}),
    ],
)
def test_a_requirement_of_metadata_belongs_to_the_extras_that_add_it(
    text: str, groups: dict[str, str]
) -> None:
    result = {extra: dict(texts) for extra, texts in by_extra([text]).items() if texts}
    assert result == {extra: {meaning(part): text} for extra, part in groups.items()}


_comparisons: st.SearchStrategy[str] = st.one_of(
    st.builds("{} {} '{}'".format, st.sampled_from(["os_name", "sys_platform"]),
              st.sampled_from(["==", "!="]), st.sampled_from(["a", "b"])),
    st.builds("extra {} '{}'".format, st.sampled_from(["==", "!="]), st.sampled_from(["X_x", "y"])),
)  # fmt: skip
_nested: st.SearchStrategy[str] = st.recursive(
    _comparisons,
    lambda inner: st.tuples(inner, st.sampled_from([") and (", ") or ("]), inner).map(
        lambda parts: f"({''.join(parts)})"
    ),
    max_leaves=6,
)


def holds(meaning: MarkerMeaning, environment: dict[str, str]) -> bool:
    if isinstance(meaning, bool):
        return meaning
    if isinstance(meaning, Joined):
        join = all if meaning.word == "and" else any
        return join(holds(part, environment) for part in meaning.parts)
    variable, operator, value = meaning
    return (environment[variable] == value.strip("\"'")) is (operator == "==")


@given(_nested)
def test_an_extra_adds_what_its_marker_says(marker: str) -> None:
    groups = by_extra([f"a; {marker}"])
    for os_name, sys_platform in itertools.product("abc", "abc"):
        environment = {"os_name": os_name, "sys_platform": sys_platform}
        whole = Marker(marker)
        bare = whole.evaluate({**environment, "extra": ""})
        for extra in ("", "x-x", "y"):
            added = {**groups[""], **groups.get(extra, {})}
            parts = [key.marker for key in added if isinstance(key, Meaning)]
            expected = bare or whole.evaluate({**environment, "extra": extra})
            assert any(holds(part, environment) for part in parts) is expected
