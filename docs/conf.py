"""Sphinx settings of the model's site."""

import sys
from collections.abc import Iterator
from pathlib import Path

# The site documents the sources next to it, whatever else may be installed.
sys.path.insert(0, str(Path(__file__).parents[1] / "model"))

from oncology_model import Classifier
from oncology_model.kinds import Category, Day, Field, Number
from oncology_model.record import layout_of

_MOST_CHOICES = 12
_WHAT = {"Flag": "true or false", "Day": "a date"}


def _tabulate() -> Iterator[str]:
    """Yield the lines of a table of what the model reads, without columns that would be empty."""
    heads = ("column", "what it is", "unit", "values", "may be missing")
    rows = [heads, *(_describe(field) for field in layout_of(Classifier.record).fields)]
    filled = [cells for cells in zip(*rows, strict=True) if any(cells[1:])]
    head, *others = zip(*filled, strict=True)
    for cells in (head, ["---"] * len(head), *others):
        yield f"| {' | '.join(cells)} |"
    if texts := ", ".join(map(_code, Classifier.record.missing)):
        yield f"\nIn a table, an empty cell stands for a missing value, and so do these: {texts}."


def _describe(field: Field) -> tuple[str, ...]:
    kind, values, unit = field.kind, "", ""
    what = _WHAT.get(type(kind).__name__, "a text")
    if isinstance(kind, Number):
        what = "a whole number" if field.is_int or kind.whole else "a number"
        low = "" if kind.at_least is None else f"at least {kind.at_least:,.15g}"
        high = "" if kind.at_most is None else f"at most {kind.at_most:,.15g}"
        values, unit = ", ".join(filter(None, (low, high))), kind.unit
    elif isinstance(kind, Category) and kind.choices:
        more = len(kind.choices[_MOST_CHOICES:])
        values = ", ".join(map(_code, kind.choices[:_MOST_CHOICES]))
        what, values = "one of some texts", f"{values} and {more} more" if more else values
    elif isinstance(kind, Day) and kind.form:
        values = f"written as {_code(kind.form)}"
    may_miss = "yes" if field.may_miss else "no"
    return _code(field.name), _line(kind.about) or what, _line(unit), values, may_miss


def _code(text: str) -> str:
    return f"`{_line(text).replace('`', chr(39))}`"


def _line(text: str) -> str:
    """Return a text as a cell of a table takes it."""
    return " ".join(text.split()).replace("|", "\\|")


project = "oncology-model"
author = "The trainwheel authors"
html_title = "oncology-model"
html_theme = "furo"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "substitution"]
# A page has this table where it says {{ columns }}.
myst_substitutions = {"columns": "\n".join(_tabulate())}
# Every reference must lead somewhere, but for those to Python's own classes: without a
# network there is no inventory to look them up in.
nitpicky = True
# So are what our classes are derived from, and annotated with.
nitpick_ignore_regex = [
    ("py:class", r"collections\.abc\.\w+|(pathlib\.)?Path|(os\.)?PathLike|Traversable"),
    ("py:class", r"oncology_model\.(record|result|served|serving)\.\w+"),
    ("py:class", "NDArray|Form|Records"),
]

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
