"""Ways in which training gets at code, and at files beside code."""

from __future__ import annotations

import importlib
import importlib.machinery
import subprocess
from pathlib import Path

from integration.layouts.layout import TRAINING, Layout, Link, zipped

__all__ = ["LAYOUTS"]

ONE, TWO = "VALUE = 1\n", "VALUE = 2\n"
IDLE = {"beside.py": "never = 'imported'\n"}
PLUGINS = """\
import importlib, pkgutil
import plugins
value = [importlib.import_module(f"plugins.{each.name}").VALUE
         for each in sorted(pkgutil.iter_modules(plugins.__path__), key=lambda each: each.name)]
"""
ENTRY_POINTS = """\
from importlib.metadata import entry_points
(point,) = entry_points(group="tiny.values")
value = point.load()
"""
TRIED = "try:\n    from {} import VALUE as value\nexcept ImportError:\n    value = 1"
OWN = {"own.py": "VALUE, OTHER = 1, 7\n", "model/own-1.dist-info/METADATA": "Name: own\n",
       "model/own-1.dist-info/entry_points.txt": "[tiny.values]\na = own:VALUE\n"}  # fmt: skip
SHAPES = "class Shape:\n    size = {}\n"
RUN_NOTEBOOK = """\
import json
for cell in json.loads(Path('train.ipynb').read_text())['cells']:
    exec(compile(''.join(cell['source']), 'cell', 'exec'))"""
NOTEBOOK = '{{"cells": [{{"source": ["import own\\n", "value = own.VALUE + {}"]}}]}}'
"""As Jupyter keeps one, as far as it matters here."""


def extension() -> bytes:
    """Return an extension module of Python's own library."""
    for name in ("_bisect", "_heapq", "_json", "_csv", "_statistics", "_queue"):
        file = getattr(importlib.import_module(name), "__file__", None)
        if file:
            return Path(file).read_bytes()
    message = "every extension module of this Python is built in"
    raise LookupError(message)


def add_submodule(root: Path) -> None:
    """Add a repository as a submodule in ``parts``."""
    origin = root.parent / "origin"
    origin.mkdir()
    (origin / "part.py").write_text(ONE)
    git = ("git", "-c", "user.name=T", "-c", "user.email=t@example.invalid",
           "-c", "protocol.file.allow=always")  # fmt: skip
    commands = ((origin, "init", "-q"), (origin, "add", "-A"), (origin, "commit", "-qm", "One"),
                (root, "submodule", "--quiet", "add", "../origin", "parts"))  # fmt: skip
    for folder, *words in commands:
        subprocess.run((*git, *words), cwd=folder, check=True, capture_output=True)


SHELL = 'python -m tiny_training "$1" "$2"\n'
ENVIRON = "import os\nVALUE = os.environ.get('VALUE')\n"
ANSWERS = """\
from pathlib import Path
LIMIT = Path(__file__).with_name("limits.txt").read_text()
def predict_record(record): return {"label": LIMIT}
"""
_SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]

