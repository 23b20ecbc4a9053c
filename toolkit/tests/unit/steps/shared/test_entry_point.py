"""Before training: an entry point that cannot work is refused, in the repository's own words."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError
from trainwheel.guest import ENTRY_POINT
from trainwheel.steps import load_chain
from trainwheel.steps.shared.dependencies import check_entry_point
from trainwheel.system.command import Command
from trainwheel.system.process import run
from unit.recording_tools import Call, RecordingTools
from unit.repository import open_here, write
from unit.steps.session import configure, link_python, open_with
from unit.steps.training import training

Sentence = Callable[[str], None]
CODE = "model/small_model/classifier.py"


def here(root: Path, code: str = "") -> tuple[Run, io.StringIO]:
    """Return a run whose tools look at the entry point for real, and what it prints."""

    def look(call: Call) -> str:
        return run(Command(call.argv, env=call.env), open_here(root).environment).output

    stream = io.StringIO()
    link_python(root / ".nox" / "train")
    if code:
        write(root, CODE, code)
    return open_here(root, stream=stream, tools=RecordingTools(look, root / ".nox")), stream


@pytest.mark.parametrize(("lines", "code"), [
    (['predict = "small_model.classifier:predict_recrod"'], ""),
    (['predict = "small_modle.classifier:predict_record"'], ""),
    (['predict = "small_training.serve:predict"'], ""),
    ([], "from small_training import fitting\n"),
    ([], "import pandas_of_nobody\n"),
    ([], "def predict_record(:\n"),
])  # fmt: skip
def test_what_cannot_be_called_is_refused_with_its_place_and_a_fix(
    root: Path, tmp_path: Path, lines: list[str], code: str, sentence: Sentence
) -> None:
    configure(root, *lines)
    (scratch := tmp_path / "scratch").mkdir()

    with pytest.raises(ConfigurationError) as caught:
        check_entry_point(here(root, code)[0], scratch)

    sentence(str(caught.value))


def test_a_module_that_needs_the_model_is_a_notice(
    root: Path, tmp_path: Path, sentence: Sentence
) -> None:
    opened, stream = here(root, "open('nowhere/model.joblib')\n")
    (scratch := tmp_path / "scratch").mkdir()

    check_entry_point(opened, scratch)

    sentence(stream.getvalue())


def test_the_package_is_looked_at_where_it_is_in_the_wheel(root: Path, tmp_path: Path) -> None:
    configure(root, 'predict = "team.small:ask"', 'source = "."')
    text = (root / "pyproject.toml").read_text().replace('"small_model"', '"team.small"')
    write(root, "pyproject.toml", text)
    write(root, "team/small/__init__.py", "def ask(record): ...\n")
    (scratch := tmp_path / "scratch").mkdir()
    opened, stream = here(root)

    check_entry_point(opened, scratch)

    assert stream.getvalue() == ""


def test_it_is_looked_at_before_training_and_only_then(root: Path) -> None:
    session = open_with(root, training()).step("train")

    look, _ = session.tools.calls
    assert str(ENTRY_POINT) in look.argv
    assert not look.secrets
    assert open_with(root, training()).step("train").tools.calls == []


def test_what_is_refused_leaves_the_earlier_model(root: Path) -> None:
    def answer(call: Call) -> str:
        assert str(ENTRY_POINT) in call.argv
        return '\x1eentry point: {"problem": "p", "file": "", "module": "", "certain": true}\n'

    opened = open_here(root, tools=RecordingTools(answer, root / ".nox"))
    with pytest.raises(ConfigurationError, match=r"tool\.trainwheel\.predict"):
        load_chain()["train"].run(opened)

    assert (root / "model/small_model/artefact/model.joblib").read_text() == "weights"
