"""What a program reads is seen, however it reads, in each process that it starts."""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path

import pytest

from trainwheel.engine.observed import Glob, Sighting
from unit.watched import observe

OPENED = Sighting("opened", "main.py")
IMPORTED = Sighting("imported", "main.py")
DATA = "x,y\n1,2\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    write(root, "data/a.csv", DATA)
    return root


def write(root: Path, name: str, text: str = "") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("code", [
    "open('data/a.csv').read()",
    "open(b'data/a.csv').read()",
    "from pathlib import Path; Path('data/a.csv').read_bytes()",
    "import io; io.open_code(__import__('os').path.abspath('data/a.csv')).read()",
    "import os; os.read(os.open('data/a.csv', os.O_RDONLY), 9)",
    "import mmap\nwith open('data/a.csv') as s: mmap.mmap(s.fileno(), 0, prot=mmap.PROT_READ)",
    "open('data/a.csv', 'r+').read()",
    "import numpy; numpy.loadtxt('data/a.csv', delimiter=',', skiprows=1)",
    "import numpy; numpy.memmap('data/a.csv', dtype='u1')",
    "import numpy; numpy.fromfile('data/a.csv', dtype='u1')",
    "import shutil; shutil.copyfile('data/a.csv', 'build/copy.csv')",
    "import os; os.link('data/a.csv', 'build/copy.csv'); open('build/copy.csv')",
    "import os; os.symlink('../data/a.csv', 'build/copy.csv'); open('build/copy.csv')",
    "import os; os.chdir('data'); open('a.csv'); os.chdir('/'); open('%(root)s/data/a.csv')",
    "open('data/../data/./a.csv'); open('data//a.csv')",
    "exec(open('data/a.csv').read().replace('x,y', ''))",
    "import fileinput; list(fileinput.input('data/a.csv'))",
    "import linecache; linecache.getlines('data/a.csv')",
    "import atexit; atexit.register(lambda: open('data/a.csv').read())",
    "import os, threading\ndef go(): open('data/a.csv')\nthreading.Thread(target=go).start()",
    "import os; open('data/a.csv'); os._exit(0)",
    "import os\nif os.fork() == 0: open('data/a.csv'); os._exit(0)\nos.wait()",
    "import os; os.closerange(3, 99); open('data/a.csv')",
    "import ctypes\ntry: ctypes.CDLL('data/a.csv')\nexcept OSError: pass",
    "import subprocess as s\ntry: s.run(['./a.csv'], cwd='data')\nexcept OSError: pass",
])  # fmt: skip
def test_a_file_that_is_opened_is_read(root: Path, code: str) -> None:
    observed = observe(root, code.replace("%(root)s", str(root)))

    assert observed.files["data/a.csv"] == OPENED
    assert set(observed.files) == {"data/a.csv", "main.py"}
    assert observed.absent == observed.written == ()
    assert not {"data", "data/a.csv"} & observed.folders.keys()


CHILD = "import os, sys; open('data/a.csv').read(); os._exit(0)"
MULTIPROCESSING = """
import multiprocessing as m
if __name__ == "__main__":
    child = m.get_context("%s").Process(target=exec, args=(CHILD,))
    child.start()
    child.join()
"""
JOBLIB = """
import joblib
def go(_): open("data/a.csv").read()
if __name__ == "__main__":
    joblib.Parallel(n_jobs=2)(joblib.delayed(go)(each) for each in range(2))
"""


@pytest.mark.parametrize("code", [
    "import subprocess, sys; subprocess.run([sys.executable, '-c', CHILD])",
    "import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', CHILD])",
    "import subprocess, sys; subprocess.run([sys.executable, '-E', '-s', '-c', CHILD])",
    "import subprocess, sys; subprocess.run(f'{sys.executable} -c \"{CHILD}\"', shell=True)",
    "import os, sys; os.system(f'{sys.executable} -c \"{CHILD}\"')",
    "import os, sys; os.execv(sys.executable, [sys.executable, '-c', CHILD])",
    MULTIPROCESSING % "spawn",
    MULTIPROCESSING % "forkserver",
    JOBLIB,
])  # fmt: skip
def test_what_a_process_reads_that_the_program_starts_is_seen(root: Path, code: str) -> None:
    observed = observe(root, f"CHILD = {CHILD!r}\n{code}")

    assert observed.files["data/a.csv"].how == "opened"
    assert observed.processes > ("exec" not in code)


