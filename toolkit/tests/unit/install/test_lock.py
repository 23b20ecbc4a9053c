from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import LockfileError
from trainwheel.install.lock import adopt_lock, finish_lock, plan_pipfile
from trainwheel.requirements.changes import Change, compare_locks, merge, parse_pins, pins_of
from trainwheel.requirements.freshness import is_stamped, pipenv_hashes
from trainwheel.requirements.lockfile import check_fresh, parse_lockfile
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.system.environ import Environment

Lock = dict[str, dict[str, Any]]

SIX: dict[str, Any] = {"hashes": ["sha256:11"], "version": "==1.16.0"}
NEW_SIX: dict[str, Any] = {"hashes": ["sha256:22"], "version": "==1.17.0"}
LOCAL: dict[str, Any] = {"editable": True, "path": "./toolkit"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, []),
        ({"default": {"six": SIX}}, {"default": {"six": SIX}}, []),
        (
            {"default": {"six": SIX}},
            {"default": {"six": NEW_SIX}},
            ["packages: six 1.16.0 → 1.17.0"],
        ),
        ({}, {"develop": {"six": SIX}}, ["dev-packages: six not locked → 1.16.0"]),
        ({"test": {"six": SIX}}, {"test": {}}, ["test: six 1.16.0 → gone"]),
        (
            {"test": {"six": SIX}},
            {"test": {"six": {**SIX, "hashes": ["sha256:22"]}}},
            ["test: six 1.16.0, other digests or markers"],
        ),
        ({"test": {"My.Pkg": SIX}}, {"test": {"my-pkg": SIX}}, []),
        ({"test": {"six": {**SIX, "index": "pypi"}}}, {"test": {"six": SIX}}, []),
        ({"_meta": {"hash": {}}}, {"_meta": {"hash": {"sha256": "1"}}}, []),
    ],
    ids=["empty", "same", "moved", "new", "gone", "digests", "spelling", "index", "meta"],
)
def test_changes_are_told_per_category(old: Lock, new: Lock, expected: list[str]) -> None:
    assert [str(change) for change in compare_locks(old, new)] == expected


def test_changes_are_sorted_by_category_and_name() -> None:
    new = {"test": {"b": SIX, "a": SIX}, "default": {"z": SIX}}

    assert compare_locks({}, new) == (
        Change("packages", "z", "", "1.16.0"),
        Change("test", "a", "", "1.16.0"),
        Change("test", "b", "", "1.16.0"),
    )


def test_pins_are_read_from_what_uv_writes() -> None:
    lines = ["-e file:///somewhere", "# a comment", "My.Pkg[x]==1.0 ; python_version < '4'", ""]

    assert parse_pins(lines) == {"my-pkg": "1.0"}


def test_local_packages_have_no_pin() -> None:
    assert pins_of({"trainwheel": LOCAL, "Six": SIX}) == {"six": "1.16.0"}


def test_an_entry_whose_version_stays_is_kept_as_it_was() -> None:
    old = {"six": {**SIX, "markers": "python_version >= '3'"}}

    assert merge(old, {"six": SIX}, {"six": "1.16.0"}) == old


def test_an_entry_whose_version_moves_is_the_fresh_one_with_the_old_extras() -> None:
    old = {"six": {**SIX, "extras": ["toml"]}}

    assert merge(old, {"six": NEW_SIX}, {"six": "1.17.0"}) == {
        "six": {**NEW_SIX, "extras": ["toml"]}
    }


def test_a_key_keeps_the_spelling_that_pipenv_gave_it() -> None:
    fresh = {"ruamel-yaml": NEW_SIX, "zc-lockfile": SIX}

    assert merge(
        {"ruamel.yaml": SIX}, fresh, {"ruamel-yaml": "1.17.0", "zc-lockfile": "1.16.0"}
    ) == {
        "ruamel.yaml": NEW_SIX,
        "zc-lockfile": SIX,
    }


def test_what_pipenv_locked_beyond_the_wanted_versions_is_left_out() -> None:
    fresh = {"six": NEW_SIX, "its-dependency": SIX}

    assert merge({}, fresh, {"six": "1.17.0"}) == {"six": NEW_SIX}


