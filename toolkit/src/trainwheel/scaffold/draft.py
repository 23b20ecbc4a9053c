"""Decides what a model makes of a table: which columns it reads, and what it predicts."""

from __future__ import annotations

import difflib
import math
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainwheel.errors import ConfigurationError
from trainwheel.scaffold.columns import ISO, LIKE_ID, Kind, Profile, Tally, kind_of, odd_markers
from trainwheel.scaffold.leaks import find_leaks, find_repeated
from trainwheel.scaffold.names import TASKS, field_of

__all__ = ["AS", "Ask", "Draft", "Field", "Wishes", "draft"]

Ask = Callable[[str, Sequence[str]], str]
"""Asks a person a question, and returns one of the answers; the first is the likely one."""

AS = (Kind.NUMBER, Kind.WHOLE, Kind.CATEGORY, Kind.BOOLEAN, Kind.DATE, Kind.TEXT)
_DROP = "drop"
_FEWEST_ROWS, _FEWEST_OF_CLASS = 50, 12
_MOST_CLASSES, _MOST_CHOICES = 100, 20
_MANY_VALUES = 20
_EVEN = 3
_RARE = 0.2
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


@dataclass(frozen=True)
class Field:
    """A column that the model reads.

    Args:
        column: Its name in the table.
        name: Its name in Python.
        kind: What it is.
        is_optional: Whether it may be missing.
        choices: Its categories; none if any text will do.
        is_positive: Whether no number is below zero.
        form: Of its dates, as strptime takes it; empty for ISO 8601.
    """

    column: str
    name: str
    kind: Kind
    is_optional: bool = False
    choices: tuple[str, ...] = ()
    is_positive: bool = False
    form: str = ""


@dataclass(frozen=True)
class Draft:
    """What a model makes of a table.

    Args:
        fields: What it reads.
        target: The column that it predicts.
        task: "classification" or "regression".
        labels: The classes in their order, the positive one of two last; none of a regression.
        is_numeric: Whether the classes are whole numbers.
        is_rare: Whether one class has less than a fifth of the rows.
        key: The column that decides which rows are held out; empty for what the model reads.
        missing: The texts that stand for a missing cell, beside an empty one.
        decimal: The decimal point.
        rows: How many rows the table has.
        notices: What a person should know.
    """

    fields: tuple[Field, ...]
    target: str
    task: str
    labels: tuple[str, ...] = ()
    is_numeric: bool = False
    is_rare: bool = False
    key: str = ""
    missing: tuple[str, ...] = ()
    decimal: str = "."
    rows: int = 0
    notices: tuple[str, ...] = ()


def draft(profile: Profile, wishes: Wishes, ask: Ask | None = None) -> Draft:
    """Decide what a model makes of a table.

    Args:
        profile: What was seen of it.
        wishes: What the options say.
        ask: Asks about what is doubtful; None for nobody, and the likely answer counts.

    Raises:
        ConfigurationError: No model can be trained on it, or an option does not fit it.
    """
    tallies, notices = profile.tallies, list[str]()
    _check_names(wishes, tallies)
    if not wishes.target and ask:
        names = [name for name in reversed([*tallies]) if name]
        wishes = replace(wishes, target=ask("Which column is to be predicted?", names))
    target = _target_of(tallies, wishes)
    task = wishes.task or _task_of(target, kind_of(target, profile.delimiter), notices, ask)
    labels = _labels_of(target, task, wishes, notices)
    kinds = dict(_kinds(profile, wishes, notices, ask))
    key = wishes.key or _key_of(kinds, tallies, notices)
    for name in _leaks(profile, wishes, kinds, is_number=task == TASKS[1]):
        message = f"{name} alone says what {target.name} is: is it known before {target.name}?"
        if ask and ask(message, ("yes, use it", _DROP)) == _DROP:
            kinds[name] = Kind.KEY
        elif not ask:
            notices.append(f"{message} if not, leave it out: --drop {shlex.quote(name)}")
    fields = tuple(_fields(profile, kinds))
    if not fields:
        message = "no column is left that a model could read"
        raise ConfigurationError(message, hint="say what one is: --as COLUMN=category")
    return Draft(
        fields,
        target.name,
        task,
        labels,
        is_numeric=_is_numeric(labels),
        is_rare=bool(labels) and min(_classes(target).values()) < _RARE * target.values,
        key=key,
        missing=_markers(profile, kinds),
        decimal="," if any("comma" in tallies[each.column].kinds for each in fields) else ".",
        rows=profile.rows,
        notices=tuple(notices),
    )


def _check_names(wishes: Wishes, names: Iterable[str]) -> None:
    names = list(names)
    options = [("--target", wishes.target), ("--key", wishes.key)]
    options += [("--drop", name) for name in wishes.drop] + [
        ("--as", name) for name in wishes.kinds
    ]
    for option, name in options:
        if name and name not in names:
            near = difflib.get_close_matches(name, names, 1)
            message = f"{option} {name}: the table has no column of that name"
            columns = ", ".join(name for name in names if name)
            hint = f"did you mean {near[0]}?" if near else f"it has {columns}"
            raise ConfigurationError(message, hint=hint)


