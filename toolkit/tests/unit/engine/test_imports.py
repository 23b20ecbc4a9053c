"""What a module imports is told from its text, or it is said that it cannot be."""

from __future__ import annotations

import importlib.util
import json
import warnings
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.engine.imports import Imports, read_imports


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a", ("a",)),
        ("import a.b.c as x, d", ("a.b.c", "d")),
        ("from a import b", ("a.b",)),
        ("from a.b import c as x, d", ("a.b.c", "a.b.d")),
        ("from a import *", ("a.*",)),
        ("from . import b", (".b",)),
        ("from .a import b", (".a.b",)),
        ("from ...a.b import c", ("...a.b.c",)),
        ("from .. import *", ("..*",)),
        ("def f():\n    import a", ("a",)),
        ("try:\n    import a\nexcept ImportError:\n    import b", ("a", "b")),
        ("if TYPE_CHECKING:\n    from a import B", ("a.B",)),
        ("async def f():\n    with x:\n        from a import b", ("a.b",)),
        ("class A:\n    import b", ("b",)),
        ("'import a'\n# import b", ()),
        ("", ()),
    ],
)
def test_an_import_is_read_wherever_it_stands(text: str, names: tuple[str, ...]) -> None:
    assert read_imports(text.encode()) == Imports(names)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import importlib\nimportlib.import_module('a.b')", "a.b"),
        ("import importlib as il\nil.import_module('a.b')", "a.b"),
        ("from importlib import import_module\nimport_module('a.b')", "a.b"),
        ("from importlib import import_module as load\nload(name='a.b')", "a.b"),
        ("import importlib\nimportlib.import_module('.b', __package__)", ".b"),
        ("import importlib\nimportlib.import_module('..b', package=__name__)", "..b"),
        ("import importlib\nimportlib.import_module('.b', 'a')", "a.b"),
        ("import importlib\nimportlib.import_module('..b', 'a.c')", "a.b"),
        ("__import__('a.b')", "a.b"),
        ("import runpy\nrunpy.run_module('a.b')", "a.b"),
        ("pytest_plugins = ['a.b']", "a.b"),
        ("pytest_plugins = 'a.b'", "a.b"),
    ],
)
def test_a_dynamic_import_of_a_literal_is_one_like_others(text: str, name: str) -> None:
    found = read_imports(text.encode())

    assert name in found.names
    assert found.unknown_line == 0


@pytest.mark.parametrize(
    "call",
    [
        "importlib.import_module(name)", "importlib.import_module(f'a.{name}')",
        "importlib.import_module('.b', package)", "importlib.import_module('.b')",
        "importlib.import_module()", "__import__(name)", "runpy.run_path('a.py')",
        "runpy.run_module(name)", "importlib.util.spec_from_file_location('a', path)",
        "pkgutil.iter_modules(path)", "pkgutil.walk_packages()", "exec(text)",
        "importlib.machinery.SourceFileLoader('a', 'b').load_module()",
        "list(map(importlib.import_module, names))",
    ],
)  # fmt: skip
def test_an_import_that_cannot_be_told_is_named_by_its_line(call: str) -> None:
    modules = "importlib, importlib.util, importlib.machinery, pkgutil, runpy"
    text = f"import {modules}\n\n\n{call}\nexec(x)"

    assert read_imports(text.encode()).unknown_line == 4


def test_a_list_of_plugins_that_is_computed_cannot_be_told() -> None:
    assert read_imports(b"pytest_plugins = [name]").unknown_line == 1


@pytest.mark.parametrize("text", ["exec('x = 1')", "eval(text)", "module.exec(text)", "importlib"])
def test_what_imports_nothing_is_not_taken_for_it(text: str) -> None:
    assert read_imports(text.encode()).unknown_line == 0


@pytest.mark.parametrize(
    "source",
    [b"import a; )", b"\x00", b"# coding: nonsense\n", b"\xff\xfe", b"(" * 5000, b"-" * 200_000],
    ids=["syntax", "null", "coding", "bytes", "deep", "deeper"],
)
def test_what_is_no_python_imports_nothing(source: bytes) -> None:
    assert read_imports(source) == Imports(())


def test_a_file_of_another_coding_is_read() -> None:
    assert read_imports("# coding: latin-1\nimport a  # ä".encode("latin-1")) == Imports(("a",))


@given(st.text(max_size=60))
def test_no_text_is_too_odd(text: str) -> None:
    assert isinstance(read_imports(text.encode("utf-8", "surrogatepass")), Imports)


FROM_IMPORTLIB = "from importlib import import_module\n"
OWN = {"importlib", "importlib.import_module", "runpy", "pytest", "importlib.util"}


def names(text: str) -> set[str]:
    """Return what a text imports apart from the tools of importing; all of it must be told."""
    found = read_imports(text.encode())
    assert found.unknown_line == 0
    return set(found.names) - OWN


