"""The column that a model predicts: its task, and its classes in their order."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trainwheel.errors import ConfigurationError
from trainwheel.scaffold.columns import Kind, Tally, dressed_number, find_sentinel
from trainwheel.scaffold.names import TASKS

__all__ = [
    "VERY_RARE",
    "Ask",
    "Wishes",
    "classes",
    "is_numeric",
    "is_of_numbers",
    "labels_of",
    "notes_on",
    "share_of",
    "target_of",
    "task_of",
]

Ask = Callable[[str, Sequence[str]], str]
"""Asks a person a question, and returns one of the answers; the first is the likely one."""

_FEWEST_ROWS, _FEWEST_OF_CLASS = 50, 12
_MOST_CLASSES = 100
_MANY_VALUES = 20
_EVEN = 3
VERY_RARE = 0.1
_YES = frozenset({"yes", "true", "1", "y", "t", "positive", "pos", "ja", "oui"})


@dataclass(frozen=True)
class Wishes:
    """What the options say of a table.

    Args:
        target: The column to predict; empty to ask for it.
        drop: Columns that the model does not read.
        key: Columns that name what a row is about.
        kinds: Column → what it is.
        task: Of the model; empty to conclude it.
        positive: The class that it is about; empty to conclude it.
    """

    target: str = ""
    drop: tuple[str, ...] = ()
    key: str = ""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    task: str = ""
    positive: str = ""


def target_of(tallies: Mapping[str, Tally], wishes: Wishes) -> Tally:
    """Return the column to predict.

    Raises:
        ConfigurationError: There is none, or nothing can be learnt of it.
    """
    if not wishes.target:
        message = "nothing says which column is to be predicted"
        names = ", ".join(name for name in tallies if name)
        raise ConfigurationError(message, hint=f"name it: --target, one of {names}")
    target = tallies[wishes.target]
    if not target.rows:
        message = "the table has no rows"
        raise ConfigurationError(message, hint=f"a model needs at least {_FEWEST_ROWS}")
    if wishes.target in {*wishes.drop, wishes.key, *wishes.kinds}:
        message = f"{wishes.target} is the column to predict, and cannot be another one too"
        raise ConfigurationError(message, hint="name another column")
    if not target.values:
        message = f"{wishes.target} has no value in any row"
        raise ConfigurationError(message, hint="name another column to predict")
    if target.values < _FEWEST_ROWS:
        message = f"the table has {target.values} rows with a value of {wishes.target}"
        raise ConfigurationError(message, hint=f"a model needs at least {_FEWEST_ROWS}")
    if len(target.counts) == 1:
        (value,) = target.counts
        message = f"{wishes.target} is {value!r} in every row that has it"
        raise ConfigurationError(message, hint="name a column with two values or more")
    return target


def task_of(target: Tally, kind: Kind, notices: list[str], ask: Ask | None) -> str:
    """Return whether the values of the target are classes or numbers."""
    classification, regression = TASKS
    counts = classes(target)
    if kind in {Kind.CATEGORY, Kind.BOOLEAN} or len(counts) == 2:  # noqa: PLR2004
        return classification
    is_many = target.has_many or len(counts) > _MANY_VALUES
    if kind is Kind.NUMBER or (
        kind in {Kind.WHOLE, Kind.KEY} and is_of_numbers(target) and is_many
    ):
        return regression
    if not is_of_numbers(target):
        what = "days" if kind is Kind.DATE else f"{len(counts)} different texts"
        message = f"{target.name} has {what}, which are neither classes nor numbers"
        number = dressed_number(target)
        hint = f"write {number!r} as a plain number" if number else "name another column to predict"
        raise ConfigurationError(message, hint=hint)
    question = (
        f"{target.name} has {len(counts)} different whole numbers: are they classes, or counts"
    )
    if ask:
        return ask(f"{question}?", TASKS)
    # As often as each other, and none left out: codes. Counts thin out.
    values = sorted(map(float, counts))
    is_code = values[-1] - values[0] == len(values) - 1 and values[0] in {0, 1}
    if not is_code or max(counts.values()) > _EVEN * min(counts.values()):
        raise ConfigurationError(question, hint="say --task classification or --task regression")
    notices.append(f"{target.name} is taken for classes; if it counts, say --task regression")
    return classification


def is_of_numbers(tally: Tally) -> bool:
    """Return whether every value is a number."""
    return tally.kinds <= {Kind.WHOLE, Kind.NUMBER, "comma"}


def classes(target: Tally) -> Counter[str]:
    """Return how often there is each class; 2 and 2.0 are one."""
    if not target.kinds <= {Kind.WHOLE}:
        return target.counts
    counts: Counter[str] = Counter()
    for text, count in target.counts.items():
        counts[str(int(float(text)))] += count
    return counts


def is_numeric(labels: Iterable[str]) -> bool:
    """Return whether all classes are whole numbers."""
    labels = list(labels)
    return bool(labels) and all(re.fullmatch(r"-?(0|[1-9]\d*)", label) for label in labels)


def share_of(target: Tally, labels: Sequence[str]) -> float:
    """Return which share of the rows has the positive class of two; 1 without any."""
    is_binary = len(labels) == 2  # noqa: PLR2004
    return classes(target)[labels[1]] / target.values if is_binary else 1.0


def notes_on(target: Tally, labels: Sequence[str], numbers: Iterable[Tally]) -> Iterator[str]:
    """Yield what a person should know of a rare class, and of numbers that stand for nothing."""
    if (share := share_of(target, labels)) <= VERY_RARE:
        why = "a prediction of it takes even odds, so its probability says more"
        yield f"{target.name} is {labels[1]!r} in {share:.1%} of the rows: {why}"
    for each in numbers:
        if sentinel := find_sentinel(each):
            rows = f"in {each.counts[sentinel]} rows"
            yield f"{each.name} is {sentinel} {rows}: if that means missing, leave such cells empty"


def labels_of(target: Tally, task: str, wishes: Wishes, notices: list[str]) -> tuple[str, ...]:
    """Return the classes in their order, of two the positive one last; none of numbers."""
    if target.missing:
        rows = "row" if target.missing == 1 else "rows"
        notices.append(f"{target.missing} {rows} without a value of {target.name} are skipped")
    if task == TASKS[1]:
        if not is_of_numbers(target):
            message = f"{target.name} is not a number everywhere: it has {_an_odd(target)!r}"
            raise ConfigurationError(message, hint="say --task classification, or fix the table")
        if wishes.positive:
            message = "--positive names a class, and a regression has none"
            raise ConfigurationError(message, hint="leave it out")
        return ()
    counts = classes(target)
    if target.has_many or len(counts) > _MOST_CLASSES:
        message = f"{target.name} has more than {_MOST_CLASSES} different values"
        raise ConfigurationError(message, hint="that is too many classes for a first model")
    rare, count = min(counts.items(), key=lambda item: item[1])
    if count < _FEWEST_OF_CLASS:
        message = f"{target.name} is {rare!r} in {count} rows only"
        alike = [each for each in counts if each != rare and each.lower() == rare.lower()]
        hint = f"a class needs {_FEWEST_OF_CLASS}: join it to another one, or take those rows out"
        hint = f"write it like {alike[0]!r}, if it is the same" if alike else hint
        raise ConfigurationError(message, hint=hint)
    return _ordered(counts, target.name, wishes.positive)


def _ordered(counts: Counter[str], name: str, positive: str) -> tuple[str, ...]:
    labels = sorted(counts, key=lambda label: (float(label), "") if is_numeric([label]) else
                    (math.inf, label))  # fmt: skip
    if positive and positive not in labels:
        message = f"--positive {positive}: {name} has no such value"
        raise ConfigurationError(message, hint=f"it has {', '.join(labels)}")
    if positive and len(labels) > 2:  # noqa: PLR2004
        message = f"--positive {positive} is for two classes, and {name} has {len(labels)}"
        raise ConfigurationError(message, hint="leave it out")
    if len(labels) == 2:  # noqa: PLR2004
        yes = [label for label in labels if label.lower() in _YES]
        positive = positive or (yes[0] if len(yes) == 1 else min(labels, key=counts.__getitem__))
        labels.sort(key=lambda label: label == positive)
    return tuple(labels)


def _an_odd(tally: Tally) -> str:
    return next((text for text in tally.counts if not re.fullmatch(r"[-+.\deE]+", text)), "")
