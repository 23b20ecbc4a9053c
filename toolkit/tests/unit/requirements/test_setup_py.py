"""setup.py: what is read of it, how it is edited, and what is refused with its line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from trainwheel.errors import SetupPyError
from trainwheel.requirements.setup_py import (
    _checked,
    has_install_requires,
    read_description,
    read_distribution_name,
    read_entry_points,
    read_list,
    read_version,
    replace_list,
    replace_version,
)
from trainwheel.requirements.setup_py.source import Source

Sentence = Callable[[object], None]
_HEAD = "from setuptools import setup\n"


def _setup(arguments: str) -> bytes:
    return f"{_HEAD}setup({arguments})\n".encode()


@pytest.mark.parametrize(
    "text",
    [
        "from setuptools import setup\nsetup(version='1.2')",
        "from setuptools import setup as s\ns(version='1.2')",
        "import setuptools\nsetuptools.setup(version='1.2')",
        "import setuptools as st\nst.setup(version='1.2')",
        "import distutils.core\ndistutils.core.setup(version='1.2')",
        "from distutils import core\ncore.setup(version='1.2')",
        "from setuptools import *\nsetup(version='1.2')",
        "from setuptools import setup\nVERSION = '1.2'\nsetup(version=VERSION)",
        "from setuptools import setup\nVERSION: str = '1.2'\nsetup(version=VERSION)",
        "from setuptools import setup\na = b = '1.2'\nsetup(version=a)",
        "from setuptools import setup\nsetup(version=('1.' '2'))",
        "from setuptools import setup\nsetup(**kw, version='1.2')",
        "from setuptools import setup\nif True:\n    setup(version='1.2')",
        "\ufefffrom setuptools import setup\nsetup(version='1.2')",
        "from setuptools import setup\nx = '\\d'\nsetup(version='1.2')",
        "import x\nfrom setuptools import setup\nx.setup(version='9')\nsetup(version='1.2')",
    ],
)
def test_a_literal_version_is_found(text: str) -> None:
    assert read_version(text.encode()) == "1.2"


def test_the_name_is_read_as_written() -> None:
    assert read_distribution_name(_setup("name='My_Model'")) == "My_Model"


@pytest.mark.parametrize(("argument", "expected"), [
    ("description='Tells  wines\\n apart'", "Tells wines apart"), ("", ""),
    ("description='by ' + str(COUNT)", ""), ("description='by ' 'growers'", "by growers"),
])  # fmt: skip
def test_the_description_is_read_in_one_line_unless_it_is_computed(
    argument: str, expected: str
) -> None:
    assert read_description(_setup(argument)) == expected


@pytest.mark.parametrize(
    ("arguments", "requirements"),
    [
        ("install_requires=['a', 'b>1']", ("a", "b>1")),
        ("install_requires=('a',)", ("a",)),
        ("install_requires=[]", ()),
        ('install_requires="""\n a\n\n # no\n b>1 # yes\n"""', ("a", "b>1")),
        ("name='x'", ()),
    ],
)
def test_requirements_are_read_in_every_literal_form(
    arguments: str, requirements: tuple[str, ...]
) -> None:
    assert read_list(_setup(arguments)) == requirements


@pytest.mark.parametrize(
    ("arguments", "has_list"),
    [("name='x'", False), ("install_requires=[]", True), ("install_requires=read(), **kw", True)],
)
def test_a_list_is_seen_even_if_it_is_computed(arguments: str, *, has_list: bool) -> None:
    assert has_install_requires(_setup(arguments)) is has_list


_ONCE, _SEVERAL = "not bound exactly once", "more than strings and comments"
_NEW_VERSION = partial(replace_version, version="9")
_NEW_LIST = partial(replace_list, requirements=["a==9"])
_NEW_EXTRA = partial(replace_list, extra="dev", requirements=["a==9"])


