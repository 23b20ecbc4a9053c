from __future__ import annotations

from collections.abc import Callable

import pytest

from trainwheel.errors import SetupPyError
from trainwheel.requirements.setup_py import (
    _checked,
    read_distribution_name,
    read_install_requires,
    read_version,
    replace_install_requires,
    replace_version,
)
from trainwheel.requirements.setup_py.source import Source

_HEAD = "from setuptools import setup\n"


def _setup(arguments: str) -> bytes:
    return f"{_HEAD}setup({arguments})\n".encode()


class TestReading:
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
            "from setuptools import setup\r\nsetup(version='1.2')",
            "from setuptools import setup\rsetup(version='1.2')",
            "from setuptools import setup\nx = '\\d'\nsetup(version='1.2')",
            "import x\nfrom setuptools import setup\nx.setup(version='9')\nsetup(version='1.2')",
        ],
    )
    def test_a_literal_version_is_found(self, text: str) -> None:
        assert read_version(text.encode()) == "1.2"

    @pytest.mark.parametrize(
        ("text", "line", "message"),
        [
            ("setup(version='1')", None, "no call of setuptools' setup"),
            (f"{_HEAD}setup(version='1')\nsetup()", 3, "several setup"),
            (f"{_HEAD}\nsetup(version=get())", 3, "version is computed"),
            (f"{_HEAD}setup(version=1.0)", 2, "version is computed"),
            (f"{_HEAD}setup(version=b'1')", 2, "version is computed"),
            (f"{_HEAD}setup(version=f'1')", 2, "version is computed"),
            (f"{_HEAD}setup(version='1' + '2')", 2, "version is computed"),
            (f"{_HEAD}setup(version=pkg.__version__)", 2, "version is computed"),
            (f"{_HEAD}setup(name='x')", 2, "setup\\(\\) has no version"),
            (f"{_HEAD}setup(**kw)", 2, "version may come from `\\*\\*`"),
            (f"{_HEAD}V = '1'\nV = '2'\nsetup(version=V)", 4, "not bound exactly once"),
            (f"{_HEAD}V = '1'\nV += '2'\nsetup(version=V)", 4, "not bound exactly once"),
            (f"{_HEAD}if x:\n    V = '1'\nsetup(version=V)", 4, "not bound exactly once"),
            (f"{_HEAD}from pkg import V\nsetup(version=V)", 3, "not bound exactly once"),
            (f"{_HEAD}V, W = '1', '2'\nsetup(version=V)", 3, "not bound exactly once"),
            (f"{_HEAD}V = '1'\ndef f(V): pass\nsetup(version=V)", 4, "not bound exactly once"),
            (f"{_HEAD}V = '1'\nclass V: pass\nsetup(version=V)", 4, "not bound exactly once"),
            (f"{_HEAD}V = '1'\ndef f():\n global V\nsetup(version=V)", 5, "not bound exactly once"),
            (
                f"{_HEAD}V = '1'\ntry: f()\nexcept E as V: pass\nsetup(version=V)",
                5,
                "not bound exactly once",
            ),
            (f"{_HEAD}V: str\nsetup(version=V)", 3, "not bound exactly once"),
            (f"{_HEAD}setup(version='1'", 2, "not a Python file"),
            ("# coding: utf-7\n# +ACE-\n", None, "utf-7 text does not survive"),
            ("\0", 1, "not a Python file"),
            ("# coding: nonsense\n", 1, "not a Python file"),
        ],
    )
    def test_what_only_running_would_tell_is_refused_with_its_place(
        self, text: str, line: int | None, message: str
    ) -> None:
        with pytest.raises(SetupPyError, match=message) as caught:
            read_version(text.encode(), "sub/setup.py")
        assert str(caught.value).startswith(
            f"configuration: sub/setup.py:{line}: " if line else "configuration: sub/setup.py: "
        )
        assert caught.value.hint

    def test_bytes_that_are_not_in_the_declared_encoding_are_refused(self) -> None:
        with pytest.raises(SetupPyError, match="not a Python file"):
            read_version(_HEAD.encode() + b"x = '\xff'\nsetup(version='1')")

    def test_the_name_is_read_as_written(self) -> None:
        assert read_distribution_name(_setup("name='My_Model'")) == "My_Model"

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("['a', 'b>1']", ("a", "b>1")),
            ("('a',)", ("a",)),
            ("[]", ()),
            ('"""\n a\n\n # no\n b>1 # yes\n"""', ("a", "b>1")),
        ],
    )
    def test_requirements_are_read_in_every_literal_form(
        self, value: str, expected: tuple[str, ...]
    ) -> None:
        assert read_install_requires(_setup(f"install_requires={value}")) == expected

    def test_a_missing_keyword_requires_nothing(self) -> None:
        assert read_install_requires(_setup("name='x'")) == ()


