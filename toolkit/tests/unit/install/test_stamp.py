"""What has changed in an environment is named, and what Python itself leaves there is not."""

from __future__ import annotations

import os
import shutil
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.install.bytecode import site_packages
from trainwheel.install.installed import write_hooks
from trainwheel.install.stamp import (
    STAMP,
    Seen,
    changes_in,
    read_stamp,
    renew,
    sum_up,
    write_stamp,
)
from unit.wheels import write_wheel

TEXT = b"VALUE = 1\n"


def unpack(home: Path, name: str, version: str, text: bytes = TEXT) -> None:
    """Install a package as an installer does."""
    members = {f"{name}/part.py": text, f"{name}/deep/er.py": text}
    wheel = write_wheel(home.parent / "wheels", name, version, members=members)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_packages(home))


def remove(home: Path, name: str) -> None:
    for path in site_packages(home).glob(f"{name}*"):
        shutil.rmtree(path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An environment with two packages and a script."""
    home = tmp_path / "env"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(sys.executable)
    (home / "bin" / "activate").touch()
    (home / "pyvenv.cfg").write_text("include-system-site-packages = false\n")
    unpack(home, "num_py", "2.1")
    unpack(home, "joblib", "1.6.0")
    unpack(home, "bytecode", "0.16")
    settle(home)
    return home


def settle(home: Path) -> None:
    write_hooks(home)
    write_stamp(home, "digest")


def edit(path: Path, data: bytes = b"VALUE = 2\n") -> None:
    """Edit a file in place, and keep its size and the time of its modification."""
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


Change = Callable[[Path, Path], object]


def both(*changes: Change) -> Change:
    """Return one change that makes several, one after the other."""

    def change(home: Path, site: Path) -> None:
        for each in changes:
            each(home, site)

    return change


CHANGES: dict[str, tuple[Change, list[str]]] = {
    "added": (lambda home, _: unpack(home, "Evil", "1.0"), ["evil 1.0 was added"]),
    "removed": (lambda home, _: remove(home, "num_py"), ["num-py 2.1 is gone"]),
    "another version": (
        both(lambda home, _: remove(home, "num_py"), lambda home, _: unpack(home, "num_py", "2.0")),
        ["num-py is 2.0 instead of 2.1"],
    ),
    "two versions": (lambda home, _: unpack(home, "num_py", "2.0"), ["num-py 2.0 was added"]),
    "several": (
        both(lambda home, _: remove(home, "joblib"), lambda home, _: unpack(home, "evil", "1.0")),
        ["evil 1.0 was added", "joblib 1.6.0 is gone"],
    ),
    "edited": (lambda _, site: edit(site / "joblib/part.py"), ["joblib was edited"]),
    "edited below": (lambda _, site: edit(site / "num_py/deep/er.py"), ["num-py was edited"]),
    "replaced": (
        lambda _, site: shutil.move(site / "num_py/__init__.py", site / "joblib/part.py"),
        ["joblib was edited", "num-py was edited"],
    ),
    "incomplete": (lambda _, site: (site / "joblib/part.py").unlink(), ["joblib was edited"]),
    "without a folder": (lambda _, site: shutil.rmtree(site / "joblib"), ["joblib is gone"]),
    "same version, other wheel": (
        lambda home, _: unpack(home, "joblib", "1.6.0", b"VALUE = 3\n"),
        ["joblib was edited"],
    ),
    "a package called as our folder": (
        lambda _, site: edit(site / "bytecode/part.py"),
        ["bytecode was edited"],
    ),
    "other metadata": (
        lambda _, site: edit(site / "joblib-1.6.0.dist-info/METADATA"),
        ["joblib was edited"],
    ),
    "stray module": (lambda _, site: (site / "evil.py").touch(), ["evil.py was added"]),
    "stray folder": (lambda _, site: (site / "ev\nil").mkdir(), ["ev\\nil was added"]),
    "stray .pth": (lambda _, site: (site / "a.pth").touch(), ["a.pth was added"]),
    "stray script": (lambda home, _: (home / "bin/git").touch(), ["bin/git was added"]),
    "lost script": (lambda home, _: (home / "bin/activate").unlink(), ["bin/activate is gone"]),
    "other interpreter": (
        both(
            lambda home, _: (home / "bin/python").unlink(),
            lambda home, _: (home / "bin/python").symlink_to("/usr/bin/env"),
        ),
        ["bin/python was replaced"],
    ),
    "system's packages": (
        lambda home, _: edit(home / "pyvenv.cfg", b"include-system-site-packages = true\n"),
        ["pyvenv.cfg was edited"],
    ),
    "no stamp": (lambda home, _: (home / STAMP).unlink(), ["its stamp cannot be read"]),
    "stamp of before": (
        lambda home, _: (home / STAMP).write_text("ab" * 32),
        ["its stamp cannot be read"],
    ),
    "stamp of another kind": (
        lambda home, _: (home / STAMP).write_text('{"names": 3}'),
        ["its stamp cannot be read"],
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_named(home: Path, case: str) -> None:
    change, clauses = CHANGES[case]
    assert changes_in(home) == []

    change(home, site_packages(home))

    assert changes_in(home) == clauses


SAME: dict[str, Change] = {
    "compiled": both(
        lambda _, site: (site / "joblib/__pycache__").mkdir(),
        lambda _, site: (site / "joblib/__pycache__/part.pyc").touch(),
        lambda _, site: (site / "__pycache__").mkdir(),
        lambda _, site: (site / "joblib/part.pyc").touch(),
    ),
    "a cache in a package": lambda _, site: (site / "joblib/cache.json").touch(),
    "touched": lambda _, site: (site / "joblib/part.py").touch(),
    "written again": lambda _, site: edit(site / "joblib/part.py", TEXT),
    "compiled elsewhere": lambda home, _: (home / "bytecode").mkdir(),
    "hooks": lambda home, _: write_hooks(home),
}


@pytest.mark.parametrize("case", SAME)
@pytest.mark.parametrize("whole", [False, True])
def test_what_python_and_packages_leave_is_not_a_change(
    home: Path, case: str, *, whole: bool
) -> None:
    SAME[case](home, site_packages(home))

    assert changes_in(home, whole=whole) == []


MARGIN = 10**9


def test_what_was_compared_is_read_again_only_on_demand(home: Path) -> None:
    edit(site_packages(home) / "joblib/part.py")
    renew(home, time.time_ns() + MARGIN)

    assert changes_in(home) == []
    assert changes_in(home, whole=True) == ["joblib was edited"]


def test_a_stamp_is_not_made_older(home: Path) -> None:
    edit(site_packages(home) / "joblib/part.py")
    now = time.time_ns() + MARGIN
    renew(home, now)
    renew(home, now - 1)

    assert changes_in(home) == []


def test_a_stamp_of_a_clock_that_was_ahead_counts_for_nothing(home: Path) -> None:
    later = time.time() + 3600
    os.utime(home / STAMP, (later, later))
    edit(site_packages(home) / "joblib/part.py")

    assert changes_in(home) == ["joblib was edited"]
    renew(home, time.time_ns())
    assert (home / STAMP).stat().st_mtime < later


@pytest.mark.parametrize("whole", [False, True])
def test_a_file_counts_by_the_package_that_wrote_it_last(home: Path, *, whole: bool) -> None:
    for name in ("num_py", "joblib"):
        members = {"tests/__init__.py": name.encode()}
        wheel = write_wheel(home.parent / "shared", name, "3", members=members)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site_packages(home))
    settle(home)

    assert changes_in(home, whole=whole) == []
    edit(site_packages(home) / "tests/__init__.py")
    assert len(changes_in(home, whole=whole)) == 1


def test_a_package_that_never_had_what_its_record_says_is_accepted_as_it_is(home: Path) -> None:
    site, seen = site_packages(home), Seen()
    edit(site / "joblib/part.py")
    (site / "num_py/part.py").unlink()

    assert seen.compare(home) == ["joblib", "num-py"]
    assert seen.compare(home) == []
    assert seen.compare(home, ["joblib"]) == ["joblib"]

    write_stamp(home, "digest", seen)
    assert changes_in(home, whole=True) == []
    edit(site / "joblib/part.py", b"VALUE = 3\n")
    assert changes_in(home) == ["joblib was edited"]


def test_the_hooks_are_written_once_and_again_if_they_are_others(home: Path) -> None:
    before = (site_packages(home) / "trainwheel_watch.pth").stat()
    write_hooks(home)
    assert (site_packages(home) / "trainwheel_watch.pth").stat().st_ino == before.st_ino

    (site_packages(home) / "trainwheel_watch.pth").write_text("import evil")
    write_hooks(home)

    assert b"evil" not in (site_packages(home) / "trainwheel_watch.pth").read_bytes()
    assert changes_in(home) == []


def test_a_stamp_holds_what_went_in(home: Path) -> None:
    stamp = read_stamp(home)

    assert stamp is not None
    assert stamp.digest == "digest"
    assert {"joblib", "joblib-1.6.0.dist-info", "bin/activate"} <= stamp.names


@pytest.mark.parametrize(
    ("changes", "clause"), [("a", "a"), ("ab", "a and b"), ("abcdef", "a, b, c, d and 2 more")]
)
def test_many_changes_are_summed_up(changes: str, clause: str) -> None:
    assert sum_up(changes) == clause
