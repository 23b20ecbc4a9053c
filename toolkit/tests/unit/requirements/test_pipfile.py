"""A Pipfile's text to its categories and packages."""

from __future__ import annotations

from collections.abc import Callable

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
