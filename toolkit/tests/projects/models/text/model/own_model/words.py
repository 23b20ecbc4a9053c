"""How a text is split; the model and its training both need it."""

import re
from collections.abc import Collection


def split(text: str) -> list[str]:
    """Return the words of a text, and its question and exclamation marks."""
    return re.findall(r"\w+|[?!]", text.lower())


def keep(text: str, vocabulary: Collection[str]) -> str:
    """Return a text in which each word outside the vocabulary is ``rare``."""
    return " ".join(word if word in vocabulary else "rare" for word in split(text))
