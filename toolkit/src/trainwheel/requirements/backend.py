"""Where a project's build back end takes the requirements from, if not from a list in our files.

setup.py and setup.cfg are read by setuptools alone, and a table of pyproject.toml may overrule
both in silence (setuptools issue 3306).
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trainwheel.errors import ConfigurationError
from trainwheel.requirements.pyproject import dynamic_fields
from trainwheel.requirements.setup_py.pairing import pair, same_meaning
from trainwheel.system.files import decode

__all__ = [
    "PYPROJECT",
    "SETUP_CFG",
    "SETUP_PY",
    "Elsewhere",
    "find_elsewhere",
    "line_of",
    "load",
    "names_of_files",
    "refuse_extras",
    "replace_file_list",
]

PYPROJECT: Final = "pyproject.toml"
SETUP_PY: Final = "setup.py"
SETUP_CFG: Final = "setup.cfg"

# These hand on to setuptools' own back end.
_SETUPTOOLS = frozenset(("setuptools", "jupyter_packaging"))
# Where other back ends have their requirements.
_TABLES = ("tool.poetry.dependencies", "tool.flit.metadata", "tool.hatch.metadata.hooks")
_DYNAMIC = (r"\[tool\.setuptools", r"\[tool\.setuptools\.dynamic")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)


@dataclass(frozen=True)
class Elsewhere:
    """The place of a project's requirements that is not a list in one of our files.

    Attributes:
        place: File, line and table or key.
        reason: Why they are taken from there.
        hint: What to do, for `sync` to write them.
        files: The requirements files that are named there.
    """

    place: str
    reason: str
    hint: str
    files: tuple[str, ...] = ()

    def error(self) -> ConfigurationError:
        """Return the error that `sync` cannot write there."""
        return ConfigurationError(f"{self.place}: {self.reason}", hint=self.hint)


def find_elsewhere(files: Mapping[str, bytes]) -> Elsewhere | None:
    """Return where the requirements stand if it is neither ``[project]`` nor setup.py or setup.cfg.

    Args:
        files: The contents of those files that exist.

    Raises:
        ConfigurationError: pyproject.toml is not TOML.
    """
    source = decode(files.get(PYPROJECT, b""), PYPROJECT)
    document = load(source)
    project = document.get("project")
    is_dynamic = isinstance(project, dict) and "dependencies" in dynamic_fields(project)
    if isinstance(project, dict) and not is_dynamic:
        return None
    system = _table(document, "build-system")
    backend = str(system.get("build-backend", "setuptools.build_meta"))
    if not _is_setuptools(backend, system):
        return _other_backend(source, backend)
    directive = _table(document, "tool.setuptools.dynamic").get("dependencies")
    if is_dynamic and directive is not None:
        line = line_of(source, *_DYNAMIC, r"dependencies\b")
        place = f"{PYPROJECT}:{line}: [tool.setuptools.dynamic] dependencies"
        return _named(place, _texts(directive.get("file") if isinstance(directive, dict) else ()))
    return _named_in_setup_cfg(files)


def _named_in_setup_cfg(files: Mapping[str, bytes]) -> Elsewhere | None:
    text = files.get(SETUP_CFG, b"").decode("utf-8", "replace")
    match = re.search(r"^install_requires[ \t]*[=:]\s*file:(.*)$", text, re.MULTILINE)
    if match is None:
        return None
    line = text.count("\n", 0, match.start()) + 1
    names = tuple(name.strip() for name in match[1].split(",") if name.strip())
    return _named(f"{SETUP_CFG}:{line}: [options] install_requires", names)


def _named(place: str, names: tuple[str, ...]) -> Elsewhere:
    reason = f"setuptools takes the requirements from {', '.join(names) or 'there'}"
    return Elsewhere(place, reason, "name one requirements file of the project there", names)


def _is_setuptools(backend: str, system: Mapping[str, Any]) -> bool:
    """Return whether a back end reads setup.py: setuptools, or one in the project that uses it."""
    if backend.partition(".")[0].partition(":")[0] in _SETUPTOOLS:
        return True
    requires = [re.split(r"[^\w-]", text)[0] for text in _texts(system.get("requires"))]
    return bool(system.get("backend-path")) and "setuptools" in requires


def _other_backend(source: str, backend: str) -> Elsewhere:
    document = load(source)
    table = next((name for name in _TABLES if _table(document, name)), "")
    name = table or "build-system"
    line = line_of(source, re.escape(f"[{name}") if table else "build-backend")
    reason = f"the build back end {backend} reads this, and no setup.py or setup.cfg"
    hint = "list them as dependencies of [project], which sync writes for every back end"
    return Elsewhere(f"{PYPROJECT}:{line}: [{name}]", reason, hint)


@functools.lru_cache(maxsize=2)
def load(source: str) -> dict[str, Any]:
    """Return the tables of pyproject.toml, which is parsed once; they are not to be changed.

    Raises:
        ConfigurationError: It is not TOML.
    """
    try:
        return tomllib.loads(source)
    except (ValueError, RecursionError) as error:
        message = f"{PYPROJECT} is not TOML: {error}"
        raise ConfigurationError(message, hint="fix that line") from None


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    for key in name.split("."):
        document = document.get(key, {}) if isinstance(document, dict) else {}
    return document if isinstance(document, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    """Return a text, or the texts in a list."""
    values = value if isinstance(value, list) else [value]
    return tuple(text for text in values if isinstance(text, str))


def line_of(source: str, *patterns: str) -> int:
    """Return the number of the line where a line starts with each pattern, one after another.

    A pattern that is missing is passed over, such as the header of a table that is written inline.
    """
    at = 0
    for pattern in patterns:
        match = re.compile(rf"^[ \t]*(?:{pattern})", re.MULTILINE).search(source, at)
        at = match.start() if match else at
    return source.count("\n", 0, at) + 1


def names_of_files(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the requirements files inside the project that its files name."""
    elsewhere = find_elsewhere(files)
    names = elsewhere.files if elsewhere else ()
    return tuple(name for name in names if not name.startswith("/") and ".." not in name.split("/"))


