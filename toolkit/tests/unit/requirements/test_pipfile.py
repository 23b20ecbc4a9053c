"""A Pipfile's text to its categories and packages."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from trainwheel.errors import LockfileError
from trainwheel.requirements.pep508 import Package
from trainwheel.requirements.pipfile import parse_package, parse_pipfile


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, "Pipfile is missing"),
        ("a = = 1", "not valid TOML: .*line 1"),
        ("packages = 1", "packages is not a table"),
        ("[source]\nurl = 'x'", r"\[source\] table"),
        ("[packages]\na = true", r"Pipfile: \[packages\] a is neither"),
        ("[packages]\na = ['1']", r"Pipfile: \[packages\] a is neither"),
        ("[packages]\n'a b' = '*'", "'a b' is not a package name"),
        ("[packages]\na = {extras = 'x'}", "a: extras and hashes"),
        ("[packages]\na = {hashes = 'x'}", "a: extras and hashes"),
        ("[packages]\na = {file = 'https://[x/a.whl'}", "'https://.x/a.whl' is not an address"),
        ("[packages]\na = {git = 'https://x/y', commit = 'z'}", "a has the key 'commit'"),
        ("[packages]\na = {ref = 1, subdir = 'z'}", "'subdir', .*; did you mean 'subdirectory'"),
        (
            "[packages]\na = {git = 'https://x/y@main#egg=a', ref = 'v1'}",
            "two refs: main .*, and v1",
        ),
        ("[packages]\na = {hg = 'me@x:y@1', ref = 2}", "two refs: 1 .*, and 2"),
        (
            "[test]\na = {git = 'https://x/y#subdirectory=b', subdirectory = 'c'}",
            r"\[test\] a names two subdirectories: 'c' and 'b'",
        ),
    ],
)
def test_a_pipfile_that_cannot_be_read_is_refused_in_one_line(
    text: str | None, names: str, sentence: Callable[[object], None]
) -> None:
    with pytest.raises(LockfileError, match=names) as caught:
        parse_pipfile(text)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    sentence(caught.value)


_OUTSIDE = ("..", "../b", "b/../../c", "b/..", "/b", "~/b", "C:/b", "b\\c", " /b", "b&egg=c", "b#c")


@pytest.mark.parametrize("file", ["Pipfile", "Pipfile.lock"])
@pytest.mark.parametrize(
    "entry",
    [
        *({"git": "https://x/y", "subdirectory": folder} for folder in _OUTSIDE),
        *({"file": f"https://x/y.zip#subdirectory={quote(folder)}"} for folder in _OUTSIDE),
        {"svn": "https://x/y#egg=a&subdirectory=../b", "subdirectory": "b"},
    ],
)
def test_a_subdirectory_outside_of_the_repository_is_refused(
    file: str, entry: dict[str, str]
) -> None:
    with pytest.raises(LockfileError, match=f"{file}: .test. a: the subdirectory .* inside"):
        parse_package("a", entry, where=f"{file}: [test]")


def test_every_category_is_read_and_no_other_table() -> None:
    pipfile = parse_pipfile(
        "\ufeff[packages]\na='*'\n[dev-packages]\nb='*'\n[train]\nc='*'\n"
        "[scripts]\nx='y'\n[requires]\npython_version='3.11'\n[pipenv]\nsort_pipfile=true\n"
    )

    assert {name: [p.name for p in ps] for name, ps in pipfile.categories.items()} == {
        "packages": ["a"],
        "dev-packages": ["b"],
        "train": ["c"],
    }
    assert pipfile.packages("default") == pipfile.packages() == (Package(key="a", name="a"),)
    assert pipfile.packages("develop") == pipfile.packages("dev-packages") != ()
    assert pipfile.packages("nowhere") == ()


@pytest.mark.parametrize("path", ["./lib", "../lib", "lib-1.0.whl", "file:///srv/lib", "."])
@pytest.mark.parametrize("key", ["path", "file"])
def test_a_local_package_has_a_path_and_no_url(key: str, path: str) -> None:
    package = parse_package("lib", {key: path, "editable": True}, where="Pipfile:")

    assert package == Package(key="lib", name="lib", path=path, editable=True)
