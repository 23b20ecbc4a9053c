"""Choose the file that lists a project's requirements, and edit it.

In this order: ``[project]`` of pyproject.toml unless its dependencies are dynamic, a requirements
file that setuptools is told to read, a setup() call with install_requires, ``[options]
install_requires`` of setup.cfg. A new list goes into setup.py, or into setup.cfg if setup.py is
missing. Two lists are refused, for setuptools reads one and ignores the other in silence, and so
is a list that the build back end does not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from trainwheel.errors import ConfigurationError, SetupPyError
from trainwheel.requirements.backend import (
    PYPROJECT,
    SETUP_CFG,
    SETUP_PY,
    find_elsewhere,
    line_of,
    refuse_extras,
    replace_file_list,
)
from trainwheel.requirements.policy import Plan
from trainwheel.requirements.pyproject import (
    read_project_list,
    read_project_table,
    replace_project_list,
)
from trainwheel.requirements.setup_py import has_install_requires, replace_list

__all__ = ["FILES", "choose_target", "place_of_list", "sync_target"]

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
        ConfigurationError: None exists, two of them have a list, one cannot be read, or the build
            back end reads another one.
    """
    rules, elsewhere = _project_rules(files), find_elsewhere(files)
    if elsewhere is not None and not elsewhere.files:
        raise elsewhere.error()
    in_cfg = elsewhere is None and _setup_cfg_has_list(files)
    places = [_LISTS[PYPROJECT]] if rules else [elsewhere.place] if elsewhere else []
    names = [PYPROJECT] if rules else [*elsewhere.files] if elsewhere else []
    if _setup_py_has_list(files, has_other=bool(names) or in_cfg):
        places, names = [*places, _LISTS[SETUP_PY]], [*names, SETUP_PY]
    if in_cfg:
        places, names = [*places, _LISTS[SETUP_CFG]], [*names, SETUP_CFG]
    if len(places) > 1:
        message = f"requirements are listed in {' and in '.join(places)}"
        hint = "keep one"
        if rules and read_project_list(files[PYPROJECT]) is None:
            hint = 'keep one: remove the second, or write dynamic = ["dependencies"] into [project]'
        raise ConfigurationError(message, hint=hint)
    if elsewhere is not None and (len(names) > 1 or names[0] not in files):
        raise elsewhere.error()
    present = [name for name in (SETUP_PY, SETUP_CFG) if name in files]
    # A table of extras written into setup.py would hide the one of setup.cfg from setuptools.
    if SETUP_CFG in files and _has_setup_cfg_extras(files[SETUP_CFG]):
        present.reverse()
    if names := [*names, *present]:
        return names[0]
    message = "there is no setup.py, no setup.cfg and no [project] in pyproject.toml"
    hint = "create one of them for sync to edit"
    if b"[project]" in files.get(PYPROJECT, b""):
        # As with Hatch and a hook of its own: the back end computes them while it builds.
        message = "the dependencies of [project] are dynamic, and no setup.py or setup.cfg has them"
        hint = 'take "dependencies" out of dynamic in pyproject.toml, so that sync can list them'
    raise ConfigurationError(message, hint=hint)


def place_of_list(files: Mapping[str, bytes]) -> str:
    """Return the place that decides about the requirements: its file, with the line where known."""
    try:
        elsewhere = find_elsewhere(files)
        if elsewhere is not None:
            return elsewhere.place
        name = choose_target(files)
    except ConfigurationError as error:
        return error.message
    key = "dependencies" if name == PYPROJECT else r"(?:.*[(,\s])?install_requires\s*[=:]"
    return f"{name}:{line_of(files[name].decode('utf-8', 'replace'), key)}: {_LISTS[name]}"


def sync_target(name: str, files: Mapping[str, bytes], plan: Plan) -> bytes:
    """Return a file with the requirements of a plan; the same bytes if it has them already.

    Raises:
        ConfigurationError: It cannot be edited safely, or the extras stand in another one.
    """
    source = files[name]
    if plan.extras:
        refuse_extras(files, name)
    if name not in _EDITORS:
        return replace_file_list(name, source, plan.requirements)
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


def _has_setup_cfg_extras(source: bytes) -> bool:
    from trainwheel.requirements.setup_cfg import EXTRAS, has_section

    return has_section(source, EXTRAS)
