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
    second = counted.artefact.read_bytes()
    assert (counted.trainings, second != first) == (2, True)

    for branch, artefact in (("-", first), ("other", second)):
        counted.git("switch", "-q", branch)
        line = counted.train().line("train ")
        assert "restored from the cache" in line
        assert counted.artefact.read_bytes() == artefact

    assert counted.trainings == 2
    assert "unchanged" in counted.train().line("train ")


def replace_the_artefact(counted: Counted) -> None:
    counted.artefact.unlink()
    counted.artefact.write_bytes(b"tampered")


def edit_the_artefact(counted: Counted) -> None:
    counted.artefact.write_bytes(b"tampered")


def clean(counted: Counted) -> None:
    assert counted.project.nox("clean").code == 0


def clean_without_a_cache(counted: Counted) -> None:
    counted.project.configure('cache.limit = "0"')
    clean(counted)


FLAKY = """
import os

def test_now_and_then() -> None:
    assert "TINY_FAILS" not in os.environ
"""
