"""What a module imports is read from its text, or the line is named that hides it."""

from __future__ import annotations

import importlib.util
import json
import warnings
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.engine.imports import Imports, read_imports

FROM_IMPORTLIB = "from importlib import import_module\n"
BY_PATH = """
imp.find_module imp.load_module imp.load_source importlib.machinery.FileFinder
importlib.machinery.ExtensionFileLoader importlib.machinery.SourceFileLoader
importlib.machinery.SourcelessFileLoader importlib.util.spec_from_file_location
importlib.util.spec_from_loader lazy_loader.attach lazy_loader.attach_stub lazy_loader.load
pkgutil.iter_modules pkgutil.resolve_name pkgutil.walk_packages runpy.run_path
zipimport.zipimporter
"""
OWN = {"importlib", "importlib.import_module", "runpy", "pytest", "importlib.util"}


def names(text: str) -> set[str]:
    """Return what a text imports, all by names that are known, without the importing tools."""
    imports = read_imports(text.encode())
    assert imports.unknown_line == 0
    return set(imports.names) - OWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import a", {"a"}), ("import a.b.c as x, d", {"a.b.c", "d"}),
        ("from a import b", {"a.b"}), ("from a.b import (c as d,\n e)", {"a.b.c", "a.b.e"}),
        ("from a import *", {"a.*"}), ("from . import b", {".b"}),
        ("from .a import b", {".a.b"}), ("from ...a.b import c", {"...a.b.c"}),
        ("from .. import *", {"..*"}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a", "b"}),
        ("def f():\n    async def g():\n        import a", {"a"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"a", "b"}),
        ("match x:\n    case 1:\n        import a", {"a"}),
        ("class A:\n    from a import b", {"a.b"}), ("x = 'import a'  # import b", set()),
        ("import a; import b", {"a", "b"}), ("import späne", {"späne"}),
        ("\N{BYTE ORDER MARK}import a", {"a"}), ("import a\r\nimport b\r", {"a", "b"}),
    ],
)  # fmt: skip
def test_an_import_is_read_however_it_is_written(text: str, expected: set[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import importlib\nimportlib.import_module('a.b')", {"a.b"}),
        ("import importlib\nimportlib.import_module(name='a')", {"a"}),
        ("import importlib as il\nil.import_module('a' '.b')", {"a.b"}),
        ("import importlib.util\nimportlib.import_module('a')", {"a"}),
        (FROM_IMPORTLIB + "import_module('a')", {"a"}),
        ("from importlib import import_module as im\nim('a')", {"a"}),
        ("from importlib import *\nimport_module('a')", {"a", "importlib.*"}),
        (FROM_IMPORTLIB + "import_module('.a', __package__)", {".a"}),
        (FROM_IMPORTLIB + "import_module('.a', __name__)", {".a"}),
        (FROM_IMPORTLIB + "import_module('..a', package=__spec__.parent)", {"..a"}),
        (FROM_IMPORTLIB + "import_module('.a', 'b.c')", {"b.c.a"}),
        (FROM_IMPORTLIB + "import_module('..a', package='b.c')", {"b.a"}),
        (FROM_IMPORTLIB + "import_module('.', 'b.c')", {"b.c"}),
        ("import importlib.util\nimportlib.util.find_spec('a.b')", {"a.b"}),
        ("import pytest as p\np.importorskip('a.b', '1.0')", {"a.b"}),
        ("import runpy\nrunpy.run_module('a')", {"a", "a.__main__"}),
        ("import runpy\nrunpy.run_module(mod_name='a')", {"a", "a.__main__"}),
        ("__import__('a.b')", {"a.b"}),
        ("__import__('a', globals(), locals(), ['b', 'c'])", {"a", "a.b", "a.c"}),
        ("__import__('a', fromlist=('*',))", {"a", "a.*"}),
        ("__import__('a', globals(), None, ['b'], 1)", {".a", ".a.b"}),
        ("__import__('', globals(), None, ['b'], level=2)", {"..", "..b"}),
        ("import builtins\nbuiltins.__import__('a')", {"a", "builtins"}),
        ("__import__('importlib').import_module('a')", {"a"}),
    ],
)
def test_a_call_that_imports_a_literal_counts_as_a_statement(text: str, expected: set[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pytest_plugins = ['a.b', 'c']", {"a.b", "c"}),
        ("pytest_plugins = ('a', *('b',))", None),
        ("pytest_plugins = 'a.b'", {"a.b"}),
        ("pytest_plugins = 'a,b.c'", {"a", "b.c"}),
        ("pytest_plugins: tuple[str, ...] = ('a',)", {"a"}),
        ("pytest_plugins: list[str]", set()),
        ("x = pytest_plugins = {'a'}", {"a"}),
        ("pytest_plugins = []\npytest_plugins += ['a']", {"a"}),
        ("pytest_plugins = None", set()),
        ("pytest_plugins = find()", None),
        ("pytest_plugins = ['a', f'{b}']", None),
    ],
)
def test_the_plugins_of_a_conftest_are_imported(text: str, expected: set[str] | None) -> None:
    imports = read_imports(text.encode())

    assert bool(imports.unknown_line) == (expected is None)
    assert expected is None or set(imports.names) == expected


