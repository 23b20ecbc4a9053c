"""What goes into a wheel's metadata, and who writes the bill of materials."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from trainwheel import __version__
from trainwheel.engine.release import Release
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.guest import DESCRIBE_WHEEL
from trainwheel.steps.shared.describe import describe, trace
from trainwheel.system.git import Commit
from trainwheel.wheel.provenance import Provenance
from unit.model_wheels import GOLDEN, ONE
from unit.recording_tools import Call, RecordingTools
from unit.repository import make_repository, open_here, write

RELEASE = Release("Small.Model", "0.1.7", releases=True, always=False, reason="", release_key=ONE)
COMMIT = Commit("c" * 40, is_dirty=False, time=1_700_000_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose model is trained."""
    root = make_repository(tmp_path / "small")
    write(root, "build/train/golden.jsonl", GOLDEN)
    return root


def traced(root: Path) -> Provenance:
    return trace(open_here(root).workspace, RELEASE, COMMIT)


@dataclass
class Describer:
    """Stands for the script that writes the bill: keeps what it was given."""

    output: str = ""
    given: dict[str, Any] = field(default_factory=dict)

    def __call__(self, call: Call) -> str:
        self.given = json.loads(call.stdin)
        if self.output:
            raise StepFailedError(self.output)
        Path(call.argv[-1]).write_text("the bill")
        return ""


def described(root: Path, tmp_path: Path, answer: Callable[[Call], str]) -> dict[str, bytes]:
    tools = RecordingTools(answer)
    run = open_here(root, tools=tools)
    made = describe(run, trace(run.workspace, RELEASE, COMMIT), tmp_path)
    (call,) = tools.calls
    assert call.argv[1:3] == ("-P", str(DESCRIBE_WHEEL))
    assert (call.step, call.argv[0]) == ("package", "/environments/package/bin/python")
    assert (call.env, call.secrets) == ({"PYTHONHASHSEED": "0"}, frozenset())
    return made


def test_a_wheel_gets_provenance_golden_predictions_and_bill(root: Path, tmp_path: Path) -> None:
    describer = Describer()

    made = described(root, tmp_path, describer)

    assert made == {
        "trainwheel/provenance.json": traced(root).render().encode(),
        "trainwheel/golden.jsonl": GOLDEN.encode(),
        "sboms/small-model.cdx.json": b"the bill",
    }


def test_the_bill_is_of_the_runtime_packages_at_the_commit_s_time(
    root: Path, tmp_path: Path
) -> None:
    describer = Describer()

    described(root, tmp_path, describer)

    given = describer.given
    assert [package["name"] for package in given["packages"]] == ["six"]
    assert given["time"] == "2023-11-14T22:13:20Z"
    assert given["tool"] == {"name": "trainwheel", "version": __version__}
    assert json.loads(given["provenance"])["version"] == "0.1.7"
    assert "properties" in given["schema"]


def test_what_does_not_fit_its_schema_is_said(root: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match="metrics: too many"):
        described(root, tmp_path, Describer("Traceback\nmetrics: too many"))


def test_a_number_that_is_not_finite_is_not_described(root: Path, tmp_path: Path) -> None:
    run = open_here(root, tools=RecordingTools())
    provenance = trace(run.workspace, RELEASE, COMMIT)
    endless = replace(provenance.training, parameters={"depth": float("inf")})

    with pytest.raises(ConfigurationError, match="provenance"):
        describe(run, replace(provenance, training=endless), tmp_path)
