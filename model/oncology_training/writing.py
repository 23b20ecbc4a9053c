"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import joblib
from sklearn.base import ClassifierMixin

from oncology_training.jobs import clear_jobs


def write_text(path: Path, text: str) -> None:
    """Write *text* as UTF-8 in the place of *path*.

    Raises:
        OSError: the file cannot be written; what was there before is still there.
    """
    with _replacing(path) as stream:
        stream.write(text.encode())


def write_model(estimator: ClassifierMixin, path: Path) -> None:
    """Dump an estimator in the place of *path*, in joblib's format.

    Uncompressed, because the wheel compresses it anyway. Dump what was fitted, never what
    was loaded: numpy leaves memory of its own between the fields of loaded tree nodes, and
    the bytes would differ from dump to dump. Its ``n_jobs`` is set to None before.

    Raises:
        OSError: the file cannot be written; what was there before is still there.
    """
    clear_jobs(estimator)
    with _replacing(path) as stream:
        joblib.dump(estimator, stream)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic only within one file system. Opened by
    # hand: tempfile would make it private, and with it the model in the wheel.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
