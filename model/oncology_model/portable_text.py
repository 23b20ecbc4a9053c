"""The words or letters of a text, counted and weighed as scikit-learn's TfidfVectorizer does."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["WordCounts"]

_SPACES = re.compile(r"\s\s+")


class WordCounts:
    """A vocabulary, how texts are cut into its terms, and what each term weighs."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._places = {term: place for place, term in enumerate(spec["terms"])}
        self._idf = None if spec["idf"] is None else spec["idf"].tolist()
        self._cut = {"char": self._letters, "char_wb": self._letters_of_words}.get(
            spec["analyzer"], self._words
        )
        self._find, self._ngrams = re.compile(spec["pattern"]).findall, spec["ngrams"]
        self._stops, self._accents = frozenset(spec["stops"]), spec["accents"]
        self._is_lower, self._is_binary = spec["lower"], spec["binary"]
        self._is_sublinear, self._norm = spec["sublinear"], spec["norm"]

    def of(self, text: str) -> dict[int, float]:
        """Return the weights of the terms of a text: place in the vocabulary → weight."""
        counts: dict[int, float] = {}
        for term in self._cut(self._plain(text)):
            place = self._places.get(term)
            if place is not None:
                counts[place] = 1.0 if self._is_binary else counts.get(place, 0.0) + 1.0
        if self._is_sublinear:
            counts = {place: math.log(count) + 1.0 for place, count in counts.items()}
        if self._idf is not None:
            counts = {place: count * self._idf[place] for place, count in counts.items()}
        return self._normed(counts)

    def matrix(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the weights of texts, shape (texts, terms)."""
        out = np.zeros((len(texts), len(self._places)))
        for line, text in zip(out, texts, strict=True):
            weights = self.of(text)
            line[list(weights)] = list(weights.values())
        return out

    def _plain(self, text: str) -> str:
        text = text.lower() if self._is_lower else text
        if not self._accents or text.isascii():
            return text
        form = unicodedata.normalize("NFKD", text)
        if self._accents == "ascii":
            return form.encode("ascii", "ignore").decode()
        return "".join(letter for letter in form if not unicodedata.combining(letter))

    def _words(self, text: str) -> list[str]:
        words: list[str] = self._find(text)
        if self._stops:
            words = [word for word in words if word not in self._stops]
        shortest, longest = self._ngrams
        if shortest == longest == 1:
            return words
        return [
            " ".join(words[first : first + size])
            for size in range(shortest, longest + 1)
            for first in range(len(words) - size + 1)
        ]

    def _letters(self, text: str) -> list[str]:
        text, (shortest, longest) = _SPACES.sub(" ", text), self._ngrams
        return [
            text[first : first + size]
            for size in range(shortest, longest + 1)
            for first in range(len(text) - size + 1)
        ]

    def _letters_of_words(self, text: str) -> list[str]:
        terms, (shortest, longest) = [], self._ngrams
        for word in text.split():
            padded = f" {word} "
            for size in range(shortest, longest + 1):
                count = max(1, len(padded) - size + 1)
                terms += [padded[first : first + size] for first in range(count)]
                if count == 1:  # a short word counts once
                    break
        return terms

    def _normed(self, counts: dict[int, float]) -> dict[int, float]:
        if self._norm is None or not counts:
            return counts
        values = counts.values()
        total = sum(map(abs, values)) if self._norm == "l1" else math.hypot(*values)
        return {place: count / total for place, count in counts.items()} if total else counts
