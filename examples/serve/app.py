"""A web service for a model: a record or a batch comes in, predictions go out, both as JSON.

For another model change its import: all else the service asks the model.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from oncology_model import Classifier as Model
from oncology_model import InvalidRecordError, Result, __version__
from pydantic import Field, WithJsonSchema
from starlette.exceptions import HTTPException

MOST_RECORDS = 1_000
MOST_BYTES = 4_000_000
"""Of a request: all other requests of a worker wait while it is parsed."""

# gunicorn imports this before it starts workers, which share what was loaded. A model that cannot
# predict ends it here. FastAPI calls functions in threads, which may use one model at a time.
model = Model.load()

INPUT, OUTPUT = model.input_schema(), model.output_schema()
Record = Annotated[dict[str, Any], WithJsonSchema(INPUT)]
# In a batch, what is no record at all is refused in its place, as a bad record is.
Item = Annotated[Any, WithJsonSchema(INPUT)]
Records = Annotated[list[Item], Field(max_length=MOST_RECORDS), Body(embed=True)]

app = FastAPI(title="Predictions", version=__version__, max_body_size=MOST_BYTES)


def answer(content: Mapping[str, object], status: int = 200, **headers: str) -> Response:
    """Answer in ASCII: JSON may hold half a surrogate pair, which UTF-8 cannot."""
    text = json.dumps({"model_version": __version__, **content}, allow_nan=False)
    return Response(text, status, headers, "application/json")


@app.get("/health")
async def health() -> Response:
    """Say that the model is loaded and has predicted."""
    return answer({"status": "ok"})


@app.get("/schema")
async def schema() -> Response:
    """Give the JSON Schema of a record and that of its result."""
    return answer({"input": INPUT, "output": OUTPUT})


@app.post("/predict")
def predict(record: Record, *, strict: bool = False) -> Response:
    """Predict for one record; with `strict`, refuse one that is outside the ranges of training."""
    return answer(model.predict_result(record, strict=strict).as_json())


@app.post("/predict/batch")
def predict_batch(records: Records, *, strict: bool = False) -> Response:
    """Predict for each record, or say what is wrong with it, in the order given."""
    results = model.results(records, on_error="mark", strict=strict)
    return answer({"results": [describe(result) for result in results]})


def describe(result: Result | InvalidRecordError) -> Mapping[str, object]:
    """Return what stands in the place of a record."""
    if isinstance(result, InvalidRecordError):
        return {"error": {"field": result.field, "problem": result.problem}}
    return result.as_json()


@app.exception_handler(InvalidRecordError)
def refuse_record(_: Request, error: InvalidRecordError) -> Response:
    """Name the field at fault, in the words of FastAPI for what it refuses itself."""
    place = ["body", error.field] if error.field else ["body"]
    return answer({"detail": [{"type": "record", "loc": place, "msg": error.problem}]}, 422)


@app.exception_handler(RequestValidationError)
def refuse_request(_: Request, error: RequestValidationError) -> Response:
    """Leave out what was sent: it may hold NaN, of which FastAPI's own answer is a 500."""
    details = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
    return answer({"detail": details}, 422)


@app.exception_handler(HTTPException)
def refuse(_: Request, error: HTTPException) -> Response:
    """Answer 404 and the like as all else."""
    return answer({"detail": error.detail}, error.status_code, **(error.headers or {}))
