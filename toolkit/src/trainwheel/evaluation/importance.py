"""Which columns a model needs: how much worse it answers where one of them is shuffled.

Permutation importance (Breiman 2001, Random Forests, section 10) on held-out rows, of the entry
point. Pure: rows come in, records to ask the model about go out, and its answers come in.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainwheel.evaluation.gate import shown
from trainwheel.guest.measuring.labels import (
    UnreadableError,
    is_number,
    label_of,
    prediction_of,
    spelled,
)

__all__ = ["Importance", "Plan", "Weight", "plan", "weigh"]

_LEAST_ROWS = 50
_SEED = 20_260_101
_LEAST_SHARE = 1e-15
_NORMAL = 1.96  # two-sided, 95 %

_Record = Mapping[str, Any]
_Loss = Callable[[Any, Any], float | None]
"""The loss of an answer, given its truth; None where the answer does not hold what it takes."""


@dataclass(frozen=True)
class Plan:
    """What the model is asked.

    Args:
        inputs: The records: all held-out rows, or a random part of them.
        truths: The true label or number of each.
        columns: The columns to shuffle, one at a time.
    """

    inputs: Sequence[_Record]
    truths: Sequence[Any]
    columns: Sequence[str]

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the records as they are, then for each column all with that one shuffled."""
        yield from map(dict, self.inputs)
        for column in self.columns:
            others = list(self.inputs)
            # By its name, so that a column's order does not depend on the other columns.
            _random(column).shuffle(others)
            for record, other in zip(self.inputs, others, strict=True):
                yield _exchange(record, other, column)


@dataclass(frozen=True)
class Weight:
    """How much worse the answers are with one column shuffled.

    Args:
        column: Its name.
        value: By how much the mean loss rises; None where the model refuses shuffled records.
        margin: Half of the width of the value's 95 % interval.
    """

    column: str
    value: float | None
    margin: float = 0.0

    @property
    def text(self) -> str:
        """The value with its margin, for people."""
        if self.value is None:
            return "not known: the model refuses some of the shuffled rows"
        # Without a margin, no answer changed: that is known.
        is_undecided = abs(self.value) <= self.margin > 0
        return f"{shown(self.value)} ± {shown(self.margin)}{', undecided' if is_undecided else ''}"


@dataclass(frozen=True)
class Importance:
    """What the report shows of the columns.

    Args:
        loss: What rises where a column is shuffled.
        rows: How many rows were shuffled.
        weights: Of the columns, the heaviest first.
        reason: Why there are none, in a clause; empty too where nobody asks for them.
    """

    loss: str = ""
    rows: int = 0
    weights: Sequence[Weight] = field(default=())
    reason: str = ""


def plan(rows: Sequence[Mapping[str, Any]], limit: int) -> Plan | str:
    """Return what to ask the model, or in a clause why it is not asked.

    Args:
        rows: The held-out rows, each with ``input`` and ``truth``.
        limit: How many answers of the model may be asked for.
    """
    columns = [*dict.fromkeys(name for row in rows for name in row["input"])]
    least = min(_LEAST_ROWS, len(rows))
    if not columns or least < 2:  # noqa: PLR2004 - one value cannot be shuffled
        return "there are no columns, or fewer than two held-out rows"
    count = min(len(rows), limit // (len(columns) + 1))
    if count < least:
        answers = least * (len(columns) + 1)
        return (
            f"{least} rows and {len(columns)} columns take {answers} answers of the model, and "
            f"report.importance-calls allows {limit}"
        )
    numbers = _random("").sample(range(len(rows)), count)
    chosen = [rows[number] for number in sorted(numbers)]
    return Plan([row["input"] for row in chosen], [row["truth"] for row in chosen], columns)


def weigh(asked: Plan, answers: Sequence[Any], kind: str, positive: str | None) -> Importance:
    """Return the weight of each column.

    Args:
        asked: What the model was asked.
        answers: The answer to each of its records, a JSON value; None where there is none.
        kind: ``regression``, or another word for a classification.
        positive: The class of an answer's ``probability``.
    """
    count = len(asked.inputs)
    pairs = [*zip(answers[:count], asked.truths, strict=True)]
    name, loss_of = _choose_loss(kind, positive, pairs)
    plain = [loss_of(answer, truth) for answer, truth in pairs]
    if None in plain:
        return Importance(reason="its answers to held-out rows cannot be held against the truth")
    losses = [
        [*map(loss_of, answers[start : start + count], asked.truths)]
        for start in range(count, len(answers), count)
    ]
    weights = [
        _weight(column, plain, shuffled)
        for column, shuffled in zip(asked.columns, losses, strict=True)
    ]
    return Importance(name, count, sorted(weights, key=_by_value, reverse=True))


def _random(name: str) -> random.Random:
    return random.Random(f"{_SEED} {name!a}")  # noqa: S311 - no secret  # nosec B311


def _choose_loss(
    kind: str, positive: str | None, pairs: Sequence[tuple[Any, Any]]
) -> tuple[str, _Loss]:
    """Return the loss that the answers allow, and its name."""
    if kind == "regression":
        return "squared error", _squared_error
    log_loss = _log_loss(positive)
    if all(log_loss(answer, truth) is not None for answer, truth in pairs):
        return "log loss", log_loss
    return "error rate", _error


def _exchange(record: _Record, other: _Record, column: str) -> dict[str, Any]:
    """Return a record with the column of another one: its value, or that it has none."""
    changed = {name: value for name, value in record.items() if name != column or column in other}
    return {**changed, column: other[column]} if column in other else changed


def _weight(column: str, plain: Sequence[float | None], shuffled: Sequence[float | None]) -> Weight:
    pairs = zip(shuffled, plain, strict=True)
    changes = [now - then for now, then in pairs if now is not None and then is not None]
    if len(changes) < len(plain):
        return Weight(column, None)
    margin = _NORMAL * statistics.stdev(changes) / math.sqrt(len(changes))
    return Weight(column, statistics.fmean(changes), margin)


def _by_value(weight: Weight) -> float:
    return -math.inf if weight.value is None else weight.value


def _error(answer: Any, truth: Any) -> float | None:
    try:
        label = prediction_of(answer)
    except UnreadableError:
        return None
    # To Python 1 equals True, which a training that counts writes for it.
    return float(label != truth and spelled(label_of(label)) != spelled(label_of(truth)))


def _squared_error(answer: Any, truth: Any) -> float | None:
    try:
        number = prediction_of(answer)
    except UnreadableError:
        return None
    if not is_number(number) or not is_number(truth):
        return None
    distance = float(number) - float(truth)
    square = distance * distance
    return square if math.isfinite(square) else None


def _log_loss(positive: str | None) -> _Loss:
    def loss(answer: Any, truth: Any) -> float | None:
        share = _share_of(answer, spelled(label_of(truth)), positive)
        return None if share is None else -math.log(min(max(share, _LEAST_SHARE), 1.0))

    return loss


def _share_of(answer: Any, label: str, positive: str | None) -> float | None:
    """Return the probability that an answer gives to a class."""
    if not isinstance(answer, Mapping):
        return None
    shares: Any = answer.get("probabilities")
    if not isinstance(shares, Mapping):
        share: Any = answer.get("probability")
        if positive is None or not is_number(share):
            return None
        return float(share) if label == spelled(positive) else 1 - float(share)
    share = {spelled(name): share for name, share in shares.items()}.get(label)
    return float(share) if is_number(share) else None
