"""Write down which files this process reads and writes, what it lists, and what it imports.

Copied into an environment, where a ``.pth`` file imports it if TRAINWHEEL_WATCH names a folder.
That holds ``settings``: the repository's root, then what is not looked at, one `ascii` a line.
Each process appends to a file of its own: a kind, then what `ascii` makes of each field, with tabs.
The second field is the file below the root whose code did it.

    b        this process began                     s  a database that sqlite opened
    r, u, w  a file opened for reading, for both, for writing (or made, renamed, removed); w says
             when it changed last before (0: it was not there; 1: a folder), and when that was seen
    m        a module that was loaded, as its source
    l        a folder whose names were read         g  a pattern, whether ``**`` counts, a folder
    p        a folder below the root on sys.path
    i        a name that imports looked for, and the folders below the root where, in a package

Each line is one write to a file that is opened for it (3 µs): threads tear no line, a kill loses
none, a fork has its own file, and a program that closes all descriptors gets no line in its files.
"""

# Each process imports this before its program: no import that takes time, and paths are texts.
# ruff: noqa: BLE001, FBT001, FBT003, PTH100, PTH109, PTH113, PTH115, PTH118, PTH120, PTH123, S110
# ruff: noqa: SIM105, SLF001

from __future__ import annotations

import os
import stat
import sys
import time

TYPE_CHECKING = False  # typing itself would take each process 5 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType
    from typing import Any

_HERE = sys._getframe().f_code.co_filename
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_BOUND = 100_000  # texts that are held: a program that opens a million files keeps its memory
# Functions of glob, pathlib, os and shutil: these list folders for a pattern, those open names
# below a descriptor, which the event does not have.
_SEARCHES = {"_iglob", "glob", "rglob", "select_recursive", "select_wildcard"}
_BELOW = {"_fwalk", "_rmtree_safe_fd", "_rmtree_safe_fd_step"}


