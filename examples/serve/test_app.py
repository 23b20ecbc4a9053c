"""What clients rely on, whichever the model: its golden predictions, and one line for bad input."""

import json
from importlib import metadata
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app import INPUT, MOST_RECORDS, app, model

client = TestClient(app)
package = type(model).__module__.partition(".")[0]
(distribution,) = metadata.packages_distributions()[package]
lines = metadata.distribution(distribution).read_text("trainwheel/golden.jsonl") or ""
GOLDEN = [json.loads(line) for line in lines.splitlines()]
FIELD = next(iter(GOLDEN[0]["input"]))
NUMBERS = [name for name, value in GOLDEN[0]["input"].items() if isinstance(value, float)]
RANGES = {
    name: field["x-training"]
    for name, field in INPUT["properties"].items()
    if name in NUMBERS and "x-training" in field and "maximum" not in field
}


@pytest.fixture
def record() -> dict[str, Any]:
    return dict(GOLDEN[0]["input"])


def post(path: str, content: bytes) -> Response:
    return client.post(path, content=content, headers={"content-type": "application/json"})


def check(answer: object, prediction: dict[str, Any]) -> None:
    assert isinstance(answer, dict)
    for name, value in prediction.items():
        assert answer[name] == pytest.approx(value)
    assert answer["model_version"] == metadata.version(distribution)
    assert isinstance(answer["warnings"], list)


def test_it_is_healthy_and_says_which_model_it_is() -> None:
    answer = client.get("/health").json()
    assert answer == {"status": "ok", "model_version": metadata.version(distribution)}


def test_it_repeats_the_golden_predictions_one_by_one() -> None:
    assert GOLDEN
    for row in GOLDEN:
        check(client.post("/predict", json=row["input"]).json(), row["prediction"])


def test_it_repeats_the_golden_predictions_in_a_batch() -> None:
    answer = client.post("/predict/batch", json={"records": [row["input"] for row in GOLDEN]})
    for result, row in zip(answer.json()["results"], GOLDEN, strict=True):
        check(result, row["prediction"])


def test_openapi_has_the_schema_of_the_model() -> None:
    shown = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]
    assert shown["content"]["application/json"]["schema"]["properties"] == INPUT["properties"]
    assert client.get("/schema").json()["input"] == INPUT


@pytest.mark.skipif(not RANGES, reason="the model has no ranges of training")
def test_a_value_outside_the_range_of_training_is_a_warning_or_refused(
    record: dict[str, Any],
) -> None:
    field, held = next(iter(RANGES.items()))
    record[field] = 2 * held["highest"] - held["lowest"]
    (warning,) = client.post("/predict", json=record).json()["warnings"]
    assert warning.startswith(f"{field}: ")
    answer = client.post("/predict?strict=true", json=record)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", field])


@pytest.mark.skipif(not NUMBERS, reason="the model reads no numbers")
@pytest.mark.parametrize(
    "value", ['"5"', "true", "NaN", "-Infinity", "1e999", "1e300", "9" * 400, "[1]", '"\\ud800"']
)
def test_an_impossible_value_is_refused_by_the_name_of_its_field(
    record: dict[str, Any], value: str
) -> None:
    field = NUMBERS[0]
    text = json.dumps({**record, field: "HERE"}).replace('"HERE"', value)
    answer = post("/predict", text.encode())
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", field])
    batch = post("/predict/batch", f'{{"records": [{text}, {json.dumps(record)}]}}'.encode())
    refused, predicted = batch.json()["results"]
    assert refused["error"]["field"] == field
    check(predicted, GOLDEN[0]["prediction"])


@pytest.mark.parametrize("name", ["unknown", "", "\ud800"])
def test_an_unknown_field_is_refused_by_its_name(record: dict[str, Any], name: str) -> None:
    answer = post("/predict", json.dumps({**record, name: 1}).encode())
    assert (answer.status_code, answer.json()["detail"][0]["loc"][-1]) == (422, name or "body")


def test_a_missing_field_is_refused_by_its_name(record: dict[str, Any]) -> None:
    del record[FIELD]
    answer = client.post("/predict", json=record)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", FIELD])


def test_what_is_no_record_is_refused_in_its_place(record: dict[str, Any]) -> None:
    items = [None, 5, "text", [record], {}, record]
    answer = client.post("/predict/batch", json={"records": items})
    *refused, predicted = answer.json()["results"]
    assert [list(result) for result in refused] == [["error"]] * 5
    check(predicted, GOLDEN[0]["prediction"])


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"NaN", 422),
        (b"[]", 422),
        (b'{"records": NaN}', 422),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"records": ' + b"9" * 5_000 + b"}", 400),
        (b" " * 4_000_001, 413),
    ],
    ids=["nothing", "cut off", "NaN", "list", "not a list", "bytes", "deep", "digits", "large"],
)
def test_what_is_no_request_is_refused(path: str, content: bytes, status: int) -> None:
    assert post(path, content).status_code == status


def test_a_batch_has_a_limit() -> None:
    answer = client.post("/predict/batch", json={"records": [{}] * (MOST_RECORDS + 1)})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "records"])


def test_other_refusals_name_the_model_too() -> None:
    for answer in (client.get("/nothing"), client.get("/predict")):
        assert answer.json()["model_version"] == metadata.version(distribution)
