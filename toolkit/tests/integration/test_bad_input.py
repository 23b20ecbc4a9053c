"""What is wrong in a repository is said in one line, before anything is made of it."""

from __future__ import annotations

import pytest

from integration.tiny import TinyProject

pytestmark = pytest.mark.integration


def test_every_wrong_key_is_named_in_one_line_with_the_likely_one(tiny: TinyProject) -> None:
    tiny.configure('toleranc = 0.1\nsource = "/abs"\n[tool.trainwheel.version]\nrelease = "no"')
    tiny.replace("pyproject.toml", 'package = "tiny_model"', "")
    tiny.replace("pyproject.toml", "train.command", "[tool.trainwheel.train]\ncommand")

    told = tiny.nox("train").error("configuration")

    assert "unknown key tool.trainwheel.toleranc, did you mean tolerance?" in told
    assert "tool.trainwheel.source = '/abs', but it takes a path inside the repository" in told
    assert "tool.trainwheel.version.release = 'no', but it takes" in told
    assert "tool.trainwheel.package is missing" in told
    assert tiny.made() == []


def test_an_option_that_no_session_knows_is_refused_with_the_likely_one(
    tiny: TinyProject,
) -> None:
    run = tiny.nox("train", "--", "--verbos")

    told = run.error("configuration")
    assert "no session knows the option --verbos; did you mean --verbose?" in told
    assert tiny.made() == []
