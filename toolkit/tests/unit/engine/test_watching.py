"""What the logs of processes say of a step, whatever else is in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainwheel.engine.observed import Observed, Sighting
from trainwheel.engine.watching import read_observed, watch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_text("1")
    (root / "b").write_text("1")
    return root


def wait_for_tick(path: Path) -> None:
    """Wait until the file system's clock, which has ticks of 4 ms, says another time than then."""
    other = path.with_name("tick")
    other.touch()
    while other.stat().st_ctime_ns == path.stat().st_ctime_ns:
        other.touch()
    other.unlink()


def read(root: Path, *logs: bytes) -> Observed:
    """Return what some logs say, in which ROOT is the root."""
    folder = root.parent / "watch"
    with watch(folder, root, ()):
        for number, log in enumerate(logs):
            text = log.replace(b"ROOT", os.fsencode(root))
            (folder / f"{number}-1.log").write_bytes(text)
    return read_observed(folder, root)


@pytest.mark.parametrize("line", [
    b"r\t'ROOT/b'", b"r\t'ROOT/b\t''", b"x\t'ROOT/b'\t''", b"r\tROOT/b\t''", b"\xff\t'ROOT/b'\t''",
    b"r", b"", b"w\t'ROOT/b'\t''", b"w\t'ROOT/b'\t''\t'x'\t'y'", b"g\t'*'\t''", b"GET / HTTP/1.1",
    b"r\t'ROOT/b'\t'\\x'",
])  # fmt: skip
def test_a_line_that_is_torn_or_foreign_is_passed_over(root: Path, line: bytes) -> None:
    log = b"b\t'python'\t''\nr\t'ROOT/a'\t''\n" + line + b"\nr\t'ROOT/gone'\t''\nr\t'ROOT/b'\t''"

    observed = read(root, log)

    assert observed == Observed({"a": Sighting("opened")}, ("gone",), processes=1)


def test_no_log_is_no_process_and_old_logs_go(root: Path) -> None:
    assert read(root, b"", b"foreign\n") == Observed()
    assert read(root, b"b\t''\t''\n", b"b\t''\t''\n").processes == 2
    assert read(root) == Observed()


def test_what_settings_name_is_resolved_and_escaped(root: Path) -> None:
    (root / "new\nline").mkdir()
    (root / "link").symlink_to("new\nline")

    with watch(root / "watch", root, [str(root / "link"), str(root / "\udc80")]):
        lines = (root / "watch/settings").read_text(encoding="ascii").splitlines()

    names = [root, *(root / name for name in ("link", "\udc80")), "/dev", "/proc", "/sys"]
    assert lines == [ascii(str(name)) for name in (*names, root / "new\nline")]


def test_the_first_write_of_all_processes_says_whether_the_step_made_a_file(root: Path) -> None:
    before = (root / "b").stat().st_ctime_ns
    wait_for_tick(root / "b")
    (root / "b").write_text("2")
    late = b"w\t'ROOT/a'\t''\t%d\t7\nr\t'ROOT/a'\t'x.py'\n" % before
    early = b"w\t'ROOT/a'\t''\t0\t5\nr\t'ROOT/b'\t''\nw\t'ROOT/b'\t''\t%d\t6\n" % before

    for logs in ((late, early), (early, late)):
        assert read(root, *logs) == Observed(written=("a", "b"), processes=2)


def test_an_import_counts_before_an_opening_and_a_name_before_none(root: Path) -> None:
    log = (b"r\t'ROOT/a'\t'x.py'\n", b"m\t'ROOT/a'\t''\nr\t'ROOT/b'\t''\n", b"r\t'ROOT/b'\t'y'\n")

    files = {"a": Sighting("imported", "x.py"), "b": Sighting("opened", "y")}
    assert read(root, *log).files == read(root, *reversed(log)).files == files


def test_what_a_link_of_the_step_leads_to_is_what_is_read(root: Path) -> None:
    (root / "link").symlink_to("a")
    made = b"w\t'ROOT/link'\t''\t0\t5\n"

    assert set(read(root, made + b"r\t'ROOT/link'\t''\n").files) == {"a"}
    assert set(read(root, b"r\t'ROOT/link'\t''\n").files) == {"link"}


@pytest.mark.parametrize(("folder", "places", "modules"), [
    ("ROOT/lib/pkg/sub", ("lib",), {"pkg.sub.name"}),
    ("ROOT/pkg/sub", (".",), set()),
    ("ROOT/other", ("other",), {"name"}),
    ("ROOT/mypkg/sub", ("mypkg/sub",), {"name"}),
])  # fmt: skip
def test_a_folder_of_a_package_is_searched_as_if_on_the_path(
    root: Path, folder: str, places: tuple[str, ...], modules: set[str]
) -> None:
    (root / "lib/pkg/sub").mkdir(parents=True)

    observed = read(root, f"i\t'pkg.sub.name'\t''\t'{folder}'\ni\t'top'\t''\n".encode())

    assert observed.places == places
    assert set(observed.modules) == {"top", *modules}


@pytest.mark.parametrize("is_made", [True, False])
@pytest.mark.parametrize("name", ["temporary", "link"])
def test_names_among_temporary_files_count_unless_the_step_made_some_of_them(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, is_made: bool
) -> None:
    beside, folder = root.parent, f"{root.parent}/temporary/pytest-of-me"
    Path(folder).mkdir(parents=True)
    (beside / "link").symlink_to("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(beside / name))
    looks = f"l\t'{folder}'\t'a'\ng\t'*'\t'a'\t0\t'{folder}'\nl\t'{beside}'\t'b'\n"
    makes = f"w\t'{folder}/pytest-7'\t'a'\t0\t5\nw\t'{beside}/own'\t''\t0\t6\n"

    observed = read(root, (looks + makes * is_made).encode())

    counted = {} if is_made else {folder: "a"}
    assert observed.folders == {str(beside): "b", **counted}
    assert len(observed.globs) == len(counted)
