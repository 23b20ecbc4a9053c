"""The schema takes what the parser takes, as far as JSON Schema can say it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from trainwheel.cli.main import main
from trainwheel.settings.config import Config
from trainwheel.settings.keys import Key, keys_of
from trainwheel.settings.schema import render_schema, tool_schema
from trainwheel.settings.tables import GateSettings, IndexSettings, RuleSettings
from unit.settings.cases import GOOD, SMALLEST, UNKNOWN, WRONG, document

TOOLKIT = Path(__file__).parents[3]
DOCUMENT = Draft7Validator(json.loads(render_schema()))
# Quotation marks of a shell, and what TOML has and JSON has not: numbers that are none, and 1.0
# beside 1.
PARSER_ONLY = {
    *('train.command = "python \'t.py"', "train.command = \"''\""),
    *("data.command = 'fetch \"{folder}'", "data.version-command = 'a\\'"),
    *(line for line, reason in WRONG if "unlike" in reason or "another name than" in reason),
    *("tolerance = nan", "data.max-row-change = inf", "version.build-number-offset = 1.0"),
}


def problems(text: str) -> list[str]:
    return [error.message for error in DOCUMENT.iter_errors(tomllib.loads(text))]


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(json.loads(render_schema()))
    Draft7Validator.check_schema(tool_schema())


@pytest.mark.parametrize("text", [
    *("", "[project]\nname = 3", "[tool.ruff]\nline-length = 'x'", SMALLEST),
    *(document(line) for line, *_ in GOOD),
    document("gate.auc = { min = 0.5, max-drop = 0.1 }\ngate.baseline = 'required'"),
    document("index.a = { url = 'https://x/', packages = ['a-*'], allow-http = true }"),
])  # fmt: skip
def test_what_the_parser_takes_is_taken(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize("line", [line for line, _ in (*WRONG, *UNKNOWN)])
def test_what_the_parser_refuses_is_refused(line: str) -> None:
    assert bool(problems(document(line))) is (line not in PARSER_ONLY)


@pytest.mark.parametrize("missing", ["package", "train.command"])
def test_a_key_that_must_be_given_is_required(missing: str) -> None:
    kept = [line for line in SMALLEST.splitlines() if not line.startswith(missing)]

    (problem,) = problems("\n".join(kept))

    assert missing.partition(".")[0] in problem


KEYS = [
    key for table in (Config, GateSettings, RuleSettings, IndexSettings) for key in keys_of(table)
]
plain = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.text("./a0 ")


@given(st.sampled_from(KEYS), plain | st.lists(plain, max_size=2))
def test_whatever_a_key_takes_its_schema_takes(key: Key, value: object) -> None:
    try:
        key.value(value)
    except ValueError:
        return
    assert Draft7Validator(key.value.schema).is_valid(value)


def test_each_key_has_its_help_where_an_editor_shows_it() -> None:
    shown = set(_descriptions(tool_schema()))

    assert shown == {key.help for key in KEYS}


def _descriptions(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(text := part.get("description"), str):
            yield text
        part = list(part.values())
    for each in part if isinstance(part, list) else ():
        yield from _descriptions(each)


def test_a_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(render_schema())


def test_validate_pyproject_finds_it() -> None:
    project = tomllib.loads((TOOLKIT / "pyproject.toml").read_text())["project"]
    group = "validate_pyproject.tool_schema"
    point = EntryPoint("trainwheel", project["entry-points"][group]["trainwheel"], group)

    assert point.load()("trainwheel") == tool_schema()
    # It takes no schema without one.
    assert tool_schema()["$id"]