class _Watch:
    """An audit hook, and a finder, for `importlib.import_module` raises no event."""

    def __init__(self, folder: str) -> None:
        with open(f"{folder}/settings", "rb") as stream:
            lines = [line[1:-1].decode("unicode_escape") for line in stream.read().splitlines()]
        self.roots = tuple({_slashed(lines[0]), _slashed(os.path.realpath(lines[0]))})
        self.skip = tuple(map(_slashed, (folder, *lines[1:])))
        self.log = f"{folder}/%d-{time.monotonic_ns()}.log"
        self.started = os.getcwd()
        self.read: set[Any] = set()
        self.changed: set[Any] = set()
        self.noted: set[tuple[str, ...]] = set()
        self.names: set[str] = set()
        self.code: dict[str, str] = {}
        self.path: list[str] = []
        self.handlers: dict[str, Callable[..., None]] = {
            "open": self.see_open, "import": self.see_import, "os.chdir": self.move,
            "os.listdir": self.see_list, "os.scandir": self.see_list, "glob.glob/2": self.see_glob,
            "pathlib.Path.glob": lambda path, pattern: self.see_glob(pattern, True, path),
            "pathlib.Path.rglob": lambda path, pattern: self.see_glob(f"**/{pattern}", True, path),
            "os.rename": self.rename, "os.link": self.link, "os.symlink": self.link,
            "os.remove": self.change, "os.rmdir": self.change,
            "os.truncate": lambda path, _: self.change(path),
            "os.mkdir": lambda path, _, below: self.change(path, below),
            "sqlite3.connect": self.connect, "ctypes.dlopen": self.execute,
            "subprocess.Popen": lambda path, _, cwd, __: self.execute(path, cwd=cwd),
            "os.exec": self.execute, "os.posix_spawn": self.execute,
        }  # fmt: skip

    def hook(self, event: str, values: tuple[Any, ...]) -> None:
        """See an event; what goes wrong here does not reach the program."""
        try:
            handler = self.handlers.get(event)
            if handler is not None:
                handler(*values)
        except Exception:
            pass

    def find_spec(self, name: str, path: Iterable[str] | None = None, _: Any = None) -> None:
        """Write down what an import looks for, and find nothing."""
        try:
            self.look(name, path)
        except Exception:
            pass

    def look(self, name: str, path: Iterable[str] | None) -> None:
        if path is None and sys.path != self.path:
            self.path = sys.path.copy()
            self.names.clear()
            for each in self.path:
                if isinstance(each, str):
                    self.note("p", each or ".", only=self.roots)
        if name not in self.names:
            self.names.add(name)
            folders = [self.absolute(each) for each in path or ()]
            places = [each for each in folders if self.counts(each, self.roots)]
            if path is None or places:
                self.write("i", name, "", *places)

    def see_import(self, name: str, file: str | None, path: Any, *_: Any) -> None:
        if file is not None:
            self.note("m", file)
        elif path is not None and "." not in name:
            self.look(name, None)

    def see_open(self, path: Any, mode: str | None, flags: int) -> None:
        seen = self.changed if flags & _WRITES else self.read
        if path in seen or isinstance(path, int):
            return
        if len(seen) > _BOUND:
            seen.clear()
        text, frame = _text(path), _caller()
        if mode is None and text[:1] != "/" and frame and frame.f_code.co_name in _BELOW:
            return
        if flags & _WRITES == os.O_RDWR:
            self.note("u", text)
        elif flags & _WRITES or (mode or "r")[0] in "wax":  # C's fopen gives no flags
            self.change(text)
        else:
            source = _source(text)
            is_imported = frame and frame.f_code.co_filename.startswith("<frozen importlib")
            is_module = source != text or (is_imported and text.endswith((".py", ".pyc")))
            self.note("m" if is_module else "r", source)
        seen.add(path)

    def change(self, path: Any, below: int = -1) -> None:
        text = self.absolute(path, below)
        prefix = sys.pycache_prefix
        if "/__pycache__/" in f"{text}/" or (prefix and text.startswith(prefix)):
            return
        try:
            status = os.lstat(text)
            before = 1 if stat.S_ISDIR(status.st_mode) else status.st_ctime_ns
        except OSError:
            before = 0
        self.note("w", text, before, time.monotonic_ns())

    def rename(self, old: Any, new: Any, old_below: int, new_below: int) -> None:
        self.change(old, old_below)
        self.change(new, new_below)

    def link(self, old: Any, new: Any, *below: int) -> None:
        new = self.absolute(new, below[-1])
        is_symbolic = len(below) == 1
        old = (
            os.path.join(os.path.dirname(new), _text(old))
            if is_symbolic
            else self.absolute(old, below[0])
        )
        self.note("r", old)
        self.change(new)

    def connect(self, database: Any) -> None:
        text = _text(database)
        if text.startswith("file:"):
            text, _, query = text[5:].partition("?")
            if "mode=memory" in query:
                return
            text = text[text.find("/", 2) :] if text.startswith("//") else text
        if text not in {"", ":memory:"}:
            self.note("s", text)

    def execute(self, path: Any, *_: Any, cwd: Any = None) -> None:
        if path is not None and "/" in _text(path):
            self.note("r", os.path.join(_text(cwd or ""), _text(path)))

    def see_list(self, path: Any) -> None:
        frame = _caller()
        file = frame.f_code.co_filename if frame else ""
        if file.startswith("<frozen importlib"):
            return
        if "/importlib/metadata" in file or "/pkg_resources/" in file:
            self.see_glob("*.dist-info", False, path)
            self.see_glob("*.egg-info", False, path)
            return
        while frame and (
            "pathlib" in frame.f_code.co_filename or frame.f_code.co_filename.endswith("/glob.py")
        ):
            if frame.f_code.co_name in _SEARCHES:
                return
            frame = frame.f_back
        is_open = isinstance(path, int)
        self.note("l", self.absolute("", path) if is_open else path or ".")

    def see_glob(self, pattern: Any, is_recursive: bool, folder: Any, *_: Any) -> None:
        text, top = _text(pattern), self.absolute(folder or ".")
        key = ("g", text, top, str(is_recursive))
        if key not in self.noted and self.counts(os.path.join(top, text)):
            self.noted.add(key)
            self.write("g", text, self.by(), int(is_recursive), top)

    def move(self, _: Any) -> None:
        """Forget what relative names stood for: the process goes to another folder."""
        self.read.clear()
        self.changed.clear()
        self.path = []

    def note(self, kind: str, path: Any, *more: int, only: tuple[str, ...] = ("/",)) -> None:
        text = self.absolute(path)
        if (kind, text) not in self.noted and self.counts(text, only):
            if len(self.noted) > _BOUND:
                self.noted.clear()
            self.noted.add((kind, text))
            self.write(kind, text, self.by(), *more)

    def write(self, kind: str, *fields: str | int) -> None:
        log = self.log % os.getpid()
        self.changed.add(log)
        descriptor = os.open(log, _APPEND, 0o644)
        try:
            os.write(descriptor, ("\t".join((kind, *map(ascii, fields))) + "\n").encode())
        finally:
            os.close(descriptor)

    def counts(self, path: str, only: tuple[str, ...] = ("/",)) -> bool:
        path = f"{path}/"
        return path.startswith(only) and not path.startswith(self.skip)

    def absolute(self, path: Any, below: int = -1) -> str:
        text = _text(path)
        if text[:1] == "/":
            return _plain(text)
        if below >= 0:
            return _plain(os.path.join(os.readlink(f"/proc/self/fd/{below}"), text))
        return _plain(os.path.join(os.getcwd(), text))

    def by(self) -> str:
        frame = _caller()
        while frame is not None:
            name = frame.f_code.co_filename
            if name not in self.code:
                self.code[name] = self.own(name)
            if self.code[name]:
                return self.code[name]
            frame = frame.f_back
        return ""

    def own(self, name: str) -> str:
        """Return the name below the root of a file with code; empty where it is not there."""
        path = os.path.join(self.started, name)
        for root in self.roots:
            if name[:1] != "<" and self.counts(path, (root,)) and os.path.isfile(path):
                return path[len(root) :]
        return ""


