"""Nothing is loaded but what training left, by packages that read it rightly."""

import json
import pickle
import re
import shutil
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
from oncology_model.loading import load

HERE = {
    "scikit-learn": sklearn.__version__,
    "numpy": np.__version__,
    "joblib": joblib.__version__,
}
MAJOR = int(np.__version__.split(".")[0])


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
    assert (bomb.parent / "unpickled").exists()


def test_a_flipped_byte_anywhere_in_the_artefact_is_refused_before_it_is_unpickled(
    bomb: Path, artefact: Path, small: Tumor
) -> None:
    for path in (bomb, artefact):
        content = path.read_bytes()
        for position in sample(len(content), 100):
            path.write_bytes(flip(content, position))
            with pytest.raises(DamagedArtefactError, match=r"is damaged, its digest is not the"):
                Classifier(path).predict(small)
    assert not (bomb.parent / "unpickled").exists()


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
    assert not (bomb.parent / "unpickled").exists()


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
    assert not (bomb.parent / "unpickled").exists()


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
    assert not (bomb.parent / "unpickled").exists()


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
