"""Nothing is loaded but what training left, by packages that read it rightly."""

import hashlib
import io
import json
import os
import pickle
import re
import shutil
import signal
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PosixPath
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn.base
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import Pipeline

from oncology_model import (
    ArtefactError,
    Classifier,
    DamagedArtefactError,
    Prediction,
    Tumor,
    VersionMismatchError,
)
from oncology_model.lazy_model import LazyModel
from oncology_model.loading import load, load_file

HERE = {
    "scikit-learn": sklearn.__version__,
    "numpy": np.__version__,
    "joblib": joblib.__version__,
}
MAJOR = int(np.__version__.split(".")[0])
FORMATS = ("zlib", "gzip", "bz2", "lzma", "xz")
MARKS: list[str] = []


def explode(mark: str) -> None:
    MARKS.append(mark)


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return explode, ("unpickled",)


@pytest.fixture
def bomb(tmp_path: Path, write_manifest: Callable[..., Path]) -> Path:
    MARKS.clear()
    path = tmp_path / "bomb.joblib"
    joblib.dump(Bomb(), path)
    write_manifest(path)
    return path


@pytest.fixture
def old(tmp_path: Path, estimator: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an artefact whose estimators say that they are of scikit-learn 1.3.2."""
    path = tmp_path / "old.joblib"
    with monkeypatch.context() as patch:
        patch.setattr(sklearn.base, "__version__", "1.3.2")
        joblib.dump(estimator, path)
    return path


def flip(content: bytes, position: int, mask: int = 0xFF) -> bytes:
    return content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :]


def sample(size: int, count: int) -> Iterator[int]:
    """List about *count* positions, both ends among them."""
    return iter(sorted({*range(0, size, max(1, size // count)), 1, size - 2, size - 1}))


def test_the_bomb_goes_off_once_it_is_loaded(bomb: Path, small: Tumor) -> None:
    with pytest.raises(ArtefactError, match="not trained for this version"):
        Classifier(bomb).predict(small)
    assert MARKS == ["unpickled"]


def test_a_flipped_byte_anywhere_in_the_artefact_is_refused_before_it_is_unpickled(
    bomb: Path, artefact: Path, small: Tumor
) -> None:
    for path in (bomb, artefact):
        content = path.read_bytes()
        for position in sample(len(content), 100):
            path.write_bytes(flip(content, position))
            with pytest.raises(DamagedArtefactError, match=r"is damaged, its digest is not the"):
                Classifier(path).predict(small)
    assert MARKS == []


def test_a_flipped_bit_that_would_predict_wrongly_without_a_word_is_refused(
    artefact: Path, estimator: Pipeline, large: Tumor
) -> None:
    content = artefact.read_bytes()
    intercept = content.index(estimator[-1].intercept_.tobytes())
    artefact.write_bytes(flip(content, intercept + 7, mask=0x40))  # the exponent's highest bit
    assert Classifier(artefact, verify=False).predict(large) is Prediction.BENIGN
    with pytest.raises(DamagedArtefactError):
        Classifier(artefact).predict(large)


def test_a_truncated_or_longer_artefact_is_refused_with_both_sizes(
    artefact: Path, small: Tumor
) -> None:
    content = artefact.read_bytes()
    size = len(content)
    for length in sample(size, 50):
        artefact.write_bytes(content[:length])
        with pytest.raises(DamagedArtefactError, match=f"{length} bytes, .* manifest says {size}"):
            Classifier(artefact).predict(small)
    artefact.write_bytes(content + b"\0")
    with pytest.raises(DamagedArtefactError, match=f"{size + 1} bytes, .* manifest says {size}"):
        Classifier(artefact).predict(small)


def test_a_flipped_byte_anywhere_in_the_manifest_is_refused_or_harmless(
    artefact: Path, small: Tumor
) -> None:
    manifest = artefact.with_name(f"{artefact.name}.json")
    content, expected = manifest.read_bytes(), Classifier(artefact).predict_proba(small)
    refusals = []
    for position in range(len(content)):
        manifest.write_bytes(flip(content, position, (0x01, 0x08, 0x20, 0xFF)[position % 4]))
        try:
            assert Classifier(artefact).predict_proba(small) == expected
        except ArtefactError as error:
            refusals.append(str(error))
    assert len(refusals) > len(content) / 2
    assert all(refusal.startswith(str(artefact)) for refusal in refusals)


def test_a_truncated_manifest_is_refused(artefact: Path, small: Tumor) -> None:
    manifest = artefact.with_name(f"{artefact.name}.json")
    content = manifest.read_bytes().rstrip()
    for length in sample(len(content), 100):
        manifest.write_bytes(content[:length])
        with pytest.raises(DamagedArtefactError, match=r"the manifest cannot be read \(.+\); inst"):
            Classifier(artefact).predict(small)


def test_a_missing_manifest_is_refused_with_the_fix(artefact: Path, small: Tumor) -> None:
    artefact.with_name(f"{artefact.name}.json").unlink()
    with pytest.raises(ArtefactError, match=r"json: the manifest .* missing.* `make train`$"):
        Classifier(artefact).predict(small)


def test_an_artefact_of_ones_own_needs_no_manifest_if_it_is_not_verified(
    artefact: Path, small: Tumor
) -> None:
    artefact.with_name(f"{artefact.name}.json").unlink()
    assert Classifier(artefact, verify=False).predict(small) is Prediction.BENIGN


def test_the_manifest_of_another_artefact_is_refused(
    tmp_path: Path, artefact: Path, bomb: Path, small: Tumor
) -> None:
    shutil.copy(bomb, tmp_path / "small.joblib")
    with pytest.raises(DamagedArtefactError):
        Classifier(artefact).predict(small)
    assert MARKS == []


@pytest.mark.parametrize(
    ("package", "made", "requirement"),
    [
        ("scikit-learn", "1.3.2", "scikit-learn==1.3.2"),
        ("numpy", f"{MAJOR - 1}.26.4", f"numpy>={MAJOR - 1}.26.4,<{MAJOR}"),
        ("numpy", f"{MAJOR}.999.0", f"numpy>={MAJOR}.999.0,<{MAJOR + 1}"),
        ("joblib", "999.0.0", "joblib>=999.0.0"),
    ],
)
def test_a_package_of_another_version_is_refused_with_what_to_install(
    bomb: Path, small: Tumor, package: str, made: str, requirement: str
) -> None:
    manifest = bomb.with_name(f"{bomb.name}.json")
    document = json.loads(manifest.read_bytes())
    document["versions"][package] = made
    manifest.write_text(json.dumps(document))
    with pytest.raises(VersionMismatchError) as caught:
        Classifier(bomb).predict(small)
    assert caught.value.requirements == (requirement,)
    said = f"was made with {package} {made}, but {package} {HERE[package]} is installed"
    assert caught.value.problem.endswith(said)
    assert str(caught.value).endswith(f'run: pip install "{requirement}"')
    assert MARKS == []


def test_all_that_is_wrong_with_the_packages_is_said_at_once(
    bomb: Path, small: Tumor, write_manifest: Callable[..., Path]
) -> None:
    write_manifest(bomb, versions={"scikit-learn": "1.3.2", "numpy": "1.26.4", "joblib": "1.2.0"})
    with pytest.raises(VersionMismatchError) as caught:
        Classifier(bomb).predict(small)
    assert caught.value.requirements == ("scikit-learn==1.3.2", "numpy>=1.26.4,<2")
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    ("package", "problem"),
    [
        ("pytest", f"but pytest {pytest.__version__} is installed"),
        ("not-installed", "not-installed"),
    ],
)
def test_every_package_that_the_manifest_records_is_checked(
    bomb: Path, small: Tumor, write_manifest: Callable[..., Path], package: str, problem: str
) -> None:
    write_manifest(bomb, versions=HERE | {package: "999.0"})
    with pytest.raises(VersionMismatchError, match=re.escape(problem)) as caught:
        Classifier(bomb).predict(small)
    assert f"{package}>=999.0" in caught.value.requirements
    assert MARKS == []


def test_the_error_survives_pickling() -> None:
    error = VersionMismatchError("made otherwise", ["scikit-learn==1.3.2"])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.requirements) == (str(error), error.requirements)
    assert str(copy).startswith("made otherwise; here or, ")
    assert str(copy).endswith('environment of its own, run: pip install "scikit-learn==1.3.2"')


def test_without_its_packages_it_says_which_ones_it_needs(
    bomb: Path, small: Tumor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(VersionMismatchError, match="without its packages") as caught:
        Classifier(bomb).predict(small)
    assert len(caught.value.requirements) == 3


@pytest.mark.parametrize("verify", [True, False])
def test_what_the_pickle_itself_says_of_its_scikit_learn_counts_too(
    old: Path, small: Tumor, write_manifest: Callable[..., Path], *, verify: bool
) -> None:
    if verify:
        write_manifest(old)  # the manifest claims the version that is installed
    with pytest.raises(VersionMismatchError) as caught:
        Classifier(old, verify=verify).predict(small)
    assert caught.value.requirements == ("scikit-learn==1.3.2",)


def test_any_version_loads_with_a_warning_but_is_verified_nonetheless(
    old: Path, small: Tumor, write_manifest: Callable[..., Path]
) -> None:
    write_manifest(old, versions=HERE | {"scikit-learn": "1.3.2"})
    with pytest.warns(InconsistentVersionWarning):
        assert Classifier(old, any_version=True).predict(small) is Prediction.BENIGN
    old.write_bytes(flip(old.read_bytes(), 100))
    with pytest.raises(DamagedArtefactError):
        Classifier(old, any_version=True).predict(small)


def test_any_version_can_be_chosen_for_all_models(
    old: Path, small: Tumor, write_manifest: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(old, versions=HERE | {"scikit-learn": "1.3.2"})
    monkeypatch.setattr(LazyModel, "takes_any_version", True)
    with pytest.warns(InconsistentVersionWarning):
        assert Classifier(old).predict(small) is Prediction.BENIGN


def test_of_many_that_load_at_once_each_is_refused_and_no_filter_of_warnings_stays(
    old: Path, small: Tumor
) -> None:
    before = list(warnings.filters)

    def load(_: int) -> str:
        try:
            return Classifier(old, verify=False).predict(small)
        except VersionMismatchError:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(load, range(64))) == {"refused"}
    assert warnings.filters == before


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x05garbage", b"\x80\x04."])
def test_what_is_no_pickle_is_one_clear_error(tmp_path: Path, small: Tumor, content: bytes) -> None:
    (tmp_path / "bad.joblib").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"bad\.joblib: cannot be read \(\w+: "):
        Classifier(tmp_path / "bad.joblib", verify=False).predict(small)


def test_a_folder_in_its_place_is_one_clear_error(artefact: Path, small: Tumor) -> None:
    artefact.unlink()
    artefact.mkdir()
    with pytest.raises(ArtefactError, match=r"small\.joblib: cannot be read \(IsADirectoryError"):
        Classifier(artefact).predict(small)
    manifest = artefact.with_name(f"{artefact.name}.json")
    artefact.rmdir()
    artefact.write_bytes(b"")
    manifest.unlink()
    manifest.mkdir()
    with pytest.raises(DamagedArtefactError, match=r"the manifest cannot be read \(\[Errno"):
        Classifier(artefact).predict(small)


def test_a_package_in_an_archive_is_checked_too(tmp_path: Path, artefact: Path) -> None:
    archive = tmp_path / "site.zip"
    with zipfile.ZipFile(archive, "w") as written:
        for path in (artefact, artefact.with_name(f"{artefact.name}.json")):
            written.write(path, path.name)
    assert load(zipfile.Path(archive), artefact.name, verify=True, any_version=False)
    start = archive.read_bytes().index(artefact.read_bytes())
    archive.write_bytes(flip(archive.read_bytes(), start + 500))
    # The zipfile of Python 3.13.5 checks no sum once somebody has sought in what is stored.
    with pytest.raises(ArtefactError, match=r"cannot be read \(BadZipFile: |its digest is not the"):
        load(zipfile.Path(archive), artefact.name, verify=True, any_version=False)


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
    assert MARKS == []
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
        text = json.dumps({"schema": 1, "files": files, "versions": HERE, "python": "3.11.7"})
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

    assert MARKS == ["unpickled"]
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
    assert MARKS == []


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
