"""What doctor looks at in the first job of a build."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainwheel.cli.checks import (
    MachineCheck,
    beside,
    check_branch,
    check_pointers,
    check_shared_memory,
)
from trainwheel.cli.ci_checks import find_pointers, read_branches, smallest, try_shared
from trainwheel.requirements.lockfile import LockedRequirement
from trainwheel.system.environ import Environment
from unit.repository import write

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"


@pytest.mark.parametrize(("size", "reason", "variables", "state", "word"), [
    (67_108_864, "", {}, "ok", "67.1 MB"), (None, "", {}, "ok", "no /dev/shm"),
    (1_000_000, "", {}, "warning", "--shm-size"), (None, "denied", {}, "warning", "--shm-size"),
    (1_000_000, "", {"JOBLIB_TEMP_FOLDER": "/scratch"}, "ok", "1.0 MB"),
    (None, "denied", {"JOBLIB_TEMP_FOLDER": "/scratch"}, "warning", "denied"),
    (None, "denied", {"JOBLIB_MULTIPROCESSING": "1"}, "warning", "denied"),
    (None, "denied", {"JOBLIB_MULTIPROCESSING": "0"}, "ok", "is 0"),
])  # fmt: skip
def test_shared_memory_is_there_and_large_enough(
    size: int | None, reason: str, variables: dict[str, str], state: str, word: str
) -> None:
    check = check_shared_memory(size, reason, variables)

    assert check.state == state
    assert word in f"{check.found}; {check.fix}"


def test_shared_memory_is_tried(tmp_path: Path) -> None:
    size, reason = try_shared(tmp_path)

    assert size
    assert not reason
    assert not [*tmp_path.iterdir()]
    assert try_shared(tmp_path / "missing") == (None, "No such file or directory")
    (tmp_path / "file").write_text("")
    assert try_shared(tmp_path / "file")[1]


def test_pointers_are_told_from_files(tmp_path: Path) -> None:
    write(tmp_path, "data/rows.csv", POINTER)
    write(tmp_path, "data/größe.csv", POINTER)
    write(tmp_path, "docs/lfs.md", f"# LFS\n\n{POINTER}")
    write(tmp_path, "large.txt", POINTER + "x" * 1024)
    (tmp_path / "link.csv").symlink_to(tmp_path / "data/rows.csv")
    names = ["data/rows.csv", "data/größe.csv", "docs/lfs.md", "large.txt", "link.csv", "gone", ""]

    assert find_pointers(tmp_path, [*names, "data"]) == ["data/rows.csv", "data/größe.csv"]


@pytest.mark.parametrize(("names", "state", "text"), [
    ([], "ok", "no tracked file"), (None, "warning", "not checked"),
    (["a.csv"], "problem", "files: a.csv"), ([*"abcde"], "problem", "files: a, b, c and 2 more"),
])  # fmt: skip
def test_pointers_are_a_problem_with_a_fix(names: list[str] | None, state: str, text: str) -> None:
    check = check_pointers(names)

    assert check.state == state
    assert text in check.found
    assert ("git lfs pull" in check.fix) is (state == "problem")


EVENT = {"repository": {"default_branch": "trunk"}}
GITHUB = {"GITHUB_REF": "refs/heads/work", "GITHUB_EVENT_PATH": "event.json"}
GITLAB = {"CI_DEFAULT_BRANCH": "trunk", "CI_COMMIT_REF_NAME": "trunk"}
JENKINS = {"JENKINS_URL": "https://ci.example.com/"}


@pytest.mark.parametrize(
    ("variables", "event", "git", "branches"),
    [
        (GITHUB, EVENT, {}, ("work", "trunk")),
        ({**GITHUB, "GITHUB_REF": "refs/heads/a/b"}, EVENT, {}, ("a/b", "trunk")),
        ({**GITHUB, "GITHUB_REF": "refs/tags/trunk"}, EVENT, {}, ("refs/tags/trunk", "trunk")),
        ({**GITHUB, "GITHUB_EVENT_NAME": "schedule"}, {}, {}, ("work", "work")),
        (GITHUB, [], {"origin/HEAD": "origin/main"}, ("work", "main")),
        (GITHUB, None, {}, ("work", "")),
        ({**GITLAB, "CI_COMMIT_BRANCH": "work"}, None, {}, ("work", "trunk")),
        (GITLAB, None, {}, ("refs/trunk", "trunk")),  # a tag, or a merge request
        ({**JENKINS, "BRANCH_NAME": "x", "BRANCH_IS_PRIMARY": "true"}, None, {}, ("x", "x")),
        ({**JENKINS, "BRANCH_NAME": "x"}, None, {"origin/HEAD": "origin/m"}, ("x", "m")),
        ({**JENKINS, "GIT_BRANCH": "origin/x/y"}, None, {}, ("x/y", "")),
        ({}, None, {"--show-current": "x", "origin/HEAD": "origin/x"}, ("x", "x")),
        ({"BRANCH_IS_PRIMARY": "true"}, None, {"--show-current": "x"}, ("x", "")),
    ],
)
def test_the_service_or_git_says_which_branch_is_the_default_one(
    tmp_path: Path, variables: dict[str, str], event: object, git: dict[str, str],
    branches: tuple[str, str],
) -> None:  # fmt: skip
    if "GITHUB_EVENT_PATH" in variables:
        variables = {**variables, "GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    if event is not None:
        (tmp_path / "event.json").write_text(json.dumps(event))

    assert read_branches(Environment(variables), lambda *words: git.get(words[-1], "")) == branches


@pytest.mark.parametrize(("branch", "default", "state", "text"), [
    ("main", "main", "ok", "main, the default branch"),
    ("work", "main", "ok", "work; the default branch is main"),
    ("", "main", "ok", "no branch; the default branch is main"),
    ("main", "", "warning", "main; nothing here says"),
])  # fmt: skip
def test_a_branch_is_said(branch: str, default: str, state: str, text: str) -> None:
    check = check_branch(branch, default)

    assert check.state == state
    assert check.found.startswith(text)


def locked(
    name: str, count: int = 2, *, marker: str = "", kind: str = "release"
) -> LockedRequirement:
    hashes = tuple(f"sha256:{number:064}" for number in range(count))
    return LockedRequirement(name, "==1.0", (), marker, hashes, kind, "packages")


@pytest.mark.parametrize(("packages", "name"), [
    ([locked("numpy", 40), locked("six", 2), locked("idna", 2)], "idna"),
    ([locked("numpy", 40), locked("sources", 1)], "numpy"), ([locked("sources", 1)], "sources"),
    ([locked("numpy", 40), locked("win", 2, marker="os_name == 'nt'")], "numpy"),
    ([locked("folder", 2, kind="local"), locked("bare", 0)], None),
    ([locked("acme-core", 2)], None), ([], None),
])  # fmt: skip
def test_the_package_that_is_asked_for_is_small(
    packages: list[LockedRequirement], name: str | None
) -> None:
    package = smallest(packages, lambda name: not name.startswith("acme"))

    assert (package and package.name) == name


def yielding(*names: str) -> Iterator[MachineCheck]:
    return iter([MachineCheck(name, "ok", "well") for name in names])


def test_what_does_not_end_is_given_up_and_the_rest_counts() -> None:
    is_over = threading.Event()

    def hang() -> Iterator[MachineCheck]:
        yield MachineCheck("first", "ok", "well")
        is_over.wait(60)
        yield MachineCheck("second", "ok", "well")

    looks = [("slow", hang), ("fast", lambda: yielding("a", "b"))]
    checks = list(beside(looks, 0.05))
    is_over.set()

    assert [(check.name, check.state) for check in checks] == [
        ("first", "ok"), ("slow", "problem"), ("a", "ok"), ("b", "ok"),
    ]  # fmt: skip


def test_looks_are_taken_beside_each_other_and_shown_in_their_order() -> None:
    barrier = threading.Barrier(2)

    def meet(name: str) -> Iterator[MachineCheck]:
        barrier.wait(30)
        yield from yielding(name)

    looks = [(name, lambda name=name: meet(name)) for name in "ab"]

    assert [check.name for check in beside(looks, 60)] == ["a", "b"]


def test_a_mistake_of_ours_is_not_lost_in_a_thread() -> None:
    def fail() -> Iterator[MachineCheck]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(beside([("one", fail)], 60))
