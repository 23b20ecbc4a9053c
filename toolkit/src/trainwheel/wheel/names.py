"""The names of a wheel's files: fit to be unpacked beside each other, on any system."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath

from trainwheel.errors import StepFailedError

__all__ = ["check_names"]

_LIMIT = 1 << 16
_CONTROLS = frozenset({"Cc", "Cs"})


def check_names(names: Iterable[str]) -> None:
    """Check the names of all files of a wheel.

    Raises:
        StepFailedError: One leaves the folder that it is unpacked in, is no name on some system,
            or two of them are one file, or a file and a folder, on some system.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not _is_fit(name):
            message = f"{name!r} cannot be the name of a file in a wheel"
            raise StepFailedError(message)
        folded = _fold(name)
        if folded in seen:
            message = f"two files of the wheel share a name: {seen[folded]} and {name}"
            hint = "rename one: not every file system tells capitals from small letters"
            raise StepFailedError(message, hint="" if seen[folded] == name else hint)
        seen[folded] = name
    for folded, name in seen.items():
        for parent in PurePosixPath(folded).parents:
            if str(parent) in seen:
                message = f"{seen[str(parent)]} is a file of the wheel, and the folder of {name}"
                raise StepFailedError(message)


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _is_fit(name: str) -> bool:
    return not (
        {"", ".", ".."} & set(name.split("/"))
        or "\\" in name
        or PureWindowsPath(name).anchor
        or any(unicodedata.category(character) in _CONTROLS for character in name)
        or len(name.encode("utf-8")) >= _LIMIT
    )
