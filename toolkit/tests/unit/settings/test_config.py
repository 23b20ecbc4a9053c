"""``[tool.trainwheel]`` is small, and every mistake in it is told at once."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from trainwheel.errors import ConfigurationError
from trainwheel.settings.config import Config, IndexSettings, parse_config
from trainwheel.settings.keys import Key, keys_of
from trainwheel.settings.schema import pyproject_schema, tool_schema

SMALLEST = '[tool.trainwheel]\npackage = "oncology_model"\ntrain.command = "python train.py"\n'


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
    assert config.artefact_path == "model/company/oncology/artefact/model.joblib"
    assert config.predict == "company.oncology.classifier:predict_record"


@pytest.mark.parametrize(
    ("attribute", "shown", "value"),
    [
        ("package", "", None),
        (
            "predict",
            "PACKAGE.classifier:predict_record",
            "oncology_model.classifier:predict_record",
        ),
        ("artefact", "artefact/model.joblib", "artefact/model.joblib"),
        ("data", "[]", ()),
        ("data_max_row_change", "", None),
        ("dask_time_limit", "24 h", 86_400.0),
        ("cache_limit", "5 GB", 5_000_000_000),
        ("show_rows", "false", False),
        ("threads", "1", 1),
        ("tolerance", "1e-9", 1e-9),
        ("pins", "compatible", "compatible"),
        ("extras", "{}", {}),
    ],
)
def test_a_default_applies_as_it_is_shown(attribute: str, shown: str, value: object) -> None:
    (declared, *_) = [key for key in keys_of(Config) if key.attribute == attribute]

    assert declared.default == shown
    assert attribute == "package" or getattr(parse(), attribute) == value


def test_every_field_is_a_key_but_those_that_hold_tables() -> None:
    for settings, tables in ((Config, {"gate", "indexes"}), (IndexSettings, {"name"})):
        attributes = {key.attribute for key in keys_of(settings)}
        assert attributes == {field.name for field in fields(settings)} - tables


GOOD = [
    ('source = "src"', "source", "src"),
    ('source = "."', "source", "."),
    ('source = "./src/"', "source", "src"),
    ('artefact = "model.onnx"', "artefact", "model.onnx"),
    ('predict = "other.door:Model.predict"', "predict", "other.door:Model.predict"),
    ('data = ["a.csv", "b/c"]', "data", ("a.csv", "b/c")),
    ('inputs = ["params.yaml"]', "inputs", ("params.yaml",)),
    ("tolerance = 0", "tolerance", 0.0),
    ("tolerance = 0.5", "tolerance", 0.5),
    ('sync.pins = "locked"', "pins", "locked"),
    ('version.release = "always"', "release", "always"),
    ("version.build-number-offset = -3", "build_number_offset", -3),
    ('sync.extras = { gpu = "cuda" }', "extras", {"gpu": "cuda"}),
    ('system-tests = "checks"', "system_tests", "checks"),
    ('train.engine = "dask"', "engine", "dask"),
    ('train.dask.scheduler = "tls://a-b.example:1"', "dask_scheduler", "tls://a-b.example:1"),
    ('train.dask.scheduler = "tcp://[::1]:8786"', "dask_scheduler", "tcp://[::1]:8786"),
    ('train.dask.key-file = "/keys/a.pem"', "dask_key_file", "/keys/a.pem"),
    ('train.dask.time-limit = "3 d"', "dask_time_limit", 259_200.0),
]


@pytest.mark.parametrize(("line", "attribute", "value"), GOOD)
def test_a_key_is_read(line: str, attribute: str, value: object) -> None:
    assert getattr(parse(line), attribute) == value


BAD = [
    ('package = "model"', "a name other than 'model', under which two model wheels"),
    ('package = "oncology-model"', "an import name such as oncology_model"),
    ('package = "1st"', "an import name such as oncology_model"),
    ('package = "größe"', "an import name such as oncology_model"),
    ('package = "a..b"', "an import name such as oncology_model"),
    ('package = ""', "an import name such as oncology_model"),
    ("package = 1", "an import name such as oncology_model"),
    ('train.command = ""', "a text that is not empty"),
    ('train.command = "  "', "a text that is not empty"),
    ('train.command = ["python"]', "a text that is not empty"),
    ('train.command = "python \'t.py"', "a command whose quotation marks are all closed"),
    ("train.command = \"''\"", "a command whose quotation marks are all closed, and"),
    ("data.command = 'fetch \"{folder}'", "a command whose quotation marks are all closed"),
    ("data.version-command = 'a\\'", "a command whose quotation marks are all closed"),
    ('predict = "predict"', "MODULE:FUNCTION"),
    ('predict = "a:b:c"', "MODULE:FUNCTION"),
    ("predict = 3", "MODULE:FUNCTION"),
    ('source = "/srv/model"', "a path inside the repository, with forward slashes"),
    ('source = "../model"', "a path inside the repository, with forward slashes"),
    ('source = "a/../../b"', "a path inside the repository, with forward slashes"),
    ("source = 'a\\b'", "a path inside the repository, with forward slashes"),
    ('source = "a\\u0000b"', "a path inside the repository, with forward slashes"),
    ('source = ""', "a path inside the repository, with forward slashes"),
    ("source = true", "a path inside the repository, with forward slashes"),
    ('artefact = "."', "a path inside the package"),
    ('artefact = "./"', "a path inside the package"),
    ('artefact = "../model.joblib"', "a path inside the repository, with forward slashes"),
    ('data = "rows.csv"', "a list of paths inside the repository"),
    ('data = ["rows.csv", "/etc/passwd"]', "a path inside the repository"),
    ("data = [1]", "a path inside the repository"),
    ("tolerance = 1", "a number from 0 to 1, relative"),
    ("tolerance = -0.1", "a number from 0 to 1, relative"),
    ("tolerance = nan", "a number from 0 to 1, relative"),
    ("tolerance = inf", "a number from 0 to 1, relative"),
    ("tolerance = true", "a number from 0 to 1, relative"),
    ('tolerance = "1e-9"', "a number from 0 to 1, relative"),
    ('sync.pins = "loose"', '"locked" or "direct" or "compatible" or "declared"'),
    ("sync.pins = []", '"locked" or "direct" or "compatible" or "declared"'),
    ('sync.extras = "gpu"', "a table of extras and Pipfile categories such as"),
    ("sync.extras = { gpu = 1 }", "a table of extras and Pipfile categories such as"),
    ('version.release = "never"', '"changed" or "always"'),
    ("version.build-number-offset = 1.0", "a whole number"),
    ("version.build-number-offset = true", "a whole number"),
    ('train.engine = "ray"', '"local" or "dask"'),
    ('train.dask.scheduler = "cluster:8786"', "an address such as tcp://HOST:8786"),
    ('train.dask.scheduler = "http://cluster:8786"', "an address such as tcp://HOST:8786"),
    ('train.dask.scheduler = "tcp://cluster"', "an address such as tcp://HOST:8786"),
    ('train.dask.scheduler = "tcp://me:secret@cluster:8786"', "an address such as tcp://"),
    ('train.dask.key-file = ""', "the name of a file, absolute or from the root"),
    ("train.dask.time-limit = 90", "a duration with its unit, such as"),
    ('train.dask.time-limit = "a day"', "a duration with its unit, such as"),
]


@pytest.mark.parametrize(("line", "told"), BAD)
def test_a_wrong_value_is_told_with_its_key_and_the_mend(line: str, told: str) -> None:
    text = _instead(line)
    name, _, _ = line.partition(" = ")

    shown = refuse(text)

    assert shown.startswith(f"tool.trainwheel.{name} = ")
    assert f", but it takes {told}" in shown


def _instead(line: str) -> str:
    name, _, _ = line.partition(" = ")
    kept = [kept for kept in SMALLEST.splitlines() if not kept.startswith(f"{name} ")]
    return "\n".join([*kept, line])


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


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('train = "python train.py"', "unknown key tool.trainwheel.train"),
        ('sources = "src"', "unknown key tool.trainwheel.sources, did you mean source?"),
        ('version.relese = "x"', "did you mean version.release?"),
        ("tolerance.relative = 1", "unknown key tool.trainwheel.tolerance.relative, did you mean"),
        ("zzz = 1", "unknown key tool.trainwheel.zzz"),
        ("indexes.a.url = 'x'", "unknown key tool.trainwheel.indexes.a.url"),
    ],
)
def test_an_unknown_key_is_refused(line: str, told: str) -> None:
    text = SMALLEST.replace("train.command", "package_") if line.startswith("train ") else SMALLEST

    assert told in refuse(f"{text}{line}\n")


@pytest.mark.parametrize(
    "text",
    ["", "[tool]\n", "[project]\nname = 'x'\n", "tool = 3\n", "[tool]\ntrainwheel = 1\n"],
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
        "[tool.trainwheel.index.corporate]",
        'url = "https://index.invalid/models/"',
        'simple-url = "https://index.invalid/simple/"',
        'install-url = "https://index.invalid/group/simple/"',
        'username-env = "CORPORATE_USER"',
        'password-env = "CORPORATE_PASSWORD"',
        "allow-http = true",
    )

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


@pytest.mark.parametrize("line", ["index = 3", 'index = ["corporate"]'])
def test_indexes_are_tables(line: str) -> None:
    assert refuse(f"{SMALLEST}{line}\n") == (
        "tool.trainwheel.index takes tables: [tool.trainwheel.index.NAME]"
    )


@pytest.mark.parametrize("key", ["username-env", "password-env", "password"])
def test_a_password_in_the_wrong_place_is_not_repeated(key: str) -> None:
    shown = refuse(f"{SMALLEST}[tool.trainwheel.index.corporate]\n{key} = 's3cret!'\n")

    assert f"tool.trainwheel.index.corporate.{key}" in shown
    assert "s3cret" not in shown


def test_other_tables_of_the_file_are_not_looked_at() -> None:
    assert parse("[tool.ruff]", "line-length = 'wrong'", "[project]", "name = 3") == parse()


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


ALL_KEYS = [*keys_of(Config), *keys_of(IndexSettings)]


@given(st.sampled_from(ALL_KEYS), plain | st.lists(plain, max_size=2))
def test_a_value_is_kept_or_refused_with_what_is_expected(key: Key, value: Any) -> None:
    try:
        kept = key.value(value)
    except ValueError as error:
        reason = str(error)
    else:
        reason = "kept"
        assert key.value(list(kept) if isinstance(kept, tuple) else kept) == kept
    assert reason


SCHEMA = Draft7Validator(pyproject_schema())


def accepts(text: str) -> bool:
    return bool(SCHEMA.is_valid(tomllib.loads(text)))


# What JSON cannot say: how a shell divides words, that 1.0 is not a whole number, and NaN.
@pytest.mark.parametrize("line", [line for line, *_ in GOOD])
def test_the_schema_accepts_what_the_parser_accepts(line: str) -> None:
    assert accepts(_instead(line))


NOT_IN_JSON = {
    *(line for line, reason in BAD if reason.startswith("a command whose")),
    "tolerance = nan",
    "version.build-number-offset = 1.0",
}


@pytest.mark.parametrize("line", [line for line, _ in BAD])
def test_the_schema_refuses_what_the_parser_refuses(line: str) -> None:
    is_beyond = line in NOT_IN_JSON

    assert accepts(_instead(line)) == is_beyond


@pytest.mark.parametrize(
    "lines",
    [
        "data.paths = ['a']\ndata.command = 'fetch'",
        "[tool.trainwheel.gate]\npositive = 'a'\nauc = { min = 0.5, direction = 'higher' }",
        "[tool.trainwheel.index.team]\nurl-env = 'TEAM_URL'\npackages = ['acme-*']",
    ],
)
def test_the_schema_knows_the_tables(lines: str) -> None:
    assert parse(lines).package == "oncology_model"
    assert accepts(f"{SMALLEST}{lines}\n")


@pytest.mark.parametrize(
    "lines",
    [
        "packge = 'a'",
        "data.pathes = ['a']",
        "version.relese = 'changed'",
        "[tool.trainwheel.gate]\nauc = { minn = 0.5 }",
        "[tool.trainwheel.index.team]\npassword = 's3cret'",
        "[tool.trainwheel.index]\nteam = 'https://index.invalid/'",
    ],
)
def test_the_schema_refuses_an_unknown_key(lines: str) -> None:
    assert not accepts(f"{SMALLEST}{lines}\n")


@pytest.mark.parametrize("name", ["package", "train.command"])
def test_the_schema_asks_for_what_must_be_given(name: str) -> None:
    text = "\n".join(line for line in SMALLEST.splitlines() if not line.startswith(name))

    assert not accepts(text)


def test_a_file_without_the_table_is_left_alone_by_the_schema() -> None:
    assert accepts("[tool.other]\nx = 1\n")


def test_validate_pyproject_gets_the_table_alone_and_help_for_each_key() -> None:
    schema = tool_schema("trainwheel")

    Draft7Validator.check_schema(schema)
    assert schema["properties"]["package"]["description"]
    assert schema["required"] == ["package", "train"]
