from __future__ import annotations

import pytest

from trainwheel.errors import SetupPyError
from trainwheel.requirements.setup_py import has_install_requires, read_extra, replace_extra

_HEAD = "from setuptools import setup\n"
_WANTED = ["a==1", "b==2"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("setup(name='x')", "setup(name='x', extras_require={'dev': ['a==1', 'b==2']})"),
        (
            "setup(extras_require={'t': T, 'dev': ['a', 'c'], 'all': T + []})",
            "setup(extras_require={'t': T, 'dev': ['a==1', 'b==2'], 'all': T + []})",
        ),
        (
            "setup(extras_require={'t': []})",
            "setup(extras_require={'t': [], 'dev': ['a==1', 'b==2']})",
        ),
        ("setup(extras_require={})", 'setup(extras_require={"dev": ["a==1", "b==2"]})'),
        (
            "setup(extras_require=dict(dev=['a']))",
            "setup(extras_require=dict(dev=['a==1', 'b==2']))",
        ),
        (
            "setup(extras_require=dict(t=['q'],))",
            "setup(extras_require=dict(t=['q'], dev=['a==1', 'b==2'],))",
        ),
        (
            "E = {'dev': D}\nD = ['a']  # why\nsetup(extras_require=E)",
            "E = {'dev': D}\nD = ['a==1', 'b==2']  # why\nsetup(extras_require=E)",
        ),
        (
            "setup(extras_require={**more, f(): [], 'dev': ['a']})",
            "setup(extras_require={**more, f(): [], 'dev': ['a==1', 'b==2']})",
        ),
        (
            "setup(\n  name='x',\n)",
            (
                "setup(\n  name='x',\n  extras_require={\n"
                "    'dev': [\n      'a==1',\n      'b==2',\n    ],\n  },\n)"
            ),
        ),
        (
            "setup(\n  extras_require={\n    't': ['q']  # t\n  })",
            (
                "setup(\n  extras_require={\n    't': ['q'],  # t\n"
                "    'dev': [\n      'a==1',\n      'b==2',\n    ]\n  })"
            ),
        ),
    ],
)
def test_the_list_of_one_extra_changes_and_nothing_else(before: str, after: str) -> None:
    new = replace_extra((_HEAD + before).encode(), "dev", _WANTED)
    assert new.decode() == _HEAD + after
    assert replace_extra(new, "dev", _WANTED) is new
    assert read_extra(new, "dev") == tuple(_WANTED)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("setup(extras_require=read())", 2, "extras_require is computed"),
        ("setup(extras_require={'dev': [], **more})", 2, "a computed key of extras_require"),
        ("setup(extras_require={f(): []})", 2, "a computed key of extras_require"),
        ("setup(extras_require=dict(**more))", 2, "a computed key of extras_require"),
        ("setup(extras_require=dict(more))", 2, "extras_require is computed"),
        ("setup(extras_require=dict())", 2, "cannot be given 'dev'"),
        ("setup(extras_require={'dev': A + B})", 2, r"extras_require\['dev'\] is computed"),
        ("setup(extras_require={'dev': [a()]})", 2, "an element of extras_require"),
        ("setup(extras_require={'dev': D})", 2, "D, which is not bound exactly once"),
        ("E = {}\nE['t'] = []\nsetup(extras_require=E)", 3, "E, which is changed here"),
        ("E = {}\nE.update(x)\nsetup(extras_require=E)", 3, "E, which is changed here"),
        ("setup(extras_require={\n  # none yet\n})", 2, "holds only a comment"),
        ("setup(**kw)", 2, "extras_require may come from"),
    ],
)
def test_what_only_running_it_would_tell_is_refused(text: str, line: int, message: str) -> None:
    with pytest.raises(SetupPyError, match=rf"setup\.py:{line}: .*{message}"):
        replace_extra((_HEAD + text).encode(), "dev", _WANTED)


def test_an_extra_without_packages_is_not_written_and_one_that_is_there_is_emptied() -> None:
    source = f"{_HEAD}setup(name='x')\n".encode()
    assert replace_extra(source, "dev", []) is source
    source = f"{_HEAD}setup(extras_require={{'dev': ['a']}})\n".encode()
    assert replace_extra(source, "dev", []) == source.replace(b"'a'", b"")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("name='x'", False), ("install_requires=[]", True), ("install_requires=read(), **kw", True)],
)
def test_a_list_is_seen_be_it_computed(arguments: str, expected: bool) -> None:  # noqa: FBT001
    assert has_install_requires(f"{_HEAD}setup({arguments})".encode()) is expected
