"""What a module imports is told from its text, or it is said that it cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.imports import Imports, read_imports


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