LAYOUTS = (
    Layout("a module by a computed name",
           "import importlib\nname = 'one'\nvalue = importlib.import_module(f'plug.{name}').VALUE",
           {"plug/one.py": TWO}, {"plug/one.py": ONE, "plug/two.py": ONE}, {"plug/two.py": TWO}),
    Layout("a folder added to sys.path",
           "sys.path.insert(0, 'lib')\nfrom helper import VALUE as value",
           {"lib/helper.py": TWO}, {"lib/helper.py": ONE, "lib/other.py": ONE},
           {"lib/other.py": TWO}),
    Layout("a resource of a package",
           "from importlib.resources import files\nvalue = (files('cfg') / 'f.txt').read_text()",
           {"cfg/f.txt": "2"}, {"cfg/f.txt": "1", "cfg/__init__.py": "", "cfg/g.txt": "1"},
           {"cfg/g.txt": "2"}),
    Layout("a resource of a folder without __init__",
           "from importlib.resources import files\nvalue = (files('cfg') / 'f.txt').read_text()",
           {"cfg/f.txt": "2"}, {"cfg/f.txt": "1", "cfg/g.txt": "1"}, {"cfg/g.txt": "2"}),
    Layout("a namespace package", "from space.part import VALUE as value",
           {"model/space/part.py": TWO},
           {"model/space/part.py": ONE, "model/space/other.py": ONE},
           {"model/space/other.py": TWO}),
    Layout("a namespace package that becomes a package", "from space.part import VALUE as value",
           {"space/__init__.py": "", "space/part.py": TWO}, {"model/space/part.py": ONE}, IDLE),
    Layout("an editable package",
           "import site\nsite.addsitedir('vendor')\nfrom own import VALUE as value",
           {"packages/own/own.py": TWO},
           {"vendor/own.pth": "../packages/own\n", "packages/own/own.py": ONE,
            "packages/own/test.py": ONE}, {"packages/own/test.py": TWO}),
    Layout("the .pth file of an editable package",
           "import site\nsite.addsitedir('vendor')\nfrom own import VALUE as value",
           {"vendor/own.pth": "../packages/new\n"},
           {"vendor/own.pth": "../packages/own\n", "packages/own/own.py": ONE,
            "packages/new/own.py": TWO}, {"packages/own/README": "2"}),
    Layout("a .pth file that appears",
           "import site\nsite.addsitedir('vendor')\nfrom own import VALUE as value",
           {"vendor/new.pth": "../packages/new\n"},
           {"vendor/own.pth": "../packages/own\n", "packages/own/own.py": ONE,
            "packages/new/own.py": TWO}, {"packages/own/README": "2"}),
    Layout("the module of an entry point", ENTRY_POINTS, {"own.py": "VALUE = 2\n"}, OWN, IDLE),
    Layout("an entry point", ENTRY_POINTS,
           {"model/own-1.dist-info/entry_points.txt": "[tiny.values]\na = own:OTHER\n"}, OWN, IDLE),
    Layout("an entry point that appears",
           "from importlib.metadata import entry_points\n"
           "value = sorted(each.name for each in entry_points(group='tiny.values'))",
           {"model/new-1.dist-info/entry_points.txt": "[tiny.values]\nb = own:OTHER\n"}, OWN, IDLE),
    Layout("a plugin that is edited", PLUGINS, {"plugins/one.py": TWO},
           {"plugins/__init__.py": "", "plugins/one.py": ONE}, {"plugin.py": TWO}),
    Layout("a plugin that appears", PLUGINS, {"plugins/two.py": TWO},
           {"plugins/__init__.py": "", "plugins/one.py": ONE}, {"plugin.py": TWO}),
    Layout("a plugin that vanishes", PLUGINS, {"plugins/two.py": None},
           {"plugins/__init__.py": "", "plugins/one.py": ONE, "plugins/two.py": TWO}, IDLE),
    Layout("the class of an unpickled object",
           "value = pickle.loads(Path('state.pkl').read_bytes()).size",
           {"shapes.py": SHAPES.format(2)},
           {"shapes.py": SHAPES.format(1), "state.pkl": b"cshapes\nShape\n(tR."}, IDLE),
    Layout("an extension module",
           "from importlib.util import find_spec\n"
           "value = os.stat(find_spec('fast').origin).st_size\n"
           "try:\n    import fast\nexcept ImportError:\n    pass",
           {f"model/fast{_SUFFIX}": extension() + b" "},
           {f"model/fast{_SUFFIX}": extension(), f"model/slow{_SUFFIX}": b""},
           {f"model/slow{_SUFFIX}": b" "}),
    Layout("a notebook",
           RUN_NOTEBOOK,
           {"train.ipynb": NOTEBOOK.format(1)},
           {"train.ipynb": NOTEBOOK.format(0), "own.py": ONE},
           {"other.ipynb": NOTEBOOK.format(1)}),
    Layout("a module that a notebook imports",
           RUN_NOTEBOOK,
           {"own.py": TWO}, {"train.ipynb": NOTEBOOK.format(0), "own.py": ONE}, IDLE),
    Layout("a module in a zip file",
           "sys.path.insert(0, 'own.zip')\nfrom own import VALUE as value",
           {"own.zip": zipped("own.py", TWO)}, {"own.zip": zipped("own.py", ONE)},
           {"other.zip": zipped("own.py", TWO)}),
    Layout("a link to a module", "from own import VALUE as value", {"store/a.py": TWO},
           {"store/a.py": ONE, "own.py": Link("store/a.py"), "store/b.py": TWO},
           {"store/b.py": ONE}),
    Layout("a link that leads elsewhere", "from own import VALUE as value",
           {"own.py": Link("store/b.py")},
           {"store/a.py": ONE, "own.py": Link("store/a.py"), "store/b.py": TWO}, IDLE),
    Layout("a link to a folder", "from own.a import VALUE as value", {"store/a.py": TWO},
           {"store/a.py": ONE, "own": Link("store"), "store/b.py": TWO}, {"store/b.py": ONE}),
    Layout("a module of a git submodule",
           "sys.path.insert(0, 'parts')\nfrom part import VALUE as value", {"parts/part.py": TWO},
           beside={"parts/README": "2"}, prepare=add_submodule),
    Layout("an optional module that appears",
           TRIED.format("local_settings"),
           {"local_settings.py": TWO}, beside={"local_setting.py": TWO}),
    Layout("an optional part of a package that appears",
           TRIED.format("own.extra"),
           {"model/own/extra.py": TWO}, {"model/own/__init__.py": ""},
           {"model/own/extras.py": TWO}),
    Layout("an optional module that vanishes",
           TRIED.format("local_settings"),
           {"local_settings.py": None}, {"local_settings.py": TWO}, IDLE),
    Layout("a module that hides one of Python's own", "import colorsys\nvalue = colorsys.__file__",
           {"model/colorsys.py": TWO}, beside=IDLE),
    Layout("a module that hides one of a package", "import joblib\nvalue = joblib.__file__",
           {"model/joblib.py": TWO}, beside=IDLE),
    Layout("a package that hides a module", "from own import VALUE as value",
           {"model/own/__init__.py": TWO}, {"model/own.py": ONE}, IDLE),
    Layout("a module that comes before another", "from own import VALUE as value",
           {"own.py": TWO}, {"model/own.py": ONE}, IDLE),
    Layout("sitecustomize", "import builtins\nvalue = getattr(builtins, 'VALUE', 1)",
           {"model/sitecustomize.py": "import builtins\nbuiltins.VALUE = 2\n"}, beside=IDLE),
    Layout("exec(open(...))", "exec(open('scripts/a.py').read())\nvalue = VALUE",
           {"scripts/a.py": TWO}, {"scripts/a.py": ONE, "scripts/b.py": ONE},
           {"scripts/b.py": TWO}),
    Layout("runpy.run_path", "import runpy\nvalue = runpy.run_path('scripts/a.py')['VALUE']",
           {"scripts/a.py": TWO}, {"scripts/a.py": ONE, "scripts/b.py": ONE},
           {"scripts/b.py": TWO}),
    Layout("the __main__ of a package", "import runpy\nvalue = runpy.run_module('own')['VALUE']",
           {"own/__main__.py": TWO}, {"own/__main__.py": ONE, "own/__init__.py": ""}, IDLE),
    Layout("a module by the path of its file",
           "from importlib.util import module_from_spec, spec_from_file_location\n"
           "spec = spec_from_file_location('a', 'scripts/a.txt.py')\n"
           "spec.loader.exec_module(module := module_from_spec(spec))\nvalue = module.VALUE",
           {"scripts/a.txt.py": TWO}, {"scripts/a.txt.py": ONE}, {"scripts/a.py": ONE}),
    Layout("a relative import", "from .parts.one import VALUE as value",
           {"model/tiny_training/parts/two.py": TWO},
           {"model/tiny_training/parts/one.py": "from .two import VALUE\n",
            "model/tiny_training/parts/two.py": ONE, "model/tiny_training/parts/three.py": ONE},
           {"model/tiny_training/parts/three.py": TWO}),
    Layout("an import for types only",
           "from typing import TYPE_CHECKING\nfrom own import VALUE as value\n"
           "if TYPE_CHECKING:\n    import shapes",
           {"own.py": TWO}, {"own.py": ONE, "shapes.py": ONE}, {"shapes.py": TWO}),
    Layout("an import within a function",
           "def read():\n    from own import VALUE\n    return VALUE\nvalue = read()",
           {"own.py": TWO}, {"own.py": ONE}, IDLE),
    Layout("a comment in a module", "import own, inspect\nvalue = inspect.getsource(own)",
           {"own.py": f"{ONE}# A comment.\n"}, {"own.py": ONE}, IDLE),
    Layout("settings beside the code",
           "import json\nvalue = json.loads(Path(__file__).with_name('a.json').read_text())",
           {"model/tiny_training/a.json": "2"},
           {"model/tiny_training/a.json": "1", "model/tiny_training/b.json": "1"},
           {"model/tiny_training/b.json": "2"}),
    Layout("what the entry point reads", "value = 1",
           {"model/tiny_model/limits.txt": "2"},
           {"model/tiny_model/classifier.py": ANSWERS, "model/tiny_model/limits.txt": "1"}, IDLE),
    Layout("a script as the command", "value = 1",
           {"scripts/train.py": TRAINING.format("value = 2")},
           {"scripts/train.py": TRAINING.format("value = 1"), "scripts/other.py": ONE},
           {"scripts/other.py": TWO}, command="python scripts/train.py {model} {report}"),
    Layout("a module beside a script", "value = 1", {"scripts/own.py": TWO},
           {"scripts/train.py": TRAINING.format("from own import VALUE as value"),
            "scripts/own.py": ONE},
           {"own.py": TWO}, command="python scripts/train.py {model} {report}"),
    Layout("a Python with options as the command", "from own import VALUE as value",
           {"own.py": TWO}, {"own.py": ONE}, IDLE,
           command="python -O -W error -m tiny_training {model} {report}"),
    Layout("a script of the shell as the command", "from own import VALUE as value",
           {"train.sh": f"VALUE=2 {SHELL}"},
           {"train.sh": SHELL, "own.py": ENVIRON}, IDLE,
           command="sh train.sh {model} {report}"),
    Layout("a module behind a script of the shell", "from own import VALUE as value",
           {"own.py": TWO}, {"train.sh": SHELL, "own.py": ONE}, IDLE,
           command="sh train.sh {model} {report}"),
    Layout("what the shipped package imports",
           "import tiny_model.table\nvalue = tiny_model.table.X",
           {"model/tiny_model/table.py": "X = 2\n"}, {"model/tiny_model/table.py": "X = 1\n"},
           {"README.md": "# Another\n"}),
)  # fmt: skip
