"""Decides what a model makes of a table: which columns it reads, and what it predicts."""

from __future__ import annotations

import difflib
import itertools
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trainwheel.errors import ConfigurationError
from trainwheel.scaffold.code import width_of
from trainwheel.scaffold.columns import (
    ISO,
    LIKE_ID,
    Kind,
    Profile,
    Tally,
    decimal_of,
    dressed_number,
    form_of,
    is_positive,
    kind_of,
    middle_day,
    odd_markers,
)
from trainwheel.scaffold.leaks import find_leaks, find_repeated
from trainwheel.scaffold.names import TASKS, field_of
from trainwheel.scaffold.target import (
    Ask,
    Wishes,
    is_numeric,
    is_of_numbers,
    labels_of,
    notes_on,
    share_of,
    target_of,
    task_of,
)

__all__ = ["AS", "OF_DAYS", "Draft", "Field", "draft"]

AS = (Kind.NUMBER, Kind.WHOLE, Kind.CATEGORY, Kind.BOOLEAN, Kind.DATE, Kind.TEXT)
_DROP = "drop"
_MOST_CHOICES, _WIDEST_CHOICE = 12, 60
_FEWEST_KEYS = 20
_FEWEST_DIFFERENT = 40
OF_DAYS = ("day", "month", "weekday")
"""What becomes of a date: columns of numbers that the estimator gets."""


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
        has_time: Whether its dates have a time after them.
        lowest: Of its numbers.
        highest: Of its numbers.
        distinct: How many different values it has, or at least.
        middle: The month of the middle one of its days, by its first day.
    """

    column: str
    name: str
    kind: Kind
    is_optional: bool = False
    choices: tuple[str, ...] = ()
    is_positive: bool = False
    form: str = ""
    has_time: bool = False
    lowest: float = 0.0
    highest: float = 0.0
    distinct: int = 0
    middle: str = ""


@dataclass(frozen=True)
class Draft:
    """What a model makes of a table.

    Args:
        fields: What it reads.
        target: The column that it predicts.
        task: "classification" or "regression".
        labels: The classes in their order, the positive one of two last; none of a regression.
        is_numeric: Whether the classes are whole numbers.
        share: Of the rows that are of the positive class of two; 1 without any.
        key: The column that decides which rows are held out; empty for what the model reads.
        is_grouped: Whether several rows have the same key.
        is_by_place: Whether the place of a row decides, since many rows are the same.
        missing: The texts that stand for a missing cell, beside an empty one.
        is_padded: Whether cells end with spaces.
        decimal: The decimal point.
        rows: How many rows the table has.
        notices: What a person should know.
    """

    fields: tuple[Field, ...]
    target: str
    task: str
    labels: tuple[str, ...] = ()
    is_numeric: bool = False
    share: float = 1.0
    key: str = ""
    is_grouped: bool = False
    is_by_place: bool = False
    missing: tuple[str, ...] = ()
    is_padded: bool = False
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
    target = target_of(tallies, wishes)
    task = wishes.task or task_of(target, kind_of(target, profile.delimiter), notices, ask)
    labels = labels_of(target, task, wishes, notices)
    kinds = dict(_kinds(profile, wishes, notices, ask))
    if wishes.key:
        _check_key(tallies[wishes.key])
    key = wishes.key or _key_of(kinds, tallies, notices)
    for name in _leaks(profile, wishes, kinds, is_number=task == TASKS[1]):
        kinds[name] = _settle_leak(name, target.name, kinds[name], notices, ask)
    fields = tuple(_fields(profile, kinds))
    _check_fields(fields, wishes)
    numbers = [tallies[each.column] for each in fields if each.kind in {Kind.NUMBER, Kind.WHOLE}]
    decimal = decimal_of([*numbers, *([] if labels else [target])])
    notices += notes_on(target, labels, numbers)
    is_by_place = not key and _is_repetitive(profile, fields)
    if is_by_place:
        notices.append("many rows are the same, so which are held out depends on their place")
    return Draft(
        fields,
        target.name,
        task,
        labels,
        is_numeric=is_numeric(labels),
        share=share_of(target, labels),
        key=key,
        is_grouped=bool(key) and tallies[key].repeats,
        is_by_place=is_by_place,
        missing=_markers(profile, kinds),
        is_padded=any(tallies[name].is_padded for name in (target.name, *kinds)),
        decimal=decimal,
        rows=profile.rows,
        notices=tuple(notices),
    )


def _check_fields(fields: Sequence[Field], wishes: Wishes) -> None:
    """Check that there is a column to read, and none that is called like what becomes of a date.

    Raises:
        ConfigurationError: There is none, or such a one.
    """
    if not fields:
        message = "no column is left that a model could read"
        hint = "drop fewer of them" if wishes.drop else "say what one is: --as COLUMN=category"
        raise ConfigurationError(message, hint=hint)
    names = {each.column for each in fields}
    days = [each.column for each in fields if each.kind is Kind.DATE]
    for day, part in itertools.product(days, OF_DAYS):
        if f"{day}: {part}" in names:
            message = f"{day!r} is a date, of which the model makes the column '{day}: {part}' too"
            raise ConfigurationError(message, hint="leave one of them out: --drop COLUMN")


def _is_repetitive(profile: Profile, fields: Sequence[Field]) -> bool:
    """Return whether so many rows are the same that their digests hold out too few or too many."""
    rows = Counter(zip(*(profile.sample[each.column] for each in fields), strict=True))
    # As many different rows as would vary as much, if each came equally often.
    return rows.total() ** 2 < _FEWEST_DIFFERENT * sum(count**2 for count in rows.values())


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
            other = repeated[name] or "a column without a name"
            notices.append(f"{name} has the same cells as {other} and is left out")
            kind = Kind.KEY
        else:
            kind = _settle(tally, kind, notices, ask)
        yield name, kind


def _settle(tally: Tally, kind: Kind, notices: list[str], ask: Ask | None) -> Kind:
    """Return what a column is of which no option speaks, and note what a person should know."""
    name = tally.name
    if kind in {Kind.EMPTY, Kind.CONSTANT}:
        why = "is empty" if kind is Kind.EMPTY else "has one value only"
        notices.append(f"{name or 'a column without a name'} {why} and is left out")
    elif kind in {Kind.KEY, Kind.CATEGORY} and (number := dressed_number(tally)):
        state = "left out" if kind is Kind.KEY else "taken for a category"
        how = f"has numbers that are written as {number!r} and is {state}"
        notices.append(f"{name} {how}: write plain ones, as 1234.5")
    elif kind is Kind.KEY:
        return _settle_key(tally, notices, ask)
    elif markers := odd_markers(tally):
        shown = " and ".join(map(repr, markers))
        notices.append(f"{shown} in {name} is taken for a missing value")
    elif _is_ambiguous(tally, kind):
        notices.append(f"the days of {name} are read as day/month/year")
    return kind


def _settle_key(tally: Tally, notices: list[str], ask: Ask | None) -> Kind:
    """Return what a column is that names its row, or seems to."""
    if LIKE_ID.search(tally.name) and not tally.repeats:
        return Kind.KEY
    if not tally.name:
        notices.append("a column without a name is left out")
        return Kind.KEY
    reason = "has another value in almost every row" if tally.kinds & {Kind.TEXT, "code"} else (
        "seems to name the rows")  # fmt: skip
    number = Kind.WHOLE if is_of_numbers(tally) else Kind.CATEGORY
    if ask:
        answers = ("leave it out", str(number), str(Kind.TEXT))
        answer = ask(f"{tally.name} {reason}: what is it?", answers)
        return Kind.KEY if answer == answers[0] else Kind(answer)
    quoted = shlex.quote(f"{tally.name}={number}")
    notices.append(f"{tally.name} {reason} and is left out; else say --as {quoted}")
    return Kind.KEY


def _settle_leak(name: str, target: str, kind: Kind, notices: list[str], ask: Ask | None) -> Kind:
    """Return what a column is that alone says what the target is, or note it."""
    message = f"{name} alone says what {target} is: is it known before {target}?"
    if ask:
        return Kind.KEY if ask(message, ("yes, use it", _DROP)) == _DROP else kind
    notices.append(f"{message} if not, leave it out: --drop {shlex.quote(name)}")
    return kind


def _check_key(key: Tally) -> None:
    """Check that rows can be held out by a column.

    Raises:
        ConfigurationError: It has too few values.
    """
    if _is_too_coarse(key):
        message = f"--key {key.name}: it has {len(key.counts)} different values"
        hint = f"rows can be held out by {_FEWEST_KEYS} or more: name another column, or none"
        raise ConfigurationError(message, hint=hint)


def _check_kind(tally: Tally, kind: Kind, delimiter: str) -> None:
    """Check that a column can be what an option says.

    Raises:
        ConfigurationError: It cannot.
    """
    own = kind_of(tally, delimiter)
    allowed = {
        Kind.NUMBER: is_of_numbers(tally) or own is Kind.NUMBER,
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
    few = "has too few different values to hold out rows by them"
    notices += [f"{each.name} {few}" for each in keys if _is_too_coarse(each)]
    repeating = [each.name for each in keys if each.repeats and not _is_too_coarse(each)]
    if len(repeating) == 1:
        notices.append(f"rows with the same {repeating[0]} are all held out, or none of them")
        return repeating[0]
    key = next((each.name for each in keys if not each.repeats), "")
    if key:
        notices.append(f"{key} names the rows: it decides which are held out, and is not read")
    return key


def _is_too_coarse(key: Tally) -> bool:
    """Return whether a column parts the rows into too few groups to train on some of them."""
    return key.repeats and len(key.counts) < _FEWEST_KEYS


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
        # Of codes such as 8001 not all are known.
        is_listed = kind is Kind.CATEGORY and Kind.TEXT in tally.kinds
        is_listed = is_listed and len(tally.counts) <= _MOST_CHOICES
        is_listed = is_listed and max(map(width_of, tally.counts)) <= _WIDEST_CHOICE
        is_day = kind is Kind.DATE
        yield Field(
            name,
            own,
            kind,
            is_optional=bool(tally.missing or markers),
            choices=tuple(sorted(tally.counts)) if is_listed else (),
            is_positive=kind in {Kind.NUMBER, Kind.WHOLE} and is_positive(tally),
            has_time=tally.has_time,
            lowest=tally.lowest,
            highest=tally.highest,
            distinct=len(tally.counts),
            form=form_of(tally) if is_day and form_of(tally) != ISO else "",
            middle=middle_day(tally) if is_day else "",
        )


def _markers(profile: Profile, kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """Return all texts that stand for a missing cell, but the empty one."""
    names = [name for name in profile.tallies if kinds.get(name) is not Kind.KEY]
    seen = [text for name in names for text in profile.tallies[name].markers]
    odd = [text for name in names for text in odd_markers(profile.tallies[name])]
    return tuple(dict.fromkeys(text.strip() for text in (*seen, *odd) if text.strip()))
