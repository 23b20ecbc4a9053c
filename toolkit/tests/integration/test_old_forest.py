"""A forest of scikit-learn 1.3.2 loads in today's with mere warnings, and predicts wrongly.

A real one, trained in an environment of that time and put into a copy of the reference model: its
loader must refuse it. Where it is asked not to, what it predicts shows why.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.environments import locked_packages, make_environment
from integration.tiny import ROOT
from trainwheel.install.environments import Installer
from trainwheel.install.lock_environment import find_python
from trainwheel.system.environ import read_environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OLD = {"scikit-learn": "1.3.2", "numpy": "1.26.4", "joblib": "1.3.2", "scipy": "1.11.4"}
TRAIN = """\
import json, sys
import joblib
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

data = load_breast_cancer()
labels = data.target_names[data.target]
forest = RandomForestClassifier(random_state=0).fit(data.data[::2], labels[::2])
joblib.dump(forest, sys.argv[1])
json.dump({"rows": data.data.tolist(), "labels": forest.predict(data.data).tolist()}, sys.stdout)
"""
ASK = """\
import json, sys
from oncology_model import MEASUREMENTS, ArtefactError, Classifier, Tumor

given = json.load(sys.stdin)
tumors = [Tumor(**dict(zip(MEASUREMENTS, row))) for row in given["rows"]]
try:
    answer = {"labels": Classifier(**given["options"]).predict_many(tumors)}
except ArtefactError as error:
    answer = {"error": type(error).__name__, "message": str(error)}
json.dump(answer, sys.stdout)
"""

Ask = Callable[..., tuple[dict[str, Any], str]]


@dataclass(frozen=True)
class OldForest:
    """What scikit-learn 1.3.2 made.

    Args:
        artefact: The dumped forest.
        rows: What it was asked, a list of measurements each.
        labels: What it answered there.
    """

    artefact: Path
    rows: list[list[float]]
    labels: list[str]


@pytest.fixture(scope="module")
def old_forest(tmp_path_factory: pytest.TempPathFactory) -> OldForest:
    """A forest that was trained by the packages of 2023."""
    folder = tmp_path_factory.mktemp("old")
    pins = [f"{name}=={version}" for name, version in OLD.items()]
    of_then = find_python("3.11", read_environment())
    python = make_environment(folder / "env", *pins, python=of_then)
    artefact = folder / "model.joblib"
    argv = (str(python), "-P", "-c", TRAIN, str(artefact))
    made = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return OldForest(artefact, made["rows"], made["labels"])


@pytest.fixture(scope="module")
def locked_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the packages that the model needs, as they are locked."""
    folder = tmp_path_factory.mktemp("now")
    return Installer(read_environment()).ensure(folder / "env", locked_packages("sklearn"))


@pytest.fixture
def package(tmp_path: Path, old_forest: OldForest) -> Path:
    """A copy of the reference model that ships the old forest, with an honest manifest."""
    package = tmp_path / "site" / "oncology_model"
    ignored = shutil.ignore_patterns("artefact", "__pycache__")
    shutil.copytree(ROOT / "model" / "oncology_model", package, ignore=ignored)
    (package / "artefact").mkdir()
    shutil.copy(old_forest.artefact, package / "artefact" / "model.joblib")
    write_manifest(package, OLD)
    return package


@pytest.fixture
def ask(package: Path, locked_python: Path, old_forest: OldForest) -> Ask:
    """Ask a classifier with some options, under the locked packages: its answer, its warnings."""

    def ask(**options: bool) -> tuple[dict[str, Any], str]:
        completed = subprocess.run(
            (str(locked_python), "-c", ASK),
            input=json.dumps({"rows": old_forest.rows, "options": options}),
            env={"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
            capture_output=True,
            text=True,
        )
        return json.loads(completed.stdout), completed.stderr

    return ask


def write_manifest(package: Path, versions: dict[str, str]) -> None:
    """Write what training would have written of the artefact with these versions."""
    artefact = package / "artefact" / "model.joblib"
    document = {
        "schema": 1, "format": "joblib",
        "sha256": hashlib.sha256(artefact.read_bytes()).hexdigest(),
        "size": artefact.stat().st_size, "versions": versions, "python": "3.11.7",
    }  # fmt: skip
    artefact.with_name("model.joblib.json").write_text(json.dumps(document), encoding="utf-8")


def test_it_is_refused_whatever_its_manifest_claims_and_predicts_wrongly_where_it_is_not(
    ask: Ask, package: Path, locked_python: Path, old_forest: OldForest
) -> None:
    answer, warnings = ask()

    assert answer["error"] == "VersionMismatchError"
    assert 'pip install "scikit-learn==1.3.2" "numpy>=1.26.4,<2"' in answer["message"]
    assert warnings == ""

    script = (
        "import joblib, numpy, sklearn; print(*(m.__version__ for m in (sklearn, numpy, joblib)))"
    )
    argv = (str(locked_python), "-c", script)
    now = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    write_manifest(package, dict(zip(("scikit-learn", "numpy", "joblib"), now, strict=True)))

    answer, warnings = ask()

    # By what the forest says itself, before it is loaded.
    assert answer["error"] == "VersionMismatchError"
    assert 'pip install "scikit-learn==1.3.2"' in answer["message"]
    assert warnings == ""

    answer, warnings = ask(any_version=True)

    assert "InconsistentVersionWarning" in warnings
    pairs = zip(old_forest.labels, answer["labels"], strict=True)
    # The day that this is 0, or that it does not load at all, scikit-learn has become safer.
    assert sum(old != new for old, new in pairs) > 0
