"""Train: ``python -m own_training MODEL REPORT``; the vocabulary stands beside the model."""

import json
import random
import sys
from collections import Counter
from pathlib import Path

import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline

from own_model.words import keep, split
from own_training.report import write_report

PHRASES = {
    "complaint": ["it broke again!", "where is my money?", "still no answer!", "this is late"],
    "praise": ["works very well", "thank you!", "it came early", "I like it"],
}
FILLERS = ["today", "the parcel", "your shop", "in March", "number 7", "at home", "we saw"]
GOLDEN = [{"text": "It broke! Where is it?"}, {"text": "Thank you, very well"}, {"text": ""}]


def write(choice: random.Random, kind: str) -> str:
    """Return a made-up message of this kind; one of ten has words of the other."""
    other = "praise" if kind == "complaint" else "complaint"
    said = choice.choice(PHRASES[kind if choice.random() > 0.1 else other])  # noqa: PLR2004
    return " ".join(choice.sample([said, *choice.sample(FILLERS, 3)], 4))


model, report = Path(sys.argv[1]), Path(sys.argv[2])
choice = random.Random(7)  # noqa: S311 - messages are no secret
kinds = [choice.choice(list(PHRASES)) for _ in range(600)]
texts = [write(choice, kind) for kind in kinds]
counts = Counter(word for text in texts[:400] for word in split(text))
vocabulary = sorted(word for word, count in counts.items() if count > 20)  # noqa: PLR2004
pipeline = make_pipeline(TfidfVectorizer(tokenizer=split, token_pattern=None), LogisticRegression())
pipeline.fit([keep(text, vocabulary) for text in texts[:400]], kinds[:400])
joblib.dump(pipeline, model)
model.with_name("vocabulary.json").write_text(json.dumps(vocabulary), encoding="utf-8")
rows = [keep(text, vocabulary) for text in texts[400:]]
predicted, scores = pipeline.predict(rows), pipeline.predict_proba(rows)
accuracy = accuracy_score(kinds[400:], predicted)
(report / "metrics.json").write_text(json.dumps({"accuracy": float(accuracy)}))
write_report(
    report,
    [{"text": text} for text in texts[400:]],
    {"y_true": kinds[400:], "y_pred": predicted, "score_complaint": scores[:, 0]},
    GOLDEN,
)
