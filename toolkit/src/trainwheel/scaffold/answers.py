"""What the template is told of a table: the columns in groups, and code for each of them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

from trainwheel.scaffold.code import literal, quoted, sample_of, width_of
from trainwheel.scaffold.columns import Kind
from trainwheel.scaffold.draft import OF_DAYS, Draft, Field
from trainwheel.scaffold.names import class_of
from trainwheel.scaffold.table import Layout
from trainwheel.scaffold.target import VERY_RARE

__all__ = ["MOST_COPIED", "Source", "describe", "table_answers"]

_RECORD_KINDS = {
    Kind.NUMBER: "Number",
    Kind.WHOLE: "Number",
    Kind.BOOLEAN: "Flag",
    Kind.DATE: "Day",
    Kind.CATEGORY: "Category",
    Kind.TEXT: "Category",
}
_MOST_SHOWN = 50
_LONGEST_SENTENCE = 80
_ROOM = 70
"""Columns of a line that choices may take, in the tests."""

MOST_COPIED = 5_000_000
"""Bytes of a table that may be copied into a repository."""

_LONGEST_NAME = 40
_RARE = 0.2
_FEW_ROWS = 10
_MANY_CLASSES, _MOST_TREES = 10, 1000
_MADE_UP, _MADE_UP_OF_CLASS = 200, 40
"""Rows that the tests of a training make up."""

_POSITIVE_ALONE = 2


def describe(draft: Draft, file: str) -> str:
    """Return the sentence that says what the model does, without a full stop.

    Args:
        draft: What the model makes of a table.
        file: What the table is called; empty for what a command prints.
    """
    count = len(draft.fields)
    columns = "one column" if count == 1 else f"{count} columns"
    sentence = f"Predicts {_in_words(draft.target)} from {columns}"
    with_file = f"{sentence} of {file}"
    is_short = width_of(with_file) <= _LONGEST_SENTENCE
    return with_file if file and is_short else sentence


def _in_words(column: str) -> str:
    """Return a column's name as a sentence may have it: in one line, and not too long."""
    words = " ".join(column.replace('"', "").replace("\\", "").split())
    if width_of(words) <= _MOST_SHOWN:
        return words or "the target"
    while width_of(words) >= _MOST_SHOWN:
        words = words[:-1]
    return f"{words.rstrip()}…"


@dataclass(frozen=True)
class Source:
    """Where a table comes from.

    Args:
        path: The file that was read; of a command, what it printed.
        layout: How it is written.
        command: What prints the table; empty for a file.
        is_copied: Whether the repository gets a copy.
    """

    path: Path
    layout: Layout
    command: str = ""
    is_copied: bool = False

    @property
    def name(self) -> str:
        """What the table is called where the steps read it."""
        # It stands in commands and texts.
        name = Path(re.sub(r"[^\w.-]+", "-", self.path.name.removesuffix(".gz")))
        return f"{name.stem[:_LONGEST_NAME]}{name.suffix}"


def table_answers(draft: Draft, source: Source, folder: Path) -> dict[str, Any]:
    """Return what the template is told of a table.

    Args:
        draft: What the model makes of it.
        source: Where it comes from.
        folder: The repository.
    """
    layout, path = source.layout, source.path
    place = Path.cwd() if source.command else path.absolute()
    read = {draft.target, *(each.column for each in draft.fields)}
    is_binary = len(draft.labels) == _POSITIVE_ALONE
    return {
        "fields": list(_fields(draft)),
        "record": class_of(path.name.partition(".")[0]),
        "file": source.name,
        "place": os.path.relpath(place, folder),
        "command": source.command,
        "is_copied": source.is_copied,
        "is_packed": path.suffix == ".gz",
        "is_parquet": layout.is_parquet,
        "delimiter": layout.delimiter,
        "is_padded": layout.is_padded,
        "encoding": layout.encoding,
        "decimal": draft.decimal,
        "target": draft.target,
        "target_words": _in_words(draft.target),
        "labels": list(draft.labels),
        "positive": draft.labels[1] if is_binary else "",
        "is_numeric": draft.is_numeric,
        "is_very_rare": draft.share <= VERY_RARE,
        "key": draft.key,
        "is_grouped": draft.is_grouped,
        "is_by_place": draft.is_by_place,
        "missing": list(draft.missing),
        "has_padded_cells": draft.is_padded,
        "optional": [each.column for each in draft.fields if each.is_optional],
        **_kinds(draft),
        **_groups_of_columns(_groups(draft)),
        "has_choices": any(each.choices for each in draft.fields),
        "left_out": ", ".join(
            _in_markdown(each) for each in layout.columns if each not in read | {""}
        ),
        "has_few_values": _has_few_values(draft),
        "rounds": _rounds(len(draft.labels)),
        "made_up": max(_MADE_UP, _MADE_UP_OF_CLASS * len(draft.labels)),
        **_measures(draft, is_binary=is_binary),
    }


