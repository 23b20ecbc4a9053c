"""What is refused before anything is locked, and what stays unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.run import Options
from trainwheel.errors import ConfigurationError
from trainwheel.steps.lock import STEP
from unit.recording_tools import RecordingTools
from unit.repository import PIPFILE, PYPROJECT, open_here, write

BOUND = '[tool.trainwheel.index.team]\nurl = "https://team.example.com/"\npackages = ["own-*"]\n'
SOURCE = '[[source]]\nname = "mirror"\nurl = "https://mirror.example.com/simple"\n'
FROM_TEAM = PIPFILE.replace('six = "*"', 'six = {version="*", index="team"}')


@pytest.mark.parametrize(("pipfile", "bindings", "names", "word"), [
    (FROM_TEAM, "", (), "'team'"), (FROM_TEAM, BOUND, (), "'team'"),
    (SOURCE + PIPFILE, BOUND, (), r"\[\[source\]\]"), ("[packages\n", "", (), "TOML"),
    (f"# https://me:s3cret@x.example/\n{PIPFILE}", "", (), "Pipfile has a password .* in line 1"),
    (PIPFILE, "#\n# https://x.example/?token=s3cret\n", (), "pyproject.toml has a token"),
    (PIPFILE, "", ("six", "no-such-package"), "no-such-package"),
], ids=[
    "unknown index", "not bound to it", "sources", "not TOML", "secret in a comment",
    "secret in a setup file", "unknown package",
])  # fmt: skip
def test_what_cannot_be_locked_is_refused_and_leaves_the_lock(
    root: Path, pipfile: str, bindings: str, names: tuple[str, ...], word: str
) -> None:
    log = write(root, "build/log/lock.log", "earlier")
    write(root, "pyproject.toml", PYPROJECT + bindings)
    write(root, "Pipfile", pipfile)
    before = (root / "Pipfile.lock").read_bytes()
    run = open_here(root, {"PATH": ""}, tools=RecordingTools())

    with pytest.raises(ConfigurationError, match=word):
        STEP.run(replace(run, options=Options(names=names)))

    assert (root / "Pipfile.lock").read_bytes() == before
    # The log of an earlier lock stays until locking begins.
    assert log.exists() is (not names)


def test_it_needs_no_lock_file_and_takes_names() -> None:
    assert not STEP.needs_lockfile
    assert STEP.takes_names
    assert STEP.takes_lock
