"""Training on a cluster ends in time; training here may take as long as it likes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from trainwheel.steps import load_chain
from unit.recording_tools import RecordingTools
from unit.repository import make_repository, write_lock
from unit.steps.session import configure, open_with
from unit.steps.training import training


@dataclass
class TimedTools(RecordingTools):
    """Keep how long each tool may take as well."""

    limits: list[float | None] = field(default_factory=list)

    def run(self, *words: Any, timeout: float | None = None, **more: Any) -> str:
        """Keep the limit and the call, and answer it."""
        self.limits.append(timeout)
        return super().run(*words, timeout=timeout, **more)


@pytest.mark.parametrize(("engine", "limit"), [("dask", 15.0), ("local", None)])
def test_only_training_on_a_cluster_has_a_time_limit(
    tmp_path: Path, engine: str, limit: float | None
) -> None:
    root = make_repository(tmp_path / "small")
    lines = (f'train.engine = "{engine}"', 'train.dask.time-limit = "15 s"')
    configure(root, *lines, 'train.dask.scheduler = "tcp://127.0.0.1:9"')
    write_lock(root, engine=("distributed",))
    tools = TimedTools(training(), root / ".nox")

    load_chain()["train"].run(replace(open_with(root).run, tools=tools))

    assert tools.limits == [limit]
