"""Ask the installed reference model what its consumer can know of it; answers with JSON."""

import contextlib
import hashlib
import io
import json
import sys
from importlib import metadata, resources

import oncology_model
from oncology_model.__main__ import main
from oncology_model.classifier import Classifier, predict_record


def run(*words: str) -> str:
    """Run the model's command in this process, and return what it prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = main(words)
    return output.getvalue() if code == 0 else f"exit code {code}"


wheel = metadata.distribution("oncology-model")
golden = (wheel.read_text("trainwheel/golden.jsonl") or "").splitlines()
package = resources.files(oncology_model)
artefact = package.joinpath("artefact", "model.joblib").read_bytes()
answer = {
    "answers": [predict_record(json.loads(row)["input"]) for row in golden],
    "artefact": hashlib.sha256(artefact).hexdigest(),
    "info": run("info", "--json"),
    "is_typed": package.joinpath("py.typed").is_file(),
    "path": oncology_model.__file__,
    "predict": run("predict", *sys.argv[1:]),
    "verify": run("verify"),
    "schema": Classifier().input_schema(),
    "provenance": wheel.read_text("trainwheel/provenance.json"),
    "version": oncology_model.__version__,
}
json.dump(answer, sys.stdout)
