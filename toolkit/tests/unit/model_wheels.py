"""Whole wheels of a model, with provenance, golden predictions and bill, and their proofs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record, write_record
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.system.digest import digest_file
from trainwheel.wheel.proof import Proof, proof_path, render_proof
from trainwheel.wheel.provenance import Artefact, Golden, Provenance, Training
from unit.wheels import write_wheel

__all__ = ["ONE", "OTHER", "leave", "package", "proof_of", "write_model_wheel"]

ONE, OTHER = "1" * 64, "2" * 64
PREDICT = "small_model.classifier:predict_record"
GOLDEN = json.dumps({"input": {"x": 2.0}, "prediction": {"y": 4.0}}) + "\n"
CLASSIFIER = b"def predict_record(record):\n    return {'y': 2 * record['x']}\n"


def write_model_wheel(  # noqa: PLR0913 - each by name
    folder: Path,
    version: str = "0.1.0",
    *,
    release_key: str = ONE,
    metrics: Mapping[str, float] | None = None,
    gate: Mapping[str, Any] | None = None,
    predict: str = PREDICT,
    files: Mapping[str, bytes] | None = None,
    packages: Mapping[str, str] | None = None,
    inputs: Mapping[str, Any] | None = None,
    golden: str = GOLDEN,
) -> Path:
    """Write a wheel of ``small-model``, whose prediction is twice the input, and return its path.

    Args:
        folder: Where it goes.
        version: Its version.
        release_key: What its provenance says of its content.
        metrics: Of the model, by name.
        gate: Metric → what its release asked of it.
        predict: Its public function, as its provenance names it.
        files: Its package, by name; by default a classifier alone.
        packages: Name → version, as its provenance names them.
        inputs: Column → types of its values, as its provenance names them.
        golden: Its golden predictions.
    """
    info = f"small_model-{version}.dist-info"
    provenance = Provenance(
        name="small-model", version=version, release_key=release_key,
        commit=None, dirty=True, commit_time=None,
        training=Training("python -m t", {}, "local", "cpython 3.11.7", "linux-x86_64", ONE, {}),
        metrics=metrics or {}, intervals={}, gate=gate, packages=packages or {},
        artefact=Artefact("small_model/artefact/model.joblib", ONE, 7, "joblib"),
        golden=Golden(hashlib.sha256(golden.encode()).hexdigest(), 1, predict, 1e-9),
        inputs=inputs or {},
    )  # fmt: skip
    members = {
        **(files or {"small_model/classifier.py": CLASSIFIER}),
        f"{info}/trainwheel/provenance.json": provenance.render().encode(),
        f"{info}/trainwheel/golden.jsonl": golden.encode(),
        f"{info}/sboms/small-model.cdx.json": b"{}",
    }
    return write_wheel(folder, "small_model", version, members=members)


def proof_of(wheel: Path, *, release_key: str = ONE, always: bool = False, **more: Any) -> Proof:
    """Return the proof of a wheel, unless said otherwise of one that `write_model_wheel` wrote."""
    return Proof(
        version=wheel.name.split("-")[1], wheel=wheel.name, sha256=digest_file(wheel),
        release_key=release_key, always=always,
        **{"name": "small-model", "predict": PREDICT, "tolerance": 1e-9, "requirements": "",
           "golden": (GoldenRow({"x": 2.0}, {"y": 4.0}),), **more},
    )  # fmt: skip


def package(layout: Layout, version: str = "0.1.0", *, release_key: str = ONE) -> Proof:
    """Leave behind what the package step does: the wheel, its proof, and the record of both."""
    wheel = write_model_wheel(layout.dist, version, release_key=release_key)
    return leave(layout.records, wheel, proof_of(wheel, release_key=release_key))


def leave(records: Path, wheel: Path, proof: Proof) -> Proof:
    """Leave a proof beside its wheel, and the record of the package step; return the proof."""
    proof_path(wheel).write_text(render_proof(proof), encoding="utf-8")
    facts = {"wheel": wheel.name, "sha256": proof.sha256, "version": proof.version}
    write_record(records, Record("package", Fingerprint({}, {}), {}, 1.0, facts))
    return proof
