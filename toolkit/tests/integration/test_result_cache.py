"""Going back to earlier inputs restores what was made of them, and nothing trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.tiny import Run, TinyProject

pytestmark = pytest.mark.integration

ARTEFACT = "model/tiny_model/artefact/model.joblib"
TRAINING = "model/tiny_training/__main__.py"
COUNTS = """
import os
with open(os.environ["TINY_COUNT"], "a") as stream:
    stream.write("trained\\n")
"""


@dataclass(frozen=True)
class Counted:
    """A project whose training counts its runs in a file outside the repository."""

    project: TinyProject
    count: Path

    @property
    def artefact(self) -> Path:
        return self.project.root / ARTEFACT

    @property
    def trainings(self) -> int:
        return len(self.count.read_text().splitlines())

    def train(self) -> Run:
        run = self.project.nox("train", TINY_COUNT=str(self.count))
        assert run.code == 0, run.output
        return run

    def git(self, *words: str) -> None:
        identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")
        run = self.project.run("git", *identity, *words)
        assert run.code == 0, run.output


@pytest.fixture
def counted(tiny: TinyProject, tmp_path: Path) -> Counted:
    """A project that was trained once."""
    tiny.write(TRAINING, tiny.read(TRAINING) + COUNTS)
    counted = Counted(tiny, tmp_path / "count")
    counted.git("commit", "-qam", "Count")
    counted.train()
    return counted


def test_switching_back_to_a_branch_restores_its_model(counted: Counted) -> None:
    first = counted.artefact.read_bytes()
    counted.git("switch", "-qc", "other")
    counted.project.replace(TRAINING, '"border": 10', '"border": 11')
    counted.git("commit", "-qam", "Raise the border")
    counted.train()
    assert counted.artefact.read_bytes() != first

    counted.git("switch", "-q", "-")
    counted.train()

    assert counted.artefact.read_bytes() == first
    assert counted.trainings == 2
