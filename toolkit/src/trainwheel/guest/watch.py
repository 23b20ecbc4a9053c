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
# ruff: noqa: ARG002, BLE001, PTH100, PTH109, PTH113, PTH115, PTH118, PTH120, PTH123, S110
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

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_BOUND = 100_000  # texts that are held: a program that opens a million files keeps its memory
_IMPORTING = {"_frozen_importlib_external", "importlib._bootstrap_external"}
_INSTALLED = {"importlib.metadata", "importlib_metadata", "pkg_resources"}  # list for two patterns
# What lists folders for a pattern that it raised an event for.
_SEARCHING = {"glob", "pathlib", "pathlib._abc", "pathlib._local"}
_SEARCHES = {"_iglob", "glob", "rglob", "select_recursive", "select_wildcard"}
# Functions of os and shutil that open names below a descriptor, which the event does not have.
_BELOW = {"_fwalk", "_rmtree_safe_fd", "_rmtree_safe_fd_step"}


class _Watch:
    """An audit hook; and a finder, since `importlib.import_module` raises no event."""

    def __init__(self, folder: str) -> None:
        with open(f"{folder}/settings", "rb") as stream:
            lines = [line[1:-1].decode("unicode_escape") for line in stream.read().splitlines()]
        self.roots = tuple({_slashed(lines[0]), _slashed(os.path.realpath(lines[0]))})
        compiled = sys.pycache_prefix  # what is read there is noted as its source
        self.skip = tuple(map(_slashed, filter(None, (folder, compiled, *lines[1:]))))
        # The repository may be in a folder that is skipped: that of temporary files.
        self.skip_below = tuple(each for each in self.skip if each.startswith(self.roots))
        self.folder, self.started = folder, time.monotonic_ns()
        self.read: set[Any] = set()  # as the program names it, for speed
        self.changed: set[Any] = set()
        self.noted: set[tuple[str, ...]] = set()
        self.names: set[str] = set()
        self.path: list[str] = []
        self.code: dict[str, str] = {}
        self.handlers: dict[str, Callable[..., None]] = {
            "open": self.see_open, "import": self.see_import, "os.chdir": self.see_move,
            "os.listdir": self.see_list, "os.scandir": self.see_list,
            "glob.glob/2": self.see_glob,
            "pathlib.Path.glob": lambda by, top, text: self.see_glob(by, text, 1, top),
            "pathlib.Path.rglob": lambda by, top, text: self.see_glob(by, f"**/{text}", 1, top),
            "os.rename": self.see_rename, "os.link": self.see_link,
            "os.symlink": self.see_symlink, "os.remove": self.change, "os.rmdir": self.change,
            "os.truncate": lambda by, path, _: self.change(by, path),
            "os.mkdir": lambda by, path, _, below: self.change(by, path, below),
            "sqlite3.connect": self.see_connect, "ctypes.dlopen": self.see_execute,
            "subprocess.Popen": lambda by, path, _, cwd, __: self.see_execute(by, path, cwd=cwd),
            "os.exec": self.see_execute, "os.posix_spawn": self.see_execute,
        }  # fmt: skip

    def hook(self, event: str, values: tuple[Any, ...]) -> None:
        """See an event; what goes wrong here does not reach the program."""
        try:
            handler = self.handlers.get(event)
            if handler is None:
                return
            if event == "open" and values[0] in (
                self.changed if values[2] & _WRITES else self.read
            ):
                return
            handler(_caller(), *values)
        except Exception:  # nosec B110
            pass

    def find_spec(
        self, name: str, path: Iterable[str] | None = None, target: object = None
    ) -> None:
        """Write down what an import looks for, and find nothing."""
        try:
            self.look(name, path)
        except Exception:  # nosec B110
            pass

    def look(self, name: str, path: Iterable[str] | None) -> None:
        if path is None and sys.path != self.path:
            self.path = sys.path.copy()
            self.names.clear()
            for each in filter(str.__instancecheck__, self.path):
                self.note("p", each or ".", None, only=self.roots)
        if name not in self.names:
            self.names.add(name)
            folders = map(self.absolute, path or ())
            places = [folder for folder in folders if self.counts(folder, self.roots)]
            if path is None or places:
                self.write("i", name, "", *places)

    def see_import(self, by: FrameType | None, name: str, file: str | None, *path: Any) -> None:
        if file is not None:  # an extension module
            self.note("m", file, by)
        elif "." not in name and path[0] is not None:
            self.look(name, None)

    def see_open(self, by: FrameType | None, path: Any, mode: str | None, flags: int) -> None:
        if isinstance(path, int):
            return
        seen, text = self.changed if flags & _WRITES else self.read, os.fsdecode(path)
        if mode is None and text[:1] != "/" and by and by.f_code.co_name in _BELOW:
            return
        if flags & os.O_RDWR and not flags & os.O_TRUNC:
            self.note("u", text, by)
        if flags & _WRITES & ~os.O_RDWR or (mode or "r")[0] in "wax":  # C's fopen has no flags
            self.change(by, text)
        elif not flags & os.O_RDWR:
            source = text.endswith(".pyc") and _source(text)
            is_module = source or (text.endswith((".py", ".pyc")) and _module(by) in _IMPORTING)
            self.note("m" if is_module else "r", source or text, by)
        if len(seen) > _BOUND:
            seen.clear()
        seen.add(path)

    def change(self, by: FrameType | None, path: Any, below: int = -1) -> None:
        """Write down that a file or a folder is made, changed or removed."""
        text = self.absolute(path, below)
        try:
            status = os.lstat(text)
            before = 1 if stat.S_ISDIR(status.st_mode) else status.st_ctime_ns
        except OSError:
            before = 0
        self.note("w", text, by, before, time.monotonic_ns())

    def see_rename(self, by: FrameType | None, old: Any, new: Any, *below: int) -> None:
        self.change(by, old, below[0])
        self.change(by, new, below[1])

    def see_link(self, by: FrameType | None, old: Any, new: Any, *below: int) -> None:
        self.note("r", self.absolute(old, below[0]), by)
        self.change(by, new, below[1])

    def see_symlink(self, by: FrameType | None, old: Any, new: Any, below: int) -> None:
        link = self.absolute(new, below)
        self.note("r", os.path.join(os.path.dirname(link), os.fsdecode(old)), by)
        self.change(by, link)

    def see_connect(self, by: FrameType | None, database: Any) -> None:
        text, query = os.fsdecode(database), ""
        if text.startswith("file:"):
            text, _, query = text[5:].partition("?")
            text = text[text.find("/", 2) :] if text.startswith("//") else text
        if text not in {"", ":memory:"} and "mode=memory" not in query:
            self.note("s", text, by)

    def see_execute(self, by: FrameType | None, path: Any, *_: Any, cwd: Any = None) -> None:
        if path is not None and "/" in os.fsdecode(path):
            self.note("r", os.path.join(os.fsdecode(cwd or ""), os.fsdecode(path)), by)

    def see_list(self, by: FrameType | None, path: Any) -> None:
        frame, module = by, _module(by)
        if module in _INSTALLED:
            for pattern in ("*.dist-info", "*.egg-info"):
                self.see_glob(by, pattern, 0, path)
            return
        while frame and _module(frame) in _SEARCHING:
            if frame.f_code.co_name in _SEARCHES:
                return
            frame = frame.f_back
        if module not in _IMPORTING:
            is_open = isinstance(path, int)
            self.note("l", self.absolute("", path) if is_open else path or ".", by)

    def see_glob(self, by: FrameType | None, pattern: Any, is_deep: int, top: Any, *_: Any) -> None:
        text, folder = os.fsdecode(pattern), self.absolute(top or ".")
        key = ("g", text, folder, str(is_deep))
        if key not in self.noted and self.counts(os.path.join(folder, text)):
            self.noted.add(key)
            self.write("g", text, self.who(by), int(is_deep), folder)

    def see_move(self, *_: Any) -> None:
        """Forget what relative names stood for: the process goes to another folder."""
        self.read.clear()
        self.changed.clear()
        self.path = []

    def note(
        self, kind: str, path: Any, by: FrameType | None, *more: int, only: tuple[str, ...] = ("/",)
    ) -> None:
        text = self.absolute(path)
        if (kind, text) not in self.noted and self.counts(text, only):
            if len(self.noted) > _BOUND:
                self.noted.clear()
            self.noted.add((kind, text))
            self.write(kind, text, self.who(by), *more)

    def write(self, kind: str, *fields: str | int) -> None:
        log = f"{self.folder}/{os.getpid()}-{self.started}.log"
        self.changed.add(log)
        descriptor = os.open(log, _APPEND, 0o644)
        try:
            os.write(descriptor, ("\t".join((kind, *map(ascii, fields))) + "\n").encode())
        finally:
            os.close(descriptor)

    def counts(self, path: str, only: tuple[str, ...] = ("/",)) -> bool:
        path = f"{path}/"
        skip = self.skip_below if path.startswith(self.roots) else self.skip
        return path.startswith(only) and not path.startswith(skip) and "/__pycache__/" not in path

    def absolute(self, path: Any, below: int = -1) -> str:
        text = os.fsdecode(path)
        if text[:1] != "/":
            top = os.getcwd() if below < 0 else os.readlink(f"/proc/self/fd/{below}")
            text = os.path.join(top, text)
        return _plain(text)

    def who(self, frame: FrameType | None) -> str:
        """Return the file below the root whose code is innermost on the stack."""
        known = self.code
        while frame is not None:
            # A look at `f_code` is an event itself; a main program loses `__file__` as it ends.
            file = frame.f_globals.get("__file__") or frame.f_code.co_filename
            if isinstance(file, str):
                name = known.get(file)
                if name is None:
                    name = known[file] = self.own(file)
                if name:
                    return name
            frame = frame.f_back
        return ""

    def own(self, file: str) -> str:
        path = os.path.join(self.roots[0], file)
        for root in self.roots:
            if self.counts(path, (root,)) and os.path.isfile(path):
                return path[len(root) :]
        return ""


