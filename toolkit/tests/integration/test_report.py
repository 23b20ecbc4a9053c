"""The report: rendered in a real browser, and right for every kind of model."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from integration.browser import browse, find_barriers, install_axe, open_page, require_browser
from integration.learner import LEARNS, TRAINING
from integration.tiny import ROOT, Run, TinyProject, clean_variables, copy_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

REPORT = "build/train/report.html"
PICTURES = os.environ.get("TRAINWHEEL_PICTURES")
"""A folder for the pictures of the documentation; none are kept where it is not set."""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """The reference model of this repository, trained."""
    root = tmp_path_factory.mktemp("reference") / "project"
    listed = subprocess.run(
        ("git", "ls-files", "-co", "--exclude-standard"),
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if not name.startswith("toolkit/") and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    project = TinyProject(root, tmp_path_factory.mktemp("envs"), clean_variables())
    run = project.nox("train")
    assert run.code == 0, run.output
    return project


def test_the_report_of_the_reference_model_in_a_browser(
    reference: TinyProject, tmp_path: Path
) -> None:
    require_browser()
    axe = install_axe(tmp_path / "axe")
    path = reference.root / REPORT

    with browse() as browser:
        for width, scheme, name in ((1200, "light", "desktop"), (390, "dark", "phone")):
            watched = open_page(browser, path, width, scheme)
            assert watched.said == []
            assert watched.asked == [path.as_uri()]
            assert watched.page.locator("figure svg").count() == 5
            # On a phone tables may be moved, but not the page.
            assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
            if PICTURES:
                target = Path(PICTURES) / f"report-{name}.png"
                clip = {"x": 0, "y": 0, "width": width, "height": 1400}
                watched.page.screenshot(path=target, full_page=True, clip=clip)  # type: ignore[arg-type]
            assert find_barriers(watched.page, axe) == []


def test_the_report_tells_what_a_data_scientist_looks_for(reference: TinyProject) -> None:
    text = re.sub(r"<svg.*?</svg>", "", reference.read(REPORT), flags=re.DOTALL)

    for told in ("124 held-out rows", "roc_auc", "95 % interval", "peak memory", "The worst"):
        assert told in text
    assert "<script" not in text
    assert "compactness_error" not in text  # no row is shown
    assert "| accuracy | 0.99" in reference.read("build/train/model_card.md")


def retrained(project: TinyProject, training: str) -> Run:
    project.write(TRAINING, training)
    return project.nox("train")


NO_HOLDOUT = '(report / "holdout.jsonl").unlink()  # the rows are others\n'


def test_several_classes_are_handled(published_learner: TinyProject) -> None:
    training = LEARNS.replace(
        'writer.writerow(["y_true", "y_pred", "score_big"])\n'
        "    writer.writerows(zip(truth, said, score.tolist(), strict=True))",
        'writer.writerow(["y_true", "y_pred", "score_a", "score_b", "score_c"])\n'
        "    kinds = np.array(list('abc'))[(rows // 5).astype(int) % 3]\n"
        "    shares = [(0.2 + 0.4 * (k == 'a'), 0.2 + 0.4 * (k == 'b'), 0.2 + 0.4 * (k == 'c'))\n"
        "              for k in kinds]\n"
        "    writer.writerows((k, k, *s) for k, s in zip(kinds, shares))",
    ).replace('"accuracy": float((truth == said).mean())', '"accuracy": 1.0')

    run = retrained(published_learner, training + NO_HOLDOUT)

    assert run.code == 0, run.output
    page = published_learner.read(REPORT)
    assert page.count("AUC = 1.00") == 3
    assert 'id="picture-confusion"' in page


@pytest.mark.bench
def test_the_reference_model_repeats_byte_for_byte_here_and_on_a_cluster(
    reference: TinyProject, tmp_path: Path
) -> None:
    project = copy_of(reference, tmp_path / "project")
    project.configure('train.engine = "dask"')

    run = project.nox("train", "--", "--check-repeatable")

    assert run.code == 0, run.output
    told = "repeats byte for byte: 3 more trainings, hash seeds 1, 2, 0, dask and local"
    assert told in project.read(REPORT)
    model = "model/oncology_model/artefact/model.joblib"
    assert (project.root / model).read_bytes() == (reference.root / model).read_bytes()
