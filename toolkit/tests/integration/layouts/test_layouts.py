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


def layouts(*answers: Answer) -> pytest.MarkDecorator:
    cases = [pytest.param(each, id=each.name, marks=[pytest.mark.slow] * (each in rare.LAYOUTS))
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
    assert len(names) >= 40
