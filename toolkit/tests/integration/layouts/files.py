"""Ways in which training reads files and the names of files."""

from __future__ import annotations

import gzip
from pathlib import Path

from integration.layouts.layout import COMMAND, Answer, Layout, Link, array, database, zipped

__all__ = ["LAYOUTS"]

A, B = {"in/a.txt": "1", "in/b.txt": "1"}, {"in/b.txt": "2"}
"""A file that is read, and one beside it that is not."""
A_CHANGES = {"in/a.txt": "2"}
ARRAY, ARRAY_BESIDE = {"in/a.npy": array(1.0), "in/b.npy": array(1.0)}, {"in/b.npy": array(2.0)}
ARRAY_CHANGES = {"in/a.npy": array(2.0)}
NAMES, ELSEWHERE = {"in/a.csv": "1", "out/a.csv": "1"}, {"out/b.csv": "1"}
NAME_APPEARS = {"in/b.csv": "1"}
OPTIONS = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument('paths', nargs=2)
parser.add_argument('--config')
value = Path(parser.parse_args().config).read_text()"""
CONF = {"conf/f.txt": "1", "conf/g.txt": "1"}
TRIED = "try:\n    value = open('{}').read()\nexcept OSError:\n    value = 1"
EXISTS = "value = os.path.exists('flags/fast')"
SIZE = "value = os.path.getsize('in/a.txt')"


def opened(name: str, code: str) -> Layout:
    """Return a layout whose training reads in/a.txt in one way."""
    return Layout(name, code, A_CHANGES, A, B)


def listed(name: str, code: str) -> Layout:
    """Return a layout whose training reads the names below ``in`` in one way."""
    return Layout(name, code, NAME_APPEARS, NAMES, ELSEWHERE)


def loaded(name: str, code: str) -> Layout:
    """Return a layout whose training has numpy load in/a.npy in one way."""
    return Layout(name, f"import numpy\n{code}", ARRAY_CHANGES, ARRAY, ARRAY_BESIDE)


def hidden(name: str, code: str) -> Layout:
    """Return a layout whose training reads in/a.txt in a way that only the system sees."""
    return Layout(name, code, A_CHANGES, A, {}, Answer.NOTICED)


def link_out(root: Path) -> None:
    """Put a file beside the repository, and a link to it below ``in``."""
    (root.parent / "shared.txt").write_text("1")
    (root / "in").mkdir(exist_ok=True)
    (root / "in" / "a.txt").symlink_to("../../shared.txt")


LAYOUTS = (
    opened("open()", "value = open('in/a.txt').read()"),
    opened("an absolute path", "value = Path.cwd().joinpath('in', 'a.txt').read_text()"),
    opened("a path of bytes", "value = open(b'in/a.txt', 'rb').read()"),
    opened("another working folder", "os.chdir('in')\nvalue = open('a.txt').read()"),
    opened("a path with ..", "os.chdir('in')\nvalue = open('../in/./a.txt').read()"),
    opened("os.open", "value = os.read(os.open('in/a.txt', os.O_RDONLY), 9)"),
    opened("read and write", "value = open('in/a.txt', 'r+').read()"),
    opened("mmap", "import mmap\nwith open('in/a.txt', 'rb') as f:\n"
           "    value = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)[:]"),
    opened("a copy that is read", "import shutil\nshutil.copy('in/a.txt', report / 'a')\n"
           "value = (report / 'a').read_text()\n(report / 'a').unlink()"),
    opened("linecache", "import linecache\n"
           "value = linecache.getline('in/a.txt', 1)"),
    opened("a thread", "from concurrent.futures import ThreadPoolExecutor\n"
           "with ThreadPoolExecutor(4) as pool:\n"
           "    value = list(pool.map(lambda n: Path('in/a.txt').read_text(), range(8)))[0]"),
    Layout("a file of the command: --config=FILE", OPTIONS, {"conf/f.txt": "2"},
           CONF, {"conf/g.txt": "2"}, command=f"{COMMAND} --config=conf/f.txt"),
    Layout("a file of the command: --config FILE", OPTIONS, {"conf/f.txt": "2"},
           CONF, {"conf/g.txt": "2"}, command=f"{COMMAND} --config conf/f.txt"),
    Layout("a compressed file", "import gzip\nvalue = gzip.open('in/a.gz').read()",
           {"in/a.gz": gzip.compress(b"2")},
           {"in/a.gz": gzip.compress(b"1"), "in/b.gz": b""}, {"in/b.gz": b"2"}),
    Layout("a member of a zip file",
           "import zipfile\nvalue = zipfile.ZipFile('in/a.zip').read('x').decode()",
           {"in/a.zip": zipped("x", "2")},
           {"in/a.zip": zipped("x", "1"), "in/b.zip": b""}, {"in/b.zip": b"2"}),
    Layout("sqlite3", "import sqlite3\n"
           "value = sqlite3.connect('in/a.db').execute('select x from rows').fetchall()",
           {"in/a.db": database(2)}, {"in/a.db": database(1), "in/b.db": database(1)},
           {"in/b.db": database(2)}),
    loaded("numpy.load", "value = float(numpy.load('in/a.npy')[0])"),
    loaded("numpy.load into memory as needed",
           "value = float(numpy.load('in/a.npy', mmap_mode='r')[0])"),
    loaded("numpy.memmap", "value = float(numpy.memmap('in/a.npy', 'd', 'r', offset=128)[0])"),
    loaded("numpy.fromfile", "value = float(numpy.fromfile('in/a.npy', 'd', offset=128)[0])"),
    Layout("numpy.loadtxt", "import numpy\nvalue = float(numpy.loadtxt('in/a.txt'))", A_CHANGES,
           A, B),
    Layout("joblib.load", "import joblib\nvalue = joblib.load('in/a.pkl')",
           {"in/a.pkl": b"I2\n."}, {"in/a.pkl": b"I1\n.", "in/b.pkl": b""}, {"in/b.pkl": b"2"}),
    listed("a new match of glob", "import glob\nvalue = sorted(glob.glob('in/*.csv'))"),
    listed("a new match of Path.glob", "value = sorted(map(str, Path('in').glob('*.csv')))"),
    listed("a new name for listdir", "value = sorted(os.listdir('in'))"),
    listed("a new name for scandir", "value = sorted(each.name for each in os.scandir('in'))"),
    listed("a new name for iterdir", "value = sorted(map(str, Path('in').iterdir()))"),
    listed("a new name for os.walk", "value = [sorted(names) for *_, names in os.walk('in')]"),
    Layout("a new match of a search below all folders",
           "value = sorted(map(str, Path('in').rglob('*.csv')))", {"in/x/y/b.csv": "1"},
           {"in/a.csv": "1", "in/x/y/a.txt": "1"}, ELSEWHERE),
    Layout("a match in a new folder",
           "import glob\nvalue = sorted(glob.glob('in/**/*.csv', recursive=True))",
           {"in/new/b.csv": "1"}, NAMES, ELSEWHERE),
    Layout("what does not match",
           "import glob\nvalue = [open(n).read() for n in glob.glob('in/*.csv')]",
           {"in/b.csv": "2"}, NAMES, {"in/notes.txt": "1"}),
    Layout("a match in a folder that appears", "import glob\nvalue = glob.glob('new/*.csv')",
           {"new/b.csv": "1"}, NAMES, ELSEWHERE),
    Layout("a folder that appears for listdir",
           "try:\n    value = os.listdir('new')\nexcept OSError:\n    value = 1",
           {"new/b.csv": "1"}, NAMES, ELSEWHERE),
    Layout("a folder that is copied",
           "import shutil\nshutil.copytree('in', report / 'in')\n"
           "value = sorted(os.listdir(report / 'in'))\nshutil.rmtree(report / 'in')",
           NAME_APPEARS, NAMES, ELSEWHERE),
    Layout("a folder that is walked from the root",
           "value = [sorted(names) for top, _, names in os.walk('.') if top.startswith('./in')]",
           {"in/x/b.csv": "1"}, NAMES, {"in/a.csv": "2"}),
    Layout("an optional file that appears",
           TRIED.format("in/a.txt"), A_CHANGES,
           {"in/b.txt": "1"}, B),
    Layout("an optional file in a folder that appears",
           TRIED.format("new/a.txt"),
           {"new/a.txt": "2"}, {"in/b.txt": "1"}, {"new/b.txt": "2"}),
    Layout("an optional file that vanishes",
           TRIED.format("in/a.txt"),
           {"in/a.txt": None}, A, B),
    Layout("a link to a file", "value = open('in/a.txt').read()", {"store/a.txt": "2"},
           {"in/a.txt": Link("../store/a.txt"), "store/a.txt": "1", "store/b.txt": "2"},
           {"store/b.txt": "1"}),
    Layout("a link that leads elsewhere to a file", "value = open('in/a.txt').read()",
           {"in/a.txt": Link("../store/b.txt")},
           {"in/a.txt": Link("../store/a.txt"), "store/a.txt": "1", "store/b.txt": "2"},
           {"store/c.txt": "1"}),
    Layout("a link to a folder of files", "value = open('in/a.txt').read()", {"store/a.txt": "2"},
           {"in": Link("store"), "store/a.txt": "1", "store/b.txt": "2"}, {"store/b.txt": "1"}),
    Layout("a file outside the repository", "value = open('../shared.txt').read()",
           {"../shared.txt": "2"}, {"../shared.txt": "1", "../other.txt": "1"},
           {"../other.txt": "2"}),
    Layout("a link to a file outside the repository", "value = open('in/a.txt').read()",
           {"../shared.txt": "2"}, beside={"../other.txt": "2"}, prepare=link_out),
    Layout("a path from a variable", "value = open(os.environ['WHERE']).read()", A_CHANGES, A, B,
           settings='train.env = ["WHERE"]', variables={"WHERE": "in/a.txt"}),
    Layout("what training itself wrote",
           "Path('own.txt').write_text('own')\n"
           "value = Path('own.txt').read_text() + open('in/a.txt').read()", A_CHANGES, A, B),
    Layout("what training wrote, removed and looked for",
           "own = Path('own.txt')\nown.write_text('own')\nown.unlink()\n"
           "value = f'{own.exists()}' + open('in/a.txt').read()", A_CHANGES, A, B),
    Layout("what training first read and then wrote",
           "own = Path('count.txt')\nvalue = own.read_text() if own.exists() else '0'\n"
           "value += open('in/a.txt').read()\n", A_CHANGES, {**A, "count.txt": "5"}, B),
    hidden("a file relative to an open folder",
           "folder = os.open('in', os.O_RDONLY)\n"
           "value = os.read(os.open('a.txt', os.O_RDONLY, dir_fd=folder), 9)"),
    hidden("ctypes",
           "import ctypes\nlibrary, room = ctypes.CDLL(None), ctypes.create_string_buffer(9)\n"
           "library.read(library.open(b'in/a.txt', 0), room, 9)\nvalue = room.value"),
    Layout("a database that another one attaches",
           "import sqlite3\nconnection = sqlite3.connect(':memory:')\n"
           "connection.execute(\"attach 'in/a.db' as other\")\n"
           "value = connection.execute('select x from other.rows').fetchall()",
           {"in/a.db": database(2)}, {"in/a.db": database(1)}, {}, Answer.NOTICED),
    Layout("an optional file that is asked for before it is opened",
           "value = open('in/a.txt').read() if os.path.exists('in/a.txt') else 1",
           A_CHANGES, {"in/b.txt": "1"}, {}, Answer.UNSEEN, 'inputs = ["in"]'),
    Layout("whether a file exists", EXISTS, {"flags/fast": ""}, {"flags/README": "1"}, {},
           Answer.UNSEEN, 'inputs = ["flags"]'),
    Layout("the size of a file", SIZE, {"in/a.txt": "22"}, A, {}, Answer.UNSEEN, 'inputs = ["in"]'),
)  # fmt: skip