def _slashed(path: str) -> str:
    return f"{path.rstrip('/')}/"


def _plain(path: str) -> str:
    """Return a path without dots; what lies before ``..`` may be a link, so that is resolved."""
    if "/../" in f"{path}/":
        folder, name = os.path.split(path)
        if name == "..":
            return os.path.realpath(path)
        return os.path.join(os.path.realpath(folder), name)
    return os.path.normpath(path) if "/." in path or "//" in path else path.rstrip("/") or "/"


def _source(path: str) -> str:
    """Return the source of a compiled module (PEP 3147); empty if it is not one of a source."""
    folder, name = os.path.split(path)
    stem = name.rpartition(f".{sys.implementation.cache_tag}")[0]
    prefix = (sys.pycache_prefix or "").rstrip("/")
    if stem and prefix and folder.startswith(f"{prefix}/"):
        return f"{folder[len(prefix) :]}/{stem}.py"
    if stem and folder.endswith("/__pycache__"):
        return f"{folder[:-12]}/{stem}.py"
    return ""


def _module(frame: FrameType | None) -> str:
    return str(frame.f_globals.get("__name__")) if frame else ""


def _caller() -> FrameType | None:
    """Return the code that raised an event; None for the interpreter, before any code runs."""
    try:
        return sys._getframe(2)
    except ValueError:
        return None


def _start() -> None:
    watch = _Watch(os.path.abspath(os.environ["TRAINWHEEL_WATCH"]))
    watch.write("b", sys.executable, "")
    sys.meta_path.insert(0, watch)
    sys.addaudithook(watch.hook)


if __name__ == "_trainwheel_watch":
    try:
        _start()
    except Exception:  # nosec B110
        pass
