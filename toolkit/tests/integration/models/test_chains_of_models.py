"""Every kind of model of the manual is published, installed and asked, with real tools."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.models.faults import FAULTS
from integration.models.samples import SAMPLES, uv
from integration.tiny import Run, TinyProject, clean_variables, copy_of, run_to_end
from trainwheel.install.environments import Installer
from trainwheel.system.environ import Environment

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

Release = Callable[[str], tuple[TinyProject, Run]]
ASK = """
import json, sys
from own_model.classifier import predict_record
print(json.dumps(predict_record(json.loads(sys.argv[1]))))
"""


QUICK = ("churn",)
"""What CI runs too; all others run at night."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.slow if n in QUICK else pytest.mark.models)
        for n in SAMPLES
    ],
)
def test_a_model_is_published_installed_and_asked(
    name: str, first_release: Release, tmp_path: Path
) -> None:
    project, run = first_release(name)

    assert project.published() == ["0.1.0"]
    assert "golden predictions" in run.line("verify ")
    # Without a lock, for others copy the repository meanwhile.
    assert project.run("git", "--no-optional-locks", "status", "--porcelain").output == ""
    assert format_of_artefact(project) == SAMPLES[name].format
    assert SAMPLES[name].answer.items() <= ask(project, name, tmp_path).items()


def format_of_artefact(project: TinyProject) -> str:
    """Return the format of the model, as the provenance in the wheel tells it."""
    with zipfile.ZipFile(project.wheel) as wheel:
        path = "own_model-0.1.0.dist-info/trainwheel/provenance.json"
        return str(json.loads(wheel.read(path))["artefact"]["format"])


def ask(project: TinyProject, name: str, folder: Path) -> dict[str, object]:
    """Return what the wheel says of the sample's record, installed as a stranger installs it."""
    python = Installer(Environment(clean_variables())).create(folder / "env")
    wheels = ("--find-links", str(project.index))
    uv(folder, "install", "--python", str(python), *wheels, "own-model")
    argv = (str(python), "-P", "-c", ASK, json.dumps(SAMPLES[name].record))
    asked = run_to_end(argv, folder, {})
    assert asked.code == 0, asked.output
    answer: dict[str, object] = json.loads(asked.output)
    return answer


@pytest.mark.models
@pytest.mark.parametrize("name", ["churn", "clip", "xgboost"])
def test_its_repository_is_clean_to_lint(name: str, first_release: Release, tmp_path: Path) -> None:
    project = copy_of(first_release(name)[0], tmp_path / "model")

    linted = project.nox("lint")

    assert linted.code == 0, linted.output
    assert "clean" in linted.line("lint ")


@pytest.mark.models
@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_is_refused_and_nothing_is_published(
    name: str, first_release: Release, tmp_path: Path
) -> None:
    fault = FAULTS[name]
    project = copy_of(first_release(name.partition(":")[0])[0], tmp_path / "model")
    for path, old, new in fault.edits:
        if old:
            project.replace(path, old, new)
        else:
            project.write(path, new)

    run = project.nox(fault.session)

    assert run.code != 0, run.output
    assert re.search(r"aborted: (refused|failed|configuration): ", run.output), run.output
    assert re.search(fault.words, run.output), run.output
    assert project.published() == ["0.1.0"]
