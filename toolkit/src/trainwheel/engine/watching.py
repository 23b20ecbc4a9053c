"""Watch what the processes of a step read, by the hook in its environment, and sum it up.

The hook (`guest/watch.py`) writes what processes did; this says what of it decides the result.
"""

# Texts, for there are many; and no function here raises for a name that cannot be a path.
# ruff: noqa: PTH110, PTH113, PTH114, PTH116, PTH118, PTH208

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from trainwheel.engine.observed import Glob, Observed, Sighting

__all__ = ["read_observed", "watch"]

_SETTINGS: Final = "settings"
_KERNEL: Final = ("/dev", "/proc", "/sys")
# The fields that each kind of line has at least: texts (t) and numbers (n).
_FIELDS: Final = {**dict.fromkeys("bilmprsu", "tt"), "g": "ttnt", "w": "ttnn"}
_HOW: Final = {"s": "sqlite", "u": "opened", "r": "opened", "m": "imported"}  # the last counts
_UNKNOWN: Final = 1  # long ago: when a file that is read and written had changed last
_NOBODY: Final = Sighting("")


@contextlib.contextmanager
def watch(folder: Path, root: Path, skip: Iterable[str]) -> Iterator[None]:
    """Let processes write into a folder what they read.

    Args:
        folder: The value of TRAINWHEEL_WATCH for those processes; its old content is removed.
        root: The repository.
        skip: Files and folders that do not count, with all below them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.log"), folder / _SETTINGS):
        old.unlink(missing_ok=True)
    names = [os.path.abspath(name) for name in (*skip, *_KERNEL)]  # noqa: PTH100 - keeps links
    lines = dict.fromkeys([str(root.absolute()), *names, *map(os.path.realpath, names)])
    text = "".join(f"{line!a}\n" for line in lines)
    (folder / _SETTINGS).write_text(text, encoding="ascii")
    yield


def read_observed(folder: Path, root: Path) -> Observed:
    """Return what the processes read that wrote into a folder since `watch` began.

    Read it when they have ended: what a file is now decides what a line about it means.
    """
    return _Reading(folder, root.absolute()).observed()


@dataclass(frozen=True)
class _Line:
    kind: str
    text: str
    by: str
    more: tuple[str, ...]


class _Reading:
    """What the logs say; a line that is torn or of somebody else is passed over."""

    def __init__(self, folder: Path, root: Path) -> None:
        # Programs use either name of the root where a link leads to it.
        self.roots = (str(root), os.path.realpath(root))
        self.start = (folder / _SETTINGS).stat().st_mtime_ns
        logs = [_parse_log(log.read_bytes()) for log in sorted(folder.glob("*.log"))]
        self.processes = sum(map(bool, logs))
        self.lines = [line for log in logs for line in log]

    def observed(self) -> Observed:
        """Sum it up."""
        seen, (places, modules) = self.sightings(), self.imports()
        return Observed(
            files={name: seen[name] for name in sorted(seen) if os.path.isfile(self.path(name))},
            absent=tuple(name for name in sorted(seen) if not os.path.exists(self.path(name))),
            folders={name: line.by for name, line in self.named("l") if self.is_input(name)},
            globs=self.globs(),
            places=places,
            modules=modules,
            written=self.written(),
            processes=self.processes,
        )

    def of(self, kinds: str) -> list[_Line]:
        """Return the lines of some kinds; last those with the code that did it."""
        return sorted((line for line in self.lines if line.kind in kinds), key=lambda line: line.by)

    def named(self, kinds: str) -> Iterator[tuple[str, _Line]]:
        """Yield the lines of some kinds that are about a path, with its name."""
        for line in self.of(kinds):
            name = self.name(line.text)
            if line.kind == "s" and not os.path.exists(self.path(name)):
                name = unquote(name)  # sqlite takes addresses as well
            yield name, line

    def name(self, path: str) -> str:
        """Return a path relative to the root, or as it is where it is outside."""
        for root in self.roots:
            if path == root:
                return "."
            if path.startswith(f"{root}/"):
                return path[len(root) + 1 :]
        return path

    def path(self, name: str) -> str:
        """Return the path of what has a name."""
        return os.path.join(self.roots[0], name)

    def sightings(self) -> dict[str, Sighting]:
        """Return what was looked for, whether it is there or not, unless the step wrote it."""
        seen: dict[str, Sighting] = {}
        for kind, how in _HOW.items():
            for name, line in self.named(kind):
                real = self.behind(name)
                seen[real] = Sighting(how, line.by or seen.get(real, _NOBODY).by)
                # What was written last may still be in the database's log (sqlite.org/wal.html).
                if kind == "s" and not self.is_own(real):
                    seen[f"{real}-wal"] = seen[real]
        return {name: sighting for name, sighting in seen.items() if not self.is_own(name)}

    def behind(self, name: str) -> str:
        """Return what a name leads to by a link that the step made, or the name itself."""
        links = (each for each in _up(name) if each in self.made)
        is_led = any(os.path.islink(self.path(each)) for each in links)
        return self.name(os.path.realpath(self.path(name))) if is_led else name

    @cached_property
    def writes(self) -> dict[str, int]:
        """What was written to → when it had changed last before; see the hook."""
        before: dict[str, int] = {}
        for name, line in sorted(self.named("w"), key=lambda named: int(named[1].more[1])):
            before.setdefault(name, int(line.more[0]))
        for name, _ in self.named("us"):
            path = self.path(name)
            if os.path.exists(path) and os.stat(path).st_mtime_ns > self.start:
                before.setdefault(name, _UNKNOWN)
        return before

    @cached_property
    def made(self) -> frozenset[str]:
        """What was not there before the step, which made it."""
        return frozenset(
            name for name, before in self.writes.items() if before == 0 or before > self.start
        )

    @cached_property
    def changed(self) -> frozenset[str]:
        """What was there before, and the step changed or removed."""
        return frozenset(name for name in self.writes.keys() - self.made if self._is_changed(name))

    def _is_changed(self, name: str) -> bool:
        try:
            status = os.lstat(self.path(name))
        except OSError:
            return True
        # A file that was opened and not written to has its old time.
        return not stat.S_ISDIR(status.st_mode) and status.st_ctime_ns != self.writes[name]

    def is_own(self, name: str) -> bool:
        """Whether the step wrote it, or made or removed a folder that it is in."""
        return any(each in self.made or each in self.changed for each in _up(name))

    @cached_property
    def shared(self) -> frozenset[str]:
        """Folders of temporary files in which the step made something, as others do meanwhile.

        pytest lists its own, `pytest-of-USER`, for the number of the next folder in it.
        """
        top = tempfile.gettempdir()
        tops = (f"{top}/", f"{os.path.realpath(top)}/")
        above = {name.rpartition("/")[0] for name in self.writes if name.startswith("/")}
        return frozenset(each for each in above if f"{each}/".startswith(tops))

    def is_input(self, folder: str) -> bool:
        """Whether the names in a folder decide the result."""
        return not self.is_own(folder) and folder not in self.shared

    def written(self) -> tuple[str, ...]:
        """Return what the step made, wrote or removed below the root: files, and new folders."""
        made = {name for name in self.made if os.path.lexists(self.path(name))}
        return tuple(sorted(name for name in made | self.changed if not name.startswith("/")))

    def globs(self) -> dict[Glob, str]:
        """Return the searches for names."""
        globs: dict[Glob, str] = {}
        for line in self.of("g"):
            pattern, folder = self.name(line.text), self.name(line.more[1])
            folder = folder if pattern == line.text else "."
            if self.is_input(folder):
                globs[Glob(pattern, folder, line.more[0] == "1")] = line.by
        return globs

    def imports(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the folders that imports searched, and the names that they looked for there."""
        looked = [(line.text, self.name(place)) for line in self.of("i") for place in line.more]
        pairs = [_as_on_path(*each) for each in looked]
        places = {name for name, _ in self.named("p")} | {place for place, _ in pairs}
        places = {place for place in places if not self.is_own(place)}
        there = {stem for place in places for stem in self._stems(place)}
        names = {line.text for line in self.of("i")} | {name for _, name in pairs}
        names = {name for name in names if "." not in name or name.partition(".")[0] in there}
        return tuple(sorted(places)), tuple(sorted(names)) if places else ()

    def _stems(self, place: str) -> set[str]:
        try:
            return {entry.partition(".")[0] for entry in os.listdir(self.path(place))}
        except OSError:  # not there (yet), or an archive
            return set()


