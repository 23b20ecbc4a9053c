"""Which file lists the requirements, and pyproject.toml and setup.cfg edited like setup.py."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.errors import ConfigurationError, TrainwheelError
from trainwheel.requirements.backend import names_of_files
from trainwheel.requirements.pep508 import meaning
from trainwheel.requirements.policy import Plan
from trainwheel.requirements.pyproject import read_project_list, replace_project_list
from trainwheel.requirements.setup_cfg import (
    INSTALL_REQUIRES,
    read_setup_cfg_list,
    replace_setup_cfg_list,
)
from trainwheel.requirements.target import choose_target, place_of_list, sync_target

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


@pytest.mark.parametrize(
    ("files", "target"),
    [
        ((_STATIC,), "pyproject.toml"),
        ((_NO_LIST,), "pyproject.toml"),
        ((_STATIC, _SETUP), "pyproject.toml"),
        ((_STATIC, _NOT_PYTHON), "pyproject.toml"),
        ((_STATIC, _SETUP_HIDDEN, _CFG), "pyproject.toml"),
        ((_DYNAMIC, _SETUP_LIST), "setup.py"),
        ((_DYNAMIC, _SETUP), "setup.py"),
        ((_DYNAMIC, b"", _CFG_LIST), "setup.cfg"),
        ((_TOOLS_ONLY, _SETUP_LIST), "setup.py"),
        ((b"", _SETUP_LIST, _CFG), "setup.py"),
        ((b"", _SETUP_COMPUTED), "setup.py"),
        ((b"", _SETUP, _CFG_LIST), "setup.cfg"),
        ((b"", _NOT_PYTHON, _CFG_LIST), "setup.cfg"),
        ((b"", b"", _CFG_LIST), "setup.cfg"),
        ((b"", _SETUP, _CFG), "setup.py"),
        ((b"", b"", _CFG), "setup.cfg"),
        ((b"", _SETUP, b"[options.extras_require]\n"), "setup.cfg"),
    ],
)
def test_the_file_that_the_build_reads_is_chosen(files: tuple[bytes, ...], target: str) -> None:
    assert choose_target(_files(*files)) == target


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ((_STATIC, _SETUP_LIST), r"of pyproject\.toml .* of setup\.py; keep one$"),
        ((_STATIC, b"", _CFG_LIST), r"of pyproject\.toml .* of setup\.cfg; keep one$"),
        ((b"", _SETUP_LIST, _CFG_LIST), r"of setup\.py .* of setup\.cfg; keep one$"),
        ((b"", _SETUP_COMPUTED, _CFG_LIST), r"of setup\.py .* of setup\.cfg; keep one$"),
        ((_NO_LIST, _SETUP_LIST), r'write dynamic = \["dependencies"\]'),
        ((), r"no setup\.py, no setup\.cfg and no"),
        ((_TOOLS_ONLY,), r"no setup\.py"),
        ((b"[project\n",), r"pyproject\.toml is not TOML: .*line 1"),
        ((b"\xff = 1\n",), r"pyproject\.toml is not TOML"),
        ((b"", _NOT_PYTHON), r"setup\.py:1: not a Python file"),
        ((b"", _SETUP_HIDDEN), r"setup\.py:2: install_requires may come from"),
        ((b"", b"", b"name = x\n"), r"setup\.cfg cannot be read: .*line: 1"),
        ((b"", b"", b"[x]\na = \xff\n"), r"setup\.cfg is not UTF-8"),
        ((b"", b"", b"[options]\ninstall_requires = file: r.txt\n"), r"from r\.txt; name one"),
    ],
)
def test_what_leaves_a_doubt_is_refused_in_one_line(files: tuple[bytes, ...], names: str) -> None:
    with pytest.raises(TrainwheelError, match=names) as caught:
        choose_target(_files(*files))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("files", [(_STATIC,), (b"", _SETUP_LIST), (b"", b"", _CFG_LIST)])
def test_runtime_and_extras_go_into_the_same_file(files: tuple[bytes, ...]) -> None:
    plan = Plan(("a==2", "b"), extras={"dev": ("c==3",)})
    ((name, source),) = _files(*files).items()
    new = sync_target(name, {name: source}, plan)
    assert b"a==2" in new
    assert b"c==3" in new
    assert sync_target(name, {name: new}, plan) is new


_EDIT = ["a==2", "b==2", 'c; os_name == "nt"']


def test_comments_quotes_and_the_rest_of_pyproject_stay() -> None:
    source = (
        b"[project]\r\nname = 'x'\r\ndependencies = [\r\n    # first\r\n"
        b'    "a==1",  # why\r\n    \'b==1\',\r\n    "gone",\r\n]\r\n[tool.x]\r\nk = 1 # k\r\n'
    )
    expected = source.replace(b"==1", b"==2").replace(b'"gone"', b"'c; os_name == \"nt\"'")
    assert replace_project_list(source, _EDIT) == expected


def test_comments_indents_and_the_rest_of_setup_cfg_stay() -> None:
    source = (
        b"\xef\xbb\xbf[metadata]\r\nname = x\r\n\r\n[options]\r\ninstall_requires =\r\n"
        b"  # first\r\n  a==1  # why\r\n  b==1\r\n  gone\r\n\r\npackages = find:\r\n"
    )
    expected = source.replace(b"==1", b"==2").replace(b"gone", b'c; os_name == "nt"')
    assert replace_setup_cfg_list(source, INSTALL_REQUIRES, _EDIT) == expected


def test_a_list_that_is_missing_is_added_to_pyproject() -> None:
    new = replace_project_list(_NO_LIST + b"\n[tool.x]\n", ["a", "b"])
    assert new == _NO_LIST + b'dependencies = [\n    "a",\n    "b",\n]\n\n[tool.x]\n'
    empty = _NO_LIST + b"dependencies = []\n\n[tool.x]\n"
    assert replace_project_list(empty, ["a", "b"]) == new
    assert replace_project_list(empty, ["a"]) == empty.replace(b"[]", b'["a"]')
    new = replace_project_list(_NO_LIST, ["a"], "dev")
    assert tomllib.loads(new.decode())["project"]["optional-dependencies"] == {"dev": ["a"]}


@pytest.mark.parametrize(
    ("table", "extra", "names"),
    [
        (b"dependencies = 'a'", None, r"project\.dependencies is not"),
        (b"dependencies = [1]", None, r"project\.dependencies is not"),
        (b"optional-dependencies = 1", "dev", r"dependencies\.dev is not"),
        (b"dynamic = ['optional-dependencies']", "dev", "are dynamic"),
    ],
)
def test_a_list_of_pyproject_that_cannot_be_edited_is_refused(
    table: bytes, extra: str | None, names: str, sentence: Callable[[object], None]
) -> None:
    with pytest.raises(ConfigurationError, match=names) as caught:
        replace_project_list(b"[project]\n" + table, ["b"], extra)
    sentence(caught.value)


_LINES = "install_requires =\n    c\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("[options]\ninstall_requires = a; b\n", f"[options]\n{_LINES}"),
        ("[options]\ninstall_requires: a\n  b\n", "[options]\ninstall_requires:\n    c\n"),
        ("[options]\nzip = no\n\n[x]\n", f"[options]\nzip = no\n{_LINES}\n[x]\n"),
        ("[metadata]\nname = x", f"[metadata]\nname = x\n\n[options]\n{_LINES}"),
        ("", f"[options]\n{_LINES}"),
        ("[options]\ninstall_requires =\n", f"[options]\n{_LINES}"),
    ],
)
def test_a_value_of_setup_cfg_in_another_form_becomes_lines(source: str, expected: str) -> None:
    new = replace_setup_cfg_list(source.encode(), INSTALL_REQUIRES, ["c"])
    assert new.decode() == expected


def test_the_last_one_goes_and_the_option_stays() -> None:
    new = replace_setup_cfg_list(_CFG_LIST, INSTALL_REQUIRES, [])
    assert new == b"[options]\ninstall_requires =\n"


_names = st.sampled_from(["numpy", "scikit-learn", "Joblib", "x_y", "zope.interface"])
_clauses = st.sampled_from(["", "==1.0", ">=1,<2", '; os_name == "nt"', "[extra]>1"])
_lists = st.lists(
    st.tuples(_names, _clauses), max_size=5, unique_by=lambda pair: pair[0].lower()
).map(lambda pairs: [name + clause for name, clause in pairs])
_ends = st.sampled_from(["\n", "\r\n"])


Edit = Callable[[bytes], bytes]
Read = Callable[[bytes], Sequence[str] | None]


def _check(edit: Edit, read: Read, parts: Sequence[str], requirements: list[str]) -> str:
    """Check that an edit changes the middle of three parts, and return the new text."""
    new = edit("".join(parts).encode())
    assert {*map(meaning, read(new) or ())} == {*map(meaning, requirements)}
    assert edit(new) is new
    assert new.decode().startswith(parts[0])
    # A last line without a line end may be given one.
    assert new.decode().endswith((parts[2], parts[2] + "\n", parts[2] + "\r\n"))
    return new.decode()


@given(_lists, _lists, _ends, st.sampled_from(["  # why", ""]), st.sampled_from(["  ", "\t"]))
def test_only_the_list_of_setup_cfg_changes(
    present: list[str], requirements: list[str], end: str, comment: str, indent: str
) -> None:
    lines = "".join(f"{indent}{text}{comment}{end}{indent}# about it{end}" for text in present)
    before = f"[metadata]{end}name = é  ; x{end}[options]{end}install_requires ={end}"
    after = f"{end}packages = find:{end}{end}[tool]{end}a = 1"
    new = _check(
        lambda source: replace_setup_cfg_list(source, INSTALL_REQUIRES, requirements),
        lambda source: read_setup_cfg_list(source, *INSTALL_REQUIRES),
        (before, lines, after),
        requirements,
    )
    assert new.count("# about it") == len(present)
    parser = configparser.RawConfigParser()
    parser.read_string(new)
    assert parser["options"]["packages"] == "find:"


@given(_lists, _lists, _ends, st.sampled_from(["  # why", ""]), st.booleans())
def test_only_the_list_of_pyproject_changes(
    present: list[str],
    requirements: list[str],
    end: str,
    comment: str,
    spread: bool,  # noqa: FBT001
) -> None:
    quoted = [f"'{text}'" for text in present]
    inside = "".join(f"{end}    {text},{comment}" for text in quoted) + end
    value = f"[{inside if spread else ', '.join(quoted)}]"
    before = f"# é{end}[project]{end}name = 'x' # n{end}dependencies = "
    after = f"{end}scripts.a = 'b:c'{end}{end}[tool.x] # t{end}k   =  [1,2 ,]{end}"
    parts = (before, value, after)
    _check(lambda s: replace_project_list(s, requirements), read_project_list, parts, requirements)


_FILE = b"""[project]
name = "x"
dynamic = ["dependencies", "optional-dependencies"]

