"""Compare a wheel with what is published where the job that built it could not.

The held-out rows stay with the build, so that the values are compared that both wheels carry.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trainwheel.errors import ConfigurationError, RefusedError
from trainwheel.evaluation.gate import Baseline, Rule, evaluate_rules
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.versions import newest_in_line
from trainwheel.system.console import Console
from trainwheel.wheel.proof import Proof, read_provenance

__all__ = ["compare_late"]


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
        RefusedError: A metric is worse than allowed, or a published wheel does not tell it.
    """
    newest = newest_in_line(proof.version, wheels)
    if newest is None or newest == proof.compared_with:
        return
    try:
        new = read_provenance(wheel)
    except ConfigurationError:
        return  # a wheel of another tool asks for nothing
    rules = (Rule(metric, **values) for metric, values in (new.gate or {}).items())
    drops = tuple(replace(rule, minimum=None, maximum=None) for rule in rules if rule.compares)
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
    console.notice(f"compared with {newest}: no metric is worse than the gate allows")