def test_a_release_that_is_wanted_no_more_goes_and_a_local_package_stays() -> None:
    assert merge({"six": SIX, "trainwheel": LOCAL}, {}, {}) == {"trainwheel": LOCAL}


def test_a_new_local_package_joins() -> None:
    assert merge({}, {"trainwheel": LOCAL}, {}) == {"trainwheel": LOCAL}


MADE: Lock = {
    "_meta": {
        "hash": {"sha256": "of this machine"},
        "sources": [{"name": "corporate", "url": "https://user:secret@index.invalid/simple"}],
    },
    "default": {"six": {**SIX, "index": "corporate"}},
}


def test_a_finished_lock_names_no_index() -> None:
    finished = json.loads(finish_lock(MADE, parse_pipfile("[packages]\nsix = '*'\n"), "ab12"))

    assert finished["_meta"]["sources"] == []
    assert finished["_meta"]["hash"] == {"sha256": "ab12"}
    assert finished["default"] == {"six": SIX}


def test_a_pipfile_that_names_its_sources_keeps_them_in_the_lock() -> None:
    pipfile = parse_pipfile("[[source]]\nname = 'corporate'\nurl = 'x'\n[packages]\nsix = '*'\n")

    sources = [{"name": "corporate", "url": "https://${USER}:${PASS}@index.invalid/simple"}]
    made = {**MADE, "_meta": {**MADE["_meta"], "sources": sources}}

    finished = json.loads(finish_lock(made, pipfile, "ab12"))

    assert finished["_meta"]["sources"] == sources
    assert finished["_meta"]["hash"] == {"sha256": "of this machine"}
    assert finished["default"]["six"]["index"] == "corporate"


def test_a_lock_with_a_password_is_not_finished() -> None:
    pipfile = parse_pipfile("[[source]]\nname = 'corporate'\nurl = 'x'\n[packages]\nsix = '*'\n")

    with pytest.raises(LockfileError, match="source corporate of _meta has a password") as caught:
        finish_lock(MADE, pipfile, "ab12")

    assert "secret" not in caught.value.message


def test_an_entry_with_a_token_is_not_finished() -> None:
    made = {"_meta": {}, "test": {"six": {"file": "https://x.example/six.whl?token=s3cret"}}}

    with pytest.raises(LockfileError, match=r"\[test\] six has a token in its address"):
        finish_lock(made, parse_pipfile("[test]\nsix = '*'\n"), "ab12")


@pytest.mark.parametrize(
    ("entry", "fix"),
    [
        ({"version": "*"}, "marker"),
        ({"version": "*", "markers": "os_name == 'nt'"}, "marker"),
        ({"version": "==>=1.16", "markers": "os_name == 'nt'"}, "marker"),
        ({"version": "==1.16", "hashes": []}, "marker"),
        ({"file": "https://x.example/six.whl"}, "#sha256="),
        ({"file": "https://x.example/six.whl#sha256=12"}, "#sha256="),
    ],
)
def test_a_package_without_a_digest_is_not_finished(entry: dict[str, object], fix: str) -> None:
    made = {"_meta": {}, "test": {"six": entry}}

    with pytest.raises(LockfileError, match=r"\[test\] six has no digest") as caught:
        finish_lock(made, parse_pipfile("[test]\nsix = '*'\n"), "ab12")
    assert fix in caught.value.hint


@pytest.mark.parametrize(
    "entry",
    [
        SIX,
        LOCAL,
        {"git": "https://x.example/six", "ref": "0" * 40},
        {"file": f"https://x.example/six.whl#egg=six&sha256={'0a' * 32}"},
    ],
)
def test_a_digest_a_folder_and_a_commit_are_enough(entry: dict[str, object]) -> None:
    pipfile = parse_pipfile("[test]\nsix = '*'\n")

    assert json.loads(finish_lock({"_meta": {}, "test": {"six": entry}}, pipfile, "ab12"))


