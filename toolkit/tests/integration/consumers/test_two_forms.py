"""The reference model's wheel needs numpy alone, and its extra brings the estimator."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from integration.consumers.consumer import Release
from integration.environments import make_environment
from integration.tiny import Run, TinyProject, copy_of, run_to_end
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile

pytestmark = [pytest.mark.integration, pytest.mark.slow]


SVC = """\
from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    return {"svc": make_pipeline(StandardScaler(), CalibratedClassifierCV(SVC()))}
"""


LIGHTGBM = """\
from lightgbm import LGBMClassifier

    return {"light": LGBMClassifier(n_estimators=40, n_jobs=1, verbose=-1, random_state=SEED)}
"""
FORMS = ("FORMS", "['portable']")


def ask(python: Path, *words: str) -> Run:
    return run_to_end([str(python), "-m", "oncology_model", *words], python.parent, {})


def test_numpy_alone_is_installed_and_predicts_and_the_extra_brings_the_estimator(
    release: Release, tmp_path: Path
) -> None:
    python = make_environment(tmp_path / "env", release.wheel)
    (packages,) = (tmp_path / "env").glob("lib/*/site-packages")
    names = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
    sizes = (path.stat().st_size for path in packages.rglob("*") if path.is_file())

    assert names == {"numpy", "oncology_model"}
    assert sum(sizes) < 75_000_000
    assert ask(python, "verify").output.startswith("24 golden predictions repeat")
    refusal = ask(python, "verify", "--engine", "sklearn")
    assert (refusal.code, "scikit-learn==" in refusal.output) == (1, True)
    alone = ask(python, "predict", str(release.table)).output

    shutil.rmtree(tmp_path / "env")
    python = make_environment(tmp_path / "env", f"oncology-model[sklearn] @ {release.wheel}")

    for engine in ("portable", "sklearn"):
        verified = ask(python, "verify", "--engine", engine).output
        assert verified.startswith("24 golden predictions repeat")
        assert ask(python, "predict", "--engine", engine, str(release.table)).output == alone


def test_the_wheel_says_what_each_form_needs(release: Release) -> None:
    metadata = release.read(".dist-info/METADATA")
    head = metadata.partition("\n\n")[0].splitlines()
    needs = [line.removeprefix("Requires-Dist: ") for line in head if "Requires-Dist" in line]
    plain = [line for line in needs if "extra ==" not in line]
    bill = json.loads(release.read(".cdx.json"))
    scopes = {each["name"]: each.get("scope") for each in bill["components"]}
    record = json.loads(release.read("/provenance.json"))

    assert [line.partition("<")[0] for line in plain] == ["numpy"]
    assert any(line.startswith("scikit-learn==") for line in needs)
    assert "Provides-Extra: sklearn" in head
    assert 'pip install "oncology-model[sklearn]"' in metadata
    assert (scopes["numpy"], scopes["scikit-learn"]) == ("required", "optional")
    assert {Path(name).suffix for name in record["artefact"]["files"]} == {".joblib", ".npz"}


def test_a_model_without_a_portable_form_is_released_as_before(
    reference: TinyProject, tmp_path: Path
) -> None:
    project = copy_of(reference, tmp_path / "project")
    project.replace("noxfile.py", "register()", 'register(exclude=["doc", "test"])')
    candidates = "model/oncology_training/candidates.py"
    project.replace(candidates, "return _list_regressions() | _list_forests()", SVC)

    run = project.nox("package")

    assert run.code == 0, run.output
    (line,) = (line for line in run.output.splitlines() if "no portable form" in line)
    assert "SVC" in line
    release = Release(project.wheel, tmp_path / "golden.csv")
    head = release.read(".dist-info/METADATA").partition("\n\n")[0].splitlines()
    assert any(
        line.startswith("Requires-Dist: scikit-learn==") and ";" not in line for line in head
    )
    assert "portable" not in json.loads(release.read("/model.joblib.json"))
    assert "[sklearn]" not in release.read(".dist-info/METADATA")


def test_a_wheel_whose_model_is_of_lightgbm_needs_numpy_alone(
    reference: TinyProject, tmp_path: Path
) -> None:
    project = copy_of(reference, tmp_path / "project")
    project.replace("noxfile.py", "register()", 'register(exclude=["doc", "test"])')
    candidates = "model/oncology_training/candidates.py"
    project.replace(candidates, "return _list_regressions() | _list_forests()", LIGHTGBM)
    # A child forked after LightGBM's threads ran hangs in LightGBM: the manual's page on services.
    forked = "def test_a_child_answers_that_was_forked_while_a_thread_loads"
    both, one = (f'@pytest.mark.parametrize("form", {forms})\n{forked}' for forms in FORMS)
    project.replace("tests/system/test_classifier.py", both, one)
    project.replace("Pipfile", "[sklearn]\n", '[sklearn]\nlightgbm = "*"\n')
    lock = json.loads((project.root / "Pipfile.lock").read_text(encoding="utf-8"))
    lock["sklearn"]["lightgbm"] = lock["toolkit"]["lightgbm"]
    pipfile = parse_pipfile((project.root / "Pipfile").read_text(encoding="utf-8"))
    text = stamp_lock(json.dumps(lock), pipfile)
    (project.root / "Pipfile.lock").write_text(text, encoding="utf-8")

    synced, run = project.nox("sync"), project.nox("package")

    assert synced.code == 0, synced.output
    assert run.code == 0, run.output
    assert "no portable form" not in run.output
    release = Release(project.wheel, tmp_path / "golden.csv")
    head = release.read(".dist-info/METADATA").partition("\n\n")[0].splitlines()
    assert any(line.startswith("Requires-Dist: lightgbm==") and "extra ==" in line for line in head)
    python = make_environment(tmp_path / "env", project.wheel)
    (packages,) = (tmp_path / "env").glob("lib/*/site-packages")
    names = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
    assert names == {"numpy", "oncology_model"}
    assert ask(python, "verify").output.startswith("24 golden predictions repeat")
