"""What serving the embedded index refuses before it starts anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.run import Options
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.steps.index import STEP
from unit.recording_tools import RecordingTools
from unit.repository import open_here


class _NoPython(RecordingTools):
    def python(self, step: str) -> Path:
        """Fail with the name of the step instead of returning its interpreter."""
        raise StepFailedError(step)


def serve(root: Path, **values: str) -> None:
    run = open_here(root, tools=_NoPython())
    STEP.run(replace(run, options=Options(values)))


@pytest.mark.parametrize("port", ["65536", "-1", "80 ", "1e3", "http", "٨٠", "²", "8080.0"])
def test_what_is_not_a_port_is_refused_before_an_environment_is_made(root: Path, port: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        serve(root, port=port)

    assert port in str(caught.value)
    assert "65536" in caught.value.hint


@pytest.mark.parametrize("values", [{}, {"port": "0"}, {"port": "65535"}, {"host": "::1"}])
def test_a_port_is_served_from_the_environment_of_the_step(
    root: Path, values: dict[str, str]
) -> None:
    with pytest.raises(StepFailedError) as caught:
        serve(root, **values)

    assert caught.value.message == "index"


def test_serving_keeps_no_other_run_out(root: Path) -> None:
    assert not STEP.takes_lock
    assert STEP.categories(open_here(root).workspace.config) == ("upload",)