@pytest.mark.parametrize(
    ("replace", "text", "line", "names"),
    [
        (_NEW_VERSION, "setup(version='1')\nsetup()", 3, r"several setup.* 2, 3"),
        (_NEW_VERSION, "\nsetup(version=get())", 3, "version is computed"),
        (_NEW_VERSION, "setup(version=1.0)", 2, "version is computed"),
        (_NEW_VERSION, "setup(version=b'1')", 2, "version is computed"),
        (_NEW_VERSION, "setup(version=('1.' # why\n'0'))", 2, "in several pieces"),
        (_NEW_VERSION, "setup(**kw)", 2, r"version may come from `\*\*`"),
        (_NEW_VERSION, "V = '1'\nV = '2'\nsetup(version=V)", 4, _ONCE),
        (_NEW_VERSION, "V = '1'\nV += '2'\nsetup(version=V)", 4, _ONCE),
        (_NEW_VERSION, "if x:\n    V = '1'\nsetup(version=V)", 4, _ONCE),
        (_NEW_VERSION, "from pkg import V\nsetup(version=V)", 3, _ONCE),
        (_NEW_VERSION, "V, W = '1', '2'\nsetup(version=V)", 3, _ONCE),
        (_NEW_VERSION, "V = '1'\ndef f(V): pass\nsetup(version=V)", 4, _ONCE),
        (_NEW_VERSION, "V = '1'\nclass V: pass\nsetup(version=V)", 4, _ONCE),
        (_NEW_VERSION, "V = '1'\ndef f():\n global V\nsetup(version=V)", 5, _ONCE),
        (_NEW_VERSION, "V = '1'\ntry: f()\nexcept E as V: pass\nsetup(version=V)", 5, _ONCE),
        (_NEW_VERSION, "V: str\nsetup(version=V)", 3, _ONCE),
        (_NEW_VERSION, "setup(version='1'", 2, "not a Python file"),
        (_NEW_LIST, "setup(install_requires=A() + ['x'])", 2, "install_requires is computed"),
        (_NEW_LIST, "setup(install_requires=[\n'x',\npick()])", 4, "element of install_requires"),
        (_NEW_LIST, "setup(install_requires=[('x')])", 2, _SEVERAL),
        (_NEW_LIST, "X = 'a', 'b'\nsetup(install_requires=X)", 2, _SEVERAL),
        (_NEW_LIST, "X = ('a'), ('b')\nsetup(install_requires=X)", 2, _SEVERAL),
        (_NEW_LIST, "X = ['a']\nX.append('b')\nsetup(install_requires=X)", 3, "changed here"),
        (_NEW_LIST, "X = ['a']\nX[0] = 'b'\nsetup(install_requires=X)", 3, "changed here"),
        (_NEW_LIST, "X = ['a']\nX += ['b']\nsetup(install_requires=X)", 4, _ONCE),
        (_NEW_LIST, "setup \\\n()", 2, "cannot be read"),
        (_NEW_LIST, "setup(install_requires=[\n'a' # x\n'>1'])", 3, "in several pieces"),
        (_NEW_EXTRA, "setup(extras_require=read())", 2, "extras_require is computed"),
        (_NEW_EXTRA, "setup(extras_require=dict(more))", 2, "extras_require is computed"),
        (_NEW_EXTRA, "setup(extras_require={'dev': [], **more})", 2, "a computed key of extras_r"),
        (_NEW_EXTRA, "setup(extras_require={f(): []})", 2, "a computed key of extras_require"),
        (_NEW_EXTRA, "setup(extras_require=dict(**more))", 2, "a computed key of extras_require"),
        (_NEW_EXTRA, "setup(extras_require=dict())", 2, "cannot be given 'dev'"),
        (_NEW_EXTRA, "setup(extras_require={'dev': A - B})", 2, r"extras_require\['dev'\] is comp"),
        (_NEW_LIST, "setup(install_requires='''\na # x\n''')", 2, "not written as a list"),
        (_NEW_LIST, "setup(install_requires=['a'] + [ # x\n])", 2, "not written as a list"),
        (_NEW_EXTRA, "setup(extras_require={'dev': [a()]})", 2, "an element of extras_require"),
        (_NEW_EXTRA, "setup(extras_require={'dev': D})", 2, "D, which is not bound exactly once"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused_with_its_line(
    replace: Callable[[bytes], bytes], text: str, line: int, names: str, sentence: Sentence
) -> None:
    with pytest.raises(SetupPyError, match=rf"setup\.py:{line}: .*{names}") as caught:
        replace((_HEAD + text).encode())
    sentence(caught.value)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (b"setup(version='1')", "setup.py: no call of setuptools"),
        (_setup("name='x'"), r"setup.py:2: setup\(\) has no version"),
        (b"# coding: utf-7\n# +ACE-\n", "setup.py: utf-7 text"),
        (b"\0", "setup.py:1: not a Python file"),
        (b"# coding: nonsense\n", "setup.py:1: not a Python file"),
        (b"x = '\xff'\n", "setup.py:1: not a Python file"),
    ],
)
def test_a_file_without_a_version_to_read_is_refused_by_its_name(source: bytes, names: str) -> None:
    with pytest.raises(SetupPyError, match=f"^configuration: {names}"):
        read_version(source)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version='1.0'", "version='2.0'"),
        ('version = "1.0"  # here\n', 'version = "2.0"  # here\n'),
        ("version=u'1.0',", "version=u'2.0',"),
        ('version="""1.0"""', 'version="""2.0"""'),
        ("version=('1.' '0')", "version=('2.0')"),
        ("name='é', version='1.0'", "name='é', version='2.0'"),
        # A missing keyword is added in the layout of the call.
        ("name='x'", "name='x', version='2.0'"),
        ("name='x',", "name='x', version='2.0',"),
        ("", 'version="2.0"'),
        ("\n    name='x',\n", "\n    name='x',\n    version='2.0',\n"),
        ("\n    name='x'\n", "\n    name='x',\n    version='2.0'\n"),
        ("\n\tname='x',  # n\n", "\n\tname='x',  # n\n\tversion='2.0',\n"),
        ("name='x',\n      y=('z')", "name='x',\n      y=('z'),\n      version='2.0'"),
        ("\n    name='x'  # n\n    ,\n", "\n    name='x'  # n\n    ,\n    version='2.0',\n"),
        ("\n    # all elsewhere\n", '\n    # all elsewhere\n    version="2.0",\n'),
        ("name='x', y=[\n    1,\n]", "name='x', y=[\n    1,\n], version='2.0'"),
    ],
)
def test_a_version_is_replaced_or_added_and_nothing_else(before: str, after: str) -> None:
    assert replace_version(_setup(before), "2.0") == _setup(after)