def refuse_extras(files: Mapping[str, bytes], target: str) -> None:
    """Refuse to write extras beside the requirements where setuptools would ignore them.

    Raises:
        ConfigurationError: It takes the extras from another place than `target`.
    """
    for place, reason, hint in _places_of_extras(files, target):
        message = f"{place}: {reason}"
        raise ConfigurationError(message, hint=hint)


def _places_of_extras(files: Mapping[str, bytes], target: str) -> Iterator[tuple[str, str, str]]:
    if target == PYPROJECT:
        return
    source = decode(files.get(PYPROJECT, b""), PYPROJECT)
    document = load(source)
    project = document.get("project")
    if isinstance(project, dict) and "optional-dependencies" not in dynamic_fields(project):
        reason = f"[project] overrules the extras of {target}"
        hint = 'write "optional-dependencies" into its dynamic, or both lists into [project]'
        yield f"{PYPROJECT}:{line_of(source, re.escape('[project]'))}", reason, hint
    dynamic = _table(document, "tool.setuptools.dynamic")
    if isinstance(project, dict) and "optional-dependencies" in dynamic:
        line = line_of(source, *_DYNAMIC, "optional-dependencies")
        yield f"{PYPROJECT}:{line}", "setuptools takes the extras from here", "keep one of both"
    setup_cfg = files.get(SETUP_CFG, b"").decode("utf-8", "replace")
    has_other = re.search(r"^\[options\.extras_require\]", setup_cfg, re.MULTILINE)
    if target == SETUP_PY and has_other and b"extras_require" not in files[SETUP_PY]:
        line = line_of(setup_cfg, r"\[options\.extras_require\]")
        reason = "an extras_require in setup.py would hide these extras"
        yield f"{SETUP_CFG}:{line}", reason, "keep requirements and extras in one file"
    setup_py = files.get(SETUP_PY, b"").decode("utf-8", "replace")
    if target == SETUP_CFG and "extras_require" in setup_py:
        line = setup_py.count("\n", 0, setup_py.index("extras_require")) + 1
        reason = "extras_require hides the extras of setup.cfg"
        yield f"{SETUP_PY}:{line}", reason, "keep requirements and extras in one file"
    if target not in {PYPROJECT, SETUP_PY, SETUP_CFG}:
        yield target, "extras cannot stand in a requirements file", "omit them, or use [project]"


def replace_file_list(name: str, source: bytes, requirements: Sequence[str]) -> bytes:
    """Return a requirements file with other requirements; the same bytes if it has them already.

    Raises:
        ConfigurationError: A line is more than one requirement, such as an option.
    """
    present = _rows(name, source)
    texts = [text for _, text in present]
    if same_meaning(texts, requirements):
        return source
    # Line ends stay as they are: those of a line that is kept, and of its neighbour for a new one.
    lines = _LINE.findall(source.decode())
    end = next((ends[0] for line in lines if (ends := re.search(r"[\r\n]+\Z", line))), "\n")
    if lines and not lines[-1].endswith(("\r", "\n")):
        lines[-1] += end
    changes = pair(texts, requirements)
    for index, text in changes.changed.items():
        number, old = present[index]
        lines[number] = lines[number].replace(old, text, 1)
    for index in changes.removed:
        lines[present[index][0]] = ""
    at = present[-1][0] + 1 if present else len(lines)
    lines[at:at] = [f"{text}{end}" for text in changes.added]
    new = "".join(lines).encode()
    if not same_meaning([text for _, text in _rows(name, new)], requirements):
        message = f"{name}: an edit did not come out as planned"
        raise ConfigurationError(message, hint="edit the file by hand")
    return new


def _rows(name: str, source: bytes) -> list[tuple[int, str]]:
    """Return the requirements of a file as setuptools reads it, each with its line's index."""
    decode(source, name)
    rows = []
    for number, line in enumerate(_LINE.findall(source.decode())):
        text = _COMMENT.sub("", line).strip().removeprefix("\ufeff")
        if text.startswith("-") or text.endswith("\\"):
            message = f"{name}:{number + 1}: {text.split()[0]!r} is more than a requirement"
            raise ConfigurationError(message, hint="write one requirement a line")
        if text:
            rows.append((number, text))
    return rows
