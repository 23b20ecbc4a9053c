"""Load the artefact: nothing of it runs before its bytes and its versions are checked."""

import hashlib
import os
import warnings
import zipfile
import zlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from importlib.resources.abc import Traversable
from io import BufferedIOBase, BufferedReader, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from oncology_model.errors import (
    ArtefactError,
    DamagedArtefactError,
    VersionMismatchError,
)
from oncology_model.manifest import (
    PACKAGES,
    File,
    Manifest,
    find_mismatches,
    parse_manifest,
    to_requirement,
)
from oncology_model.ranges import Ranges

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Packages may be imported from a zip file, and a damaged one says so in its own way; a path that no
# file can have is a ValueError.
_UNREADABLE = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error)
_FIX = "install the package again, or train the model again with `make train`"
_PIECE = 2**20  # bytes

Form = Literal["portable", "sklearn"]
"""The forms of a model: arrays that numpy reads, and what scikit-learn fitted."""
_PICKLED = frozenset({"joblib", "pickle"})  # the formats that joblib reads


class _Pieces(RawIOBase):
    """The bytes of an artefact, to be read once: each piece is freed when it has been read.

    So a large model takes, with the arrays that come of it, no more memory than its file's size.
    """

    def __init__(self) -> None:
        self._pieces: deque[memoryview] = deque()

    def append(self, piece: bytes) -> None:
        self._pieces.append(memoryview(piece))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if not self._pieces:
            return 0
        target, piece = memoryview(buffer), self._pieces.popleft()
        count = min(len(target), len(piece))
        target[:count] = piece[:count]
        if count < len(piece):
            self._pieces.appendleft(piece[count:])
        return count


def load(
    folder: Traversable, name: str, *, verify: bool, any_version: bool, form: Form | None = None
) -> tuple[object, Ranges]:
    """Load an artefact, and check it against its manifest beforehand.

    No other thread may load one at the same time.

    Args:
        folder: holds the artefact and its manifest, *name* with ``.json`` after it.
        name: the artefact's file, or its folder.
        verify: whether there must be a manifest, and each file that it lists be what it says.
            Without one, a file is taken to be in joblib's format.
        any_version: whether other packages than those that made the artefact will do.
        form: the arrays, or what was fitted; None for the one that the manifest prefers.

    Returns:
        A `Portable` of the arrays; what a file of joblib or pickle holds; the bytes of one in
        another format; of a folder, its path. And the ranges of training that the manifest states.

    Raises:
        DamagedArtefactError: a file or the manifest is not what training left.
        VersionMismatchError: another scikit-learn made it, or a newer numpy or joblib.
        ArtefactError: it is missing, has no manifest, or cannot be unpickled.
    """
    artefact = folder / name
    try:
        _check_kind(artefact)
        if not verify and form != "portable":
            return _load_unverified(artefact, any_version=any_version), {}
        manifest, beside = None, folder / f"{name}.json"
        if form != "sklearn" and beside.is_file():
            manifest = _read_manifest(beside)
            if manifest.portable and (form or manifest.is_portable):
                return _load_portable(folder, manifest), manifest.inputs
        if form == "portable":
            message = f"{artefact}: has no portable form; use the one of scikit-learn"
            raise ArtefactError(message)
        # What is checked is loaded, whatever becomes of the file meanwhile.
        manifest, content = _read_verified(folder, name, manifest)
    except FileNotFoundError:
        message = f"{artefact}: the model has not been trained; train it with `make train`"
        raise ArtefactError(message) from None
    except _UNREADABLE as error:
        message = f"{artefact}: cannot be read ({type(error).__name__}: {error})"
        raise ArtefactError(message) from None
    if not any_version:
        _check_versions(artefact, manifest.versions)
    model = _open_fitted(artefact, manifest.chief, content, any_version=any_version)
    return model, manifest.inputs