def test_a_name_is_edited_where_it_is_bound() -> None:
    source = f"{_HEAD}VERSION = '1.0'  # keep\nsetup(version=VERSION)\n".encode()
    assert replace_version(source, "2.0") == source.replace(b"'1.0'", b"'2.0'")


@pytest.mark.parametrize(
    ("before", "requirements", "after"),
    [
        ("['a==1', 'b']", ["a==2", "b"], "['a==2', 'b']"),
        ("['b', 'a']", ["a", "b"], "['b', 'a']"),
        ("['A_b >=1 , <2']", ["a-b<2,>=1"], "['A_b >=1 , <2']"),
        ("['a']", ["a", "b"], "['a', 'b']"),
        ("['a',]", ["a", "b"], "['a', 'b',]"),
        ("['a', 'b', 'c']", ["a", "c"], "['a', 'c']"),
        ("['a', 'b', 'c']", ["b", "c"], "['b', 'c']"),
        ("['a', 'b', 'c']", ["a", "b"], "['a', 'b']"),
        ("['a', 'b', 'c',]", ["a", "b"], "['a', 'b',]"),
        ("['a']", [], "[]"),
        ("('a',)", [], "()"),
        ("('a', 'b')", ["a"], "('a',)"),
        ("('a',)", ["b"], "('b',)"),
        ("()", ["b"], "('b',)"),
        ("[]", ["a", "b"], "['a', 'b']"),
        ("[r'a', u'b']", ["a>1", "b>1"], "[r'a>1', u'b>1']"),
        ("['a']", ['a; os_name == "nt"'], "['a; os_name == \"nt\"']"),
        ("['a']", ["a; os_name == 'nt'"], "[\"a; os_name == 'nt'\"]"),
        ("['a' '>=1']", ["a>=2"], "['a>=2']"),
        ("['???', 'a']", ["a>1"], "['a>1']"),
        ("[]", ["a; p == \"nt\" or q == 'x'"], "['a; p == \"nt\" or q == \\'x\\'']"),
        ("['a @ https://x.example/a.whl#x=1']", ["a"], "['a']"),
        (
            "['a; os_name==\"nt\"', 'a; os_name==\"posix\"']",
            ["a>1; os_name=='posix'", 'a; os_name == "nt"'],
            "['a; os_name==\"nt\"', \"a>1; os_name=='posix'\"]",
        ),
    ],
)
def test_a_list_on_one_line(before: str, requirements: list[str], after: str) -> None:
    source, expected = (_setup(f"name='x', install_requires={v}") for v in (before, after))
    assert replace_list(source, requirements) == expected


