"""setup.py: lists behind names and ``**``, what may change them, and lists in several pieces."""

from __future__ import annotations

import pytest

from trainwheel.errors import SetupPyError
from trainwheel.requirements.setup_py import read_list, replace_list

_HEAD = "import sys\nfrom setuptools import setup\n"
_NEW = ["a==2", "z"]


@pytest.mark.parametrize(
    "text",
    [
        "X = OLD\nCALL",
        "X = OLD\nsetup(install_requires=X, setup_requires=X, extras_require={'all': X})",
        "X = OLD\nprint(len(X), *X, X[0])\nfor x in X + ['b']: y = x in X\nCALL",
        "X = OLD\nif sys.version_info < (3, 0):\n    X.append('b')\nCALL",
        "X = OLD\nif sys.version_info[0] == 2:\n    X = ['b']\nCALL",
        "X = OLD\nif sys.version_info[:2] >= (3, 9):\n    pass\nelse:\n    X += 'b'\nCALL",
        "if sys.argv:\n    X = OLD\n    setup(install_requires=X)",
        "def main():\n    setup(install_requires=X)\nX = OLD\nmain()",
        "def main():\n    X = OLD\n    setup(install_requires=X)\nmain()",
        "K = dict(name='x', install_requires=OLD)\nsetup(**K)",
        "K = {'install_requires': OLD}\nif c:\n    K['ext_modules'] = 1\nsetup(**K)",
        "K = {'install_requires': OLD}\nK.update(y=1)\nK.update({'z': 2}, v=2)\nsetup(**K)",
        "K = {'name': 'x'}\nK['install_requires'] = OLD\nsetup(**K)",
        "K = {}\nX = OLD\nK['install_requires'] = X\nsetup(**K)",
        "K = {'install_requires': ['b']}\nK['install_requires'] = OLD\nsetup(**K)",
        "K = dict(install_requires=OLD)\ntry: setup(**K)\nexcept E:\n  del K['e']\n  setup(**K)",
        "setup(**{'install_requires': OLD})",
    ],
)
def test_a_list_is_edited_where_it_stands(text: str) -> None:
    text = text.replace("CALL", "setup(install_requires=X)")
    source = (_HEAD + text.replace("OLD", "['a==1']")).encode()
    assert read_list(source) == ("a==1",)
    assert replace_list(source, _NEW).decode() == _HEAD + text.replace("OLD", repr(_NEW))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("X = ['a']\nY = X\nY.append('six')\nCALL", 5),
        ("X = Y = ['a']\nY.append('six')\nCALL", 3),
        ("X = ['a']\nfix(X)\nCALL", 4),
        ("X = ['a']\nfix(install_requires=X)\nCALL", 4),
        ("X = ['a']\nT = {'d': X}\nT['d'].append('b')\nCALL", 4),
        ("X = ['a']\nT = dict(d=X)\nT.get('d').append('b')\nCALL", 4),
        ("X = ['a']\nT['d'] = X\nT['d'] += ['b']\nCALL", 4),
        ("X = ['a']\nT['d'] = X\nT['d'][0] = 'b'\nCALL", 4),
        ("X = ['a']\nfor y in [X]: y.append('b')\nCALL", 4),
        ("X = ['a']\nX.__iadd__(['b'])\nCALL", 4),
        ("def f(): X.append('b')\nX = ['a']\nf()\nCALL", 3),
        ("X = ['a']\nif sys.version_info < (3, 12):\n    X.append('b')\nCALL", 5),
        ("X = ['a']\nif sys.version_info > (3, 0):\n    X.append('b')\nCALL", 5),
        ("X = ['a']\nif sys.version_info < '3':\n    X.append('b')\nCALL", 5),
        ("X = ['a']\nif sys.platform == 'win32':\n    X.append('b')\nCALL", 5),
        ("if c:\n    X = ['a']\nelse:\n    setup(install_requires=X)", 6),
        ("X = X + ['a']\nCALL", 3),
        ("A = B + B\nB = A + A\nsetup(install_requires=A)", 3),
        ("X = f'{X}'\nsetup(install_requires=[X])", 4),
        ("X = 'a'\nsetup(install_requires='b>=' + X)", 4),
        ("E = {}\nX = E['a'] + E['a']\nE['a'] = X\nsetup(install_requires=X)", 4),
        ("E = {}\nX = E['a'] + ['b']\nE['a'] = ['c']\nsetup(install_requires=X)", 4),
        ("X = 1\nsetup(install_requires=[f'a>={X}'])", 4),
        ("K = {'install_requires': ['a']}\nK['install_requires'].append('b')\nsetup(**K)", 5),
        ("K = {'install_requires': ['a']}\nK.update(more)\nsetup(**K)", 5),
        ("K = {'install_requires': ['a']}\nK.update({'install_requires': []})\nsetup(**K)", 5),
        ("K = {'install_requires': ['a']}\nif c:\n    K['install_requires'] = []\nsetup(**K)", 6),
        ("K = {'install_requires': ['a']}\nL = K\nL['install_requires'] = []\nsetup(**K)", 6),
        ("K = {}\nX = K['install_requires'] = []\nX.append('a')\nsetup(**K)", 6),
        ("K = {}\nK[f()] = []\nsetup(**K)", 5),
        ("K = {}\nsetup(**K)\nK['install_requires'] = []", 4),
        ("K = {}\nR = ['a']\nK['install_requires'] = R\nfor v in K.items(): v\nsetup(**K)", 7),
        ("setup(install_requires=['a'])\nsetup(install_requires=['a'])", 4),
        ("setup(name='x')\nsetup(name='x')", 4),
        ("setup(extras_require={':os_name == \"nt\"': read()})", 3),
    ],
)  # fmt: skip
def test_a_list_that_may_be_changed_is_refused_with_its_line(text: str, line: int) -> None:
    source = _HEAD + text.replace("CALL", "setup(install_requires=X)")
    with pytest.raises(SetupPyError, match=rf"setup\.py:{line}: "):
        replace_list(source.encode(), _NEW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("['a==' + V, f'b=={V}', 'c']", "['a==1', 'z']"),
        ("['a==2', 'b' + V]", "['a==2', 'z']"),
        ("A + ['a==1'] + (['q'])", "[\n        'a==1',\n        'z',\n    ]"),
        ("'''\n        a==1\n        b\n    '''", "[\n        'a==1',\n        'z',\n    ]"),
        ("'a' \\\n ' <2'", "[\n        'a==1',\n        'z',\n    ]"),
    ],
)
def test_what_is_put_together_becomes_plain(before: str, after: str) -> None:
    texts = [
        f"{_HEAD}V = '2'\nA = ['six']\nsetup(\n    name='x',\n    install_requires={value},\n)\n"
        for value in (before, after)
    ]
    new = ["a==1", "z"] if "==1" in after else _NEW
    assert replace_list(texts[0].encode(), new).decode() == texts[1]


