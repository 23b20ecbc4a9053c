"""What a process of Python imported, as its ``-X importtime`` tells."""

from __future__ import annotations

__all__ = ["needless_imports"]

WAITING = """
copier http.server jinja2 modulefinder requests tomlkit urllib3 xml.etree trainwheel.scaffold
trainwheel.evaluation.golden trainwheel.evaluation.importance trainwheel.evaluation.junit
trainwheel.index.embedded
trainwheel.index.router trainwheel.index.transport trainwheel.index.upload trainwheel.install.lock
trainwheel.install.wheelhouse trainwheel.requirements.locks trainwheel.requirements.pylock
trainwheel.requirements.setup_cfg trainwheel.steps.shared.cluster
trainwheel.steps.shared.describe trainwheel.steps.shared.measure trainwheel.steps.shared.prove
trainwheel.steps.shared.publish trainwheel.wheel.finish trainwheel.wheel.provenance
"""
"""Modules that neither ``nox -l`` nor a run with nothing to do needs."""


def needless_imports(importtime: str) -> set[str]:
    """Return the modules that one process of Python imported, and could have waited."""
    assert importtime.count("imported package") == 1
    return {*WAITING.split()} & {
        line.rpartition("|")[2].strip() for line in importtime.splitlines()
    }
