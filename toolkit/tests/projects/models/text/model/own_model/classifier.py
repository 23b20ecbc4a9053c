"""Tells whether a message is a complaint."""

import functools
import json
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import joblib

from own_model.words import keep

ARTEFACT = files("own_model") / "artefact"


@functools.cache
def load() -> tuple[Any, frozenset[str]]:
    """Return the model of this package and its vocabulary."""
    words = json.loads((ARTEFACT / "vocabulary.json").read_text(encoding="utf-8"))
    with as_file(ARTEFACT / "model.joblib") as path:
        return joblib.load(path), frozenset(words)


def predict_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to one message."""
    model, vocabulary = load()
    scores = model.predict_proba([keep(record["text"], vocabulary)])[0]
    answers = dict(zip(model.classes_.tolist(), scores.tolist(), strict=True))
    return {"label": max(answers, key=lambda name: answers[name]), "probabilities": answers}