def test_sixteen_threads_and_a_fork_of_them_tear_no_line(root: Path) -> None:
    names = [f"data/{'long' * 40}{number}\n\udc80'\t.csv" for number in range(400)]
    code = """
import os, threading
def go(number):
    if number == 8 and os.fork() == 0:
        open("data/a.csv"); os._exit(0)
    for each in range(number, 400, 16):
        name = f"data/{'long' * 40}{each}\\n\\udc80'\\t.csv"
        with open(name): pass
for number in range(16):
    threading.Thread(target=go, args=(number,)).start()
"""
    for name in names:
        (root / name).touch()

    observed = observe(root, code)

    assert observed.files.keys() == {"main.py", "data/a.csv", *names}
    for log in (root / "build").rglob("*.log"):
        assert all(line.split(b"\t")[0] in {b"b", b"r", b"p", b"i", b"l"}
                   for line in log.read_bytes().splitlines())  # fmt: skip


@pytest.mark.parametrize(("code", "options", "env"), [
    ("import tool", (), {}),
    ("import tool", ("-E",), {}),
    ("import tool", (), {"PYTHONPYCACHEPREFIX": "%(root)s/cache"}),
    ("import tool", (), {"PYTHONDONTWRITEBYTECODE": "1"}),
    ("import tool", ("-OO",), {}),
    ("import importlib; importlib.import_module('tool')", (), {}),
    ("import runpy; runpy.run_module('tool')", (), {}),
])  # fmt: skip
def test_a_module_is_seen_as_its_source_compiled_or_not(
    root: Path, code: str, options: tuple[str, ...], env: dict[str, str]
) -> None:
    write(root, "tool.py", "open('data/a.csv')")
    env = {name: value.replace("%(root)s", str(root)) for name, value in env.items()}
    for _ in range(2):  # the second time it is compiled
        observed = observe(root, code, *options, env=env)

        assert observed.files["tool.py"] == IMPORTED
        assert observed.files["data/a.csv"] == Sighting("opened", "tool.py")
        assert observed.files.keys() == {"main.py", "tool.py", "data/a.csv"}
        assert observed.written == ()
        assert (observed.places, "tool" in observed.modules) == ((".",), True)


def test_names_that_imports_look_for_are_kept_where_they_could_appear(root: Path) -> None:
    write(root, "lib/plug/__init__.py")
    code = """
import importlib, importlib.util, sys
sys.path.insert(0, "lib"); sys.path.append("later")
import json, plug
for name in ("plug.one", "plug.two.three", "gone", "gone.deeper", "xml.gone"):
    try: importlib.import_module(name)
    except ImportError: pass
importlib.util.find_spec("maybe")
try: from plug import four
except ImportError: pass
plug.__path__.append("more")
try: import plug.five
except ImportError: pass
"""
    observed = observe(root, code)

    assert observed.places == (".", "later", "lib", "more")
    expected = {"plug", "plug.one", "plug.two", "plug.four", "plug.five", "five"}
    assert {"gone", "maybe", "json", "xml", *expected} < set(observed.modules)
    assert {name for name in observed.modules if "." in name} == expected - {"plug", "five"}
    assert observed.absent == ()


def test_archives_resources_and_scripts_are_files(root: Path) -> None:
    write(root, "cfg/__init__.py")
    write(root, "cfg/x.json", "{}")
    write(root, "cfg/more.py", "")
    write(root, "script.py", "")
    with zipfile.ZipFile(root / "lib.zip", "w") as archive:
        archive.writestr("zipped.py", "")
    code = """
import sys, importlib.resources, pkgutil, runpy
sys.path.append("lib.zip")
import zipped
importlib.resources.files("cfg").joinpath("x.json").read_text()
pkgutil.get_data("cfg", "more.py")
runpy.run_path("script.py")
list(pkgutil.iter_modules(["cfg"]))
"""
    observed = observe(root, code)

    files = {"main.py", "lib.zip", "cfg/__init__.py", "cfg/x.json", "cfg/more.py", "script.py"}
    assert observed.files.keys() == files
    assert observed.files["cfg/__init__.py"].how == "imported"
    assert observed.files["cfg/x.json"] == OPENED
    assert observed.folders == {"cfg": "main.py"}


