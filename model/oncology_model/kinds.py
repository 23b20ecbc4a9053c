"""What a field of a record may hold, and what is refused."""

import contextlib
import difflib
import math
import numbers
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any

LARGEST = 3.4028234663852886e38
"""The largest number of 32 bits: scikit-learn's trees and forests fail on a larger one."""

_DAY = len("2026-01-31")
_SHOWN = 40  # characters of a text, and choices of a category
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Number:
    """A finite number.

    Attributes:
        unit: what it counts or is measured in, such as ``mm``.
        at_least: the smallest that is possible.
        at_most: the largest that is possible.
        whole: whether only whole numbers are.
        about: what it is, for a person to read.
        name: of the column, if that is not the field's own.
    """

    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    whole: bool = False
    about: str = ""
    name: str | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest number that is taken."""
        low = -LARGEST if self.at_least is None else self.at_least
        return low, LARGEST if self.at_most is None else self.at_most

    def take(self, value: object) -> float:
        """Return a value as a plain float, or raise a ValueError that says why not."""
        number, (low, high) = _to_float(value), self.bounds
        if not math.isfinite(number):
            problem = f"must be finite, not {number}"
        elif number < low:
            least = "not be negative" if low == 0 else f"be at least {low:g}"
            problem = f"must {least}, but is {number}"
        elif number > high:
            problem = f"must be at most {high:g}, but is {number}"
        elif self.whole and not number.is_integer():
            problem = f"must be a whole number, not {number}"
        else:
            # Adding zero turns -0.0 into 0.0: equal records then have equal bytes.
            return number + 0.0
        raise ValueError(problem)

    def parse(self, text: str) -> object:
        """Read a cell of a table."""
        try:
            # float() reads Python's "1_000" too, which no other tool takes for a number.
            return float("" if "_" in text else text)
        except ValueError:
            message = f"not a number: {shorten(text)!r}"
            raise ValueError(message) from None


@dataclass(frozen=True)
class Category:
    """A text that names one of several kinds.

    Attributes:
        choices: the texts that are possible; None for any.
        about: what it is, for a person to read.
        name: of the column, if that is not the field's own.
    """

    choices: tuple[str, ...] | None = None
    about: str = ""
    name: str | None = None

    def take(self, value: object) -> str:
        """Return a value as a plain text, or raise a ValueError that says why not."""
        if not isinstance(value, str):
            message = f"must be a text, not {type(value).__name__}"
            raise ValueError(message)  # noqa: TRY004 - as all that is wrong with a value
        text = str.__str__(value)  # an enum's own value
        if self.choices is None or text in self.choices:
            return text
        close = difflib.get_close_matches(text, self.choices, n=1)
        some = ", ".join(self.choices[:_SHOWN]) + (", …" if len(self.choices) > _SHOWN else "")
        hint = f"; did you mean {close[0]}?" if close else ""
        message = f"must be one of {some}, not {shorten(text)!r}{hint}"
        raise ValueError(message)

    def parse(self, text: str) -> object:
        """Read a cell of a table."""
        return text


@dataclass(frozen=True)
class Flag:
    """Whether something is so.

    Attributes:
        about: what it is, for a person to read.
        name: of the column, if that is not the field's own.
    """

    about: str = ""
    name: str | None = None

    def take(self, value: object) -> bool:
        """Return a value as a plain bool, or raise a ValueError that says why not."""
        # Databases such as SQLite know 0 and 1 only; numpy has a type of its own.
        if type(value).__name__ not in {"bool", "bool_", "int"} or value not in (0, 1):
            message = f"must be true or false, not {shorten(repr(value))}"
            raise ValueError(message)
        return bool(value)

    def parse(self, text: str) -> object:
        """Read a cell of a table."""
        try:
            return _TRUTHS[text.lower()]
        except KeyError:
            message = f"must be true or false, not {shorten(text)!r}"
            raise ValueError(message) from None


@dataclass(frozen=True)
class Day:
    """A date, also as a text such as ``2026-01-31``.

    Attributes:
        about: what it is, for a person to read.
        name: of the column, if that is not the field's own.
        form: how a text has it otherwise, as `datetime.strptime` takes it: ``%d.%m.%Y``.
        drops_time: whether a time of the day after it is passed over.
    """

    about: str = ""
    name: str | None = None
    form: str = ""
    drops_time: bool = False

    def take(self, value: object) -> date:
        """Return a value as a plain date, or raise a ValueError that says why not."""
        if type(value).__name__ == "datetime64":
            value = value.item()  # type: ignore[attr-defined]  # numpy's
        if isinstance(value, datetime) and (
            self.drops_time or value == datetime.combine(value, datetime.min.time())
        ):
            return value.date()  # a database or pandas has dates as points in time
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str):
            return self.parse(value)
        message = f"must be a date, not {shorten(str(value))}"
        raise ValueError(message)

    def parse(self, text: str) -> date:
        """Read a cell of a table."""
        day = text[:_DAY] if self.drops_time and text[_DAY : _DAY + 1] in {" ", "T"} else text
        if self.form:
            with contextlib.suppress(ValueError):
                return datetime.strptime(day, self.form).date()  # noqa: DTZ007 - a day is in no zone
        try:
            return date.fromisoformat(day)
        except ValueError:
            message = f"must be a date such as 2026-01-31, not {shorten(text)!r}"
            raise ValueError(message) from None


Kind = Number | Category | Flag | Day
"""What a field may hold."""

_KINDS: Mapping[object, tuple[type[Kind], Kind]] = {
    float: (Number, Number()),
    int: (Number, Number(whole=True)),
    str: (Category, Category()),
    bool: (Flag, Flag()),
    date: (Day, Day()),
}


@dataclass(frozen=True)
class Field:
    """A field of a record.

    Attributes:
        name: of the column.
        attribute: of the dataclass.
        kind: what it may hold.
        is_int: whether its numbers are kept as ``int``.
        may_miss: whether None is a value of it.
        default: what stands for a name that is not given; `MISSING` if it must be.
    """

    name: str
    attribute: str
    kind: Kind
    is_int: bool
    may_miss: bool
    default: object

    def take(self, value: object) -> object:
        """Return a value as it is kept, or raise a ValueError that says why not."""
        if self.may_miss and _is_missing(value):
            return None
        taken = self.kind.take(value)
        return int(taken) if self.is_int and isinstance(taken, float) else taken


def read_field(field: Any, hint: Any) -> Field:  # noqa: ANN401 - of the dataclass, and any type
    """Read the annotation of a field.

    Args:
        field: of a dataclass.
        hint: its annotation, resolved, with what it is annotated by.

    Raises:
        TypeError: no kind is known for it.
    """
    extras: list[object] = []
    may_miss = False
    while (origin := typing.get_origin(hint)) in {Annotated, typing.Union, UnionType}:
        if origin is Annotated:
            extras += hint.__metadata__
            hint = hint.__origin__
        else:
            others = [each for each in typing.get_args(hint) if each is not NoneType]
            may_miss, hint = True, others[0] if len(others) == 1 else None
    if hint not in _KINDS:
        message = f"{field.name}: must be float, int, str, bool or date, each also with None"
        raise TypeError(message)
    base, usual = _KINDS[hint]
    kind = next((each for each in extras if isinstance(each, base)), usual)
    if hint is int and isinstance(kind, Number):
        kind = replace(kind, whole=True)
    name = kind.name or field.name
    return Field(name, field.name, kind, hint is int, may_miss, field.default)


def _to_float(value: object) -> float:
    if type(value) is float:
        return value
    # bool is an int to Python, but "true" is not a length; a Decimal is a number, but not a Real.
    is_real = isinstance(value, numbers.Real) or (
        isinstance(value, numbers.Number) and not isinstance(value, numbers.Complex)
    )
    if isinstance(value, bool) or not is_real:
        message = f"must be a number, not {type(value).__name__}"
        raise ValueError(message)
    try:
        return float(value)  # type: ignore[arg-type]  # as all real numbers can be
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]
    except ValueError:  # a signalling NaN
        return math.nan
    except TypeError:  # numpy's timedelta64 is one of its integers
        message = f"must be a number, not {type(value).__name__}"
        raise ValueError(message) from None


def _is_missing(value: object) -> bool:
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - so are NaN and its kind
    except Exception:  # noqa: BLE001 - an object may compare as it likes
        return False


def shorten(text: str, limit: int = _SHOWN) -> str:
    """Return the beginning of a text, for a message."""
    return text if len(text) <= limit else f"{text[:limit]}…"
