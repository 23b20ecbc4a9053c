"""The pictures of the report, drawn by the real libraries from real measurements."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from trainwheel.guest import draw
from trainwheel.guest.measuring.__main__ import main

# matplotlib could read two of them as formulas; one looks like a style of a shape.
CLASSES = ["$1-$2", "$^$", 'style="fill:red"']
CURVES = {"confusion", "roc", "precision_recall", "calibration", "scores"}
TWO: list[list[object]] = [
    ["ab"[row % 2], "ab"[row % 3 % 2], 0.3 + 0.4 * (row % 3 % 2)] for row in range(60)
]
KINDS: dict[str, tuple[str, list[list[object]], str, set[str]]] = {
    "several classes": (
        " ".join(["y_true", "y_pred", *(f"score_{label}" for label in CLASSES)]),
        [[k, k, *(0.6 if k == other else 0.2 for other in CLASSES)] for k in CLASSES * 20],
        "accuracy", CURVES,
    ),
    "two classes": ("y_true y_pred score_b", TWO, "accuracy", CURVES),
    "labels alone": ("y_true y_pred", [row[:2] for row in TWO], "accuracy", {"confusion"}),
    "numbers": (
        "y_true y_pred", [[row / 7, row / 7 + 0.1] for row in range(60)],
        "mean_absolute_error", {"actual_vs_predicted", "residual_vs_predicted"},
    ),
}  # fmt: skip


def pictures_of(folder: Path, kind: str) -> dict[str, str]:
    """Measure predictions of a kind, and return the pictures by their names."""
    header, table, name, _ = KINDS[kind]
    path = folder / "predictions.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header.split(), *table])
    request: dict[str, Any] = {
        "predictions": str(path), "names": [name], "claims": {}, "positive": None,
    }  # fmt: skip
    (folder / "request").write_text(json.dumps(request))
    main(str(folder / "request"), str(folder / "answer"))
    measured = json.loads((folder / "answer").read_bytes())["predictions"]
    (folder / "measured").write_text(json.dumps(measured))
    draw.main(str(folder / "measured"), str(folder))
    return {path.stem: path.read_text() for path in folder.glob("*.svg")}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_model_has_its_pictures(tmp_path: Path, kind: str) -> None:
    pictures = pictures_of(tmp_path, kind)

    assert {*pictures} == KINDS[kind][-1]
    for name, text in pictures.items():
        assert text.startswith("<svg")
        assert f'id="{name}-' in text
        assert "currentColor" in text
        assert "<metadata" not in text
        # Shown under a policy that refuses inline style and images of data: addresses.
        shapes = [*ET.fromstring(text).iter()]  # noqa: S314 - matplotlib wrote it
        assert not any(shape.tag.endswith("}style") or "style" in shape.attrib for shape in shapes)
        assert "data:" not in text
        assert shapes[0].get("stroke-linejoin") == "round"
    if kind == "several classes":
        assert pictures["roc"].count("AUC = 1.00") == len(CLASSES)
        assert all(f">{label}</text>" in pictures["confusion"] for label in CLASSES)
