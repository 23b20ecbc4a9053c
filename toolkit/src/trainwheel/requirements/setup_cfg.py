"""Read and replace one list of requirements in setup.cfg, line by line.

An edit is accepted only if `configparser`, which setuptools uses, then reads the new list, and
everything else as before. Comments, blank lines, indents and line ends stay.
"""

from __future__ import annotations

import codecs
import configparser
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainwheel.errors import ConfigurationError
from trainwheel.requirements.pyproject import spelling_of
from trainwheel.requirements.setup_py.pairing import pair, same_meaning
from trainwheel.system.files import decode

__all__ = [
    "EXTRAS",
    "INSTALL_REQUIRES",
    "has_section",
    "read_setup_cfg_list",
    "replace_setup_cfg_list",
]

INSTALL_REQUIRES = ("options", "install_requires")
EXTRAS = "options.extras_require"

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SECTION = re.compile(r"\[(?P<name>.+)\]")
_OPTION = re.compile(r"(?P<key>[^\s=:#;\[][^=:]*?)\s*[=:](?P<value>.*)", re.DOTALL)
_ELEMENT = re.compile(r"(?P<indent>\s*)(?P<text>.*?)(?P<rest>(?:\s+#.*)?[ \t]*)(?P<end>[\r\n]*)")
_UNIT = "    "


@dataclass(frozen=True)
class _Option:
    """The place of an option: its first line, and the lines of its elements."""

    first: int
    elements: tuple[int, ...]
    value: str


def read_setup_cfg_list(source: bytes, section: str, key: str) -> tuple[str, ...] | None:
    """Return the requirements of an option, as written; None where it is missing.

    Raises:
        ConfigurationError: Not a configuration file, or a value that names another file.
    """
    parser = _parse(_decode(source)[1])
    key = _spelling(parser, section, key)
    value = parser.get(section, key, fallback=None)
    if value is None:
        return None
    if value.lstrip().startswith(("file:", "attr:")):
        message = f"setup.cfg: [{section}] {key} is {' '.join(value.split())!r}"
        raise ConfigurationError(message, hint="write the requirements there, one a line")
    # As setuptools reads it: one requirement a line, or a single line with semicolons between them.
    parts = value.splitlines() if "\n" in value else value.split(";")
    texts = (re.sub(r"(^|\s+)#.*", "", part).strip() for part in parts)
    return tuple(text for text in texts if text)


def has_section(source: bytes, section: str) -> bool:
    """Return whether a setup.cfg has a section.

    Raises:
        ConfigurationError: Not a configuration file.
    """
    return _parse(_decode(source)[1]).has_section(section)


def replace_setup_cfg_list(
    source: bytes, place: tuple[str, str], requirements: Sequence[str]
) -> bytes:
    """Return `source` with other requirements in an option; the same bytes if it has them already.

    Args:
        source: The file's bytes.
        place: Section and key; written where they are missing.
        requirements: PEP 508 texts.

    Raises:
        ConfigurationError: It cannot be edited safely.
    """
    section = place[0]
    key = _spelling(_parse(_decode(source)[1]), *place)
    place = section, key
    present = read_setup_cfg_list(source, section, key)
    if same_meaning(present or (), requirements):
        return source
    mark, text = _decode(source)
    lines = _LINE.findall(text)
    newline = re.search(r"\r\n|\r|\n", text)
    end = newline[0] if newline else "\n"
    if lines and not lines[-1].endswith(("\r", "\n")):
        lines[-1] += end
    option = _find(lines, section, key)
    if present is None:
        new = _inserted(lines, place, requirements, end)
    elif option is None:
        message = f"setup.cfg: [{section}] {key} is written in a way that cannot be edited"
        raise ConfigurationError(message, hint="write its requirements one a line below it")
    elif option.value or not option.elements:
        new = _rewritten(lines, option, requirements, end)
    else:
        new = _edited(lines, option, present, requirements)
    _check(text, new, place, requirements)
    return mark + new.encode()


def _decode(source: bytes) -> tuple[bytes, str]:
    mark = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
    return mark, decode(source, "setup.cfg")


