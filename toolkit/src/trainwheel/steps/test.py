"""Run the model's tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from trainwheel.engine.chain import FORCE, TO, VERBOSE, WAIT, Files, Step
from trainwheel.engine.execute import run_step
from trainwheel.engine.inputs import ARTEFACT, PACKAGE, SOURCE
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError
from trainwheel.settings.of_tests import (
    COVERAGE_FILES,
    PYTEST_FILES,
    SHARED_FILES,
    digest_of_settings,
)
from trainwheel.steps.evaluate import pass_gate
from trainwheel.system.files import place

__all__ = ["STEP"]


def _run(run: Run) -> None:
    """Run pytest with coverage of the package that is shipped, then apply the gate."""
    run.workspace.require_artefact()
    run_step(run, STEP, lambda scratch: _test(run, scratch))
    pass_gate(run)


def _test(run: Run, scratch: Path) -> Mapping[str, str]:
    workspace, results = run.workspace, scratch / run.workspace.layout.test.name
    results.mkdir()
    argv = (
        *("python", "-m", "pytest", workspace.config.tests, "-p", "no:cacheprovider"),
        *(f"--junitxml={results / 'pytest.xml'}", f"--cov={workspace.config.package}"),
        *(
            f"--cov-report=xml:{results / 'coverage.xml'}",
            f"--cov-report=html:{results / 'coverage'}",
        ),
    )
    env = {"PYTHONPATH": str(workspace.layout.source), "COVERAGE_FILE": str(scratch / "coverage")}
    try:
        run.tools.run("test", argv, what="the tests", env=env)
    except StepFailedError:
        # A CI service shows which tests failed; the step stays stale, because no record is written.
        if (results / "pytest.xml").is_file():
            shutil.copyfile(results / "pytest.xml", results / workspace.layout.junit.name)
        place(results, workspace.layout.test)
        raise
    return {"summary": _describe(results)}


def _describe(results: Path) -> str:
    # Locked tools have just written both files, so the parser need not resist hostile XML.
    import xml.etree.ElementTree as ET  # nosec B405 - reads what this run wrote

    junit, rate = ET.parse(results / "pytest.xml"), "0"  # noqa: S314  # nosec B314
    # It is missing where the tests import nothing of the package.
    if (coverage := results / "coverage.xml").is_file():
        rate = ET.parse(coverage).getroot().get("line-rate", "0")  # noqa: S314  # nosec B314
    suite = next(junit.iter("testsuite"))
    return f"{suite.get('tests')} tests passed, {float(rate):.0%} of the package covered"


def _tests(workspace: Workspace) -> Iterator[Path]:
    """Yield the tests, and conftest.py of every folder above them up to the root."""
    root = workspace.layout.root
    folder = root / workspace.config.tests
    yield from workspace.files(folder)
    for parent in folder.parents:
        if root in (parent, *parent.parents) and (parent / "conftest.py").is_file():
            yield parent / "conftest.py"


def _settings(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield the name and the digest of each setting of pytest and coverage."""
    root, folder = workspace.layout.root, workspace.layout.root / workspace.config.tests
    paths = [f"{above}/{name}" for above in (folder, *folder.parents) for name in PYTEST_FILES]
    for path in dict.fromkeys((*paths, *(f"{root}/{name}" for name in COVERAGE_FILES))):
        if os.path.isfile(path):  # noqa: PTH113 - text, for there are many
            name = path.rpartition("/")[2]
            what = "the test configuration in " if name in SHARED_FILES else ""
            digest = digest_of_settings(name, Path(path).read_bytes())
            yield f"{what}{os.path.relpath(path, root)}", digest


def _facts(workspace: Workspace) -> dict[str, str]:
    settings = {name: digest for name, digest in _settings(workspace) if digest}
    own = {"the tests": workspace.config.tests, "the package": workspace.config.package}
    return {**own, **settings, **workspace.environment.facts}


STEP = Step(
    name="test",
    target="test",
    help="Run the model's tests with coverage, and pass the gate",
    run=_run,
    needs=("train", "evaluate", "report"),
    is_link=True,
    category="test",
    inputs=(
        Files("the files below `tests`, and the settings of pytest and coverage", _tests),
        PACKAGE,
        ARTEFACT,
    ),
    assumed=(SOURCE,),
    settings=frozenset({*PYTEST_FILES, *COVERAGE_FILES}),
    facts=_facts,
    outputs=lambda layout: (layout.test,),
    beside=lambda layout: (layout.junit,),
    flags=(TO, FORCE, WAIT, VERBOSE),
)
