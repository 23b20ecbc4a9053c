"""What people get wrong with a model of their own: an edit, and the words that refuse it."""

from __future__ import annotations

from typing import NamedTuple

from integration.models.samples import PROJECTS

__all__ = ["FAULTS", "Fault"]

PREDICT = "model/own_model/classifier.py"
TRAINING = "model/own_training/__main__.py"
CONFIG = "pyproject.toml"
START = "[tool.trainwheel]\n"
HELD_OUT = 'json.loads(holdout.to_json(orient="records"))'
SPLIT = "def split(text):\n    return text.lower().split()\n\n\n"
NOT_WHAT_WAS_TRAINED = r"refused: what ships is not what was trained.* row \d+"
CLIP = (PROJECTS / "clip" / "model/own_model/clip.py").read_text(encoding="utf-8")


class Fault(NamedTuple):
    """Something wrong with a sample.

    Args:
        words: A regular expression for the line that says so.
        edits: File, old text and new text; a file without old text is new.
        session: Which one refuses it.
    """

    words: str
    edits: tuple[tuple[str, str, str], ...]
    session: str = "train"


def edit(words: str, *change: str, session: str = "train") -> Fault:
    """Return the fault of one edit."""
    name, old, new = change
    return Fault(words, ((name, old, new),), session)


FAULTS = {
    # Another answer than that of training.
    "churn: inverted": edit(
        NOT_WHAT_WAS_TRAINED, PREDICT, "float(load()", "1 - float(load()"
    ),
    "churn: null is another region": edit(
        NOT_WHAT_WAS_TRAINED, PREDICT, 'fillna("unknown")', 'fillna("north")'
    ),
    "text: inverted": edit(NOT_WHAT_WAS_TRAINED, PREDICT, "max(answers", "min(answers"),
    "text: another vocabulary": edit(
        NOT_WHAT_WAS_TRAINED, PREDICT, "frozenset(words)", "frozenset(words[:10])"
    ),
    "clip: inverted": edit(NOT_WHAT_WAS_TRAINED, PREDICT, "score > 0.5", "score <= 0.5"),
    "species: the least likely": edit(
        NOT_WHAT_WAS_TRAINED, PREDICT, "model.predict(row)[0]", "min(scores, key=scores.get)"
    ),
    "codes: the next one": edit(NOT_WHAT_WAS_TRAINED, PREDICT, "int(load()", "1 + int(load()"),
    "lightgbm: columns in another order": edit(
        NOT_WHAT_WAS_TRAINED, PREDICT, "in COLUMNS]", "in reversed(COLUMNS)]"
    ),
    "lightgbm: null is zero": edit(NOT_WHAT_WAS_TRAINED, PREDICT, 'float("nan")', "0.0"),
    "lightgbm: probability of the other class": edit(
        'set positive = "late"', CONFIG, 'positive = "late"', 'positive = "paid"'
    ),
    "xgboost: null is zero": edit(NOT_WHAT_WAS_TRAINED, PREDICT, 'float("nan")', "0.0"),
    "visits: cut off, not rounded": edit(
        NOT_WHAT_WAS_TRAINED, PREDICT, "round(float(", "int(float("
    ),
    "cells: other labels": edit(
        NOT_WHAT_WAS_TRAINED, PREDICT, "4 if score > 0.5 else 2", "1 if score > 0.5 else 0"
    ),
    # A function that cannot answer.
    "churn: a misspelt name": Fault(
        r"(?s)\A(?!.*TRAINS).*predict_recrod", (
            (CONFIG, START, f'{START}predict = "own_model.classifier:predict_recrod"\n'),
            # Before training, which would print a line.
            (TRAINING, "model, report = ", 'sys.stdout.write("TRAINS\\n")\nmodel, report = '),
        ),
    ),
    "churn: a cell that it cannot take": edit(
        r"(row|record) 2\b.*AttributeError|AttributeError.*(row|record) 2\b", PREDICT,
        "    frame = ", '    record["region"].lower()\n    frame = ',
    ),
    "cells: a question mark": edit(
        r"(row|record) 1\b.*could not convert|could not convert.*(row|record) 1\b", PREDICT,
        '{"?", None}', "{None}",
    ),
    # What the wheel does not ship.
    "text: vocabulary not in artefact": edit(
        r"vocabulary\.json", CONFIG,
        '["artefact/model.joblib", "artefact/vocabulary.json"]', '"artefact/model.joblib"',
    ),
    "text: vocabulary not written": edit(
        r"vocabulary\.json", TRAINING, 'with_name("vocabulary.json")', 'with_name("words.json")'
    ),
    "text: tokenizer of __main__": Fault(
        r"__main__\W*split", (
            (TRAINING, "import keep, split", "import keep"),
            (TRAINING, "def write(", f"{SPLIT}def write("),
        ),
    ),
    "clip: class of the training": Fault(
        r"own_training\.clip\W*Clip.*own_model", (
            ("model/own_training/clip.py", "", CLIP),
            (TRAINING, "from own_model.clip", "from own_training.clip"),
        ),
    ),
    "clip: class of __main__": Fault(
        r"__main__\W*Sharp", (
            (TRAINING, "GOLDEN = [", "class Sharp(Clip):\n    pass\n\n\nGOLDEN = ["),
            (TRAINING, "(Clip(),", "(Sharp(),"),
        ),
    ),
    "lightgbm: a file of another name": edit(
        r"model\.(txt|joblib)", CONFIG, 'artefact = "artefact/model.txt"\n', ""
    ),
    # What training says is not to be used.
    "churn: empty truth": edit(
        r'holdout\.jsonl line 1: truth is ""', TRAINING,
        '"y_true": truth', '"y_true": ["", *truth[1:]]',
    ),
    "churn: truth of another index": edit(
        r"holdout\.jsonl line 1 contains NaN", TRAINING,
        '"y_true": truth', '"y_true": truth.reindex(range(300))',
    ),
    "churn: NaN in a held-out row": edit(
        r"holdout\.jsonl line \d+.*NaN", TRAINING,
        HELD_OUT, 'holdout.astype(object).to_dict("records")',
    ),
    "churn: NaN in a golden row": edit(
        r"golden\.jsonl.*NaN", TRAINING, '"fee": None', '"fee": float("nan")'
    ),
    "churn: real golden rows": edit(
        r"golden row 1 is line 1 of holdout\.jsonl", TRAINING, "    GOLDEN,\n",
        f"    {HELD_OUT}[:3],\n", session="package",
    ),
    "visits: a truth that is missing": edit(
        r"holdout\.jsonl line 1: truth is null", TRAINING,
        "y[500:].tolist()", "[None, *y[501:].tolist()]",
    ),
    "species: names as a regression": edit(
        "'?(boskoop|elstar|gala)'?.*number", CONFIG, '"classification"', '"regression"'
    ),
    "species: a class that labels does not name": edit(
        "gala", CONFIG, START, f'{START}labels = ["boskoop", "elstar"]\n'
    ),
    "churn: a positive class that is none": edit(
        "'leave'", CONFIG, 'positive = "leaves"', 'positive = "leave"'
    ),
    "codes: predictions of other rows": edit(
        NOT_WHAT_WAS_TRAINED, TRAINING, '"y_pred": predicted', '"y_pred": predicted[::-1]'
    ),
    "cells: a column that was whole numbers": edit(
        "chromatin", "make_rows.py", 'index("bare_nuclei")', 'index("chromatin")'
    ),
}  # fmt: skip