[tool.setuptools.dynamic]
dependencies = {file = ["needs.txt"]}
"""
_FILES = _FILE.replace(b'"needs.txt"', b'"needs.txt", "more.txt"')
_CFG_FILE = b"[options]\ninstall_requires = file: needs.txt\n"
_TEXT = b"# ours\r\n\r\na==1  # pinned\r\n  b>=1\r\nc"


def _backend(name: str, more: str = "") -> bytes:
    return f'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "{name}"\n{more}'.encode()


@pytest.mark.parametrize(
    ("pyproject", "setup_cfg"),
    [(_FILE, b""), (b"", b"[options]\ninstall_requires = file: needs.txt\n")],
)
def test_the_requirements_file_that_setuptools_reads_is_written(
    pyproject: bytes, setup_cfg: bytes
) -> None:
    files = {**_files(pyproject, _SETUP, setup_cfg), "needs.txt": _TEXT}
    assert choose_target(files) == "needs.txt"
    new = sync_target("needs.txt", files, Plan(("a==2", "c", "d; os_name == 'nt'")))
    assert new == b"# ours\r\n\r\na==2  # pinned\r\nc\r\nd; os_name == 'nt'\r\n"
    assert (
        sync_target(
            "needs.txt", {**files, "needs.txt": new}, Plan(("d;os_name=='nt'", "c", "a==2.0"))
        )
        is new
    )
    assert sync_target("needs.txt", {**files, "needs.txt": b""}, Plan(("a",))) == b"a\n"


@pytest.mark.parametrize("line", ["-r other.txt", "--index-url x", "a==1 \\", "-e ."])
def test_a_requirements_file_with_more_than_requirements_is_refused(line: str) -> None:
    files = {"pyproject.toml": _FILE, "needs.txt": f"b\n{line}\n".encode()}
    with pytest.raises(ConfigurationError, match=r"^configuration: needs\.txt:2: "):
        sync_target("needs.txt", files, Plan(("a",)))


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ((_FILE, _SETUP), r"pyproject\.toml:6: .*needs\.txt"),
        ((_FILES, _SETUP), r"needs\.txt, more\.txt"),
        ((_FILE, _SETUP_LIST), r"pyproject\.toml:6: .* and in install_requires of setup\.py"),
        ((_backend("poetry.core.masonry.api", "[tool.poetry.dependencies]\na = 1\n"), _SETUP_LIST),
         r"pyproject\.toml:4: \[tool\.poetry\.dependencies\]: .* poetry\.core\.masonry\.api"),
        ((_backend("hatchling.build") + _DYNAMIC, _SETUP), r"pyproject\.toml:3: \[build-system\]"),
        ((_backend("flit_core.buildapi", "[tool.flit.metadata]\na = 1\n"), b"", _CFG_LIST),
         r":4: \[tool\.flit"),
        ((_backend("own"), _SETUP_LIST), r"pyproject\.toml:3: .* back end own "),
    ],
)  # fmt: skip
def test_what_the_back_end_reads_elsewhere_is_refused_with_its_place(
    files: tuple[bytes, ...], place: str
) -> None:
    with pytest.raises(ConfigurationError, match=place):
        choose_target({**_files(*files), "more.txt": b""})


@pytest.mark.parametrize(
    "system",
    [_backend("setuptools.build_meta"), _backend("setuptools.build_meta:__legacy__"), _TOOLS_ONLY,
     _backend("own", 'backend-path = ["."]\n')],
)  # fmt: skip
def test_a_back_end_that_reads_setup_py_has_it_written(system: bytes) -> None:
    files = _files(system, _SETUP_LIST)
    assert choose_target(files) == "setup.py"
    assert place_of_list(files) == "setup.py:2: install_requires of setup.py"


_SETUP_EXTRAS = b"from setuptools import setup\nsetup(extras_require={})\n"
_CFG_EXTRAS = b"[options.extras_require]\nx = a\n"
_DYNAMIC_EXTRAS = _FILE.replace(b"dependencies = {", b"optional-dependencies.x = {")


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ((_DYNAMIC, _SETUP_LIST), r"pyproject\.toml:1: \[project\]"),
        ((_DYNAMIC_EXTRAS, _SETUP_LIST), r"pyproject\.toml:6: "),
        ((b"", _SETUP_LIST, _CFG_EXTRAS), r"setup\.cfg:1: "),
        ((b"", _SETUP_EXTRAS, _CFG_LIST), r"setup\.py:2: "),
        ((_FILE, b""), r"needs\.txt: extras"),
    ],
)
def test_extras_that_setuptools_would_ignore_are_refused(
    files: tuple[bytes, ...], place: str
) -> None:
    given = {**_files(*files), "needs.txt": b""}
    with pytest.raises(ConfigurationError, match=place):
        sync_target(choose_target(given), given, Plan(("a",), extras={"dev": ("b",)}))


_PROJECT_EXTRA = b'[project]\nname = "x"\n[project.optional-dependencies]\nDev_Tools = ["a"]\n'
_CFG_EXTRA = b"[options]\ninstall_requires =\n[options.extras_require]\nDev_Tools =\n    a\n"


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg"])
def test_an_extra_is_edited_in_the_spelling_of_the_file(name: str) -> None:
    source = {"pyproject.toml": _PROJECT_EXTRA, "setup.cfg": _CFG_EXTRA}[name]
    new = sync_target(name, {name: source}, Plan((), extras={"dev-tools": ("b",)}))
    assert new == source.replace(b'"a"', b'"b"').replace(b"    a", b"    b")
    more = {"pyproject.toml": b'dev-tools = ["c"]\n', "setup.cfg": b"dev-tools =\n    c\n"}
    twice = source + more[name]
    with pytest.raises(ConfigurationError, match="Dev_Tools and dev-tools"):
        sync_target(name, {name: twice}, Plan((), extras={"DEV-tools": ("b",)}))


_VALUES = st.sampled_from([
    "1", '"x"', "[]", '["dependencies"]', "[1]", "{}", '{file="r.txt"}', '{file=["r.txt", "../q"]}',
    "{file=1}", '{attr="a"}', "true", '"setuptools.build_meta"', '"poetry.core"', '[["a"]]',
])  # fmt: skip
_KEYS = st.sampled_from([
    "build-system", "build-system.build-backend", "build-system.requires", "project",
    "build-system.backend-path", "project.name", "project.dynamic", "project.dependencies",
    "project.optional-dependencies", "tool", "tool.setuptools", "tool.setuptools.dynamic",
    "tool.setuptools.dynamic.dependencies", "tool.setuptools.dynamic.optional-dependencies",
    "tool.poetry.dependencies",
])  # fmt: skip


@given(
    st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=5),
    st.sampled_from([b"", _SETUP, _SETUP_LIST, _SETUP_EXTRAS, _SETUP_HIDDEN]),
    st.sampled_from([b"", _CFG_LIST, _CFG_FILE, _CFG_EXTRAS, b"\xff"]),
    st.sampled_from([b"", b"a\n", b"-r x\n", b"\xff"]),
)
def test_whatever_stands_in_the_files_is_edited_or_refused(
    tables: dict[str, str], setup_py: bytes, setup_cfg: bytes, named: bytes
) -> None:
    pyproject = "".join(f"{key} = {value}\n" for key, value in tables.items()).encode()
    files = _files(pyproject, setup_py, setup_cfg)
    plan = Plan(("a==1",), extras={"Dev_x": ("b",)})
    try:
        files |= dict.fromkeys(names_of_files(files), named)
        name = choose_target(files)
        new = sync_target(name, files, plan)
    except TrainwheelError:
        return
    assert sync_target(name, {**files, name: new}, plan) is new
