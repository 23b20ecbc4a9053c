"""Compare a wheel with what is published where the job that built it could not.

The held-out rows stay with the build, so that the values are compared that both wheels carry.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from trainwheel.errors import ConfigurationError, RefusedError
from trainwheel.evaluation.gate import LEFT_OUT, Baseline, Rule, evaluate_rules
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.versions import newest_in_line
from trainwheel.system.console import Console
from trainwheel.wheel.metadata import list_members
from trainwheel.wheel.proof import Proof, read_provenance

__all__ = ["compare_late"]

_RECORD = ".dist-info/trainwheel/provenance.json"
_KEYS = frozenset(entry.name for entry in fields(Rule)) - {"metric"}
_LIMITS = {"minimum": None, "maximum": None}
"""They need nothing that is published: the build has checked them."""


def compare_late(
    registry: Registry,
    wheels: Mapping[str, PublishedFile],
    wheel: Path,
    proof: Proof,
    console: Console,
) -> None:
    """Check the drops that the gate allows, unless they were checked against what is published.

    Args:
        registry: The index.
        wheels: Version → file of what is published.
        wheel: The wheel to publish.
        proof: What was proved of it.
        console: Where people are told.

    Raises:
        RefusedError: A metric is worse than allowed, or the wheel asks what this version does not
            know.
        ConfigurationError: This version cannot read what the wheel says of its model.
    """
    newest = newest_in_line(proof.version, wheels)
    if newest is None or newest == proof.compared_with:
        return
    if not any(member.endswith(_RECORD) for member in list_members(wheel)):
        return  # a wheel of another tool asks for nothing
    new = read_provenance(wheel)
    drops = _drops(wheel, new.gate or {})
    if not drops:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="trainwheel-") as folder:
            old = read_provenance(registry.fetch(wheels[newest], Path(folder)))
    except ConfigurationError as error:
        console.notice(f"not compared with {newest}: {error.message}")
        return
    verdict = evaluate_rules(drops, new.metrics, Baseline(newest, metrics=old.metrics))
    if failures := verdict.failures():
        message = f"the gate does not let this model pass: {failures[0]}"
        raise RefusedError(message, hint="train a better one, or change tool.trainwheel.gate")
    skipped = [check.metric for check in verdict.checks if check.outcome == LEFT_OUT]
    for metric in skipped:
        console.notice(f"{metric} is not compared with {newest}, which has no such metric")
    if len(skipped) < len(drops):
        console.notice(f"compared with {newest}: no metric is worse than the gate allows")


def _drops(wheel: Path, gate: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the drops that the gate allowed when a wheel was packaged.

    Raises:
        RefusedError: Whether a rule is kept cannot be said, for this version does not know it.
    """
    if unknown := [metric for metric, values in gate.items() if not _is_rule(values)]:
        message = f"{wheel.name} asks of {unknown[0]} what this version does not know"
        hint = "publish it with the version of trainwheel that packaged it"
        raise RefusedError(message, hint=hint)
    rules = (Rule(metric, **{**values, **_LIMITS}) for metric, values in gate.items())
    return tuple(rule for rule in rules if rule.compares)


def _is_rule(values: object) -> bool:
    return isinstance(values, dict) and all(
        name in _KEYS and isinstance(value, str if name == "direction" else int | float)
        for name, value in values.items()
    )
