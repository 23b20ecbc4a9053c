"""Provenance: one text for one content, and nothing but a clear line for what is none."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.errors import ConfigurationError
from trainwheel.wheel.provenance import Artefact, Golden, Provenance, Training, parse_provenance

SCHEMA = json.loads((files("trainwheel") / "data" / "provenance-1.json").read_text())
SHA = "ab" * 32
SMALL = Provenance(
    name="small-model",
    version="0.1.0",
    release_key=SHA,
    commit="c" * 40,
    dirty=False,
    commit_time="2026-11-24T02:25:00Z",
    training=Training(
        command="python -m small_training {model} {report}",
        parameters={"depth": 3, "nested": {"a": [1, 2]}},
        engine="local",
        python="cpython 3.11.7",
        platform="linux-x86_64",
        source=SHA,
        data={"data/rows.csv": SHA},
    ),
    metrics={"accuracy": 0.97, "rows": 124},
    intervals={"accuracy": (0.95, 0.99)},
    gate=None,
    packages={"joblib": "1.6.0"},
    artefact=Artefact("small_model/artefact/model.joblib", SHA, 700, "joblib"),
    golden=Golden(SHA, 3, "small_model.classifier:predict_record", 1e-9),
)


def test_provenance_survives_its_text() -> None:
    assert parse_provenance(SMALL.render()) == SMALL


def test_one_content_has_one_text() -> None:
    other = replace(SMALL, metrics={"rows": 124, "accuracy": 0.97})

    assert other.render() == SMALL.render()
    assert SMALL.render().endswith("}\n")


@pytest.mark.parametrize("change", [
    {}, {"commit": None, "commit_time": None, "dirty": True}, {"gate": {"passed": True}},
    {"metrics": {}, "intervals": {}, "packages": {}},
], ids=str)  # fmt: skip
def test_what_is_rendered_fits_the_schema(change: dict[str, Any]) -> None:
    document = json.loads(replace(SMALL, **change).render())

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(("path", "value"), [
    (("schema",), 2), (("name",), "Small_Model"), (("release_key",), "ab"), (("commit",), "main"),
    (("commit_time",), "yesterday"), (("dirty",), "no"), (("training", "engine"), "spark"),
    (("training", "source"), ""), (("training", "data"), {"a": "b"}),
    (("metrics",), {"accuracy": "high"}), (("intervals",), {"accuracy": [1]}),
    (("artefact", "size"), 0), (("artefact", "path"), "/etc/model.joblib"),
    (("artefact", "format"), "onnx"), (("golden", "count"), -1),
    (("golden", "predict"), "no function"),
], ids=str)  # fmt: skip
def test_what_does_not_fit_the_schema_is_refused_by_it(
    path: tuple[str, ...], value: object
) -> None:
    document = json.loads(SMALL.render())
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_a_newer_schema_is_told() -> None:
    text = SMALL.render().replace('"schema": 1', '"schema": 7')

    with pytest.raises(ConfigurationError) as caught:
        parse_provenance(text, "x.json")

    assert str(caught.value) == (
        "configuration: x.json has schema 7, and this version knows 1; "
        "use a newer trainwheel to read it"
    )


def test_keys_of_a_later_time_are_passed_over() -> None:
    document = {**json.loads(SMALL.render()), "later": 1}
    document["training"]["later"] = 1

    assert parse_provenance(json.dumps(document)) == SMALL


def test_what_was_cut_short_anywhere_is_one_line() -> None:
    text = SMALL.render().rstrip()

    for length in range(len(text)):
        with pytest.raises(ConfigurationError):
            parse_provenance(text[:length])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(json.loads(SMALL.render()))), json_values)
def test_a_key_of_any_other_shape_is_one_line_or_is_read(key: str, value: object) -> None:
    document = {**json.loads(SMALL.render()), key: value}

    with contextlib.suppress(ConfigurationError):
        assert isinstance(parse_provenance(json.dumps(document)), Provenance)


@given(st.binary(max_size=200))
def test_anything_else_is_one_line(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        parse_provenance(data.decode("latin-1"))
