"""What anybody opens below a folder is seen, where the system says so."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from trainwheel.system.opened import watch_opened

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has inotify")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in ("a.csv", "data/deep/b\n\udc80.csv", "data/written", "skipped/c", "data/.git/d"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/e").touch()
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "link.csv").symlink_to("a.csv")
    return root


@pytest.mark.parametrize(("command", "names"), [
    ("cat a.csv data/deep/*", {"a.csv", "data/deep/b\n\udc80.csv"}),
    ("cat link.csv", {"a.csv"}),
    ("cat skipped/c data/.git/d link/e", set()),
    ("cat data/written; echo y >> data/written", set()),
    ("echo y > made; cat made", set()),
    ("mkdir new; echo y > new/made; cat new/made", set()),
    ("cp a.csv copy; mv copy moved; cat moved", {"a.csv"}),
    ("cat a.csv; rm a.csv", set()), ("cat <> a.csv", {"a.csv"}),
    ("ls . data; cat missing; stat a.csv; true", set()),
    ("for each in $(seq 40); do cat < a.csv; done", {"a.csv"}),
])  # fmt: skip
def test_regular_files_that_are_read_and_not_written_are_named(
    root: Path, command: str, names: set[str]
) -> None:
    with watch_opened(root, [str(root / "skipped"), ".git"]) as opened:
        argv = ["/bin/sh", "-c", command]
        subprocess.run(argv, cwd=root, check=True, env={}, capture_output=True)

    assert opened == names


def test_nothing_counts_before_the_block_or_after_it(root: Path) -> None:
    (root / "a.csv").read_text()
    with watch_opened(root) as opened:
        pass
    (root / "a.csv").read_text()

    assert opened == set()


def test_an_error_of_the_block_passes_and_nothing_stays_open(root: Path) -> None:
    before = sorted(Path("/proc/self/fd").iterdir())

    with pytest.raises(ZeroDivisionError), watch_opened(root):
        raise ZeroDivisionError

    assert sorted(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize("name", ["missing", "a.csv/below"])
def test_a_folder_that_cannot_be_watched_is_no_error(root: Path, name: str) -> None:
    with watch_opened(root / name) as opened:
        (root / "a.csv").read_text()

    assert opened == set()


def test_a_limit_of_the_system_is_no_error(root: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limit[1]))
    try:
        with watch_opened(root) as opened:
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)

    assert opened == set()