def _slashed(path: str) -> str:
    return f"{path.rstrip('/')}/"


def _text(path: Any) -> str:
    return os.fsdecode(path)


def _plain(path: str) -> str:
    """Return a path without dots; what lies before ``..`` may be a link, so that is resolved."""
    if "/../" in f"{path}/":
        folder, name = os.path.split(path)
        return (
            os.path.realpath(path)
            if name == ".."
            else f"{_slashed(os.path.realpath(folder))}{name}"
        )
    return os.path.normpath(path) if "/." in path or "//" in path else path.rstrip("/") or "/"


def _source(path: str) -> str:
    """Return the source of a compiled module (PEP 3147), or the path itself."""
    folder, name = os.path.split(path)
    stem = name.rpartition(f".{sys.implementation.cache_tag}")[0]
    prefix = (sys.pycache_prefix or "").rstrip("/")
    if stem and name.endswith(".pyc"):
        if prefix and folder.startswith(f"{prefix}/"):
            return f"{folder[len(prefix) :]}/{stem}.py"
        if folder.endswith("/__pycache__"):
            return f"{folder[:-12]}/{stem}.py"
    return path


def _caller() -> FrameType | None:
    """Return the code that raised the event."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename == _HERE:
        frame = frame.f_back
    return frame


def _start() -> None:
    watch = _Watch(os.path.abspath(os.environ["TRAINWHEEL_WATCH"]))
    watch.write("b", sys.executable)
    sys.meta_path.insert(0, watch)
    sys.addaudithook(watch.hook)


if __name__ == "_trainwheel_watch":
    try:
        _start()
    except Exception:
        pass
