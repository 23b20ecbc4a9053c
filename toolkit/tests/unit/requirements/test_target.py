"""Which file lists the requirements, and pyproject.toml and setup.cfg edited like setup.py."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.errors import ConfigurationError, TrainwheelError
from trainwheel.requirements.pep508 import meaning
from trainwheel.requirements.policy import Plan
from trainwheel.requirements.pyproject import read_project_list, replace_project_list
from trainwheel.requirements.setup_cfg import (
    INSTALL_REQUIRES,
    read_setup_cfg_list,
    replace_setup_cfg_list,
)
from trainwheel.requirements.target import choose_target, sync_target

_STATIC = b'[project]\nname = "x"\ndependencies = ["a"]\n'
_NO_LIST = b'[project]\nname = "x"\n'
_DYNAMIC = b'[project]\nname = "x"\ndynamic = ["dependencies"]\n'
_TOOLS_ONLY = b"[build-system]\nrequires = []\n"
_SETUP = b"from setuptools import setup\nsetup(name='x')\n"
_SETUP_LIST = b"from setuptools import setup\nsetup(install_requires=['a'])\n"
_SETUP_COMPUTED = b"from setuptools import setup\nsetup(install_requires=read())\n"
_SETUP_HIDDEN = b"from setuptools import setup\nsetup(**kw)\n"
_NOT_PYTHON = b"setup(\n"
_CFG = b"[metadata]\nname = x\n"
_CFG_LIST = b"[options]\ninstall_requires =\n    a\n"


def _files(
    pyproject: bytes = b"", setup_py: bytes = b"", setup_cfg: bytes = b""
) -> dict[str, bytes]:
    files = {"pyproject.toml": pyproject, "setup.py": setup_py, "setup.cfg": setup_cfg}
    return {name: data for name, data in files.items() if data}


class TestChoice:
    @pytest.mark.parametrize(
        ("files", "target"),
        [
            (_files(_STATIC), "pyproject.toml"),
            (_files(_NO_LIST), "pyproject.toml"),
            (_files(_STATIC, _SETUP), "pyproject.toml"),
            (_files(_STATIC, _NOT_PYTHON), "pyproject.toml"),
            (_files(_STATIC, _SETUP_HIDDEN, _CFG), "pyproject.toml"),
            (_files(_DYNAMIC, _SETUP_LIST), "setup.py"),
            (_files(_DYNAMIC, _SETUP), "setup.py"),
            (_files(_DYNAMIC, b"", _CFG_LIST), "setup.cfg"),
            (_files(_TOOLS_ONLY, _SETUP_LIST), "setup.py"),
            (_files(b"", _SETUP_LIST, _CFG), "setup.py"),
            (_files(b"", _SETUP_COMPUTED), "setup.py"),
            (_files(b"", _SETUP, _CFG_LIST), "setup.cfg"),
            (_files(b"", b"", _CFG_LIST), "setup.cfg"),
            (_files(b"", _SETUP, _CFG), "setup.py"),
            (_files(b"", b"", _CFG), "setup.cfg"),
        ],
    )
    def test_the_file_that_the_build_reads_is_chosen(
        self, files: Mapping[str, bytes], target: str
    ) -> None:
        assert choose_target(files) == target

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            (_files(_STATIC, _SETUP_LIST), "of pyproject.toml, install_requires of setup.py; keep"),
            (_files(_STATIC, b"", _CFG_LIST), "of pyproject.toml, install_requires of setup.cfg"),
            (_files(b"", _SETUP_LIST, _CFG_LIST), "of setup.py, install_requires of setup.cfg"),
            (_files(b"", _SETUP_COMPUTED, _CFG_LIST), "of setup.py, install_requires of setup.cfg"),
            (_files(_NO_LIST, _SETUP_LIST), 'write dynamic = \\["dependencies"\\]'),
            (_files(), "there is no setup.py, no setup.cfg and no"),
            (_files(_TOOLS_ONLY), "there is no setup.py"),
            (_files(b"[project\n"), "pyproject.toml is not TOML: .*line 1"),
            (_files(b"\xff = 1\n"), "pyproject.toml is not TOML"),
            (_files(b"", _NOT_PYTHON), "setup.py:1: not a Python file"),
            (_files(b"", _SETUP_HIDDEN), "setup.py:2: install_requires may come from"),
            (_files(b"", b"", b"name = x\n"), "setup.cfg cannot be read: .*line: 1"),
            (_files(b"", b"", b"[x]\na = \xff\n"), "setup.cfg is not UTF-8"),
            (_files(b"", b"", b"[options]\ninstall_requires = file: r.txt\n"), "'file: r.txt'"),
        ],
    )
    def test_what_leaves_a_doubt_is_refused_in_one_line(
        self, files: Mapping[str, bytes], message: str
    ) -> None:
        with pytest.raises(TrainwheelError, match=message) as caught:
            choose_target(files)
        assert caught.value.exit_code == 2

    @pytest.mark.parametrize(
        "files", [_files(_STATIC), _files(b"", _SETUP_LIST), _files(b"", b"", _CFG_LIST)]
    )
    def test_runtime_and_extras_go_into_the_same_file(self, files: Mapping[str, bytes]) -> None:
        plan = Plan(("a==2", "b"), extras={"dev": ("c==3",)})
        name = choose_target(files)
        new = sync_target(name, files[name], plan)
        assert b"a==2" in new
        assert b"c==3" in new
        assert sync_target(name, new, plan) is new
        assert choose_target({name: new}) == name


class TestPyproject:
    def test_comments_quotes_and_everything_else_stay(self) -> None:
        source = (
            b"[project]\r\nname = 'x'\r\ndependencies = [\r\n    # first\r\n"
            b'    "a==1",  # why\r\n    \'b==1\',\r\n    "gone",\r\n]\r\n[tool.x]\r\nk = 1 # k\r\n'
        )
        new = replace_project_list(source, ["a==2", "b==2", 'c; os_name == "nt"'])
        assert new == (
            b"[project]\r\nname = 'x'\r\ndependencies = [\r\n    # first\r\n"
            b"    \"a==2\",  # why\r\n    'b==2',\r\n    'c; os_name == \"nt\"',\r\n]\r\n"
            b"[tool.x]\r\nk = 1 # k\r\n"
        )

    def test_a_list_that_is_missing_is_written(self) -> None:
        new = replace_project_list(b'[project]\nname = "x"\n\n[tool.x]\n', ["a", "b"])
        assert (
            new == b'[project]\nname = "x"\ndependencies = [\n    "a",\n    "b",\n]\n\n[tool.x]\n'
        )
        new = replace_project_list(b'[project]\nname = "x"\n', ["a"], "dev")
        assert tomllib.loads(new.decode())["project"]["optional-dependencies"] == {"dev": ["a"]}

    @pytest.mark.parametrize(
        ("source", "extra", "message"),
        [
            (b"[project]\ndependencies = 'a'\n", None, "project.dependencies is not a list"),
            (b"[project]\ndependencies = [1]\n", None, "project.dependencies is not a list"),
            (b"[project]\noptional-dependencies = 1\n", "dev", "dependencies.dev is not a list"),
            (b"[project]\ndynamic = ['optional-dependencies']\n", "dev", "are dynamic"),
        ],
    )
    def test_what_is_no_list_of_texts_is_refused(
        self, source: bytes, extra: str | None, message: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=message):
            replace_project_list(source, ["b"], extra)


class TestSetupCfg:
    def test_comments_indents_and_everything_else_stay(self) -> None:
        source = (
            b"\xef\xbb\xbf[metadata]\r\nname = x\r\n\r\n[options]\r\ninstall_requires =\r\n"
            b"  # first\r\n  a==1  # why\r\n  gone\r\n\r\npackages = find:\r\n"
        )
        new = replace_setup_cfg_list(source, INSTALL_REQUIRES, ["a==2", 'c; os_name == "nt"'])
        assert new == (
            b"\xef\xbb\xbf[metadata]\r\nname = x\r\n\r\n[options]\r\ninstall_requires =\r\n"
            b'  # first\r\n  a==2  # why\r\n  c; os_name == "nt"\r\n\r\npackages = find:\r\n'
        )

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("[options]\ninstall_requires = a; b\n", "[options]\ninstall_requires =\n    c\n"),
            ("[options]\ninstall_requires: a\n  b\n", "[options]\ninstall_requires:\n    c\n"),
            ("[options]\nzip_safe = no\n\n[x]\n",
             "[options]\nzip_safe = no\ninstall_requires =\n    c\n\n[x]\n"),
            ("[metadata]\nname = x",
             "[metadata]\nname = x\n\n[options]\ninstall_requires =\n    c\n"),
            ("", "[options]\ninstall_requires =\n    c\n"),
            ("[options]\ninstall_requires =\n", "[options]\ninstall_requires =\n    c\n"),
        ],
    )  # fmt: skip
    def test_a_value_in_another_form_becomes_lines(self, source: str, expected: str) -> None:
        new = replace_setup_cfg_list(source.encode(), INSTALL_REQUIRES, ["c"])
        assert new.decode() == expected

    def test_the_last_one_goes_and_the_option_stays(self) -> None:
        new = replace_setup_cfg_list(
            b"[options]\ninstall_requires =\n    a\n", INSTALL_REQUIRES, []
        )
        assert new == b"[options]\ninstall_requires =\n"


_names = st.sampled_from(["numpy", "scikit-learn", "Joblib", "x_y", "zope.interface"])
_clauses = st.sampled_from(["", "==1.0", ">=1,<2", '; os_name == "nt"', "[extra]>1"])
_lists = st.lists(
    st.tuples(_names, _clauses), max_size=5, unique_by=lambda pair: pair[0].lower()
).map(lambda pairs: [name + clause for name, clause in pairs])
_ends = st.sampled_from(["\n", "\r\n"])


def _same(first: tuple[str, ...] | None, second: list[str]) -> bool:
    return {meaning(text) for text in first or ()} == {meaning(text) for text in second}


@given(_lists, _lists, _ends, st.sampled_from(["  # why", ""]), st.sampled_from(["  ", "\t"]))
def test_only_the_list_of_setup_cfg_changes(
    present: list[str], wanted: list[str], end: str, comment: str, indent: str
) -> None:
    lines = "".join(f"{indent}{text}{comment}{end}{indent}# about it{end}" for text in present)
    before = f"[metadata]{end}name = é  ; x{end}[options]{end}install_requires ={end}"
    after = f"{end}packages = find:{end}{end}[tool]{end}a = 1"
    source = (before + lines + after).encode()
    new = replace_setup_cfg_list(source, INSTALL_REQUIRES, wanted)
    assert _same(read_setup_cfg_list(new, *INSTALL_REQUIRES), wanted)
    assert replace_setup_cfg_list(new, INSTALL_REQUIRES, wanted) is new
    assert new.decode().startswith(before)
    assert new.decode().removesuffix(end).endswith(after)
    assert new.count(b"# about it") == len(present)
    parser = configparser.RawConfigParser()
    parser.read_string(new.decode())
    assert parser["options"]["packages"] == "find:"


@given(_lists, _lists, _ends, st.sampled_from(["  # why", ""]), st.booleans())
def test_only_the_list_of_pyproject_changes(
    present: list[str],
    wanted: list[str],
    end: str,
    comment: str,
    spread: bool,  # noqa: FBT001
) -> None:
    quoted = [f"'{text}'" for text in present]
    inside = "".join(f"{end}    {text},{comment}" for text in quoted) + end
    value = f"[{inside if spread else ', '.join(quoted)}]"
    before = f"# é{end}[project]{end}name = 'x' # n{end}dependencies = "
    after = f"{end}scripts.a = 'b:c'{end}{end}[tool.x] # t{end}k   =  [1,2 ,]{end}"
    source = (before + value + after).encode()
    new = replace_project_list(source, wanted)
    assert _same(read_project_list(new), wanted)
    assert replace_project_list(new, wanted) is new
    assert new.decode().startswith(before)
    assert new.decode().endswith(after)