class TestVersion:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("version='1.0'", "version='2.0'"),
            ('version = "1.0"  # here\n', 'version = "2.0"  # here\n'),
            ("version=u'1.0',", "version=u'2.0',"),
            ('version="""1.0"""', 'version="""2.0"""'),
            ("version=('1.' '0')", "version=('2.0')"),
            ("name='é', version='1.0'", "name='é', version='2.0'"),
            ("name='x'", "name='x', version='2.0'"),
            ("name='x',", "name='x', version='2.0',"),
            ("", 'version="2.0"'),
        ],
    )
    def test_only_the_value_changes(self, before: str, after: str) -> None:
        assert replace_version(_setup(before), "2.0") == _setup(after)

    def test_a_name_is_edited_where_it_is_bound(self) -> None:
        source = f"{_HEAD}VERSION = '1.0'  # keep\nsetup(version=VERSION)\n".encode()
        assert replace_version(source, "2.0") == source.replace(b"'1.0'", b"'2.0'")

    def test_the_same_version_gives_the_same_bytes(self) -> None:
        source = _setup("version=('1.' # why\n'0')")
        assert replace_version(source, "1.0") is source

    def test_a_comment_between_pieces_is_not_lost(self) -> None:
        with pytest.raises(SetupPyError, match=r"setup\.py:2: this text is written in several"):
            replace_version(_setup("version=('1.' # why\n'0')"), "2.0")

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
    @pytest.mark.parametrize(
        ("encoding", "cookie", "mark"),
        [("utf-8", "", b""), ("utf-8", "", b"\xef\xbb\xbf"), ("latin-1", "# coding: latin-1", b"")],
    )
    def test_encoding_mark_and_line_ends_stay(
        self, end: str, encoding: str, cookie: str, mark: bytes
    ) -> None:
        lines = [cookie, "from setuptools import setup", "\f# é", "setup(name='é', version='%s'"]
        text = (end or "\n").join([*lines, ")"]) + end
        before, after = (mark + (text % v).encode(encoding) for v in ("1.0", "2.0"))
        assert replace_version(before, "2.0") == after

    @pytest.mark.parametrize(
        ("call", "expected"),
        [
            ("setup(\n    name='x',\n)", "setup(\n    name='x',\n    version='2.0',\n)"),
            ("setup(\n    name='x'\n)", "setup(\n    name='x',\n    version='2.0'\n)"),
            ("setup(\n\tname='x',  # n\n)", "setup(\n\tname='x',  # n\n\tversion='2.0',\n)"),
            (
                "setup(name='x',\n      y=('z'))",
                "setup(name='x',\n      y=('z'),\n      version='2.0')",
            ),
            (
                "setup(\n    name='x'  # n\n    ,\n)",
                "setup(\n    name='x'  # n\n    ,\n    version='2.0',\n)",
            ),
            (
                "setup(\n    # all elsewhere\n)",
                'setup(\n    # all elsewhere\n    version="2.0",\n)',
            ),
            ("setup(name='x', y=[\n    1,\n])", "setup(name='x', y=[\n    1,\n], version='2.0')"),
        ],
    )
    def test_a_missing_version_is_written_as_the_call_is_laid_out(
        self, call: str, expected: str
    ) -> None:
        assert replace_version((_HEAD + call).encode(), "2.0") == (_HEAD + expected).encode()


