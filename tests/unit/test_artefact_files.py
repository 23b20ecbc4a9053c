"""Whatever lies where the files of an artefact should be, only what was checked is loaded."""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PosixPath
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn

from oncology_model import ArtefactError, Classifier, DamagedArtefactError, Tumor
from oncology_model.loading import load, load_file

FORMATS = ("zlib", "gzip", "bz2", "lzma", "xz")


def swap_in_place(path: Path, planted: bytes) -> None:
    path.write_bytes(planted)


def swap_by_renaming(path: Path, planted: bytes) -> None:
    path.with_suffix(".new").write_bytes(planted)
    path.with_suffix(".new").rename(path)


def swap_by_a_link(path: Path, planted: bytes) -> None:
    path.with_suffix(".new").write_bytes(planted)
    path.unlink()
    path.symlink_to(path.with_suffix(".new"))


def swap_behind_a_link(path: Path, planted: bytes) -> None:
    swap_by_a_link(path, path.read_bytes())
    swap_in_place(path.resolve(), planted)


@pytest.mark.parametrize(
    "swap", [swap_in_place, swap_by_renaming, swap_by_a_link, swap_behind_a_link]
)
def test_what_takes_the_place_of_a_checked_artefact_never_runs(
    artefact: Path,
    bomb: Path,
    small: Tumor,
    monkeypatch: pytest.MonkeyPatch,
    swap: Callable[[Path, bytes], None],
) -> None:
    expected, planted = Classifier(artefact).predict_proba(small), bomb.read_bytes()
    unpickle = joblib.load

    def unpickle_late(*arguments: object, **options: object) -> object:
        swap(artefact, planted)
        return unpickle(*arguments, **options)

    monkeypatch.setattr(joblib, "load", unpickle_late)
    assert Classifier(artefact).predict_proba(small) == expected
    assert not (bomb.parent / "unpickled").exists()
    assert artefact.read_bytes() == planted


