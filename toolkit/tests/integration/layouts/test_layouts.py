"""Whatever training reads counts: a table of layouts, each trained for real.

An edit that changes what training makes is never *unchanged* where the reading is seen, and a
notice names what to write where only the system sees it. An edit beside it is always *unchanged*.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from integration.layouts import files, modules, processes
from integration.layouts.layout import Answer, Layout, Repository, put
from integration.once import Once
from integration.tiny import PIPFILE, TinyProject, clean_variables, copy_of, make_tiny

pytestmark = pytest.mark.integration

LAYOUTS = (*modules.LAYOUTS, *files.LAYOUTS, *processes.LAYOUTS)
WITH_NUMPY = PIPFILE.replace("[train]\n", '[train]\nnumpy = "*"\n')


@pytest.fixture(scope="session")
def empty_once(once: Once) -> TinyProject:
    """A project with numpy for its training, whose environment is made; to be copied."""
    folder = once.folder("layouts", make)
    return TinyProject(folder / "tiny", folder / "environments", clean_variables())


def make(folder: Path) -> None:
    project = make_tiny(folder / "tiny", folder / "environments", WITH_NUMPY)
    run = project.nox("train")
    assert run.code == 0, run.output
    for made in ("build", ".trainwheel", "model/tiny_model/artefact"):
        shutil.rmtree(project.root / made)


def layouts(*answers: Answer) -> pytest.MarkDecorator:
    matches = [layout for layout in LAYOUTS if layout.answer in answers]
    return pytest.mark.parametrize("layout", matches, ids=[each.name for each in matches])


@layouts(Answer.SEEN)
def test_what_training_reads_is_an_input_and_nothing_else(
    layout: Layout, empty_once: TinyProject, tmp_path: Path
) -> None:
    repository = Repository.of(layout, copy_of(empty_once, tmp_path / "tiny"))
    assert "notice" not in repository.train()
    value = repository.value
    assert not repository.has_trained()

    put(repository.project.root, layout.beside)
    assert not repository.has_trained()

    put(repository.project.root, layout.edit)
    assert repository.has_trained()
    assert repository.value != value
    assert not repository.has_trained()


@layouts(Answer.NOTICED, Answer.UNSEEN)
def test_what_is_not_seen_has_a_way_out(
    layout: Layout, empty_once: TinyProject, tmp_path: Path
) -> None:
    repository = Repository.of(layout, copy_of(empty_once, tmp_path / "tiny"))
    output, root = repository.train(), repository.project.root
    value = repository.value
    assert (layout.way_out in output) == (layout.answer is Answer.NOTICED), output

    put(root, layout.edit)
    assert not repository.has_trained(), "it is seen: correct the table and the manual"

    repository.project.configure(layout.way_out)
    assert "notice" not in repository.train()
    assert repository.value != value

    put(root, {**dict.fromkeys(layout.edit), **layout.files})
    assert repository.has_trained()
    assert repository.value == value


def test_the_table_has_every_layout_once() -> None:
    names = [layout.name for layout in LAYOUTS]
    assert len(names) == len(set(names))
    assert len(names) >= 40
