"""A second model, made of the first one: without the portable form, and with its own answers."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import zipfile
from pathlib import Path

from integration.consumers.consumer import Release
from unit.wheels import read_members, record_of

__all__ = ["make_second"]

_TRAIN = """\
import json, sys
import joblib, numpy, sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

data = load_breast_cancer()
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(data.data, data.target_names[data.target])
joblib.dump(model, sys.argv[1])
modules = {"scikit-learn": sklearn, "numpy": numpy, "joblib": joblib}
print(json.dumps({name: module.__version__ for name, module in modules.items()}))
"""
_ASK = """\
import json, sys
from renal_model.classifier import predict_record

print(json.dumps([predict_record(record) for record in json.load(sys.stdin)]))
"""


def make_second(release: Release, folder: Path, python: Path, version: str) -> Path:
    """Return the wheel of a model that is trained by the scikit-learn of an environment."""
    artefact = folder / "model.joblib"
    versions = json.loads(_run(python, _TRAIN, artefact))
    members = _rename(read_members(release.wheel), version)
    content = artefact.read_bytes()
    manifest = _find(members, "/model.joblib.json")
    members[_find(members, "/model.joblib")] = content
    document = json.loads(members[manifest])
    form = document.pop("portable")["file"]
    del document["files"][form], members[_find(members, f"/{form}")]
    known = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    document |= {**known, "versions": versions}
    document["files"]["model.joblib"] |= known
    members[manifest] = json.dumps(document).encode()
    metadata = _find(members, ".dist-info/METADATA")
    old, new = b"scikit-learn==1.9.1", f"scikit-learn=={versions['scikit-learn']}".encode()
    assert members[metadata].count(old) == 1
    plain = re.sub(rb' *; extra == ["\']sklearn["\']', b"", members[metadata].replace(old, new))
    members[metadata] = plain.replace(b"Provides-Extra: sklearn\n", b"")
    wheel = folder / f"renal_model-{version}-py3-none-any.whl"
    _write(wheel, members)
    inputs = [row.input for row in release.golden]
    answers = json.loads(_run(python, _ASK, given=json.dumps(inputs), path=wheel))
    rows = zip(inputs, answers, strict=True)
    golden = "".join(json.dumps({"input": old, "prediction": new}) + "\n" for old, new in rows)
    provenance = json.loads(members[_find(members, "/provenance.json")])
    provenance["golden"]["sha256"] = hashlib.sha256(golden.encode()).hexdigest()
    members[_find(members, "/golden.jsonl")] = golden.encode()
    members[_find(members, "/provenance.json")] = json.dumps(provenance).encode()
    _write(wheel, members)
    return wheel


def _rename(members: dict[str, bytes], version: str) -> dict[str, bytes]:
    swaps = ("oncology_model-0.1.0", f"renal_model-{version}"), ("oncology", "renal")
    renamed = {}
    for member, content in members.items():
        name, text = member, content
        for old, new in swaps:
            name = name.replace(old, new)
            if not name.endswith((".joblib", ".npz")):
                text = text.replace(old.encode(), new.encode())
        renamed[name] = text
    metadata = _find(renamed, ".dist-info/METADATA")
    renamed[metadata] = renamed[metadata].replace(
        b"\nVersion: 0.1.0\n", f"\nVersion: {version}\n".encode()
    )
    return renamed


def _find(members: dict[str, bytes], end: str) -> str:
    (name,) = (name for name in members if name.endswith(end))
    return name


def _write(wheel: Path, members: dict[str, bytes]) -> None:
    record = _find(members, ".dist-info/RECORD")
    rest = {name: content for name, content in members.items() if name != record}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {**rest, record: record_of(rest, record).encode()}.items():
            archive.writestr(name, content)


def _run(python: Path, code: str, *words: Path, given: str = "", path: Path | None = None) -> str:
    argv = [str(python), "-c", code, *map(str, words)]
    variables = {"PYTHONPATH": str(path)} if path else {}
    done = subprocess.run(
        argv, input=given, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