class ShrinkingPath(PosixPath):
    """A path to a file that is cut off as soon as its first bytes have been read."""

    def open(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - any way a path opens
        cut = self

        class Stream(io.BufferedReader):
            def read(self, size: int | None = -1, /) -> bytes:
                piece = super().read(size)
                os.truncate(cut, len(piece))
                return piece

        return Stream(io.FileIO(self))


def test_an_artefact_that_is_cut_off_while_it_is_read_is_refused(
    tmp_path: Path, small: Tumor, write_manifest: Callable[..., Path]
) -> None:
    path = tmp_path / "large.joblib"
    joblib.dump(np.arange(400_000.0), path)
    write_manifest(path)
    with pytest.raises(DamagedArtefactError, match=r"is damaged, its digest is not the one"):
        Classifier(ShrinkingPath(path)).predict(small)


@pytest.mark.parametrize("compress", [0, *((name, 1) for name in FORMATS)])
def test_an_artefact_of_many_pieces_is_loaded_whole(
    tmp_path: Path,
    write_manifest: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    compress: int | tuple[str, int],
) -> None:
    path, piece = tmp_path / "large.joblib", 2**20
    if compress:  # which takes long, so pieces are small
        piece = 2**14
        monkeypatch.setattr("oncology_model.loading._PIECE", piece)
    noise = np.random.default_rng(0).random(piece // 7)  # hardly shrinks
    content = {"text": "x" * (2 * piece), "noise": noise, "end": [noise[::-30], b"y"]}
    joblib.dump(content, path, compress)
    assert path.stat().st_size > piece
    write_manifest(path)
    read: Any = load(tmp_path, path.name, verify=True, any_version=False)[0]
    assert read["text"] == content["text"]
    assert np.array_equal(read["noise"], noise)
    assert np.array_equal(read["end"][0], noise[::-30])
    assert read["end"][1] == b"y"


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Fail, rather than hang."""

    def fail(*_: object) -> None:
        message = "it hangs"
        raise AssertionError(message)

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("kind", ["a FIFO", "a device", "a link to one"])
def test_what_is_no_regular_file_is_refused_without_waiting(
    artefact: Path, small: Tumor, kind: str, *, verify: bool
) -> None:
    artefact.unlink()
    if kind == "a device":
        artefact.symlink_to("/dev/zero")
    elif kind == "a FIFO":
        os.mkfifo(artefact)
    else:
        os.mkfifo(artefact.with_name("fifo"))
        artefact.symlink_to("fifo")
    match = r"small\.joblib: cannot be read \(OSError: not a regular file\)$"
    with no_longer_than(20), pytest.raises(ArtefactError, match=match):
        Classifier(artefact, verify=verify).predict(small)


def test_a_fifo_for_a_manifest_is_refused_without_waiting(artefact: Path, small: Tumor) -> None:
    manifest = artefact.with_name(f"{artefact.name}.json")
    manifest.unlink()
    os.mkfifo(manifest)
    match = r"the manifest cannot be read \(not a regular file\); "
    with no_longer_than(20), pytest.raises(DamagedArtefactError, match=match):
        Classifier(artefact).predict(small)


@pytest.mark.parametrize("name", ["loop.joblib", "a\0b.joblib", f"{'x' * 300}.joblib"])
def test_a_path_that_leads_nowhere_is_one_clear_error(
    tmp_path: Path, small: Tumor, name: str
) -> None:
    (tmp_path / "loop.joblib").symlink_to("loop.joblib")
    with pytest.raises(ArtefactError, match=r"joblib: cannot be read \((OSError|ValueError): "):
        Classifier(tmp_path / name).predict(small)


@pytest.fixture
def describe(write_manifest: Callable[..., Path]) -> Callable[..., Path]:
    """Write the manifest of an artefact of several files, or of a folder."""

    def write(artefact: Path, *others: str, **changes: object) -> Path:
        folder = artefact.parent
        chief = () if artefact.is_dir() else (artefact.name,)
        files = {
            name: {
                "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
                "size": (folder / name).stat().st_size,
                "format": "unknown",
            }
            for name in (*chief, *others)
        }
        if chief:
            return write_manifest(artefact, files=files, **changes)
        modules = {"scikit-learn": sklearn, "numpy": np, "joblib": joblib}
        versions = {name: module.__version__ for name, module in modules.items()}
        text = json.dumps({"schema": 1, "files": files, "versions": versions, "python": "3.11.7"})
        artefact.with_name(f"{artefact.name}.json").write_text(text)
        return artefact

    return write


@pytest.fixture
def several(bomb: Path, describe: Callable[..., Path]) -> Path:
    """Give an artefact with a file beside it, and one in a folder."""
    (bomb.parent / "words").mkdir()
    (bomb.parent / "vocabulary.json").write_text("{}")
    (bomb.parent / "words" / "a é.txt").write_text("a")
    describe(bomb, "vocabulary.json", "words/a é.txt")
    return bomb


def load_at(path: Path) -> object:
    return load(path.parent, path.name, verify=True, any_version=False)[0]


def test_another_file_of_the_model_is_given_as_training_left_it(several: Path) -> None:
    load_at(several)

    assert (several.parent / "unpickled").exists()
    assert load_file(several, "vocabulary.json") == b"{}"
    assert load_file(several, "words/a é.txt") == b"a"
    with pytest.raises(ArtefactError, match="other is not a file of this model"):
        load_file(several, "other")


def delete(path: Path) -> None:
    path.unlink()


def edit(path: Path) -> None:
    path.write_bytes(bytes(len(path.read_bytes())))


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("name", ["vocabulary.json", "words/a é.txt"])
@pytest.mark.parametrize("change", [delete, edit, lengthen, replace_by_pipe])
def test_another_file_that_is_not_what_training_left_stops_the_load_before_anything_runs(
    several: Path, name: str, change: Callable[[Path], None]
) -> None:
    change(several.parent / name)

    with no_longer_than(20), pytest.raises(ArtefactError, match=re.escape(name)):
        load_at(several)
    with no_longer_than(20), pytest.raises(ArtefactError, match=re.escape(name)):
        load_file(several, name)
    assert not (several.parent / "unpickled").exists()


def test_a_file_in_another_format_is_given_as_its_bytes(
    tmp_path: Path, write_manifest: Callable[..., Path]
) -> None:
    path = tmp_path / "model.txt"
    path.write_bytes(b"tree\n")
    write_manifest(path, format="lightgbm-text")

    assert load_at(path) == b"tree\n"
    path.write_bytes(b"tref\n")
    with pytest.raises(DamagedArtefactError):
        load_at(path)


def test_a_folder_is_given_as_its_path_once_its_files_are_checked(
    tmp_path: Path, describe: Callable[..., Path]
) -> None:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config").write_text("x")
    describe(folder, "encoder/config")

    assert load_at(folder) == folder
    assert load_file(folder, "encoder/config") == b"x"
    assert load(tmp_path, "encoder", verify=False, any_version=False) == (folder, {})
    edit(folder / "config")
    with pytest.raises(DamagedArtefactError, match="config"):
        load_at(folder)
    shutil.rmtree(folder)
    folder.write_text("x")
    with pytest.raises(DamagedArtefactError, match="that of a folder"):
        load_at(folder)


def test_files_in_an_archive_are_checked_too(tmp_path: Path, several: Path) -> None:
    archive = zipfile.Path(shutil.make_archive(str(tmp_path.parent / "m"), "zip", tmp_path))

    load(archive, several.name, verify=True, any_version=False)

    assert load_file(archive / several.name, "words/a é.txt") == b"a"