def _fields(draft: Draft) -> Iterator[dict[str, Any]]:
    for each in draft.fields:
        low, high = _round(each.lowest, each.highest)
        field = {**asdict(each), "kind": str(each.kind), "lowest": low, "highest": high}
        field["choices"] = list(each.choices)
        sample: Any = sample_of(field)  # of three digits, which may lie outside of a narrow range
        field["sample"] = min(max(sample, low), high) if each.kind is Kind.NUMBER else sample
        yield {**field, "draw": _draw(field, each)}


def _in_markdown(text: str) -> str:
    """Return a text as code in a line of Markdown, which may be a row of a table."""
    plain = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`" if plain else ""


def _draw(field: Mapping[str, Any], each: Field) -> str:
    """Return an expression that draws made-up values of a column."""
    match each.kind:
        case Kind.WHOLE:
            low = math.floor(field["lowest"])
            return f"draw.integers({low}, {max(math.ceil(field['highest']), low + 1)}, ROWS)"
        case Kind.NUMBER:
            return f"draw.uniform({literal(field['lowest'])}, {literal(field['highest'])}, ROWS)"
        case Kind.BOOLEAN:
            return "draw.choice([True, False], ROWS)"
        case Kind.DATE:
            return f"days.strftime({quoted(each.form or '%Y-%m-%d')})"
        case Kind.TEXT:
            return 'draw.choice(["some words of a", "text that were", "made up for this"], ROWS)'
    return _draw_category(each)


def _draw_category(each: Field) -> str:
    """Return an expression that draws some categories: the shortest, as many as a line holds."""
    choices = sorted(each.choices, key=len)[:4] or ["one", "two", "three"]
    while len(choices) > 1 and width_of(literal(choices)) > _ROOM:
        choices.pop()
    return f"draw.choice({literal(choices)}, ROWS)"


def _groups(draft: Draft) -> dict[str, list[str]]:
    """Return the columns by what the training makes of them."""
    groups: dict[str, list[str]] = {"NUMBERS": [], "CATEGORIES": [], "TEXTS": []}
    of_kind = dict.fromkeys((Kind.NUMBER, Kind.WHOLE, Kind.DATE), "NUMBERS")
    of_kind[Kind.TEXT] = "TEXTS"
    for each in draft.fields:
        days = [f"{each.column}: {part}" for part in OF_DAYS]
        names = days if each.kind is Kind.DATE else [each.column]
        groups[of_kind.get(each.kind, "CATEGORIES")] += names
    return groups


def _groups_of_columns(groups: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the groups, those that have columns by the names of constants, and what they need."""
    return {
        "groups": {name: columns for name, columns in groups.items() if columns},
        **{name: groups[name.upper()] for name in ("numbers", "categories", "texts")},
        "preprocessing": _preprocessing(groups),
    }


def _numbers_code(kinds: Container[str], draft: Draft) -> str:
    """Return an expression for all columns that are numbers, the target among them."""
    columns = "_columns(Number)" if "Number" in kinds else ""
    if draft.labels:
        return columns or "()"
    return f"[*{columns}, TARGET]" if columns else "[TARGET]"


def _kinds(draft: Draft) -> dict[str, Any]:
    """Return what depends on the kinds of the columns, and of which the modules import."""
    kinds = {_RECORD_KINDS[each.kind] for each in draft.fields}
    annotated, is_mixed = _annotated(draft), kinds != {"Number"}
    of_features = (kinds - {"Number"}) | {"layout_of"} if is_mixed else set()
    return {
        "annotations": sorted({"Record"} | annotated | of_features),
        "typing": [*(["Annotated"] if annotated else []), *(["Any"] if is_mixed else [])],
        "used_kinds": sorted(kinds - {"Category"}),
        "numbers_code": _numbers_code(kinds, draft),
        "has_dates": "Day" in kinds,
        "has_features": is_mixed,
        "of_texts": sorted(kinds & {"Category", "Flag"}),
    }


def _annotated(draft: Draft) -> set[str]:
    """Return the kinds that fields of the record are annotated with."""
    used = set()
    for each in draft.fields:
        kind = _RECORD_KINDS[each.kind]
        words = (each.choices, each.form, each.has_time, each.column != each.name)
        if kind == "Number" or any(words):
            used.add(kind)
    return used


def _preprocessing(groups: Mapping[str, Sequence[str]]) -> list[str]:
    used = ["OneHotEncoder", "OrdinalEncoder"] if groups["CATEGORIES"] else []
    return [*used, *(["StandardScaler"] if groups["NUMBERS"] else [])]


def _rounds(classes: int) -> int:
    """Return how many rounds gradient boosting has of many classes, so that it ends in time.

    Returns:
        The number; 0 for the estimator's own.
    """
    return max(20, _MOST_TREES // classes) if classes > _MANY_CLASSES else 0


def _has_few_values(draft: Draft) -> bool:
    """Return whether any record that can be made up may be somebody's row."""
    return math.prod(each.distinct for each in draft.fields) < _FEW_ROWS * draft.rows


def _measures(draft: Draft, *, is_binary: bool) -> dict[str, Any]:
    """Return how the model is compared and measured: expressions by the names of the metrics."""
    if not draft.labels:
        functions = {
            "r2": "r2_score(truths, predicted)",
            "mean_absolute_error": "mean_absolute_error(truths, predicted)",
        }
        kind, scoring = "Fold", "r2"
    else:
        accuracy = {
            "accuracy": "accuracy_score(truths, predicted)",
            "balanced_accuracy": "balanced_accuracy_score(truths, predicted)",
        }
        positive = "is_positive, share"
        ranks = {"roc_auc": f"roc_auc_score({positive})"} if is_binary else {}
        if is_binary and draft.share < _RARE:
            ranks["average_precision"] = f"average_precision_score({positive})"
        loss = {"log_loss": "log_loss(truths, shares, labels=model.classes_)"}
        if not is_binary:
            ranks = {"balanced_accuracy": accuracy.pop("balanced_accuracy")}
        functions = {**ranks, **accuracy, **loss}
        kind, scoring = "StratifiedFold", "roc_auc" if is_binary else "neg_log_loss"
    folds = kind.replace("Fold", "GroupKFold" if draft.is_grouped else "KFold")
    return {
        "metrics": functions,
        "metric_functions": sorted(each.partition("(")[0] for each in functions.values()),
        "scoring": scoring,
        "folds": folds,
    }


def _round(lowest: float, highest: float) -> tuple[float, float]:
    """Round outward by two digits of the width, for the extremes belong to single rows."""
    if not math.isfinite(highest - lowest):
        return 0.0, 0.0
    low, high = Decimal(repr(lowest)), Decimal(repr(highest))
    step = Decimal(1).scaleb((high - low or high).adjusted() - 1)
    # Adding zero turns -0.0 into 0.0.
    return float(low.quantize(step, ROUND_FLOOR) + 0), float(high.quantize(step, ROUND_CEILING) + 0)