@pytest.mark.parametrize("key", ["file", "path", "version", "ref"])
def test_the_token_of_an_entry_that_goes_is_not_told(key: str) -> None:
    old = {"default": {"six": {key: "https://x.example/six.whl?token=s3cret"}}}

    (change,) = compare_locks(old, {"default": {"six": SIX}})

    assert str(change) == "packages: six an address with a token → 1.16.0"


def test_finishing_leaves_its_argument_alone() -> None:
    before = json.dumps(MADE)

    finish_lock(MADE, parse_pipfile("[packages]\n"), "ab12")

    assert json.dumps(MADE) == before


def test_a_planned_pipfile_asks_for_the_given_versions_only() -> None:
    text = (
        "[packages]\nsix = '*'\nattrs = '*'\n\n[test]\nMy_Pkg = {version = '*', extras = ['x']}\n"
    )

    wanted = {"packages": {"six": "1.0"}, "test": {"my-pkg": "2"}}
    planned = parse_pipfile(plan_pipfile(text, wanted))

    assert [(p.name, p.specifier) for p in planned.packages()] == [("six", "==1.0")]
    assert [(p.name, p.specifier, p.extras) for p in planned.packages("test")] == [
        ("my-pkg", "==2", ("x",))
    ]


SIX_ALONE = "[packages]\nsix = '*'\n"
WITH_SOURCE = f"[[source]]\nname='a'\nurl='https://a.invalid/simple'\n{SIX_ALONE}"


def written_by_pipenv(root: Path, source: dict[str, str], text: str = SIX_ALONE) -> str:
    """Write a Pipfile and the lock that pipenv leaves on a machine with this source."""
    digests = pipenv_hashes(parse_pipfile(text), [source])
    meta = {"sources": [source], "hash": {"sha256": max(digests)}}
    entry = {**SIX, "index": "corporate"}
    (root / "Pipfile").write_text(text)
    (root / "Pipfile.lock").write_text(json.dumps({"_meta": meta, "default": {"six": entry}}))
    return (root / "Pipfile.lock").read_text()


OPEN = {"name": "corporate", "url": "https://index.invalid/simple"}
SHUT = {**OPEN, "url": "https://user:hunter2-secret@index.invalid/simple"}


@pytest.mark.parametrize("source", [OPEN, SHUT])
def test_a_lock_of_plain_pipenv_is_finished_and_a_password_in_it_is_said(
    tmp_path: Path, source: dict[str, str]
) -> None:
    written_by_pipenv(tmp_path, source)

    notice = adopt_lock(tmp_path, Environment({}))

    text = (tmp_path / "Pipfile.lock").read_text()
    assert ("a password" in notice, "hunter2" in notice) == (source is SHUT, False)
    assert "index.invalid" not in text
    assert is_stamped(text)
    check_fresh(parse_pipfile((tmp_path / "Pipfile").read_text()), parse_lockfile(text))
    assert adopt_lock(tmp_path, Environment({})) == ""


@pytest.mark.parametrize(
    ("locked", "pipfile", "variables", "words"),
    [
        (SIX_ALONE, "[packages]\n", {}, ""),
        (WITH_SOURCE, WITH_SOURCE, {}, ""),
        (SIX_ALONE, SIX_ALONE, {"CI": "true"}, "commit Pipfile.lock"),
    ],
    ids=["another Pipfile", "sources of its own", "a CI job"],
)
def test_a_lock_that_is_not_to_be_finished_stays(
    tmp_path: Path, locked: str, pipfile: str, variables: dict[str, str], words: str
) -> None:
    before = written_by_pipenv(tmp_path, OPEN, locked)
    (tmp_path / "Pipfile").write_text(pipfile)

    notice = adopt_lock(tmp_path, Environment(variables))

    assert (words in notice, bool(notice)) == (True, bool(words))
    assert (tmp_path / "Pipfile.lock").read_text() == before


def test_without_a_lock_none_is_made(tmp_path: Path) -> None:
    written_by_pipenv(tmp_path, OPEN)
    (tmp_path / "Pipfile.lock").unlink()

    assert adopt_lock(tmp_path, Environment({})) == ""
    assert not (tmp_path / "Pipfile.lock").exists()
