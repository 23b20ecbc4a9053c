"""The model and its data in a bill of materials: CycloneDX's own form of a model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainwheel.wheel.provenance import Provenance

__all__ = ["describe_data", "describe_model"]


def describe_model(provenance: Provenance, task: str) -> Iterator[dict[str, Any]]:
    """Yield the files of the trained model, the first with its card.

    Args:
        provenance: Of the model.
        task: ``classification`` or ``regression``; empty where nobody knows.
    """
    chief, card = provenance.artefact.path, {"modelCard": _card(provenance, task)}
    for path, file in provenance.artefact.members.items():
        is_model = path == chief or path.startswith(f"{chief}/")
        yield {
            **_describe(path, file.sha256, "machine-learning-model" if is_model else "data"),
            "version": provenance.version,
            **(card if is_model else {}),
        }
        card = {} if is_model else card


def describe_data(provenance: Provenance) -> Iterator[dict[str, Any]]:
    """Yield the data that training read, which is not in the wheel: its scope is excluded."""
    licence = (provenance.card or {}).get("data_licence")
    more = {"licenses": [{"license": {"name": licence}}]} if licence else {}
    for name, digest in sorted(provenance.training.data.items()):
        ref = {"bom-ref": _data_ref(name), "scope": "excluded"}
        yield {**_describe(name, digest, "data"), **ref, **more}


def _describe(name: str, sha256: str, kind: str) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": sha256}]
    return {"bom-ref": name, "hashes": hashes, "name": name, "type": kind}


def _data_ref(name: str) -> str:
    return f"data:{name}"


def _card(provenance: Provenance, task: str) -> dict[str, Any]:
    """Return what is known of the model; what is not known is left away."""
    card = provenance.card or {}
    inputs = [f"{name}: {' or '.join(kinds)}" for name, kinds in sorted(provenance.inputs.items())]
    return _given(
        modelParameters=_given(
            task=task,
            approach={"type": "supervised"} if task else {},
            datasets=[{"ref": _data_ref(name)} for name in sorted(provenance.training.data)],
            inputs=[{"format": text} for text in inputs],
        ),
        quantitativeAnalysis=_given(performanceMetrics=list(_metrics(provenance))),
        considerations=_given(
            useCases=_texts(card, "intended_use"), technicalLimitations=_texts(card, "limits")
        ),
    )


def _metrics(provenance: Provenance) -> Iterator[dict[str, Any]]:
    """Yield the metrics with an interval or a rule of the gate; all, where none has one.

    The others are mostly counts of rows and training's own notes, which provenance has.
    """
    chosen = {*provenance.intervals, *(provenance.gate or {})} & provenance.metrics.keys()
    for name in sorted(chosen or provenance.metrics):
        row: dict[str, Any] = {"type": name, "value": str(provenance.metrics[name])}
        if ends := provenance.intervals.get(name):
            row["confidenceInterval"] = {"lowerBound": str(ends[0]), "upperBound": str(ends[1])}
        yield row


def _texts(card: Mapping[str, str], name: str) -> list[str]:
    return [card[name]] if card.get(name) else []


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
