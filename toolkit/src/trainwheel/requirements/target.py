"""Choose the file that lists a project's requirements, and edit it.

In this order: ``[project]`` of pyproject.toml unless its dependencies are dynamic, a setup()
call with install_requires, ``[options] install_requires`` of setup.cfg. A new list goes into
setup.py, or into setup.cfg if setup.py is missing. Two lists are refused, for setuptools
reads one and ignores the other in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from trainwheel.errors import ConfigurationError, SetupPyError
from trainwheel.requirements.policy import Plan
from trainwheel.requirements.pyproject import (
    read_project_list,
    read_project_table,
    replace_project_list,
)
from trainwheel.requirements.setup_py import has_install_requires, replace_list

__all__ = ["FILES", "choose_target", "sync_target"]

PYPROJECT: Final = "pyproject.toml"
SETUP_PY: Final = "setup.py"
SETUP_CFG: Final = "setup.cfg"
FILES: Final = (PYPROJECT, SETUP_PY, SETUP_CFG)

_LISTS: Final = {
    PYPROJECT: "[project] of pyproject.toml",
    SETUP_PY: "install_requires of setup.py",
    SETUP_CFG: "install_requires of setup.cfg",
}


def choose_target(files: Mapping[str, bytes]) -> str:
    """Return the name of the file to write.

    Args:
        files: The contents of those of `FILES` that exist.

    Raises:
        ConfigurationError: None exists, two of them have a list, or one cannot be read.
    """
    rules = _project_rules(files)
    places = [PYPROJECT] if rules else []
    if _setup_py_has_list(files, has_other=rules or _setup_cfg_has_list(files)):
        places.append(SETUP_PY)
    if _setup_cfg_has_list(files):
        places.append(SETUP_CFG)
    if len(places) > 1:
        message = f"requirements are listed in {' and in '.join(map(_LISTS.__getitem__, places))}"
        hint = "keep one"
        if rules and read_project_list(files[PYPROJECT]) is None:
            hint = 'keep one: remove the second, or write dynamic = ["dependencies"] into [project]'
        raise ConfigurationError(message, hint=hint)
    if names := [*places, *(name for name in (SETUP_PY, SETUP_CFG) if name in files)]:
        return names[0]
    message = "there is no setup.py, no setup.cfg and no [project] in pyproject.toml"
    hint = "create one of them for sync to edit"
    if b"[project]" in files.get(PYPROJECT, b""):
        # As with Hatch and a hook of its own: the back end computes them while it builds.
        message = "the dependencies of [project] are dynamic, and no setup.py or setup.cfg has them"
        hint = 'take "dependencies" out of dynamic in pyproject.toml, so that sync can list them'
    raise ConfigurationError(message, hint=hint)


def sync_target(name: str, source: bytes, plan: Plan) -> bytes:
    """Return a file with the requirements of a plan; the same bytes if it has them already.

    Raises:
        ConfigurationError: It cannot be edited safely.
    """
    edit = _EDITORS[name]
    new = edit(source, plan.requirements, None)
    for extra, requirements in plan.extras.items():
        new = edit(new, requirements, extra)
    return new


def _edit_setup_cfg(source: bytes, requirements: Sequence[str], extra: str | None) -> bytes:
    from trainwheel.requirements.setup_cfg import EXTRAS, INSTALL_REQUIRES, replace_setup_cfg_list

    place = INSTALL_REQUIRES if extra is None else (EXTRAS, extra)
    return replace_setup_cfg_list(source, place, requirements)


_EDITORS: Final[Mapping[str, Callable[[bytes, Sequence[str], str | None], bytes]]] = {
    PYPROJECT: replace_project_list,
    SETUP_PY: replace_list,
    SETUP_CFG: _edit_setup_cfg,
}


def _project_rules(files: Mapping[str, bytes]) -> bool:
    return PYPROJECT in files and read_project_table(files[PYPROJECT]) is not None


def _setup_py_has_list(files: Mapping[str, bytes], *, has_other: bool) -> bool:
    try:
        return SETUP_PY in files and has_install_requires(files[SETUP_PY])
    except SetupPyError:
        # An unreadable setup.py matters only if the list should be in it.
        if has_other:
            return False
        raise


def _setup_cfg_has_list(files: Mapping[str, bytes]) -> bool:
    if SETUP_CFG not in files:
        return False
    from trainwheel.requirements.setup_cfg import INSTALL_REQUIRES, read_setup_cfg_list

    return read_setup_cfg_list(files[SETUP_CFG], *INSTALL_REQUIRES) is not None