def test_an_extension_module_is_a_file(root: Path) -> None:
    code = """
import _bisect, sys
del sys.modules["_bisect"]
sys.path.insert(0, "own")
import _bisect
"""
    import _bisect  # noqa: PLC0415

    library = Path(_bisect.__file__)
    write(root, f"own/{library.name}").write_bytes(library.read_bytes())

    observed = observe(root, code)

    assert observed.files[f"own/{library.name}"] == IMPORTED


@pytest.mark.parametrize(("code", "folders", "globs"), [
    ("import os; os.listdir('data')", {"data"}, set()),
    ("import os; os.listdir()", {"."}, set()),
    ("import os; os.listdir(b'data/')", {"data"}, set()),
    ("import os; list(os.scandir('data'))", {"data"}, set()),
    ("import os; os.listdir(os.open('data', os.O_RDONLY))", {"data"}, set()),
    ("import os; list(os.walk('.'))", {".", "data", "data/sub", "plug"}, set()),
    ("import os; list(os.fwalk('data'))", {"data", "data/sub"}, set()),
    ("from pathlib import Path; list(Path('data').iterdir())", {"data"}, set()),
    ("import os\ntry: os.listdir('gone')\nexcept OSError: pass", {"gone"}, set()),
    ("import shutil; shutil.copytree('data', 'build/copy')", {"data", "data/sub"}, set()),
    ("import glob; glob.glob('data/*.csv')", set(), {Glob("data/*.csv", ".")}),
    ("import glob; glob.glob('**/*.csv', root_dir='data', recursive=True)", set(),
     {Glob("**/*.csv", "data", is_recursive=True)}),
    ("import glob; glob.glob('%(root)s/data/*.csv')", set(), {Glob("data/*.csv", ".")}),
    ("import os, glob; os.chdir('data'); list(glob.iglob('*'))", set(), {Glob("*", "data")}),
    ("from pathlib import Path; list(Path('data').glob('*.csv'))", set(),
     {Glob("*.csv", "data", is_recursive=True)}),
    ("from pathlib import Path; list(Path('data').resolve().rglob('*.csv'))", set(),
     {Glob("**/*.csv", "data", is_recursive=True)}),
    ("import importlib.metadata as m; m.entry_points()", set(),
     {Glob("*.dist-info", "."), Glob("*.egg-info", ".")}),
    ("import plug", set(), set()),
])  # fmt: skip
def test_folders_and_patterns_are_seen_once_each(
    root: Path, code: str, folders: set[str], globs: set[Glob]
) -> None:
    write(root, "data/sub/b.csv")
    write(root, "plug/__init__.py")

    observed = observe(root, code.replace("%(root)s", str(root)))

    assert observed.folders == dict.fromkeys(folders, "main.py")
    assert observed.globs == dict.fromkeys(globs, "main.py")


@pytest.mark.parametrize(("code", "files", "written", "absent"), [
    ("open('new', 'w').close(); open('new')", set(), {"new"}, set()),
    ("open('data/a.csv'); open('data/a.csv', 'a').write('3')", set(), {"data/a.csv"}, set()),
    ("open('data/a.csv', 'a').close(); open('data/a.csv')", {"data/a.csv"}, set(), set()),
    ("open('data/a.csv', 'a+').close()", {"data/a.csv"}, set(), set()),
    ("open('data/a.csv', 'a+').write('z')", set(), {"data/a.csv"}, set()),
    ("open('new', 'w+').read(); open('newer', 'a+').read()", set(), {"new", "newer"}, set()),
    ("import os; os.symlink('data', 'to'); open('to/a.csv')", {"data/a.csv"}, {"to"}, set()),
    ("open('data/a.csv', 'r+').write('z')", set(), {"data/a.csv"}, set()),
    ("open('data/a.csv'); __import__('os').remove('data/a.csv')", set(), {"data/a.csv"}, set()),
    ("import os; open('n', 'w').close(); os.replace('n', 'data/a.csv'); open('data/a.csv')", set(),
     {"data/a.csv"}, set()),
    ("import os; open('data/a.csv'); os.rename('data', 'moved'); open('moved/a.csv')", set(),
     {"data", "moved"}, set()),
    ("import os; os.makedirs('made/deep'); os.system('echo > made/deep/x'); open('made/deep/x')",
     set(), {"made", "made/deep"}, set()),
    ("import os; os.makedirs('data', exist_ok=True); open('data/a.csv')", {"data/a.csv"}, set(),
     set()),
    ("import tempfile; tempfile.NamedTemporaryFile(dir='.').read()", set(), set(), set()),
    ("import shutil, os; os.makedirs('made/deep'); shutil.rmtree('made')", set(), set(), set()),
    ("import shutil; shutil.rmtree('data')", set(), {"data", "data/a.csv"}, set()),
    ("import shutil; shutil.copy('data/a.csv', 'copy'); open('copy')", {"data/a.csv"}, {"copy"},
     set()),
    ("try: open('data/gone.csv')\nexcept OSError: pass", set(), set(), {"data/gone.csv"}),
    ("import os\ntry: open('late')\nexcept OSError: open('late', 'w')\nopen('late')", set(),
     {"late"}, set()),
    ("open(0, closefd=False); open('/dev/null', 'r+'); open('/proc/stat')", set(), set(), set()),
    ("try: open('data/a.csv', 'x')\nexcept OSError: open('data/a.csv')", {"data/a.csv"}, set(),
     set()),
])  # fmt: skip
def test_what_the_program_itself_makes_or_changes_is_no_input(
    root: Path, code: str, files: set[str], written: set[str], absent: set[str]
) -> None:
    observed = observe(root, code)

    assert observed.files.keys() - {"main.py"} == files
    assert set(observed.written) == written
    assert set(observed.absent) == absent