class TestInstallRequires:
    @pytest.mark.parametrize(
        ("before", "wanted", "after"),
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
            (
                "[]",
                ["a; os_name == \"nt\" or os_name == 'x'"],
                "['a; os_name == \"nt\" or os_name == \\'x\\'']",
            ),
            ("['a @ https://x.example/a.whl#x=1']", ["a"], "['a']"),
            (
                "['a; os_name==\"nt\"', 'a; os_name==\"posix\"']",
                ["a>1; os_name=='posix'", 'a; os_name == "nt"'],
                "['a; os_name==\"nt\"', \"a>1; os_name=='posix'\"]",
            ),
        ],
    )
    def test_a_list_on_one_line(self, before: str, wanted: list[str], after: str) -> None:
        source, expected = (_setup(f"name='x', install_requires={v}") for v in (before, after))
        assert replace_install_requires(source, wanted) == expected

    @pytest.mark.parametrize(
        ("wanted", "after"),
        [
            (
                ["numpy>2", "scipy", "joblib"],
                (
                    "[  # run time\n"
                    "    # arrays\n"
                    "    'numpy>2',  # fast\n"
                    "\n"
                    "    # science\n"
                    '    "scipy",\n'
                    "    'joblib'  # last\n"
                    "    # the end\n"
                    "]"
                ),
            ),
            (
                ["scipy", "joblib", "x"],
                (
                    "[  # run time\n"
                    "\n"
                    "    # science\n"
                    '    "scipy",\n'
                    "    'joblib',  # last\n"
                    "    'x'\n"
                    "    # the end\n"
                    "]"
                ),
            ),
            (
                ["numpy"],
                "[  # run time\n    # arrays\n    'numpy'  # fast\n\n    # the end\n]",
            ),
            ([], "[  # run time\n\n    # the end\n]"),
        ],
    )
    def test_lines_and_comments_stay_with_what_stays(self, wanted: list[str], after: str) -> None:
        before = (
            "[  # run time\n"
            "    # arrays\n"
            "    'numpy',  # fast\n"
            "\n"
            "    # science\n"
            '    "scipy",\n'
            "    'joblib'  # last\n"
            "    # the end\n"
            "]"
        )
        source, expected = (_setup(f"install_requires={v}") for v in (before, after))
        assert replace_install_requires(source, wanted) == expected

    @pytest.mark.parametrize(
        ("before", "wanted", "after"),
        [
            (
                "[\n    'a', 'b',\n    'c', 'd',\n]",
                ["a", "c", "d"],
                "[\n    'a',\n    'c', 'd',\n]",
            ),
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
    def test_odd_layouts(self, before: str, wanted: list[str], after: str) -> None:
        source, expected = (
            f"{_HEAD}X = {v}\nsetup(name='x', install_requires=X)\n" for v in (before, after)
        )
        assert replace_install_requires(source.encode(), wanted).decode() == expected

    @pytest.mark.parametrize(
        ("call", "after"),
        [
            ("setup()", 'setup(\n    install_requires=[\n        "a",\n        "b",\n    ],\n)'),
            (
                "setup(\n  name='x',\n)",
                "setup(\n  name='x',\n  install_requires=[\n    'a',\n    'b',\n  ],\n)",
            ),
            (
                "if 1:\n\tsetup(\n\t\tname='x'\n\t)",
                (
                    "if 1:\n\tsetup(\n\t\tname='x',\n"
                    "\t\tinstall_requires=[\n\t\t\t'a',\n\t\t\t'b',\n\t\t]\n\t)"
                ),
            ),
            ("setup ( name='x' )", "setup ( name='x', install_requires=['a', 'b'] )"),
        ],
    )
    def test_a_missing_keyword_is_written(self, call: str, after: str) -> None:
        found = replace_install_requires((_HEAD + call).encode(), ["a", "b"])
        assert found.decode() == _HEAD + after

    def test_a_missing_keyword_with_nothing_to_require_stays_missing(self) -> None:
        source = _setup("name='x'")
        assert replace_install_requires(source, []) is source

    @pytest.mark.parametrize(
        ("text", "line", "message"),
        [
            (f"{_HEAD}setup(install_requires=A + ['x'])", 2, "install_requires is computed"),
            (
                f"{_HEAD}setup(install_requires=[\n'x',\npick()])",
                4,
                "an element of install_requires",
            ),
            (f"{_HEAD}setup(install_requires=[*X])", 2, "an element of install_requires"),
            (f"{_HEAD}setup(install_requires=open('r').read())", 2, "install_requires is computed"),
            (f"{_HEAD}setup(install_requires='a b')", 2, "not written as a list"),
            (f"{_HEAD}setup(install_requires=[('x')])", 2, "more in it than texts"),
            (f"{_HEAD}X = 'a', 'b'\nsetup(install_requires=X)", 2, "more in it than texts"),
            (f"{_HEAD}X = ('a'), ('b')\nsetup(install_requires=X)", 2, "more in it than texts"),
            (f"{_HEAD}X = ['a']\nX.append('b')\nsetup(install_requires=X)", 3, "changed here"),
            (f"{_HEAD}X = ['a']\nX[0] = 'b'\nsetup(install_requires=X)", 3, "changed here"),
            (
                f"{_HEAD}X = ['a']\nX += ['b']\nsetup(install_requires=X)",
                4,
                "not bound exactly once",
            ),
            (f"{_HEAD}setup(**kw)", 2, "may come from"),
            (f"{_HEAD}setup \\\n()", 2, "cannot be read"),
            (f"{_HEAD}setup(install_requires=[\n'a' # x\n'>1'])", 3, "in several pieces"),
        ],
    )
    def test_what_cannot_be_edited_safely_is_refused(
        self, text: str, line: int, message: str
    ) -> None:
        with pytest.raises(SetupPyError, match=message) as caught:
            replace_install_requires(text.encode(), ["a==9"])
        assert f"setup.py:{line}: " in str(caught.value)

    def test_an_edit_that_does_not_read_as_planned_is_not_written(self) -> None:
        source = Source.parse(_setup("version='1'"), "setup.py")
        with pytest.raises(SetupPyError, match="did not come out as planned"):
            _checked(source, source.text, says_so=False)

    def test_a_block_of_text_that_says_so_already_is_left_alone(self) -> None:
        source = _setup('install_requires="""\n b\n a>=1\n"""')
        assert replace_install_requires(source, ["a>=1", "b"]) is source

    def test_a_character_that_the_encoding_lacks_is_refused(self) -> None:
        source = b"# coding: latin-1\n" + _setup("install_requires=[]")
        with pytest.raises(SetupPyError, match="iso-8859-1 has no"):
            replace_install_requires(source, ["a @ https://x.example/\u20ac.whl"])

    @pytest.mark.parametrize("replace", [replace_version, replace_install_requires])
    def test_nothing_of_the_file_is_run(self, replace: Callable[..., bytes]) -> None:
        source = b"import sys\nsys.exit('ran')\n" + _setup("version='1', install_requires=[]")
        argument = "2" if replace is replace_version else ["a"]
        assert replace(source, argument).startswith(b"import sys")