def _parse_log(text: bytes) -> list[_Line]:
    return [line for raw in text.split(b"\n")[:-1] if (line := _parse(raw)) is not None]


def _parse(raw: bytes) -> _Line | None:
    kind, *fields = raw.decode("ascii", "replace").split("\t")
    shape = "".join(
        "n" if field.isdigit() else "t" if _is_quoted(field) else "?" for field in fields
    )
    if kind not in _FIELDS or not shape.startswith(_FIELDS[kind]):
        return None
    try:
        name, by, *more = map(_text, fields)
    except UnicodeDecodeError:
        return None
    return _Line(kind, name, by, tuple(more))


def _is_quoted(field: str) -> bool:
    return field[:1] in {"'", '"'} and field[1:].endswith(field[:1])


def _text(field: str) -> str:
    return field[1:-1].encode().decode("unicode_escape") if _is_quoted(field) else field


def _up(name: str) -> Iterator[str]:
    """Yield a name, and the folders above it."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _as_on_path(module: str, folder: str) -> tuple[str, str]:
    """Return where a module of a package would be looked for if that place were on sys.path.

    Args:
        module: Its dotted name.
        folder: A folder of its package, which may be called otherwise than the package.
    """
    package, _, last = module.rpartition(".")
    parent = f"/{package.replace('.', '/')}"
    if f"/{folder}".endswith(parent):
        return f"/{folder}"[: -len(parent)].removeprefix("/") or ".", module
    return folder, last
