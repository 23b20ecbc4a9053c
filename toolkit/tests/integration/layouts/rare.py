"""Rarer ways of reading, and files that training writes as well as reads."""

from __future__ import annotations

from integration.layouts.files import (
    A_CHANGES,
    ELSEWHERE,
    NAME_APPEARS,
    NAMES,
    A,
    B,
    listed,
    opened,
)
from integration.layouts.layout import Layout, database

__all__ = ["LAYOUTS"]

VALUE = "\nvalue = open('in/a.txt').read()"
CSVS = "value = sorted(n for n in os.listdir('in') if n.endswith('.csv'))"
COUNT = "own = Path('count.txt')\nown.write_text(str(int(own.read_text()) + 1))"
TABLE = """\
import sqlite3
connection = sqlite3.connect('in/cache.db')
connection.execute('create table if not exists rows (x)')
connection.execute('insert into rows values (1)')
connection.commit()"""
AWKWARD = "in/\udcff \t\"x'\n.txt"

LAYOUTS = (
    opened("a database that training makes", TABLE + VALUE),
    Layout("a database that training writes to", TABLE + VALUE, A_CHANGES,
           {**A, "in/cache.db": database(1)}, B),
    Layout("a file that training rewrites", COUNT + VALUE, A_CHANGES, {**A, "count.txt": "1"}, B),
    opened("a cache of joblib",
           "import joblib\n@joblib.Memory('cache', verbose=0).cache\ndef same(x):\n    return x\n"
           "value = same(open('in/a.txt').read())"),
    opened("a cache that training lists and fills",
           "os.makedirs('cache', exist_ok=True)\n"
           "Path('cache', str(len(os.listdir('cache')))).touch()" + VALUE),
    listed("a log in a folder that is listed", f"{CSVS}\nopen('in/a.log', 'a').write('x')"),
    listed("a lock in a folder that is listed",
           f"Path('in/.lock').touch()\n{CSVS}\nPath('in/.lock').unlink()"),
    opened("a temporary folder in the repository",
           "import tempfile\nwith tempfile.TemporaryDirectory(dir='.') as folder:\n"
           "    Path(folder, 'x').write_text('1')\n    Path(folder, 'x').read_text()\n"
           "    os.listdir(folder)" + VALUE),
    opened("a copy under another name",
           "import shutil\nshutil.copy('in/a.txt', 'one.txt')\nos.replace('one.txt', 'two.txt')\n"
           "value = Path('two.txt').read_text()"),
    Layout("what a program wrote, and an ignored name settles",
           "os.system('cat in/a.txt > out.txt')\nvalue = Path('out.txt').read_text()\n"
           "Path('in/a.txt').read_text()", A_CHANGES, A, B, settings='ignore = ["out.txt"]'),
    Layout("one of several files for settings",
           "import configparser\nparser = configparser.ConfigParser()\n"
           "parser.read(['in/a.cfg', 'in/b.cfg'])\nvalue = parser.sections()",
           {"in/b.cfg": "[x]\n"}, A, B),
    Layout("a file in the home folder", "value = Path.home().joinpath('.tiny').read_text()",
           {"../home/.tiny": "2"}, {"../home/.tiny": "1"}, {"../home/.other": "1"},
           variables={"HOME": "{home}"}),
    Layout("a script on standard input",
           "value = subprocess.run([sys.executable, '-'], stdin=open('scripts/a.py'), "
           "stdout=subprocess.PIPE).stdout",
           {"scripts/a.py": "print(2)\n"}, {"scripts/a.py": "print(1)\n"}, B),
    Layout("a lazy attribute of a package", "import own\nvalue = own.part",
           {"model/own/part.py": "V = 2\n"},
           {"model/own/__init__.py": "def __getattr__(name):\n    import importlib\n"
                                     "    return importlib.import_module(f'own.{name}').V\n",
            "model/own/part.py": "V = 1\n"}, {"model/own/other.py": "V = 1\n"}),
    Layout("whether a module could be imported",
           "from importlib.util import find_spec\nvalue = find_spec('own') is not None",
           {"own.py": ""}, beside={"owner.py": ""}),
    Layout("an awkward name", f"value = open({AWKWARD!a}).read()", {AWKWARD: "2"}, {AWKWARD: "1"},
           {"in/x.txt": "1"}),
    listed("glob with root_dir", "import glob\nvalue = sorted(glob.glob('*.csv', root_dir='in'))"),
    listed("glob of an absolute path",
           "import glob\nvalue = sorted(glob.glob(os.path.abspath('in/*.csv')))"),
    listed("os.fwalk", "value = [sorted(names) for _, _, names, _ in os.fwalk('in')]"),
    listed("listdir of an open folder", "value = sorted(os.listdir(os.open('in', os.O_RDONLY)))"),
    Layout("a pattern for folders", "import glob\nvalue = sorted(glob.glob('*/a.csv'))",
           {"new/a.csv": "1"}, NAMES, ELSEWHERE),
    Layout("a pattern from the root", "value = sorted(map(str, Path('.').rglob('*.csv')))",
           NAME_APPEARS, NAMES, {"new/a.txt": "1"}),
)  # fmt: skip
