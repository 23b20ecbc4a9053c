"""``[tool.trainwheel]`` is small, and every mistake in it is told at once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.errors import ConfigurationError
from trainwheel.settings.config import Config, parse_config
from trainwheel.settings.keys import Key, keys_of
from trainwheel.settings.tables import GateSettings, IndexSettings, RuleSettings
from unit.settings.cases import GOOD, SMALLEST, UNKNOWN, WRONG, document

TABLES = (Config, GateSettings, RuleSettings, IndexSettings)


def parse(*lines: str) -> Config:
    return parse_config("\n".join([SMALLEST, *lines]))


def refuse(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_config(text)
    shown = str(caught.value)
    assert shown.startswith("configuration: pyproject.toml")
    assert "\n" not in shown
    return shown.removeprefix("configuration: pyproject.toml").removeprefix(": ").strip()


def test_a_package_and_a_command_are_enough() -> None:
    assert parse() == Config(
        package="oncology_model",
        train_command="python train.py",
        predict="oncology_model.classifier:predict_record",
    )


def test_paths_follow_from_the_package() -> None:
    config = parse_config(SMALLEST.replace("oncology_model", "company.oncology"))

    assert config.package_folder == "model/company/oncology"
    assert config.artefact_paths == ("model/company/oncology/artefact/model.joblib",)
    assert config.predict == "company.oncology.classifier:predict_record"


@pytest.mark.parametrize(
    ("table", "key"),
    [(table, key) for table in TABLES for key in keys_of(table) if not key.is_required],
    ids=lambda case: getattr(case, "name", ""),
)
def test_the_default_shown_is_the_one_that_applies(table: type, key: Key) -> None:
    (default,) = (
        field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(table)
        if field.name == key.attribute
    )

    follows = {
        "predict",
        "simple_url",
        "direction",
        "positive",
        "task",
        "labels",
        "listing_wait",
        "importance_calls",
    }
    if key.attribute in follows:
        assert not default  # it follows from something else, which the text tells
    elif key.default in {"", "[]"}:
        assert not default
    else:
        assert key.value(_toml(key.default)) == default


def _toml(shown: str) -> Any:
    """Return what a person reads in a default: a TOML value, else a text without its quotes."""
    try:
        return tomllib.loads(f"value = {shown}")["value"]
    except tomllib.TOMLDecodeError:
        return shown


def test_every_field_can_be_configured() -> None:
    others = {"indexes", "gate", "name", "rules"}

    for table in TABLES:
        assert {key.attribute for key in keys_of(table)} == {f.name for f in fields(table)} - others


@pytest.mark.parametrize(("line", "attribute", "value"), GOOD)
def test_a_key_is_read(line: str, attribute: str, value: object) -> None:
    assert getattr(parse_config(document(line)), attribute) == value


@pytest.mark.parametrize(("line", "reason"), WRONG)
def test_a_wrong_value_is_told_with_its_key_and_the_fix(line: str, reason: str) -> None:
    shown = refuse(document(line))

    assert shown.startswith(f"tool.trainwheel.{line.partition(' = ')[0]} = ")
    assert f", but it takes {reason}" in shown


@pytest.mark.parametrize("threads", [(), ("train.threads = 4",)])
def test_threads_that_training_sets_are_not_those_of_the_shell(threads: tuple[str, ...]) -> None:
    names = 'train.env = ["ALPHA", "OMP_NUM_THREADS", "OMP_PROC_BIND"]'

    shown = refuse("\n".join([SMALLEST, names, *threads]))

    assert "names OMP_NUM_THREADS, which tool.trainwheel.train.threads sets" in shown
    assert parse(names, "train.threads = 0").train_env[1] == "OMP_NUM_THREADS"


def test_a_value_in_the_place_of_a_variables_name_is_not_shown() -> None:
    assert "s3cret-!" not in refuse(f'{SMALLEST}train.env = ["s3cret-!"]\n')


PROBLEMS = [
    "unknown key tool.trainwheel.index.corporate.usernme-env, did you mean username-env?",
    "tool.trainwheel.index.corporate.allow-http = 1, but it takes true or false",
    "tool.trainwheel.index.other is not a table",
    "unknown key tool.trainwheel.packge, did you mean package?",
    "tool.trainwheel.tolerance = 7, but it takes a number from 0 to 1, relative",
    (
        "tool.trainwheel.data = ['../rows.csv'], but it takes a path inside the repository, "
        "with forward slashes"
    ),
    "tool.trainwheel.package is missing: import name of the package that is shipped",
    (
        "tool.trainwheel.train.command is missing: the training command; {model}, {data} and "
        "{report} stand for the paths"
    ),
]


def test_every_problem_is_told_at_once() -> None:
    shown = refuse(
        "[tool.trainwheel]\n"
        'packge = "oncology_model"\n'
        "tolerance = 7\n"
        'data = ["../rows.csv"]\n'
        "[tool.trainwheel.index.corporate]\n"
        'usernme-env = "CORPORATE_USER"\n'
        "allow-http = 1\n"
        "[tool.trainwheel.index]\n"
        'other = "https://index.invalid/"\n'
    )

    assert shown == "; ".join(PROBLEMS)


@pytest.mark.parametrize(("line", "reason"), UNKNOWN)
def test_an_unknown_key_and_a_wrong_table_are_refused(line: str, reason: str) -> None:
    assert reason in refuse(document(line))


@pytest.mark.parametrize(
    "text", ["", "[tool]\n", "[project]\nname = 'x'\n", "tool = 3\n", "[tool]\ntrainwheel = 1\n"]
)
def test_a_file_without_the_table_says_what_to_add(text: str) -> None:
    assert refuse(text) == (
        "has no [tool.trainwheel] table; "
        'add one with at least package = "…" and train.command = "…"'
    )


@pytest.mark.parametrize("text", ["[tool", "a = 1\na = 2", "x = \0"])
def test_a_file_that_is_no_toml_says_so(text: str) -> None:
    assert refuse(text).startswith("is not TOML: ")


def test_an_index_is_read_whole() -> None:
    config = parse(
        "[tool.trainwheel.index.corporate]", 'url = "https://index.invalid/models/"',
        'simple-url = "https://index.invalid/simple/"',
        'install-url = "https://index.invalid/group/simple/"', 'username-env = "CORPORATE_USER"',
        'password-env = "CORPORATE_PASSWORD"', "allow-http = true",
    )  # fmt: skip

    assert config.indexes == {
        "corporate": IndexSettings(
            "corporate",
            url="https://index.invalid/models/",
            simple_url="https://index.invalid/simple/",
            install_url="https://index.invalid/group/simple/",
            username_env="CORPORATE_USER",
            password_env="CORPORATE_PASSWORD",
            allow_http=True,
        )
    }


@pytest.mark.parametrize("key", ["username-env", "password-env", "password"])
def test_a_password_in_the_wrong_place_is_not_repeated(key: str) -> None:
    shown = refuse(f"{SMALLEST}[tool.trainwheel.index.corporate]\n{key} = 's3cret!'\n")

    assert f"tool.trainwheel.index.corporate.{key}" in shown
    assert "s3cret" not in shown


def test_other_tables_of_the_file_are_not_looked_at() -> None:
    assert parse("[tool.ruff]", "line-length = 'wrong'", "[project]", "name = 3") == parse()


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
every_key = st.sampled_from([key for table in TABLES for key in keys_of(table)])


@given(every_key, plain | st.lists(plain, max_size=2))
def test_a_key_keeps_a_value_that_it_took_or_says_what_is_expected(key: Key, value: Any) -> None:
    try:
        kept = key.value(value)
    except ValueError as error:
        kept, reason = None, str(error)
    else:
        reason = "kept"
        assert key.value(list(kept) if isinstance(kept, tuple) else kept) == kept
    assert reason


@pytest.mark.parametrize(("keys", "words"), [
    ('labels = [2, 4]\npositive = "3"', "positive = '3' is not among the labels"),
    ('task = "regression"\npositive = true', "has no labels and no positive class"),
    ('labels = ["2", 2]', "two or more different labels"),
    ('task = "ranking"', '"classification" or "regression"'),
    ('gate.positive = "yes"', "it is tool.trainwheel.positive"),
    ('portable = "default"', 'sync.extras = { sklearn = "sklearn" }'),
])  # fmt: skip
def test_a_task_that_contradicts_itself_is_refused(keys: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        parse_config(f"[tool.trainwheel]\npackage = 'm'\ntrain.command = 'python -m t'\n{keys}\n")


@pytest.mark.parametrize(("pattern", "name"), [
    ("*", "data"), ("dat?", "data"), ("data/**", "data"), ("*.toml", "pyproject.toml"),
    ("model", "model/m/__init__.py"), ("*.joblib", "model/m/artefact/model.joblib"),
    ("*.json", "model/m/artefact/model.joblib.json"), ("p.y", "conf/p.y"), ("!*.log", "*.log"),
])  # fmt: skip
def test_a_pattern_that_hides_what_counts_is_refused(pattern: str, name: str) -> None:
    keys = f'data = ["data"]\ninputs = ["conf/p.y"]\nignore = ["*.tmp", "{pattern}"]\n'

    shown = refuse(f"[tool.trainwheel]\npackage = 'm'\ntrain.command = 'python -m t'\n{keys}")

    assert f"tool.trainwheel.ignore = {pattern!r}" in shown
    assert f" {name}" in shown
    assert "*.tmp" not in shown


def test_labels_may_be_numbers_and_booleans_of_the_file() -> None:
    text = "[tool.trainwheel]\npackage = 'm'\ntrain.command = 'python -m t'\nlabels = [2, 4]\n"

    assert parse_config(f"{text}positive = 4\n").labels == ("2", "4")
