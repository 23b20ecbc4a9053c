"""Run the model's tests."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from trainwheel.cli.runner import Context
from trainwheel.engine.project import Project
from trainwheel.engine.run import run_step
from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.facts import facts_of
from trainwheel.system.files import place

__all__ = ["run"]


def run(context: Context) -> None:
    """Run pytest over the tests with coverage of what is shipped, and judge the model."""
    project = context.project
    project.require_artefact()
    facts = facts_of(project, "test")
    run_step(
        project, "test", facts, lambda scratch: _test(project, scratch), force=context.is_forced
    )
    from trainwheel.steps.evaluate import judge  # noqa: PLC0415 - after what may be long

    judge(context)


def _test(project: Project, scratch: Path) -> Mapping[str, str]:
    made = scratch / "test"
    made.mkdir()
    argv = (
        *("python", "-m", "pytest", project.config.tests, "-p", "no:cacheprovider"),
        *(f"--junitxml={made / 'pytest.xml'}", f"--cov={project.config.package}"),
        *(f"--cov-report=xml:{made / 'coverage.xml'}", f"--cov-report=html:{made / 'coverage'}"),
    )
    env = {"PYTHONPATH": str(project.source), "COVERAGE_FILE": str(scratch / "coverage")}
    try:
        project.run_tool("test", argv, what="the tests", env=env)
    except StepFailedError:
        # A CI service shows which tests failed; the step stays stale, for no record says so.
        if (made / "pytest.xml").is_file():
            shutil.copyfile(made / "pytest.xml", made / "junit.xml")
        place(made, project.root / "build" / "test")
        raise
    return {"summary": _describe(made)}


def _describe(made: Path) -> str:
    import xml.etree.ElementTree as ET  # noqa: PLC0415 - only for work  # nosec B405

    # Both files were written by the tools of the locked environment a moment ago.
    junit = ET.parse(made / "pytest.xml")  # noqa: S314  # nosec B314
    coverage = ET.parse(made / "coverage.xml")  # noqa: S314  # nosec B314
    suite = next(junit.iter("testsuite"))
    rate = float(coverage.getroot().get("line-rate", "0"))
    return f"{suite.get('tests')} tests passed, {rate:.0%} of the package covered"