def test_requirements_on_a_condition_move_to_the_list_with_their_marker() -> None:
    text = (
        _HEAD + "setup(install_requires=['a'],\n extras_require={KEY, ':os_name==\"nt\"': ['b>1']})"
    )
    source = (_HEAD + text).replace("KEY", "'dev:os_name==\"nt\"': ['c'], f(): []").encode()
    assert read_list(source) == ("a", 'b>1 ; os_name=="nt"')
    assert replace_list(source, ["b>1; os_name == 'nt'", "a"]) is source
    new = replace_list(source, ["a", "b>2"])
    assert new == source.replace(b"['b>1']", b"[]").replace(b"['a']", b"['a', 'b>2']")


def test_the_conditional_part_of_an_extra_is_emptied_with_it() -> None:
    source = (_HEAD + "setup(extras_require={'dev': ['a'], 'Dev:os_name==\"nt\"': ['b']})").encode()
    assert read_list(source, "dev") == ("a", 'b ; os_name=="nt"')
    assert replace_list(source, ["c"], "dev") == source.replace(b"'a'", b"'c'").replace(b"'b'", b"")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("E = {\n    # none yet\n}", "E = {\n    # none yet\n    \"dev\": ['z'],\n}"),
        ("E = {  # none yet\n  }", "E = {  # none yet\n    \"dev\": ['z'],\n  }"),
        ("E = {}\nE['t'] = []", "E = {\n    \"dev\": ['z'],\n}\nE['t'] = []"),
        ("E = {}\nE['dev'] = ['q']\nE['t'] = E['u']", "E = {}\nE['dev'] = ['z']\nE['t'] = E['u']"),
        ("E = {'a': ['a']}\nE['dev'] = E['a'] + ['q']", "E = {'a': ['a']}\nE['dev'] = ['z']"),
        ("E = {'t': []}\nE.update({'u': []})\nprint(E.keys())", None),
        ("E = {'t': []}\nif c:\n    E['t'].append('x')", None),
    ],
)  # fmt: skip
def test_a_table_of_extras_gets_one_more(before: str, after: str | None) -> None:
    after = after or before.replace("{'t': []}", "{'t': [], \"dev\": ['z']}")
    texts = [f"{_HEAD}{text}\nsetup(extras_require=E)" for text in (before, after)]
    new = replace_list(texts[0].encode(), ["z"], "dev").decode()
    assert new.replace('["z"]', "['z']").replace('"dev": [', '"dev": [') == texts[1]


@pytest.mark.parametrize(
    "text",
    [
        "setup(install_requires=['a'" + "+ 'a'" * 900 + "])",
        "setup(install_requires=[]" + "+ []" * 900 + ")",
        "X0 = []\n" + "".join(f"X{i + 1} = X{i}\n" for i in range(2000)) + "CALL",
    ],
)  # fmt: skip
def test_what_is_too_deep_to_follow_is_refused(text: str) -> None:
    with pytest.raises(SetupPyError, match="too deeply"):
        replace_list((_HEAD + text.replace("CALL", "setup(install_requires=X0)")).encode(), _NEW)


def test_a_list_that_outgrows_its_line_gets_one_element_a_line() -> None:
    names = [f"package-{number}" for number in range(8)]
    source = f"{_HEAD}setup(\n    install_requires=['package-0', 'package-1'], name='x'\n)\n"
    new = replace_list(source.encode(), names).decode()
    lines = "".join(f"\n        '{name}'," for name in names)
    assert new == source.replace("['package-0', 'package-1']", f"[{lines}\n    ]")
    long = f"# {'x' * 200}\n{source}"
    assert "'package-6', 'package-7'], name" in replace_list(long.encode(), names).decode()
