"""A lock's text to what it locks, the file that installs it, and whose Pipfile it belongs to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from trainwheel.errors import LockfileError
from trainwheel.requirements.freshness import STAMP_KEY, pipenv_hashes, pipfile_digest, stamp_lock
from trainwheel.requirements.lockfile import (
    Lockfile,
    check_fresh,
    check_secrets,
    local_packages,
    parse_lockfile,
    render_requirements,
    requirements,
    slice_digest,
)
from trainwheel.requirements.pipfile import parse_pipfile

_DIGEST = "sha256:" + "ab" * 32
_OTHER = "sha256:" + "cd" * 32


def _lock(**categories: dict[str, Any]) -> Lockfile:
    return parse_lockfile(json.dumps({"_meta": {}, **categories}))


def _pin(version: str, **more: object) -> dict[str, object]:
    return {"version": f"=={version}", "hashes": [_DIGEST], **more}


def _render(entry: dict[str, object], key: str = "a") -> str:
    return render_requirements(requirements(_lock(default={key: entry}), "packages"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, "Pipfile.lock is missing; .*`nox -s lock`"),
        ('{"a": ', "Pipfile.lock is not valid JSON: .*line 1 column 7.*`nox -s lock`"),
        ("[]", "Pipfile.lock is not a table of categories; .*`nox -s lock`"),
        ('{"default": []}', "Pipfile.lock is not a table of categories; .*`nox -s lock`"),
        ('{"default": {"a": null}}', r"Pipfile.lock: \[packages\] a is neither"),
    ],
)
def test_a_lock_that_cannot_be_read_is_refused_in_one_line(
    text: str | None, names: str, sentence: Callable[[object], None]
) -> None:
    with pytest.raises(LockfileError, match=names) as caught:
        parse_lockfile(text).packages()
    sentence(caught.value)
    check_secrets(text)


def test_a_lock_that_is_not_read_for_its_packages_is_searched_for_secrets() -> None:
    with pytest.raises(LockfileError, match=r"\[test\] a has a password"):
        check_secrets('{"test": {"a": "https://me:s3cret@x.example/"}}')


def test_categories_are_merged_and_sorted() -> None:
    train = {"lib": {"path": "./lib"}, "A": _pin("2"), "b": _pin("1")}
    lock = _lock(default={"b": _pin("1")}, train=train)

    rows = requirements(lock, "packages", "train")

    expected = [("a", "==2", "train"), ("b", "==1", "packages"), ("lib", "./lib", "train")]
    assert [(row.name, row.pin, row.category) for row in rows] == expected
    assert local_packages(rows) == ("lib",)


@pytest.mark.parametrize(
    ("categories", "names"),
    [
        (("packages", "train"), r"numpy ==2\.1 in \[packages\] and ==2\.2 in \[train\]"),
        (("packages", "other"), r"no category \[other\]"),
    ],
)
def test_categories_that_cannot_be_merged_are_named(
    categories: tuple[str, ...], names: str, sentence: Callable[[object], None]
) -> None:
    lock = _lock(default={"numpy": _pin("2.1")}, train={"NumPy": _pin("2.2")})

    with pytest.raises(LockfileError, match=names) as caught:
        requirements(lock, *categories)
    sentence(caught.value)


@pytest.mark.parametrize(
    ("first", "second", "marker"),
    [
        ("os_name == 'nt'", "os_name == 'posix'", 'os_name == "nt" or os_name == "posix"'),
        ("os_name == 'nt'", "os_name == 'nt'", 'os_name == "nt"'),
        ("os_name == 'nt'", "", ""),
        ("", "os_name == 'nt'", ""),
    ],
)
def test_merging_keeps_what_either_category_needs(first: str, second: str, marker: str) -> None:
    one = _pin("1", markers=first, extras=["x"])
    two = _pin("1", markers=second, extras=["y"]) | {"hashes": [_OTHER]}

    (row,) = requirements(_lock(default={"a": one}, t={"a": two}), "default", "t")

    assert (row.extras, row.marker, row.hashes) == (("x", "y"), marker, (_DIGEST, _OTHER))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            _pin("1", markers="os_name == 'nt'", extras=["x"]),
            f'a[x]==1 ; os_name == "nt" \\\n    --hash={_DIGEST}\n',
        ),
        (
            {"file": "https://x.example/a-1.tar.gz", "hashes": [_OTHER, _DIGEST]},
            f"a @ https://x.example/a-1.tar.gz \\\n    --hash={_DIGEST} \\\n    --hash={_OTHER}\n",
        ),
        (
            {"file": f"https://x.example/a.zip#sha256={_DIGEST[7:].upper()}"},
            f"a @ https://x.example/a.zip#sha256={_DIGEST[7:].upper()} \\\n    --hash={_DIGEST}\n",
        ),
        # pipenv locks no digest where the marker is false as it locks.
        ({"version": "*", "markers": "os_name == 'nt'"}, 'a ; os_name == "nt"\n'),
        ({"path": "./lib", "editable": True}, ""),
    ],
)
def test_a_requirements_file_has_one_entry_with_its_digests(
    entry: dict[str, object], expected: str
) -> None:
    assert _render(entry) == expected


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        ({"version": "*"}, " a has no digest"),
        ({"git": "https://x.example/r.git", "ref": "1" * 40}, " a has no digest"),
        ({"version": ">=x.y"}, " a: 'a>=x.y'"),
    ],
)
def test_an_entry_that_cannot_be_installed_by_its_digest_is_refused(
    entry: dict[str, object], names: str, sentence: Callable[[object], None]
) -> None:
    with pytest.raises(LockfileError, match=rf"Pipfile\.lock: \[packages\]{names}") as caught:
        _render(entry)
    sentence(caught.value)


def test_the_digest_of_a_slice_ignores_order_and_other_categories() -> None:
    one = _lock(default={"a": _pin("1"), "b": _pin("2")}, t={"c": _pin("3")}, u={})
    two = _lock(t={"c": _pin("3", index="corp")}, default={"b": _pin("2"), "a": _pin("1")})

    assert slice_digest(one, ["packages", "t"]) == slice_digest(two, ["t", "default"])
    assert slice_digest(one, ["packages", "t"]) != slice_digest(one, ["packages"])


@pytest.mark.parametrize(
    "entry",
    [
        _pin("2"),
        _pin("1") | {"hashes": [_OTHER]},
        _pin("1", markers="os_name == 'nt'"),
        _pin("1", extras=["x"]),
        {"path": "./a"},
    ],
)
def test_the_digest_of_a_slice_moves_with_what_is_installed(entry: dict[str, object]) -> None:
    before = slice_digest(_lock(default={"a": _pin("1")}), ["packages"])

    assert slice_digest(_lock(default={"a": entry}), ["packages"]) != before


_PIPFILE = "[packages]\nScikit_Learn = '*'\n[train]\nMatplotlib = {version = '>=3', index = 'x'}\n"
_SOURCE = {"name": "corp", "url": "https://index.example.org/simple", "verify_ssl": True}
_WITH_SOURCE = (
    "[[source]]\nname = 'corp'\nurl = 'https://index.example.org/simple'\nverify_ssl = true\n"
)


def _check(pipfile: str, meta: dict[str, object], **categories: object) -> None:
    check_fresh(parse_pipfile(pipfile), parse_lockfile(json.dumps({"_meta": meta, **categories})))


@pytest.mark.parametrize(
    "digest",
    [
        # As computed by pipenv 2026.10.3 for this Pipfile, and by the plette within it, as
        # older ones did.
        "f8dc58627d9808b9e9c996e4e6a41e6f987fae4ab747e59a9618af940eab2e5a",
        "cae03e1190ae393533f45c23177d1bb2e7f4d0af6df59b584c5fb869069e3722",
    ],
)
def test_a_lock_by_pipenv_itself_is_fresh(digest: str) -> None:
    _check(f"{_WITH_SOURCE}\n{_PIPFILE}", {"hash": {"sha256": digest}})


def test_without_sources_in_the_pipfile_those_of_the_lock_count() -> None:
    (digest, _) = pipenv_hashes(parse_pipfile(_PIPFILE), [_SOURCE])
    _check(_PIPFILE, {"hash": {"sha256": digest}, "sources": [_SOURCE]})


@pytest.mark.parametrize("meta", [{}, {"hash": {}}, {"hash": None}, {"sources": 3}])
def test_a_stale_lock_is_refused_with_a_package_that_is_not_in_it(
    meta: dict[str, object], sentence: Callable[[object], None]
) -> None:
    with pytest.raises(LockfileError, match=r"Matplotlib of \[train\]") as caught:
        _check(_PIPFILE, meta, default={"scikit-learn": _pin("1")})
    sentence(caught.value)
    with pytest.raises(LockfileError):
        _check("[packages]\n", meta)


_STAMP: dict[str, object] = {STAMP_KEY: pipfile_digest(parse_pipfile(_PIPFILE))}


@pytest.mark.parametrize(
    "changed",
    [
        _PIPFILE.replace("'*'", "'>1'"),
        f"{_WITH_SOURCE}{_PIPFILE}",
        f"{_PIPFILE}[requires]\npython_version = '3.11'\n",
        f"{_PIPFILE}[lint]\nruff = '*'\n",
    ],
)
def test_a_stamp_is_for_one_pipfile(changed: str) -> None:
    with pytest.raises(LockfileError):
        _check(changed, _STAMP)


def test_comments_scripts_and_spelling_of_names_do_not_make_it_stale() -> None:
    same = "# why\n" + _PIPFILE.replace("Scikit_Learn", "scikit-learn") + "[scripts]\na='b'\n"

    _check(same, _STAMP)


@pytest.mark.parametrize(
    ("pipfile", "sources", "index"),
    [(_PIPFILE, [], {}), (_WITH_SOURCE + _PIPFILE, [_SOURCE], {"index": "corp"})],
)
def test_a_stamped_lock_names_the_sources_of_its_pipfile_alone(
    pipfile: str, sources: list[object], index: dict[str, str]
) -> None:
    meta = {"hash": {"sha256": "0" * 64}, "sources": [_SOURCE]}
    lock = {"_meta": meta, "default": {"scikit-learn": _pin("1", index="corp")}}

    text = stamp_lock(json.dumps(lock), parse_pipfile(pipfile))

    stamped = json.loads(text)
    assert stamped["_meta"]["sources"] == sources
    assert stamped["_meta"]["hash"] == meta["hash"]
    assert stamped["default"] == {"scikit-learn": _pin("1", **index)}
    check_fresh(parse_pipfile(pipfile), parse_lockfile(text))
    assert stamp_lock(text, parse_pipfile(pipfile)) == text
