"""Draw the pictures of a report: ``python -P draw.py MEASURED FOLDER``.

``MEASURED`` is the answer of the measuring script, as JSON. The folder gets one SVG a picture, in
the colour of the text around it, so that a page may be light or dark.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import pyplot as plt
from sklearn import metrics
from sklearn.calibration import CalibrationDisplay

_INK, _GROUND = "#010203", "none"
_LINES = ("#2f81b7", "#d1642a", "#3a9b62", "#a45bb0", "#b8962e", "#c4476b", "#5f6fce", "#53999c")
_SIZE = (4.6, 3.6)
_FEW = 10
_STYLE: dict[str, Any] = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.facecolor": _GROUND,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": _GROUND,
    "figure.figsize": _SIZE,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "savefig.facecolor": _GROUND,
    "svg.fonttype": "none",
    "svg.hashsalt": "trainwheel",
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def main(measured: str, folder: str) -> None:
    """Draw what the measurements allow."""
    measurements = json.loads(Path(measured).read_text(encoding="utf-8"))
    mpl.use("svg")
    plt.style.use({**_STYLE, "axes.prop_cycle": cycler(color=_LINES)})
    for name, draw in _pictures(measurements):
        figure, axes = plt.subplots()
        draw(axes)
        path = Path(folder) / f"{name}.svg"
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
        path.write_text(_inlined(path.read_text(encoding="utf-8"), name), encoding="utf-8")


def _inlined(text: str, name: str) -> str:
    """Return an SVG for the inside of a page: no prologue, names of its own, the page's ink."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = _unstyled(text)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    return text.replace(_INK, "currentColor")


def _unstyled(text: str) -> str:
    """Return an SVG whose styles are attributes of its shapes.

    A page may be shown under a policy that refuses all inline style, as Jenkins shows archived
    files; shapes without their styles are black.
    """
    if sheet := re.search(r"<style[^>]*>\s*\*\s*\{(.*?)\}\s*</style>", text, re.DOTALL):
        # What holds for every shape is inherited from the outermost element.
        text = text.replace(sheet[0], "").replace("<svg ", f"<svg {_attributes(sheet[1])} ", 1)
    return re.sub(r'(<[^<>]*\s)style="([^"]*)"', lambda tag: tag[1] + _attributes(tag[2]), text)


def _attributes(style: str) -> str:
    pairs = (declaration.partition(":") for declaration in style.split(";") if declaration.strip())
    return " ".join(f'{name.strip()}="{value.strip()}"' for name, _, value in pairs)


def _pictures(measurements: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[Any], None]]]:
    sample = measurements["sample"]
    truth, predicted = np.array(sample["truth"]), np.array(sample["predicted"])
    if measurements["kind"] == "regression":
        for kind in ("actual_vs_predicted", "residual_vs_predicted"):
            yield kind, _errors(truth, predicted, kind)
        return
    if measurements["confusion"] is not None:
        yield "confusion", _confusion(measurements)
    if sample["scores"] is None:
        return
    scores = np.array(sample["scores"])
    shown = _curves(measurements, truth, scores)
    if shown:
        roc, precision = metrics.RocCurveDisplay, metrics.PrecisionRecallDisplay
        yield (
            "roc",
            _each(shown, roc.from_predictions, ("false positive rate", "true positive rate")),
        )
        yield "precision_recall", _each(shown, precision.from_predictions, ("recall", "precision"))
        if sample["has_probabilities"]:
            yield "calibration", _calibration(shown)
        yield "scores", _histogram(measurements, truth, scores)


_Curves = list[tuple[str, Any, Any]]


def _curves(measurements: Mapping[str, Any], truth: Any, scores: Any) -> _Curves:
    """Return label, truth and score of each class that has a curve: the positive one, or all."""
    classes = measurements["classes"]
    codes = range(len(classes))
    if measurements["positive"] is not None:
        codes = [classes.index(measurements["positive"])]  # type: ignore[assignment]
    pairs = [(classes[code], truth == code, scores[:, code]) for code in codes]
    # A curve needs rows of its class and of another one.
    whole = [(label, is_it, score) for label, is_it, score in pairs if 0 < is_it.sum() < len(truth)]
    return sorted(whole, key=lambda pair: -pair[1].sum())[:_FEW]


def _each(
    curves: _Curves, draw: Callable[..., Any], names: tuple[str, str]
) -> Callable[[Any], None]:
    def picture(axes: Any) -> None:
        for label, truth, score in curves:
            draw(truth, score, name=label, ax=axes)
        axes.set(xlabel=names[0], ylabel=names[1])

    return picture


def _calibration(curves: _Curves) -> Callable[[Any], None]:
    def picture(axes: Any) -> None:
        for label, truth, score in curves:
            CalibrationDisplay.from_predictions(
                truth, score, n_bins=10, strategy="quantile", name=label, ref_line=False, ax=axes
            )
        axes.plot([0, 1], [0, 1], linestyle=":", color=_INK, linewidth=0.8, label="perfect")
        axes.set(xlabel="mean score", ylabel="share that is true")
        axes.legend()

    return picture


def _histogram(measurements: Mapping[str, Any], truth: Any, scores: Any) -> Callable[[Any], None]:
    classes = measurements["classes"]
    positive = measurements["positive"]

    def picture(axes: Any) -> None:
        for code, label in list(enumerate(classes))[:_FEW]:
            column = classes.index(positive) if positive is not None else code
            axes.hist(scores[truth == code, column], bins=30, alpha=0.55, label=f"true {label}")
        of = positive if positive is not None else "the true class"
        axes.set(xlabel=f"score of {of}", ylabel="rows")
        axes.legend()

    return picture


def _confusion(measurements: Mapping[str, Any]) -> Callable[[Any], None]:
    table = np.array(measurements["confusion"])

    def picture(axes: Any) -> None:
        # The share of each true class decides the shade, so that a rare one is seen too.
        shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        # Shapes, as an image in an SVG is a data: address, which a strict policy refuses.
        axes.pcolormesh(
            shares, cmap="Blues", vmin=0, vmax=1.4, alpha=0.9, edgecolors="face", linewidth=0.5
        )
        axes.set_aspect("equal")
        axes.invert_yaxis()
        ticks = np.arange(len(table)) + 0.5
        axes.set_xticks(ticks, measurements["classes"], rotation=45, ha="right")
        axes.set_yticks(ticks, measurements["classes"])
        axes.set(xlabel="predicted", ylabel="true")
        if len(table) <= _FEW:
            for (row, column), count in np.ndenumerate(table):
                ink = "#ffffff" if shares[row, column] > 0.6 else "#10233a"  # noqa: PLR2004
                axes.text(column + 0.5, row + 0.5, f"{count}", ha="center", va="center", color=ink)

    return picture


def _errors(truth: Any, predicted: Any, kind: str) -> Callable[[Any], None]:
    def picture(axes: Any) -> None:
        metrics.PredictionErrorDisplay.from_predictions(
            truth,
            predicted,
            kind=kind,
            subsample=2_000,
            random_state=0,
            ax=axes,
            scatter_kwargs={"alpha": 0.4, "s": 12},
            line_kwargs={"color": _INK},
        )

    return picture


if __name__ == "__main__":
    main(*sys.argv[1:])
