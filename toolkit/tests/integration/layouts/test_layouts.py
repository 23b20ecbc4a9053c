"""Whatever training reads counts: a table of layouts, each trained for real.

An edit that changes what training makes is never *unchanged* where the reading is seen, and a
notice names what to write where only the system sees it. An edit beside it is always *unchanged*.
What is taken back is not trained again: the cache has it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integration.layouts import files, modules, processes, rare
from integration.layouts.layout import Answer, Layout, Repository, put
from integration.tiny import TinyProject, copy_of

pytestmark = pytest.mark.integration

LAYOUTS = (*modules.LAYOUTS, *files.LAYOUTS, *processes.LAYOUTS)
AT_NIGHT = {
    "an absolute path", "a path of bytes", "another working folder", "a path with ..", "linecache",
    "a copy that is read", "a compressed file", "a file of the command: --config FILE",
    "numpy.load into memory as needed", "numpy.fromfile", "numpy.loadtxt", "joblib.load",
    "a new match of Path.glob", "a new name for scandir", "a new name for iterdir",
    "a match in a new folder", "what does not match", "a folder that appears for listdir",
    "a folder that is copied", "an optional file in a folder that appears",
    "an optional file that vanishes", "a link that leads elsewhere to a file",
    "a link to a folder of files", "a link to a file outside the repository",
    "what training wrote, removed and looked for",
    "an optional file that is asked for before it is opened",
    "the size of a file", "python -m in a process of its own", "what a script of its own reads",
    "python by its name", "python -E", "python -s -P -B -O", "a changed variable",
    "a process of a process", "multiprocessing, fork", "multiprocessing, forkserver",
    "a resource of a folder without __init__", "a namespace package that becomes a package",
    "a .pth file that appears", "an entry point that appears", "a plugin that vanishes",
    "a link to a module", "a link that leads elsewhere", "a module that a notebook imports",
    "an optional part of a package that appears", "an optional module that vanishes",
    "a module that hides one of a package", "a module that comes before another",
    "the __main__ of a package", "a module beside a script", "an import within a function",
    "a module behind a script of the shell", "a Python with options as the command",
}  # fmt: skip
"""Siblings of others: they run at night alone, for all take two minutes of a processor."""


def layouts(*answers: Answer) -> pytest.MarkDecorator:
    night = {*AT_NIGHT, *(each.name for each in rare.LAYOUTS)}
    cases = [pytest.param(each, id=each.name, marks=[pytest.mark.models] * (each.name in night))
             for each in (*LAYOUTS, *rare.LAYOUTS) if each.answer in answers]  # fmt: skip
    return pytest.mark.parametrize("layout", cases)


@layouts(Answer.SEEN)
def test_what_training_reads_is_an_input_and_nothing_else(
    layout: Layout, empty_once: TinyProject, tmp_path: Path
) -> None:
    repository = Repository.of(layout, copy_of(empty_once, tmp_path / "tiny"))
    assert "notice" not in repository.run()
    value = repository.value
    assert not repository.has_trained()

    put(repository.project.root, layout.beside)
    assert not repository.has_trained()

    before = repository.content(layout.edit)
    put(repository.project.root, layout.edit)
    assert repository.has_trained()
    assert repository.value != value
    assert not repository.has_trained()

    put(repository.project.root, before)
    assert "restored from the cache" in repository.run()
    assert repository.value == value


@layouts(Answer.NOTICED, Answer.UNSEEN)
def test_what_is_not_seen_has_a_way_out(
    layout: Layout, empty_once: TinyProject, tmp_path: Path
) -> None:
    repository = Repository.of(layout, copy_of(empty_once, tmp_path / "tiny"))
    output, root = repository.run(), repository.project.root
    value, notice = repository.value, re.search(r"(?:data|inputs) = \[.*?\]", output)
    assert (notice is not None) == (layout.answer is Answer.NOTICED), output
    assert not repository.has_trained()

    before = repository.content(layout.edit)
    put(root, layout.edit)
    assert not repository.has_trained(), "it is seen: correct the table and the manual"

    repository.project.configure(layout.way_out if notice is None else notice[0])
    assert "notice" not in repository.run()
    assert repository.value != value

    put(root, before)
    assert repository.has_trained()
    assert repository.value == value


def test_the_table_has_every_layout_once() -> None:
    names = [layout.name for layout in (*LAYOUTS, *rare.LAYOUTS)]
    assert len(names) == len(set(names))
    assert {*names} >= AT_NIGHT
    assert len(names) - len(AT_NIGHT) - len(rare.LAYOUTS) >= 60