_COMMENTED = """[  # run time
    # arrays
    'numpy',  # fast

    # science
    "scipy",
    'joblib'  # last
    # the end
]"""


@pytest.mark.parametrize(
    ("before", "requirements", "after"),
    [
        (_COMMENTED, ["numpy>2", "scipy", "joblib"], _COMMENTED.replace("'numpy'", "'numpy>2'")),
        (
            _COMMENTED,
            ["scipy", "joblib", "x"],
            _COMMENTED.replace("\n    # arrays\n    'numpy',  # fast", "").replace(
                "'joblib'  # last", "'joblib',  # last\n    'x'"
            ),
        ),
        (
            _COMMENTED,
            ["numpy"],
            "[  # run time\n    # arrays\n    'numpy'  # fast\n\n    # the end\n]",
        ),
        (_COMMENTED, [], "[  # run time\n\n    # the end\n]"),
        ("[\n    'a', 'b',\n    'c', 'd',\n]", ["a", "c", "d"], "[\n    'a',\n    'c', 'd',\n]"),
        ("[\n    'a', 'b',\n    'c',\n]", ["b", "c"], "[\n    'b',\n    'c',\n]"),
        ("[\n    'a', 'b',  # both\n]", ["a"], "[\n    'a',  # both\n]"),
        ("['a',\n 'b']", ["b"], "['b']"),
        ("['a',  # x\n # b\n 'b']", ["b"], "[\n # b\n 'b']"),
        ("['a',\n 'b']", ["a"], "['a']"),
        ("['a',  # why\n 'b']", ["a"], "['a'  # why\n ]"),
        ("['a',\n 'b']", ["a", "b", "c"], "['a',\n 'b',\n 'c']"),
        ("['a',\n 'b', ]", ["a", "b", "c"], "['a',\n 'b',\n 'c', ]"),
        ("[\n    # nothing yet\n]", ["a"], "[\n    # nothing yet\n    'a',\n]"),
        ("[\n]", ["a", "b"], "[\n    'a',\n    'b',\n]"),
    ],
)
def test_lines_and_comments_stay_with_their_elements(
    before: str, requirements: list[str], after: str
) -> None:
    source, expected = (
        f"{_HEAD}X = {v}\nsetup(name='x', install_requires=X)\n" for v in (before, after)
    )
    assert replace_list(source.encode(), requirements).decode() == expected


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("setup()", 'setup(\n    install_requires=[\n        "a",\n        "b",\n    ],\n)'),
        (
            "setup(\n  name='x',\n)",
            "setup(\n  name='x',\n  install_requires=[\n    'a',\n    'b',\n  ],\n)",
        ),
        (
            "if 1:\n\tsetup(\n\t\tn=2\n\t)",
            'if 1:\n\tsetup(\n\t\tn=2,\n\t\tinstall_requires=[\n\t\t\t"a",\n\t\t\t"b",\n\t\t]\n\t)',
        ),
        ("setup ( name='x' )", "setup ( name='x', install_requires=['a', 'b'] )"),
    ],
)
def test_a_missing_list_is_added(call: str, after: str) -> None:
    new = replace_list((_HEAD + call).encode(), ["a", "b"])
    assert new.decode() == _HEAD + after


