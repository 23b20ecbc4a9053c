"""Whatever a setup.py looks like, an edit changes the value and nothing else."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.requirements.pep508 import meaning
from trainwheel.requirements.setup_py import (
    read_list,
    read_version,
    replace_list,
    replace_version,
)
from trainwheel.requirements.setup_py.source import Source

_names = st.sampled_from(["numpy", "scikit-learn", "Joblib", "x_y", "zope.interface", "pandas"])
_clauses = st.sampled_from(["", "==1.0", ">=1,<2", '; os_name == "nt"', "[extra]>1"])
_requirements = st.lists(
    st.builds("{}{}".format, _names, _clauses),
    max_size=6,
    unique_by=lambda t: re.split(r"[^\w.-]", t)[0].lower(),
)
_quotes = st.sampled_from(["'", '"', '"""'])
_comments = st.sampled_from(["", "  # why: 'é', [so]", "  #"])


@st.composite
def _lists(draw: st.DrawFn, newline: str) -> str:
    """Draw the text of a list or tuple in some layout."""
    brackets = draw(st.sampled_from(["[]", "()"]))
    indent = draw(st.sampled_from(["    ", "\t", "  ", "\f   "]))
    multi_line = draw(st.booleans())
    requirements = draw(_requirements)
    text = brackets[0] + (draw(_comments) + newline if multi_line else "")
    for i, requirement in enumerate(requirements):
        quote = "'" if '"' in requirement else draw(_quotes)
        closed = i < len(requirements) - 1 or brackets == "()" or draw(st.booleans())
        comma = "," if closed else ""
        if multi_line:
            above = draw(st.sampled_from(["", f"{indent}# above{newline}", newline]))
            apart = draw(st.sampled_from([newline, newline, " ", "\\" + newline]))
            apart = apart if apart == newline or closed else newline
            trail = draw(_comments) if apart == newline else ""
            starts = text.endswith(newline) and not text.endswith("\\" + newline)
            text += above + indent if starts else ""
        else:
            trail, apart = "", draw(st.sampled_from([" ", "", "  "]))
        text += f"{quote}{requirement}{quote}{comma}{trail}{apart}"
    return text + brackets[1]


@st.composite
def _files(draw: st.DrawFn) -> tuple[bytes, ...]:
    """Draw a setup.py, in three parts: before the list, the list, and after it."""
    newline = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    encoding = draw(st.sampled_from(["utf-8", "latin-1", "utf-8-sig"]))
    cookie = "# -*- coding: latin-1 -*-" if encoding == "latin-1" else "#!/usr/bin/env python"
    name = draw(st.sampled_from(["é", "x", "\\d"]))
    head = [cookie, draw(st.sampled_from(["", "\f", "'''doc \x0b é'''"]))]
    value = draw(_lists(newline))
    if draw(st.booleans()):
        before = [*head, "from setuptools import setup as s", "REQS = "]
        after = ["", f"s(name='{name}',", "  install_requires = REQS) # done"]
    else:
        before = [*head, "import setuptools", f"setuptools.setup(name='{name}', install_requires="]
        after = [draw(st.sampled_from([")", ",)", ", url='é')"]))]
    mark = b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b""
    tail = newline.join(after) + draw(st.sampled_from(["", newline]))
    texts = (newline.join(before), value, tail)
    first, *others = (text.encode(encoding.removesuffix("-sig")) for text in texts)
    return (mark + first, *others)


def _meanings(texts: Iterable[str]) -> Counter[object]:
    return Counter(map(meaning, texts))


def _received(source: bytes) -> list[str]:
    """Run a setup.py with a setup() that only takes down its arguments."""
    calls: list[dict[str, Any]] = []
    stub = ModuleType("setuptools")
    stub.setup = lambda **arguments: calls.append(arguments)  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(source, "setup.py", "exec")
    exec(code, {"__builtins__": {"__import__": lambda *_: stub}})  # noqa: S102
    (arguments,) = calls
    return list(arguments["install_requires"])


@given(_files(), _requirements)
def test_only_the_list_changes_whatever_the_layout(
    parts: tuple[bytes, ...], requirements: list[str]
) -> None:
    before, value, after = parts
    new = replace_list(before + value + after, requirements)
    assert _meanings(read_list(new)) == _meanings(requirements)
    assert _meanings(_received(new)) == _meanings(requirements)
    assert new.startswith(before)
    assert new.endswith(after)
    assert replace_list(new, requirements) is new


@given(_files(), _requirements)
def test_an_element_that_stays_keeps_its_spelling_and_its_comments(
    parts: tuple[bytes, ...], requirements: list[str]
) -> None:
    source, value = b"".join(parts), parts[1]
    new = replace_list(source, requirements)
    present = read_list(source)
    unchanged = [text for text in present if meaning(text) in _meanings(requirements)]
    for quote in ("'", '"', '"""'):
        for text in unchanged:
            literal = f"{quote}{text}{quote}".encode()
            assert new.count(literal) >= value.count(literal)
    if len(unchanged) == len(present):
        assert new.count(b"#") == source.count(b"#")


@given(_files(), st.sampled_from(["1.0", "0.1.175", "2!1.0rc1+x"]))
def test_a_version_is_written_once_whatever_the_layout(
    parts: tuple[bytes, ...], version: str
) -> None:
    new = replace_version(b"".join(parts), version)
    assert read_version(new) == version
    assert replace_version(new, version) is new
    assert new.count(b"version") == 1
    assert read_list(new) == read_list(b"".join(parts))


@pytest.mark.parametrize("per_line", [1, 3, 400])
@pytest.mark.parametrize("stay", [0, 1, 200])
@pytest.mark.parametrize("comma", ["", ","])
def test_removing_many_elements_parses_the_file_a_few_times(
    per_line: int, stay: int, comma: str
) -> None:
    quoted = [f"'package-{number}'" for number in range(400)]
    lines = (", ".join(quoted[i : i + per_line]) for i in range(0, 400, per_line))
    listed = ",\n    ".join(lines)
    source = f"from setuptools import setup\nsetup(install_requires=[{listed}{comma}])\n".encode()
    requirements = [f"package-{number}" for number in range(400 - stay, 400)]
    Source.parse.cache_clear()

    new = replace_list(source, [*requirements, "six"])

    assert {*read_list(new)} == {*requirements, "six"}
    assert Source.parse.cache_info().misses <= 9