def _target_of(tallies: Mapping[str, Tally], wishes: Wishes) -> Tally:
    if not wishes.target:
        message = "nothing says which column is to be predicted"
        names = ", ".join(name for name in tallies if name)
        raise ConfigurationError(message, hint=f"name it: --target, one of {names}")
    target = tallies[wishes.target]
    if wishes.target in {*wishes.drop, wishes.key, *wishes.kinds}:
        message = f"{wishes.target} is the column to predict, and cannot be another one too"
        raise ConfigurationError(message, hint="name another column")
    if not target.values:
        message = f"{wishes.target} has no value in any row"
        raise ConfigurationError(message, hint="name another column to predict")
    if len(target.counts) == 1:
        (value,) = target.counts
        message = f"{wishes.target} is {value!r} in every row that has it"
        raise ConfigurationError(message, hint="there is nothing to tell apart")
    if target.values < _FEWEST_ROWS:
        message = f"the table has {target.values} rows with a value of {wishes.target}"
        raise ConfigurationError(message, hint=f"a model needs at least {_FEWEST_ROWS}")
    return target


def _task_of(target: Tally, kind: Kind, notices: list[str], ask: Ask | None) -> str:
    """Return whether the values of the target are classes or numbers."""
    classification, regression = TASKS
    counts = _classes(target)
    if kind in {Kind.CATEGORY, Kind.BOOLEAN} or len(counts) == 2:  # noqa: PLR2004
        return classification
    is_many = target.has_many or len(counts) > _MANY_VALUES
    if kind is Kind.NUMBER or (
        kind in {Kind.WHOLE, Kind.KEY} and _is_of_numbers(target) and is_many
    ):
        return regression
    if not _is_of_numbers(target):
        what = "days" if kind is Kind.DATE else f"{len(counts)} different texts"
        message = f"{target.name} has {what}, which are neither classes nor numbers"
        raise ConfigurationError(message, hint="name another column to predict")
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


def _is_of_numbers(tally: Tally) -> bool:
    return tally.kinds <= {Kind.WHOLE, Kind.NUMBER, "comma"}


def _classes(target: Tally) -> Counter[str]:
    """Return how often there is each class; 2 and 2.0 are one."""
    if not target.kinds <= {Kind.WHOLE}:
        return target.counts
    counts: Counter[str] = Counter()
    for text, count in target.counts.items():
        counts[str(int(float(text)))] += count
    return counts


def _is_numeric(labels: Iterable[str]) -> bool:
    labels = list(labels)
    return bool(labels) and all(re.fullmatch(r"-?(0|[1-9]\d*)", label) for label in labels)


def _labels_of(target: Tally, task: str, wishes: Wishes, notices: list[str]) -> tuple[str, ...]:
    """Return the classes in their order, of two the positive one last; none of numbers."""
    if target.missing:
        rows = "row" if target.missing == 1 else "rows"
        notices.append(f"{target.missing} {rows} without a value of {target.name} are skipped")
    if task == TASKS[1]:
        if not _is_of_numbers(target):
            message = f"{target.name} is not a number everywhere: it has {_an_odd(target)!r}"
            raise ConfigurationError(message, hint="say --task classification, or mend the table")
        if wishes.positive:
            message = "--positive names a class, and a regression has none"
            raise ConfigurationError(message, hint="leave it out")
        return ()
    counts = _classes(target)
    if target.has_many or len(counts) > _MOST_CLASSES:
        message = f"{target.name} has more than {_MOST_CLASSES} different values"
        raise ConfigurationError(message, hint="that is too many classes for a first model")
    rare, count = min(counts.items(), key=lambda item: item[1])
    if count < _FEWEST_OF_CLASS:
        message = f"{target.name} is {rare!r} in {count} rows only"
        hint = f"a class needs {_FEWEST_OF_CLASS}: join it to another one, or take those rows out"
        raise ConfigurationError(message, hint=hint)
    return _ordered(counts, target.name, wishes.positive)


