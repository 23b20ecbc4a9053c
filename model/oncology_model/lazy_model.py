"""A model that is loaded by the first who asks for it."""

import os
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from oncology_model.load_lock import LOAD_LOCK

if TYPE_CHECKING:  # it takes longer to import than the package itself
    from collections.abc import Callable
    from importlib.resources.abc import Traversable
    from os import PathLike

    from oncology_model.loading import Form
    from oncology_model.ranges import Ranges

_Model = TypeVar("_Model")

_ARTEFACT = ("artefact", "model.joblib")
"""What training makes in this package, the first that ``tool.trainwheel.artefact`` names."""


class LazyModel(Generic[_Model]):
    """The trained model, loaded once in a process, whichever thread asks first.

    It can be copied, pickled and sent to other processes. What arrives is the choice of the file
    alone: a copy loads the model itself, with all checks, when it is first asked.
    """

    takes_any_version = False
    """Whether `any_version` holds for all models of the package, as `verify` can ask for."""

    preferred: "ClassVar[Form | None]" = None
    """The form of all models of the package that are asked for none, as a proof of it sets it."""

    def __init__(
        self,
        artefact: "str | PathLike[str] | None",
        check: "Callable[[object, Traversable, Ranges], _Model]",
        *,
        verify: bool = True,
        any_version: bool = False,
        form: "Form | None" = None,
    ) -> None:
        """Choose the artefact, without reading it.

        Args:
            artefact: a file or folder; None for the one that this package ships.
            check: gets what was loaded, its path and the ranges of training, and returns what
                `get` is to return, or raises. It runs while the lock of loads is held: what it
                imports is whole in a process that forks meanwhile. A function of a module, so that
                it can be pickled. What is loaded is an
                object if the file is one of joblib, else its bytes, or the path of a folder;
                ``loading.load_file(path, "vocabulary.json")`` gives the bytes of another file.
            verify: whether there must be a manifest, and the artefact be what it says.
            any_version: whether other packages than those that made the artefact will do.
            form: the arrays, or what was fitted; None for the one that the manifest prefers.
        """
        if not isinstance(os.fspath(artefact or ""), str):
            message = f"an artefact is named by a text or a path, not by {type(artefact).__name__}"
            raise TypeError(message)
        if form not in {"portable", "sklearn", None}:
            message = f'engine must be "portable", "sklearn" or None, not {form!r}'
            raise ValueError(message)
        self._artefact = artefact
        self._check = check
        self._verify = verify
        self._any_version = any_version
        self._form = form
        self._loaded: _Model | None = None
        self._ranges: Ranges | None = None

    def __getstate__(self) -> dict[str, object]:
        """Give all but the loaded model, which other packages might read wrongly."""
        return {**vars(self), "_loaded": None, "_ranges": None}

    @property
    def is_loaded(self) -> bool:
        """Whether the model has been loaded."""
        return self._loaded is not None

    @property
    def ranges(self) -> "Ranges":
        """The ranges of training by the manifest, which is read without loading the model.

        Raises:
            ArtefactError: the manifest cannot be read.
        """
        with LOAD_LOCK.hold():  # see above
            from oncology_model.loading import read_ranges  # noqa: PLC0415

            if self._ranges is None:
                self._ranges = read_ranges(*self._locate()) if self._verify else {}
            return self._ranges

    def get(self) -> _Model:
        """Return the model as it was checked.

        Raises:
            ArtefactError: the artefact cannot be used.
        """
        loaded = self._loaded
        return self._load() if loaded is None else loaded

    def _load(self) -> _Model:
        with LOAD_LOCK.hold():
            # Only here: a program without a prediction need not pay for them, and a process
            # that forks while another thread imports them could not import them again.
            from oncology_model.loading import load  # noqa: PLC0415

            if self._loaded is None:
                folder, name = self._locate()
                any_version = self._any_version or LazyModel.takes_any_version
                form = self._form or LazyModel.preferred
                model, ranges = load(
                    folder, name, verify=self._verify, any_version=any_version, form=form
                )
                self._loaded = self._check(model, folder / name, ranges)
            return self._loaded

    def _locate(self) -> "tuple[Traversable, str]":
        from importlib.resources import files  # noqa: PLC0415
        from pathlib import Path  # noqa: PLC0415

        if self._artefact is None:
            return files(__package__).joinpath(*_ARTEFACT[:-1]), _ARTEFACT[-1]
        path = self._artefact if isinstance(self._artefact, Path) else Path(self._artefact)
        return path.parent, path.name