@pytest.mark.parametrize(
    "line",
    [
        *(f"importlib.import_module({arguments})" for arguments in (
            "name", "f'a.{b}'", "'a' + b", "", "*names", "**names", "'.a'", "'.a', package",
            "'.a', *rest",
        )),
        *(f"__import__({arguments})" for arguments in (
            "name", "'a', *rest", "'a', **rest", "'a', globals(), locals(), [name]",
            "'a', globals(), locals(), names", "'a', globals(), locals(), [], level",
            "'a', level='1'",
        )),
        *(f"exec({code})" for code in (
            "code", "compile(text, name, 'exec'), globals()", "open('a').read()", "*code",
            "f'import {a}'", "",
        )),
        *(f"{function}('a.b')" for function in BY_PATH.split()),
        "find = importlib.import_module", "list(map(importlib.import_module, names))",
        "def get(find=importlib.import_module): ...", "return_ = [importlib.import_module]",
        "self.import_module(name)", "self.__import__(name)",
        "import_module(name)", "map(__import__, names)",
        "__import__('importlib').import_module(name)", "importlib.util.find_spec(name)",
        "importlib.machinery.SourceFileLoader('a', 'a.py').load_module()",
        "runpy.run_module(name)", "builtins.exec(code)", "list(map(exec, codes))",
        "exec('import importlib; importlib.import_module(a)')",
    ],
)  # fmt: skip
def test_the_first_line_that_imports_by_a_computed_name_is_named(line: str) -> None:
    imports = read_imports(f"import os\n\n{line}\nimport a.last\nexec(x)\n".encode())

    assert imports.unknown_line == 3
    assert {"os", "a.last"} <= set(imports.names)


@pytest.mark.parametrize(
    "text",
    [
        "import importlib as il\nil.import_module(x)",
        "from importlib import import_module as im\nim(x)",
        "from importlib import util as u\nu.spec_from_file_location(x)",
        "from importlib.util import spec_from_file_location as s\ns(x)",
        "import importlib.util as u\nu.find_spec(x)",
        "from importlib.machinery import SourceFileLoader as S\nS(x)",
        "from runpy import *\nrun_path(x)", "from runpy import run_path as r\nmap(r, x)",
        "from pkgutil import iter_modules\niter_modules(x)",
        "from ._compat import import_module\nimport_module(x)",
        "from lazy_loader import attach_stub\nattach_stub(x)",
        "if a:\n  im(x)\n  from importlib import import_module as im",
        "def im(): ...\nim(x)\nfrom importlib import import_module as im",
    ],
)  # fmt: skip
def test_an_importing_function_is_known_by_any_of_its_names(text: str) -> None:
    assert read_imports(text.encode()).unknown_line == 2


@pytest.mark.parametrize(
    "text",
    [
        "model.eval()", "eval(text)", "map(eval, texts)", "session.exec(statement)",
        "loader.run_path(x)",
        "import importlib\nimportlib.reload(a)\nimportlib.invalidate_caches()",
        "import_module = None", "builtins.__import__ = hook",
        "import pkgutil\npkgutil.get_data(__name__, 'x')", "exec('x = 1')", "def exec_(x): ...",
        "x = 'importlib.import_module(name)'",
    ],
)  # fmt: skip
def test_a_similar_name_is_not_taken_for_an_import(text: str) -> None:
    assert names(text) - {"pkgutil"} == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exec('import a')", {"a"}),
        ("exec('''\nfrom .a import b\n''', {})", {".a.b"}),
        ("exec(b'import a')", {"a"}),
        ("eval(' __import__(\"a\")')", {"a"}),
        ("exec('exec(\"import a\")')", {"a"}),
        ("import builtins as b\nb.eval('__import__(\"a\")')", {"a", "builtins"}),
        ("exec('# coding: nonsense\\nimport a')", {"a"}),
        ("exec('import')", set()),
    ],
)
def test_code_in_a_literal_is_read_as_well(text: str, expected: set[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "source",
    [
        b"import a\nthis fails", b"import a\n\0", b"# coding: nonsense\nimport a",
        b"import a\nx = '\xff'", b"import a\n\tx = 1\n        y = 2",
        b"import a\nprint 'Python 2'", b"import a\nx = " + b"not " * 20_000 + b"1",
        b"import a\nx = " + b"(" * 5_000 + b")" * 5_000, b"import a\nx" + b".a" * 20_000,
        b"\xff\xfe" + "import a".encode("utf-16-le"),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_file_with_a_syntax_error_imports_nothing(source: bytes) -> None:
    assert read_imports(source) == Imports((), 0)


@pytest.mark.parametrize("action", ["error", "always"])
def test_a_syntax_warning_is_neither_printed_nor_an_error(action: str) -> None:
    source = b"import a\nx = '\\d'\ny = 1 is 1\nassert (y, 'always')\n"

    with warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter(action)  # type: ignore[arg-type]
        imports = read_imports(source)

    assert imports == Imports(("a",))
    assert messages == []


def test_imports_can_be_kept_as_json() -> None:
    imports = read_imports("import späne\n__import__('\\ud800')\nexec(x)\n".encode())

    names, line = json.loads(json.dumps(astuple(imports)))

    assert Imports(tuple(names), line) == imports == Imports(("späne", "\ud800"), 3)


@given(st.binary())
def test_any_bytes_are_read(source: bytes) -> None:
    imports = read_imports(source)

    assert list(imports.names) == sorted(set(imports.names))
    assert imports.unknown_line >= 0


_words = st.sampled_from(["a", "b", "späne", "_x1"])
_dotted = st.lists(_words, min_size=1, max_size=3).map(".".join)


@given(_dotted, _dotted, st.integers(1, 4))
def test_a_relative_name_means_what_python_takes_it_for(
    name: str, package: str, level: int
) -> None:
    relative = "." * level + name
    try:
        absolute = importlib.util.resolve_name(relative, package)
    except ImportError:
        absolute = ""  # it leads out of every package, so Python refuses it

    imports = names(f"{FROM_IMPORTLIB}import_module({relative!r}, {package!r})")

    assert not absolute or imports == {absolute}
