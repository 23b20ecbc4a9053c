"""The report: rendered in a real browser, and right for every kind of model."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from integration.browser import (
    browse,
    find_barriers,
    install_axe,
    open_page,
    require_browser,
    serve_strictly,
)
from integration.tiny import TinyProject, copy_of
from trainwheel.steps.shared.describe import trace
from trainwheel.steps.shared.release import Release
from trainwheel.system.git import Commit
from unit.repository import open_here

pytestmark = [pytest.mark.integration, pytest.mark.slow]

REPORT, METRICS = "build/train/report.html", "build/train/metrics.md"
PICTURES = os.environ.get("TRAINWHEEL_PICTURES")
"""A folder for the pictures of the documentation; none are kept where it is not set."""


def test_the_report_of_the_reference_model_in_a_browser(
    reference: TinyProject, tmp_path: Path
) -> None:
    require_browser()
    axe = install_axe(tmp_path / "axe")
    path = reference.root / REPORT

    with browse() as browser:
        for width, scheme, name in ((1200, "light", "desktop"), (390, "dark", "phone")):
            watched = open_page(browser, path.as_uri(), width, scheme)
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


LOOKS = """() => [...document.querySelectorAll("figure svg *")].map(shape => {
    shape.ownerSVGElement.style.color = "rgb(1, 2, 3)"  // the page's ink, which may differ
    const looks = getComputedStyle(shape), names = ["fill", "stroke", "strokeWidth", "opacity",
        "strokeDasharray", "strokeLinejoin", ...(shape.tagName == "text" ? ["fontSize",
        "fontFamily", "textAnchor"] : [])]
    return [shape.tagName, ...names.map(name => looks[name])]
})"""


STYLE = """() => [...document.querySelectorAll("body, h1, .box, td.number, th, figure, dt")]
    .map(part => { const looks = getComputedStyle(part); return [part.tagName, looks.color,
        looks.backgroundColor, looks.fontFamily, looks.textAlign, looks.borderTopWidth] })"""


COLOURS = """picture => [...new Set([...picture.querySelectorAll("path, use")].flatMap(
    shape => [getComputedStyle(shape).fill, getComputedStyle(shape).stroke])
    .filter(colour => !["none", "rgb(0, 0, 0)"].includes(colour)))]"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_jenkins_shows_the_report_as_it_is_under_its_default_policy(
    reference: TinyProject, scheme: str
) -> None:
    require_browser()
    path = reference.root / REPORT

    with browse() as browser, serve_strictly(reference.root / "build") as address:
        plain = open_page(browser, path.as_uri(), 1200, scheme).page
        strict = open_page(browser, f"{address}/report/index.html", 1200, scheme)

        assert strict.said == [], "nothing was refused"
        served = f"{address}/report"
        assert strict.asked == [f"{served}/index.html", f"{served}/report.css"]
        for look in (STYLE, LOOKS):
            assert strict.page.evaluate(look) == plain.evaluate(look)
        body = strict.page.evaluate(STYLE)[0]
        assert body[2] == {"light": "rgb(251, 251, 250)", "dark": "rgb(20, 24, 30)"}[scheme]
        assert body[3].startswith("system-ui")
        for picture in strict.page.locator("figure svg").all():
            box = picture.bounding_box()
            assert box is not None
            assert 300 < box["width"] < 600
            colours = picture.evaluate(COLOURS)
            assert len(colours) > 1, "not all in black"
        assert strict.page.locator("main").inner_text() == plain.locator("main").inner_text()
        strict.page.locator("summary").first.click()
        assert strict.page.locator("details dl").first.is_visible()
        closed, unfolded = (page.screenshot(full_page=True) for page in (plain, strict.page))
        assert closed != unfolded
        strict.page.locator("summary").first.click()
        for page in (plain, strict.page):
            page.mouse.move(0, 0)
            page.evaluate("() => document.activeElement.blur()")
        assert strict.page.screenshot(full_page=True) == closed, "to the pixel"


def test_the_site_and_the_coverage_can_be_read_under_that_policy(
    reference: TinyProject,
) -> None:
    require_browser()
    run = reference.nox("doc", "test")
    assert run.code == 0, run.output

    with browse() as browser, serve_strictly(reference.root / "build") as address:
        for name, text in (("doc", "Using the model"), ("test/coverage", "classifier.py")):
            page = open_page(browser, f"{address}/{name}/index.html", 1200, "light").page
            assert text in page.locator("body").inner_text()
            style = page.evaluate("() => { const looks = getComputedStyle(document.body);"
                                  "return [looks.color, looks.fontFamily] }")  # fmt: skip
            assert style[0] == "rgb(0, 0, 0)"
            assert "sans-serif" in style[1], "a style sheet of its own counts"
            page.get_by_role("link", name=text).first.click()
            assert "/index.html" not in page.url


def test_the_report_tells_what_a_data_scientist_looks_for(reference: TinyProject) -> None:
    text = re.sub(r"<svg.*?</svg>", "", reference.read(REPORT), flags=re.DOTALL)

    for told in ("124 held-out rows", "roc_auc", "95 % interval", "peak memory", "The worst"):
        assert told in text
    assert "<script" not in text
    assert not re.search(r"compactness_error \d", text), "no row is shown"
    card, table = reference.read("build/train/model_card.md"), reference.read(METRICS)
    assert "| accuracy | 0.99" in card
    assert "from oncology_model import Classifier\n\nmodel = Classifier()\n" in card
    for page in (text, card, table):
        assert "the positive class is malignant" in page
        assert "40.3 %" in page
    assert "shuffled among 124 held-out rows" in text
    assert text.count(" ± ") == 30
    assert all("Not a medical device" in page for page in (text, card))


def test_the_provenance_has_every_interval_the_engine_the_data_and_the_card(
    reference: TinyProject,
) -> None:
    release = Release("oncology-model", "0.1.0", releases=True, always=False, reason="",
                      release_key="ab" * 32)  # fmt: skip

    own = trace(open_here(reference.root).workspace, release, Commit(None, is_dirty=True, time=0))

    measured = json.loads(reference.read("build/evaluate/evaluation.json"))["measured"]["named"]
    assert own.intervals.keys() == measured.keys()
    assert len(own.intervals) == 8
    assert all(low <= own.metrics[name] <= high for name, (low, high) in own.intervals.items())
    assert own.training.engine == "local"
    data = json.loads(reference.read("build/train/data.json"))
    assert own.training.data == data
    assert list(data) == ["sklearn.datasets.load_breast_cancer"]
    assert own.card is not None
    assert {*own.card} == {"intended_use", "limits"}


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
