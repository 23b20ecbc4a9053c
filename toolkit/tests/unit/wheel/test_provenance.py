"""What passes for provenance: what is wrong is named, and all that is read can be written."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from importlib.resources import files
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from trainwheel.errors import ConfigurationError
from trainwheel.settings.values import a_callable
from trainwheel.wheel.provenance import (
    Artefact,
    Golden,
    Provenance,
    TrainedFile,
    Training,
    parse_provenance,
)

SCHEMA = json.loads((files("trainwheel") / "data" / "provenance-1.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

PROVENANCE = Provenance(
    name="oncology-model", version="0.1.174", release_key="ab" * 32,
    commit="c0" * 20, dirty=False, commit_time="2026-11-03T10:20:30Z",
    training=Training(
        command="python -m oncology_training -o {model} -t {report}",
        parameters={"trees": 200, "depth": None, "layers": [100, 50], "solver": "lbfgs"},
        engine="local", python="cpython 3.11.7", platform="linux-x86_64",
        source="cd" * 32, data={"data/rows.csv": "ef" * 32},
    ),
    metrics={"auc": 0.987, "rows": 143}, intervals={"auc": (0.97, 0.995)},
    gate=None, packages={"joblib": "1.6.0", "scikit-learn": "1.9.1"},
    artefact=Artefact("oncology_model/artefact/model.joblib", "12" * 32, 2300, "joblib"),
    golden=Golden("34" * 32, 20, "oncology_model.classifier:predict_record", 1e-9),
)  # fmt: skip
TEXT = PROVENANCE.render()


def with_metrics(**metrics: Any) -> Provenance:
    return replace(PROVENANCE, metrics=metrics)


def with_parameters(**parameters: Any) -> Provenance:
    return replace(PROVENANCE, training=replace(PROVENANCE.training, parameters=parameters))


def changed(path: str, value: object) -> str:
    """Return the text of the provenance with another value at a path such as ``golden.count``."""
    document = json.loads(TEXT)
    *outer, last = path.split(".")
    inner = document
    for key in outer:
        inner = inner[key]
    inner[last] = value
    return json.dumps(document)


def test_the_schema_asks_for_every_key() -> None:
    def check(kind: type, schema: dict[str, Any]) -> None:
        assert is_dataclass(kind)
        names = {entry.name for entry in fields(kind)}
        later = {
            "snapshot",
            "inputs",
            "card",
            "files",
            "read",
            "proved",
        } & names  # came after the first wheels
        assert names == {*schema["required"], *later} == set(schema["properties"])

    check(Provenance, SCHEMA)
    for name, kind in {"training": Training, "artefact": Artefact, "golden": Golden}.items():
        check(kind, SCHEMA["properties"][name])


def test_one_content_has_one_text() -> None:
    assert with_metrics(rows=143, auc=0.987).render() == TEXT
    assert TEXT.endswith("}\n")


@pytest.mark.parametrize(("path", "value"), [
    ("name", "Small_Model"), ("version", ""), ("release_key", "ab"), ("commit", "main"),
    ("commit_time", "yesterday"), ("dirty", "no"), ("training.command", ""),
    ("training.python", "3.11"), ("training.platform", ""), ("training.source", ""),
    ("training.data", {"a": "b"}), ("metrics", {"accuracy": "high"}),
    ("intervals", {"accuracy": [1]}), ("artefact.size", 0), ("artefact.size", True),
    ("artefact.path", "/etc/model.joblib"), ("artefact.path", "a/"), ("golden.count", -1),
    ("golden.predict", "a function"), ("golden.predict", "1:f"), ("golden.tolerance", -1e-9),
])  # fmt: skip
def test_what_does_not_fit_the_schema_is_neither_read_nor_written(path: str, value: object) -> None:
    assert not VALIDATOR.is_valid(json.loads(changed(path, value)))
    refuse(changed(path, value))
    outer, _, last = path.rpartition(".")
    holder: Any = getattr(PROVENANCE, outer) if outer else PROVENANCE
    part: Any = replace(holder, **{last: value})
    whole: Provenance = replace(PROVENANCE, **{outer: part}) if outer else part
    with pytest.raises(ConfigurationError, match=path):
        whole.render()


@pytest.mark.parametrize("edge", [Golden("34" * 32, 0, "a:f", 0), Golden("34" * 32, 0, "a:f", 0.0)])
def test_a_tolerance_and_a_count_may_be_zero(edge: Golden) -> None:
    text = replace(PROVENANCE, golden=edge).render()

    VALIDATOR.validate(json.loads(text))


def test_an_engine_of_a_later_version_is_read() -> None:
    text = changed("training.engine", "x")
    assert not VALIDATOR.is_valid(json.loads(text))
    parse_provenance(text)


def test_a_model_of_several_files_has_each_of_them_as_a_member() -> None:
    assert PROVENANCE.artefact.members == {
        PROVENANCE.artefact.path: TrainedFile("12" * 32, 2300, "joblib")
    }
    files = {"m/artefact/encoder/a": TrainedFile("34" * 32, 0, "unknown")}
    provenance = replace(
        PROVENANCE, artefact=Artefact("m/artefact/encoder", "12" * 32, 9, "fold", files)
    )

    text = provenance.render()

    assert VALIDATOR.is_valid(json.loads(text))
    assert parse_provenance(text).artefact.members == files


@pytest.mark.parametrize(("provenance", "name", "hint"), [
    *((with_metrics(auc=value), "metrics.auc is not a finite number", "metrics.json")
      for value in (math.nan, math.inf, -math.inf, True, None, "0.9", [0.9])),
    (replace(PROVENANCE, intervals={"auc": (0.9, math.nan)}), "intervals.auc is not a", ""),
    *((with_parameters(C=value), "training.parameters.C is not a JSON value", "")
      for value in (math.inf, [[math.nan]], {"a": -math.inf}, object(), {1}, {2: 3}, 1j)),
    (replace(PROVENANCE, gate=cast("Any", {1: {}})), "gate is not an object", ""),
])  # fmt: skip
def test_a_value_that_json_does_not_have_is_not_written(
    provenance: Provenance, name: str, hint: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(name)) as caught:
        provenance.render()

    assert hint in caught.value.hint


SCHEMALESS, SHA256 = "it has no schema number", "{} is not a sha256"
COUNT, SIZE = "{} is not a count", "{} is not a size"
TEXTUAL, OBJECT, NUMBER = "{} is not text", "{} is not an object", "{}.auc is not a finite number"


@pytest.mark.parametrize(("path", "value", "reason"), [
    ("schema", "1", SCHEMALESS), ("schema", True, SCHEMALESS), ("schema", 0, SCHEMALESS),
    ("name", 3, "{} is not a normalised name"), ("dirty", 1, "{} is not true or false"),
    ("commit", "main", "{} is not a commit"),
    ("commit_time", "2026-11-03 10:20:30", "{} is not a time in UTC"),
    ("release_key", "AB" * 32, SHA256), ("release_key", "ab" * 32 + "\n", SHA256),
    ("training", [], OBJECT), ("training.python", None, "{} is not a Python"),
    ("training.data", {"rows.csv": "1"}, "{}.rows.csv is not a sha256"),
    ("training.data", {"a\nb": "1"}, r"{}.a\nb is not a sha256"),
    ("training.parameters", {"a": {"b": 1e999}}, "{}.a is not a JSON value"),
    ("training.parameters", [], OBJECT),
    ("metrics", {"auc": "0.9"}, NUMBER), ("metrics", {"auc": True}, NUMBER),
    ("metrics", [0.9], OBJECT), ("intervals", {"auc": "12"}, "{}.auc is not a pair"),
    ("intervals", {"auc": [1]}, "{}.auc is not a pair"), ("intervals", {"auc": [1, "2"]}, NUMBER),
    ("gate", "passed", OBJECT),
    ("gate", {"a": [{"b": float("inf")}]}, "{}.a is not a JSON value of finite numbers"),
    ("packages", {"joblib": 1.6}, "{}.joblib is not text"), ("artefact.size", -1, SIZE),
    ("artefact.size", 1.5, SIZE), ("golden.count", True, COUNT),
    ("golden.tolerance", "1e-9", "{} is not a finite number"), ("training.engine", 1, TEXTUAL),
])  # fmt: skip
def test_what_is_not_as_it_should_be_is_named(path: str, value: object, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_provenance(changed(path, value), "a.whl")

    start = f"configuration: a.whl is not a provenance: {reason.format(path)}"
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["commit", "training.source", "artefact.sha256", "golden.count"])
def test_what_is_missing_is_named(path: str) -> None:
    document = json.loads(TEXT)
    *outer, last = path.split(".")
    del (document[outer[0]] if outer else document)[last]

    with pytest.raises(ConfigurationError, match=f"{path} is missing"):
        parse_provenance(json.dumps(document))


def test_a_newer_schema_is_named(sentence: Callable[[object], None]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_provenance(changed("schema", 7), "x.json")

    sentence(caught.value)


def test_keys_of_a_later_time_are_passed_over() -> None:
    document = json.loads(changed("training.later", 1))

    assert parse_provenance(json.dumps({**document, "later": 1})) == PROVENANCE


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("old", ["0.987", "1e-09"])
def test_a_number_that_json_does_not_have_is_refused(number: str, old: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigurationError, match="is not a finite number"):
        parse_provenance(TEXT.replace(old, number))


@pytest.mark.parametrize("depth", [30, 900, 5_000, 200_000])
def test_a_text_nested_too_deep_is_refused(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    refuse(nested, TEXT.replace("200", nested), TEXT.replace("null", f'{{"a": {nested}}}'))


def test_a_text_that_is_cut_short_or_that_json_readers_choke_on_is_refused() -> None:
    refuse(*(TEXT[:length] for length in range(len(TEXT.rstrip()))))
    refuse("1" * 5_000, '{"schema": ' + "1" * 5_000 + "}", "\ufeff{}")


@given(st.binary(max_size=300))
def test_bytes_by_chance_are_refused(data: bytes) -> None:
    refuse(data)


@given(st.data())
def test_one_changed_byte_is_refused_or_still_fits(data: st.DataObject) -> None:
    whole = bytearray(TEXT.encode())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))

    accept_or_refuse(bytes(whole))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


def places(document: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    return [(document, key) for key in document] + [
        place for inner in document.values() if isinstance(inner, dict) for place in places(inner)
    ]


@given(st.data(), json_values)
def test_any_value_in_any_place_is_refused_or_fits(data: st.DataObject, value: object) -> None:
    document = copy.deepcopy(json.loads(TEXT))
    holder, key = data.draw(st.sampled_from(places(document)))
    if data.draw(st.booleans()):
        holder[key] = value
    else:
        del holder[key]

    accept_or_refuse(json.dumps(document))


@given(json_values)
def test_any_json_value_alone_is_refused(value: object) -> None:
    refuse(json.dumps(value))


def refuse(*texts: str | bytes) -> None:
    for text in texts:
        with pytest.raises(ConfigurationError):
            parse_provenance(text)


def accept_or_refuse(text: str | bytes) -> None:
    """Check that what is read can be written again, and fits the schema."""
    try:
        provenance = parse_provenance(text)
    except ConfigurationError:
        return
    written = provenance.render()
    assert parse_provenance(written) == provenance
    kinds = {error.validator for error in VALIDATOR.iter_errors(json.loads(written))}
    # The reader takes what a later version may call a format or an engine.
    assert kinds <= {"enum"}


finite = st.floats(allow_nan=False, allow_infinity=False) | st.integers()
scalars = st.none() | st.booleans() | finite | st.text(max_size=5)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
names = st.text(max_size=6)
every_training = st.builds(
    replace, st.just(PROVENANCE.training), data=st.dictionaries(names, digests, max_size=3),
    parameters=st.dictionaries(names, scalars | st.lists(scalars, max_size=3), max_size=3),
)  # fmt: skip
every_provenance = st.builds(
    replace, st.just(PROVENANCE), metrics=st.dictionaries(names, finite, max_size=3),
    intervals=st.dictionaries(names, st.tuples(finite, finite), max_size=2),
    packages=st.dictionaries(names, names, max_size=3), training=every_training,
    gate=st.none() | st.dictionaries(names, scalars, max_size=2),
)  # fmt: skip


@pytest.mark.parametrize("predict", ["small_model:f", "a.b:Classifier.predict", "_a:_b._c"])
def test_every_entry_point_that_can_be_configured_is_written(predict: str) -> None:
    golden = replace(PROVENANCE.golden, predict=a_callable(predict))

    text = replace(PROVENANCE, golden=golden).render()

    VALIDATOR.validate(json.loads(text))


@given(every_provenance)
@example(with_metrics(a=10**400, b=5e-324, c=-0.0, d=0))
def test_all_provenance_survives_its_file_and_fits_its_schema(provenance: Provenance) -> None:
    text = provenance.render()

    assert parse_provenance(text) == provenance
    VALIDATOR.validate(json.loads(text))