_NEW = ["a==1", "b==2"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name='x'", "name='x', extras_require={'dev': NEW}"),
        ("extras_require={'t': T, 'dev': ['a']}", "extras_require={'t': T, 'dev': NEW}"),
        ("extras_require={'t': []}", "extras_require={'t': [], 'dev': NEW}"),
        ("extras_require=dict(dev=['a'])", "extras_require=dict(dev=NEW)"),
        ("extras_require=dict(t=['q'],)", "extras_require=dict(t=['q'], dev=NEW,)"),
        ("extras_require={}, n='x'", "extras_require={'dev': NEW}, n='x'"),
        (
            "extras_require={**more, f(): [], 'dev': ['a'], 'all': T + []}",
            "extras_require={**more, f(): [], 'dev': NEW, 'all': T + []}",
        ),
        ("\n  name='x',\n", "\n  name='x',\n  extras_require={\n    'dev': LINES,\n  },\n"),
        (
            "\n  extras_require={\n    't': ['q']  # t\n  }",
            "\n  extras_require={\n    't': ['q'],  # t\n    'dev': LINES\n  }",
        ),
    ],
)
def test_the_list_of_one_extra_changes_and_nothing_else(before: str, after: str) -> None:
    new = replace_list(_setup(before), _NEW, "dev")
    lines = "[\n      'a==1',\n      'b==2',\n    ]"
    assert new == _setup(after.replace("NEW", repr(_NEW)).replace("LINES", lines))
    assert replace_list(new, _NEW, "dev") is new
    assert read_list(new, "dev") == tuple(_NEW)


def test_an_extra_is_edited_where_its_name_is_bound() -> None:
    text = f"{_HEAD}E = {{'dev': D}}\nD = ['a']  # why\nsetup(extras_require=E)"
    new = replace_list(text.encode(), _NEW, "dev")
    assert new.decode() == text.replace("['a']", repr(_NEW))


@pytest.mark.parametrize(
    ("replace", "source"),
    [
        (partial(replace_version, version="1.0"), _setup("version=('1.' # why\n'0')")),
        (partial(replace_list, requirements=[]), _setup("name='x'")),
        (
            partial(replace_list, requirements=["a>=1", "b"]),
            _setup('install_requires="""\n b\n a>=1\n"""'),
        ),
        (partial(replace_list, extra="dev", requirements=[]), _setup("name='x'")),
    ],
)
def test_the_same_value_gives_the_same_bytes(
    replace: Callable[[bytes], bytes], source: bytes
) -> None:
    assert replace(source) is source


def test_an_extra_that_is_there_is_emptied() -> None:
    source = _setup("extras_require={'dev': ['a']}")
    assert replace_list(source, [], "dev") == source.replace(b"'a'", b"")


def test_an_edit_that_does_not_read_as_planned_is_not_written() -> None:
    source = Source.parse(_setup("version='1'"))
    with pytest.raises(SetupPyError, match="did not come out as planned"):
        _checked(source, source.text, says_so=False)