def read_ranges(folder: Traversable, name: str) -> Ranges:
    """Read the ranges of training without loading the model; nothing where no manifest is.

    Args:
        folder: holds the artefact and its manifest.
        name: the artefact's file or folder.

    Raises:
        ArtefactError: the manifest cannot be read.
    """
    manifest = folder / f"{name}.json"
    return _read_manifest(manifest).inputs if manifest.is_file() else {}


def load_file(artefact: Traversable, name: str) -> bytes:
    """Give the bytes of another file of the model, which are those that training left.

    Args:
        artefact: the path that `LazyModel` gives to the check of a model.
        name: as the manifest lists it, from the folder of *artefact*: ``vocabulary.json``.

    Raises:
        DamagedArtefactError: the file or the manifest is not what training left.
        ArtefactError: the manifest lists no such file, or it cannot be read.
    """
    folder = cast("Path", artefact).parent
    manifest = _read_manifest(folder / f"{artefact.name}.json")
    if name not in manifest.files:
        message = f"{artefact}: {name} is not a file of this model, by its manifest"
        raise ArtefactError(message)
    return _read_other(folder, name, manifest.files[name]).read()


def _open_fitted(
    artefact: Traversable, chief: File | None, content: BufferedReader | None, *, any_version: bool
) -> object:
    if content is None or chief is None:
        return artefact
    if chief.format not in _PICKLED:
        return content.read()
    return _unpickle(artefact, content, any_version=any_version)


def _load_portable(folder: Traversable, manifest: Manifest) -> object:
    content = _read_other(folder, manifest.portable, manifest.files[manifest.portable]).read()
    try:
        import numpy as np  # noqa: PLC0415 - as above

        if np.__version__.startswith("1."):
            problem = f"the model needs numpy 2, but {np.__version__} is installed"
            raise VersionMismatchError(problem, ["numpy>=2.0,<3"])
        from oncology_model.portable import PortableError, load_portable  # noqa: PLC0415
    except ImportError as error:
        raise _describe_lack(folder / manifest.portable, error, ["numpy>=2.0,<3"]) from error
    try:
        return load_portable(content)
    except PortableError as error:
        message = f"{folder / manifest.portable}: {error}; {_FIX}"
        raise ArtefactError(message) from error


def _load_unverified(artefact: Traversable, *, any_version: bool) -> object:
    if artefact.is_dir():
        return artefact
    with cast("BufferedIOBase", artefact.open("rb")) as stream:
        return _unpickle(artefact, stream, any_version=any_version)


def _read_verified(
    folder: Traversable, name: str, manifest: Manifest | None
) -> tuple[Manifest, BufferedReader | None]:
    artefact, beside = folder / name, folder / f"{name}.json"
    if artefact.is_dir() and (manifest := manifest or _read_manifest(beside)).chief is None:
        content = None
    else:
        with cast("BufferedIOBase", artefact.open("rb")) as stream:
            manifest = manifest or _read_manifest(beside)
            content = _read_content(artefact, stream, manifest.chief)
    for other in manifest.files.keys() - {name}:
        _read_other(folder, other, manifest.files[other])
    return manifest, content


def _read_other(folder: Traversable, name: str, file: File) -> BufferedReader:
    path = folder.joinpath(*name.split("/"))
    try:
        _check_kind(path)
        with cast("BufferedIOBase", path.open("rb")) as stream:
            return _read_content(path, stream, file)
    except FileNotFoundError:
        raise _describe_damage(path, "the file is missing") from None
    except _UNREADABLE as error:
        message = f"{path}: cannot be read ({type(error).__name__}: {error})"
        raise ArtefactError(message) from None


def _check_kind(file: Traversable) -> None:
    # Whoever opens a FIFO waits for a writer, and a device may never end.
    if isinstance(file, Path) and file.exists() and not (file.is_file() or file.is_dir()):
        message = "not a regular file"
        raise OSError(message)