def _parse(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text, "setup.cfg")
    except configparser.Error as error:
        message = f"setup.cfg cannot be read: {' '.join(str(error).split())}"
        raise ConfigurationError(message, hint="fix that line") from None
    return parser


def _spelling(parser: configparser.RawConfigParser, section: str, key: str) -> str:
    if section != EXTRAS or not parser.has_section(section):
        return key
    return spelling_of(key, parser.options(section), "setup.cfg")


def _find(lines: list[str], section: str, key: str) -> _Option | None:
    """Return the place of an option, by the rules of configparser."""
    here, first, value, elements = "", -1, "", []
    for number, line in enumerate(lines):
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        if first >= 0 and line[0].isspace():
            elements.append(number)
            continue
        if first >= 0:
            break
        header = _SECTION.match(text)
        option = _OPTION.match(text)
        if header:
            here = header["name"]
        elif here == section and option and option["key"] == key:
            first, value = number, option["value"].strip()
    return _Option(first, tuple(elements), value) if first >= 0 else None


def _edited(
    lines: list[str], option: _Option, present: Sequence[str], requirements: Sequence[str]
) -> str:
    """Return the text with elements changed, removed and added, where each has a line."""
    numbers = [n for n in option.elements if not lines[n].strip().startswith("#")]
    changes = pair(present, requirements)
    new: dict[int, list[str]] = {}
    for index, number in enumerate(numbers):
        match = _ELEMENT.fullmatch(lines[number])
        if index in changes.removed:
            new[number] = []
        elif match and index in changes.changed:
            text = changes.changed[index]
            new[number] = [f"{match['indent']}{text}{match['rest']}{match['end']}"]
    last = numbers[-1]
    match = _ELEMENT.fullmatch(lines[last])
    indent, end = (match["indent"], match["end"]) if match else (_UNIT, "\n")
    new_lines = [f"{indent}{text}{end}" for text in changes.added]
    new[last] = [*new.get(last, [lines[last]]), *new_lines]
    return _with(lines, new)


def _with(lines: list[str], new: Mapping[int, list[str]]) -> str:
    """Return the text with other lines in the place of some."""
    return "".join("".join(new.get(number, [line])) for number, line in enumerate(lines))


def _rewritten(lines: list[str], option: _Option, requirements: Sequence[str], end: str) -> str:
    """Return the text with the elements below the option's line, in place of those on it."""
    head = re.match(r"[^=:]*[=:]", lines[option.first])
    first = (head[0] if head else lines[option.first].rstrip()) + end
    new = [first, *(f"{_UNIT}{text}{end}" for text in requirements)]
    return _with(lines, {**{number: [] for number in option.elements}, option.first: new})


def _inserted(lines: list[str], place: tuple[str, str], texts: Sequence[str], end: str) -> str:
    """Return the text with a new option at the end of its section, which is made if missing."""
    section, key = place
    option = [f"{key} ={end}", *(f"{_UNIT}{text}{end}" for text in texts)]
    headers = [(n, m["name"]) for n, line in enumerate(lines) if (m := _SECTION.match(line))]
    at = next((i for i, (_, name) in enumerate(headers) if name == section), None)
    if at is None:
        apart = [end] if lines and lines[-1].strip() else []
        return "".join([*lines, *apart, f"[{section}]{end}", *option])
    stop = headers[at + 1][0] if at + 1 < len(headers) else len(lines)
    while not lines[stop - 1].strip():
        stop -= 1
    return "".join([*lines[:stop], *option, *lines[stop:]])


def _check(before: str, after: str, place: tuple[str, str], requirements: Sequence[str]) -> None:
    """Check that an edit changed the list as planned, and nothing else."""
    old, new = (_table(_parse(text), place) for text in (before, after))
    texts = read_setup_cfg_list(after.encode(), *place)
    if old != new or not same_meaning(texts or (), requirements):
        message = "setup.cfg: an edit did not come out as planned"
        raise ConfigurationError(message, hint="edit the file by hand")


def _table(
    parser: configparser.RawConfigParser, but: tuple[str, str]
) -> dict[tuple[str, str], str]:
    return {
        (section, key): value
        for section in parser.sections()
        for key, value in parser.items(section)
        if (section, key) != but
    }