def test_a_character_that_the_encoding_does_not_have_is_refused() -> None:
    source = b"# coding: latin-1\n" + _setup("install_requires=[]")
    with pytest.raises(SetupPyError, match=r"'€' .*iso-8859-1"):
        replace_list(source, ["a @ https://x.example/\u20ac.whl"])


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("d = ['a']\nx = d\nx.append('b')\nsetup(install_requires=d)", 4),
        ("d = ['a']\nx = d\nx += ['b']\nsetup(install_requires=d)", 4),
        ("d = ['a']\nx = y = d\nx[0] = 'b'\nsetup(install_requires=d)", 3),
        ("d = ['a']\nx = d\ny = x\ndel y[0]\nsetup(install_requires=d)", 5),
        ("d = ['a']\nx, y = d, 1\nsetup(install_requires=d)", 3),
        ("d = ['a']\nadd(d)\nsetup(install_requires=d)", 3),
        ("d = ['a']\nadd(to=d)\nsetup(install_requires=d)", 3),
        ("d = ['a']\ndef get():\n    return d\nget().append('b')\nsetup(install_requires=d)", 4),
        ("d = ['a']\nfor x in [d]:\n    x.append('b')\nsetup(install_requires=d)", 3),
        ("d = ['a']\nt = {'x': d}\nt['x'].append('b')\nsetup(install_requires=d)", 3),
        ("d = ['a']\n(x := d).append('b')\nsetup(install_requires=d)", 3),
        ("setup(install_requires=['a'], install_requires=['b'])", 2),
        ("setup(\n  name='x',\n  install_requires=['a'],\n  name='y')", 5),
    ],
)
def test_a_list_that_is_not_all_that_is_required_is_refused(body: str, line: int) -> None:
    with pytest.raises(SetupPyError, match=rf"setup\.py:{line}: "):
        replace_list(f"{_HEAD}{body}\n".encode(), ["a", "b"])


@pytest.mark.parametrize(
    "body",
    [
        "d = ['a']\nx = d\nprint(x, len(d))\nsetup(install_requires=d)",
        "d = ['a']\nt = {'x': d, 'all': d + ['b']}\nsetup(install_requires=d, extras_require=t)",
        "d = ['a']\nsetup(install_requires=d, tests_require=d, extras_require={'t': [*d], 'u': d})",
        "d = ['a']\nif d and 'b' not in d:\n    print(f'{d}')\nsetup(install_requires=d)",
        "d = ['a']\nx = []\nx += d\nx.extend(d)\nsetup(install_requires=d)",
        "setup(install_requires=['a'], package_data={':x': ['b']}, extras_require={':': ['b']})",
    ],
)
def test_a_list_that_is_only_read_is_edited(body: str) -> None:
    new = replace_list(f"{_HEAD}{body}\n".encode(), ["a==1"])
    assert new.decode() == f"{_HEAD}{body}\n".replace("'a'", "'a==1'", 1)


def test_an_extra_has_one_name_however_it_is_spelt() -> None:
    source = f"{_HEAD}setup(extras_require={{'Dev_Tools': ['a']}})\n"
    assert read_list(source.encode(), "dev-tools") == ("a",)
    assert (
        replace_list(source.encode(), ["b"], "dev.tools") == source.replace("'a'", "'b'").encode()
    )


def test_an_extra_that_stands_in_two_places_is_refused() -> None:
    source = f"{_HEAD}setup(extras_require={{'Dev_Tools': ['a'], 'dev-tools': ['b']}})\n"
    with pytest.raises(SetupPyError, match=r"setup\.py:2: .*extras_require"):
        replace_list(source.encode(), ["b"], "dev-tools")


@pytest.mark.parametrize(("argument", "expected"), [
    ("entry_points={'g': ['a = m:A', 'b=m.n:b [x]'], 'h': ['c = c']}",
     {"a": "m:A", "b": "m.n:b"}),
    ("", {}), ("entry_points={}", {}), ("entry_points={'g': computed()}", {}),
    ("entry_points='[g]'", {}), ("entry_points={'g': 3}", {}), ("entry_points={'g': [3]}", {}),
])  # fmt: skip
def test_entry_points_of_a_group_are_read(argument: str, expected: dict[str, str]) -> None:
    source = f"from setuptools import setup\nsetup({argument})\n"

    assert read_entry_points(source.encode(), "g") == expected