def _read_manifest(path: Traversable) -> Manifest:
    try:
        _check_kind(path)
        return parse_manifest(path.read_bytes())
    except FileNotFoundError:
        message = f"{path}: the manifest of the model is missing; {_FIX}"
        raise ArtefactError(message) from None
    except _UNREADABLE as error:
        message = f"{path}: the manifest cannot be read ({error}); {_FIX}"
        raise DamagedArtefactError(message) from None


def _read_content(
    artefact: Traversable, stream: BufferedIOBase, file: File | None
) -> BufferedReader:
    if file is None:
        raise _describe_damage(artefact, "its manifest is that of a folder")
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if size != file.size:
        problem = f"it has {size} bytes, but its manifest says {file.size}"
        raise _describe_damage(artefact, problem)
    digest, pieces, rest = hashlib.sha256(), _Pieces(), size
    while piece := stream.read(min(rest, _PIECE)):
        digest.update(piece)
        pieces.append(piece)
        rest -= len(piece)
    if digest.hexdigest() != file.sha256:
        raise _describe_damage(artefact, "its digest is not the one in its manifest")
    return BufferedReader(pieces, _PIECE)


def _describe_damage(artefact: Traversable, problem: str) -> DamagedArtefactError:
    return DamagedArtefactError(f"{artefact}: the model is damaged, {problem}; {_FIX}")


def _describe_lack(
    artefact: Traversable, error: ImportError, requirements: Sequence[str]
) -> VersionMismatchError:
    problem = f"{artefact}: cannot be loaded without its packages ({error})"
    return VersionMismatchError(problem, requirements)


def _check_versions(artefact: Traversable, required: Mapping[str, str]) -> None:
    try:
        installed = _read_versions(required)
    except ImportError as error:
        pins = [to_requirement(package, version) for package, version in required.items()]
        raise _describe_lack(artefact, error, pins) from error
    if mismatches := list(find_mismatches(required, installed)):
        expected = ", ".join(f"{mismatch.package} {mismatch.required}" for mismatch in mismatches)
        actual = ", ".join(f"{mismatch.package} {mismatch.installed}" for mismatch in mismatches)
        problem = f"{artefact}: was made with {expected}, but {actual} is installed"
        raise VersionMismatchError(problem, [mismatch.requirement for mismatch in mismatches])


def _read_versions(packages: Iterable[str]) -> dict[str, str]:
    # What is imported counts, for metadata may be left over from what was installed before. Of the
    # packages that not every model needs, nothing says under which name they are imported.
    import joblib  # noqa: PLC0415 - only a prediction needs them, and pays the second they take
    import numpy as np  # noqa: PLC0415
    import sklearn  # noqa: PLC0415

    modules = dict(zip(PACKAGES, (sklearn, np, joblib), strict=True))
    return {
        name: str(modules[name].__version__) if name in modules else metadata.version(name)
        for name in packages
    }


def _unpickle(artefact: Traversable, stream: BufferedIOBase, *, any_version: bool) -> object:
    try:
        import joblib  # noqa: PLC0415
        from sklearn.exceptions import InconsistentVersionWarning  # noqa: PLC0415
    except ImportError as error:
        raise _describe_lack(artefact, error, PACKAGES) from error
    try:
        with warnings.catch_warnings():
            if not any_version:
                # Every estimator says in its pickle which scikit-learn made it.
                warnings.simplefilter("error", InconsistentVersionWarning)
            estimator: object = joblib.load(stream)
    except InconsistentVersionWarning as warning:
        required, installed = warning.original_sklearn_version, warning.current_sklearn_version
        problem = f"{artefact}: was made with scikit-learn {required}, but {installed} is installed"
        raise VersionMismatchError(problem, [to_requirement("scikit-learn", required)]) from None
    except Exception as error:  # a damaged or alien pickle can raise anything at all
        message = f"{artefact}: cannot be read ({type(error).__name__}: {error})"
        raise ArtefactError(message) from error
    return estimator