@pytest.mark.parametrize(
    ("text", "imported"),
    [
        ("from a.b import (c as d,\n e)", {"a.b.c", "a.b.e"}),
        ("def f():\n    async def g():\n        import a", {"a"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"a", "b"}),
        ("match x:\n    case 1:\n        import a", {"a"}),
        ("class A:\n    from a import b", {"a.b"}),
        ("x = 'import a'  # import b", set()),
        ("import a; import b", {"a", "b"}),
        ("import späne", {"späne"}),
        ("\N{BYTE ORDER MARK}import a", {"a"}),
        ("import a\r\nimport b\r", {"a", "b"}),
    ],
)
def test_an_import_is_read_however_it_is_written(text: str, imported: set[str]) -> None:
    assert names(text) == imported


@pytest.mark.parametrize(
    ("text", "imported"),
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
def test_a_call_that_imports_a_literal_counts_as_a_statement(text: str, imported: set[str]) -> None:
    assert names(text) == imported


@pytest.mark.parametrize(
    ("text", "imported"),
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
def test_the_plugins_of_a_conftest_are_imported(text: str, imported: set[str] | None) -> None:
    found = read_imports(text.encode())

    assert bool(found.unknown_line) == (imported is None)
    assert imported is None or set(found.names) == imported


@pytest.mark.parametrize(
    "line",
    [
        "importlib.import_module(name)",
        "importlib.import_module(f'a.{b}')",
        "importlib.import_module('a' + b)",
        "importlib.import_module()",
        "importlib.import_module(*names)",
        "importlib.import_module(**names)",
        "importlib.import_module('.a')",
        "importlib.import_module('.a', package)",
        "importlib.import_module('.a', *rest)",
        "find = importlib.import_module",
        "modules = list(map(importlib.import_module, names))",
        "def get(find=importlib.import_module): ...",
        "return_ = [importlib.import_module]",
        "__import__(name)",
        "__import__('a', *rest)",
        "__import__('a', **rest)",
        "__import__('a', globals(), locals(), [name])",
        "__import__('a', globals(), locals(), names)",
        "__import__('a', globals(), locals(), [], level)",
        "__import__('a', level='1')",
        "map(__import__, names)",
        "__import__('importlib').import_module(name)",
        "self.import_module(name)",
        "import_module(name)",
        "importlib.util.find_spec(name)",
        "importlib.util.spec_from_file_location('a', 'a.py')",
        "importlib.machinery.SourceFileLoader('a', 'a.py').load_module()",
        "runpy.run_module(name)",
        "runpy.run_path('a.py')",
        "pkgutil.iter_modules(__path__)",
        "pkgutil.walk_packages(__path__, 'a.')",
        "pkgutil.resolve_name('a:b')",
        "exec(code)",
        "exec(compile(text, name, 'exec'), globals())",
        "exec(open('a.py').read())",
        "exec(*code)",
        "exec(f'import {a}')",
        "builtins.exec(code)",
        "list(map(exec, codes))",
        "exec('import importlib; importlib.import_module(a)')",
    ],
)
def test_the_line_of_an_import_that_the_text_does_not_tell_is_named(line: str) -> None:
    found = read_imports(f"import os\n\n{line}\nimport a.last\n".encode())

    assert found.unknown_line == 3
    assert {"os", "a.last"} <= set(found.names)


@pytest.mark.parametrize(
    "text",
    [
        "import importlib as il\nil.import_module(x)",
        "from importlib import import_module as im\nim(x)",
        "from importlib import util as u\nu.spec_from_file_location(x)",
        "from importlib.util import spec_from_file_location as s\ns(x)",
        "import importlib.util as u\nu.find_spec(x)",
        "from importlib.machinery import SourceFileLoader as S\nS(x)",
        "from runpy import *\nrun_path(x)",
        "from runpy import run_path as r\nmap(r, x)",
        "from pkgutil import iter_modules\niter_modules(x)",
        "from ._compat import import_module\nimport_module(x)",
        "from lazy_loader import attach_stub\nattach_stub(x)",
    ],
)
def test_an_importing_function_is_known_by_any_of_its_names(text: str) -> None:
    assert read_imports(text.encode()).unknown_line == 2


def test_a_name_counts_wherever_in_the_file_it_was_bound() -> None:
    deep = (
        "def g():\n  if a:\n    try:\n      from importlib import import_module as im\n    finally:"
    )
    text = f"im(x)\n{deep}\n      pass\n"

    assert read_imports(text.encode()).unknown_line == 1


def test_a_name_that_stands_for_two_things_counts_as_both() -> None:
    text = (
        "try:\n  from importlib import import_module as im\nexcept E:\n  from a import im\nim(x)\n"
    )

    assert read_imports(text.encode()).unknown_line == 5


@pytest.mark.parametrize(
    "text",
    [
        "model.eval()",
        "eval(text)",
        "map(eval, texts)",
        "session.exec(statement)",
        "loader.run_path(x)",
        "import importlib\nimportlib.reload(a)\nimportlib.invalidate_caches()",
        "import_module = None",
        "builtins.__import__ = hook",
        "import pkgutil\npkgutil.get_data(__name__, 'x')",
        "exec('x = 1')",
        "def exec_(x): ...",
        "x = 'importlib.import_module(name)'",
    ],
)
def test_what_is_called_alike_is_not_taken_for_an_import(text: str) -> None:
    assert names(text) - {"pkgutil"} == set()


@pytest.mark.parametrize(
    ("text", "imported"),
    [
        ("exec('import a')", {"a"}),
        ("exec('''\nfrom .a import b\n''', {})", {".a.b"}),
        ("exec(b'import a')", {"a"}),
        ("eval(' __import__(\"a\")')", {"a"}),
        ("exec('exec(\"import a\")')", {"a"}),
        ("exec('# coding: nonsense\\nimport a')", {"a"}),
        ("exec('import')", set()),
    ],
)
def test_code_in_a_literal_is_read_as_well(text: str, imported: set[str]) -> None:
    assert names(text) == imported


def test_the_first_of_several_untold_lines_is_named() -> None:
    text = "def f():\n    if x:\n        exec(a)\nexec(b)\nexec(c)\n"

    assert read_imports(text.encode()).unknown_line == 3


def test_names_come_once_and_in_one_order() -> None:
    found = read_imports(b"import c\nimport a\nimport b\nimport a\n")

    assert found == Imports(("a", "b", "c"))


@pytest.mark.parametrize(
    "source",
    [
        b"import a\nthis is no Python",
        b"import a\n\0",
        b"# coding: nonsense\nimport a",
        b"import a\nx = '\xff'",
        b"import a\n\tx = 1\n        y = 2",
        b"import a\nprint 'Python 2'",
        b"import a\nx = " + b"not " * 20_000 + b"1",
        b"import a\nx = " + b"(" * 5_000 + b")" * 5_000,
        b"import a\nx" + b".a" * 20_000,
        b"\xff\xfe" + "import a".encode("utf-16-le"),
    ],
    ids=range(10),
)
def test_a_file_that_is_no_python_imports_nothing(source: bytes) -> None:
    assert read_imports(source) == Imports((), 0)


@pytest.mark.parametrize("action", ["error", "always"])
def test_what_python_warns_of_is_neither_said_nor_an_error(action: str) -> None:
    source = b"import a\nx = '\\d'\ny = 1 is 1\nassert (y, 'always')\n"

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter(action)  # type: ignore[arg-type]
        found = read_imports(source)

    assert found == Imports(("a",))
    assert told == []


def test_imports_can_be_kept_as_json() -> None:
    found = read_imports("import späne\n__import__('\\ud800')\nexec(x)\n".encode())

    kept, line = json.loads(json.dumps(astuple(found)))

    assert Imports(tuple(kept), line) == found == Imports(("späne", "\ud800"), 3)


@given(st.binary())
def test_any_bytes_are_read(source: bytes) -> None:
    found = read_imports(source)

    assert list(found.names) == sorted(set(found.names))
    assert found.unknown_line >= 0


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

    found = names(f"{FROM_IMPORTLIB}import_module({relative!r}, {package!r})")

    assert not absolute or found == {absolute}


_clauses = st.tuples(_dotted, st.none() | _words)


@given(
    st.lists(_clauses, min_size=1, max_size=3),
    st.integers(0, 3),
    st.none() | _dotted,
    st.lists(st.sampled_from(["", "if x:", "def f():", "try:", "class A:"]), max_size=4),
)
def test_a_statement_is_read_whatever_its_form(
    clauses: list[tuple[str, str | None]], level: int, module: str | None, around: list[str]
) -> None:
    told = ", ".join(f"{name} as {alias}" if alias else name for name, alias in clauses)
    expected = {name for name, _ in clauses}
    statement = f"import {told}"
    if level or module:
        clauses = [(name.partition(".")[0], alias) for name, alias in clauses]
        told = ", ".join(f"{name} as {alias}" if alias else name for name, alias in clauses)
        base = "." * level + (module or "")
        statement = f"from {base} import ({told})"
        expected = {f"{base}{'.' if module else ''}{name}" for name, _ in clauses}
    lines = [head for head in around if head]
    text = "".join(f"{'  ' * depth}{head}\n" for depth, head in enumerate(lines))
    text += f"{'  ' * len(lines)}{statement}\n"
    for depth in reversed(range(len(lines))):
        text += f"{'  ' * depth}finally: pass\n" if lines[depth] == "try:" else ""

    assert names(text) == expected