@pytest.mark.parametrize(("code", "files"), [
    ("sqlite3.connect('data/x.db').execute('select * from t').fetchall()", ["data/x.db"]),
    ("sqlite3.connect('file:data/x.db?mode=ro', uri=True).execute('select * from t')",
     ["data/x.db"]),
    ("sqlite3.connect('file:%(root)s/data/%%78.db', uri=True)", ["data/x.db"]),
    ("sqlite3.connect('file://%(root)s/data/x.db', uri=True)", ["data/x.db"]),
    ("c = sqlite3.connect('data/x.db'); c.execute('insert into t values (2)'); c.commit()", []),
])  # fmt: skip
def test_a_database_is_read_or_written_as_its_time_says(
    root: Path, code: str, files: list[str]
) -> None:
    with sqlite3.connect(root / "data/x.db") as database:
        database.execute("create table t (x)")
    database.close()

    code = code.replace("%(root)s", str(root)).replace("%%", "%")
    observed = observe(root, f"import sqlite3\nsqlite3.connect(':memory:')\n{code}")

    assert [name for name in observed.files if name != "main.py"] == files
    assert observed.written == (() if files else ("data/x.db",))
    assert observed.absent == (("data/x.db-wal",) if files else ())


def test_a_linked_root_and_linked_folders_are_seen_by_the_names_below_the_root(root: Path) -> None:
    linked, outside = root.parent / "linked", write(root.parent, "outside/b.csv")
    linked.symlink_to(root)
    (root / "shared").symlink_to(outside.parent)
    code = f"open('shared/b.csv'); open('{root}/data/a.csv'); open({str(outside)!r})"

    observed = observe(linked, f"{code}\nimport sys; sys.path.append({str(linked)!r}); import json")

    names = {"main.py", "shared/b.csv", "data/a.csv", str(outside)}
    assert observed.files == dict.fromkeys(names, OPENED) | {"main.py": Sighting("opened")}
    assert observed.places == (".",)


def test_a_repository_below_a_folder_that_is_skipped_counts(root: Path) -> None:
    outside = write(root.parent, "outside.csv")
    write(root, "data/skipped/b.csv")
    code = f"open('data/a.csv'); open('data/skipped/b.csv'); open({str(outside)!r})"

    observed = observe(root, code, skip=[str(root.parent), str(root / "data/skipped")])

    assert observed.files.keys() == {"main.py", "data/a.csv"}


def test_the_program_does_not_notice(root: Path) -> None:
    code = """
import os, sys
assert len(os.listdir("/proc/self/fd")) == 4  # with the listing's own
for bad in (b"\\xff", "\\udcff", "a\\0b", 3.5, None, object()):
    try: open(bad)
    except (OSError, TypeError, ValueError): pass
sys.path[:0] = [b"bytes", None, "pl\\nace"]
try: import gone
except ImportError: pass
assert all(each.find_spec("gone", None, target=None) is None for each in sys.meta_path)
open("data/a.csv")
os.makedirs("x"); os.chdir("x"); os.rmdir("../x")
try: open("data")
except OSError: pass
"""
    observed = observe(root, code)

    assert observed.absent == ("\udcff",)
    assert observed.places == (".", "pl\nace")