def _ordered(counts: Counter[str], name: str, positive: str) -> tuple[str, ...]:
    labels = sorted(counts, key=lambda label: (float(label), "") if _is_numeric([label]) else
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


def _kinds(
    profile: Profile, wishes: Wishes, notices: list[str], ask: Ask | None
) -> Iterator[tuple[str, Kind]]:
    """Yield what each column is that is not the target, and say which ones are left out."""
    repeated = find_repeated(profile.sample)
    for name, tally in profile.tallies.items():
        if name == wishes.target:
            continue
        kind = wishes.kinds.get(name) or kind_of(tally, profile.delimiter)
        if name and name in {*wishes.drop, wishes.key}:
            kind = Kind.KEY
        elif name in wishes.kinds:
            _check_kind(tally, kind, profile.delimiter)
        elif name in repeated and repeated[name] != wishes.target and kind is not Kind.CONSTANT:
            notices.append(f"{name} has the same cells as {repeated[name]} and is left out")
            kind = Kind.KEY
        elif kind in {Kind.EMPTY, Kind.CONSTANT}:
            why = "is empty" if kind is Kind.EMPTY else "has one value only"
            notices.append(f"{name or 'a column without a name'} {why} and is left out")
        elif kind is Kind.KEY:
            kind = _settle_key(tally, notices, ask)
        elif markers := odd_markers(tally):
            shown = " and ".join(map(repr, markers))
            notices.append(f"{shown} in {name} is taken for a missing value")
        elif _is_ambiguous(tally, kind):
            notices.append(f"the days of {name} are read as day/month/year")
        yield name, kind


def _settle_key(tally: Tally, notices: list[str], ask: Ask | None) -> Kind:
    """Return what a column is that names its row, or seems to."""
    if LIKE_ID.search(tally.name) and not tally.repeats:
        return Kind.KEY
    if not tally.name:
        notices.append("a column without a name is left out")
        return Kind.KEY
    reason = "has another value in almost every row" if tally.kinds & {Kind.TEXT, "code"} else (
        "seems to name the rows")  # fmt: skip
    number = Kind.WHOLE if _is_of_numbers(tally) else Kind.CATEGORY
    if ask:
        answers = ("leave it out", str(number), str(Kind.TEXT))
        answer = ask(f"{tally.name} {reason}: what is it?", answers)
        return Kind.KEY if answer == answers[0] else Kind(answer)
    quoted = shlex.quote(f"{tally.name}={number}")
    notices.append(f"{tally.name} {reason} and is left out; else say --as {quoted}")
    return Kind.KEY


def _check_kind(tally: Tally, kind: Kind, delimiter: str) -> None:
    """Check that a column can be what an option says.

    Raises:
        ConfigurationError: It cannot.
    """
    own = kind_of(tally, delimiter)
    allowed = {
        Kind.NUMBER: _is_of_numbers(tally) or own is Kind.NUMBER,
        Kind.WHOLE: tally.kinds <= {Kind.WHOLE} or own is Kind.WHOLE,
        Kind.BOOLEAN: own is Kind.BOOLEAN,
        Kind.DATE: own is Kind.DATE,
    }
    if not allowed.get(kind, True):
        message = f"--as {tally.name}={kind}: {tally.name} is not that everywhere"
        raise ConfigurationError(message, hint=f"it has {next(iter(tally.odd or tally.counts))!r}")


def _is_ambiguous(tally: Tally, kind: Kind) -> bool:
    return kind is Kind.DATE and {"%d/%m/%Y", "%m/%d/%Y"} <= tally.formats


def _key_of(kinds: Mapping[str, Kind], tallies: Mapping[str, Tally], notices: list[str]) -> str:
    """Return the column that decides which rows are held out; empty for none."""
    keys = [tallies[name] for name, kind in kinds.items() if kind is Kind.KEY and name]
    keys = [each for each in keys if not each.missing and LIKE_ID.search(each.name)]
    repeating = [each.name for each in keys if each.repeats]
    if len(repeating) == 1:
        notices.append(f"rows with the same {repeating[0]} are all held out, or none of them")
        return repeating[0]
    return next((each.name for each in keys if not each.repeats), "")


def _leaks(
    profile: Profile, wishes: Wishes, kinds: Mapping[str, Kind], *, is_number: bool
) -> Iterator[str]:
    sure = {*wishes.kinds, *wishes.drop}
    left = {Kind.KEY, Kind.EMPTY, Kind.CONSTANT}
    names = [name for name, kind in kinds.items() if kind not in left and name not in sure]
    yield from find_leaks(profile.sample, wishes.target, names, is_number=is_number)


def _fields(profile: Profile, kinds: Mapping[str, Kind]) -> Iterator[Field]:
    taken: set[str] = set()
    for number, (name, kind) in enumerate(kinds.items(), start=1):
        if kind in {Kind.KEY, Kind.EMPTY, Kind.CONSTANT}:
            continue
        tally, markers = profile.tallies[name], odd_markers(profile.tallies[name])
        own = field_of(name, number, taken)
        taken.add(own)
        is_listed = kind is Kind.CATEGORY and len(tally.counts) <= _MOST_CHOICES
        formats = sorted(tally.formats)
        yield Field(
            name,
            own,
            kind,
            is_optional=bool(tally.missing or markers),
            choices=tuple(sorted(tally.counts)) if is_listed else (),
            is_positive=kind in {Kind.NUMBER, Kind.WHOLE} and tally.lowest >= 0,
            form=formats[0] if kind is Kind.DATE and ISO not in tally.formats else "",
        )


def _markers(profile: Profile, kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """Return all texts that stand for a missing cell, but the empty one."""
    names = [name for name in profile.tallies if kinds.get(name) is not Kind.KEY]
    seen = [text for name in names for text in profile.tallies[name].markers]
    odd = [text for name in names for text in odd_markers(profile.tallies[name])]
    return tuple(dict.fromkeys(text.strip() for text in (*seen, *odd) if text.strip()))
