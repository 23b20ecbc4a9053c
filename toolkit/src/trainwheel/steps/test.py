"""Run the model's tests."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from trainwheel.engine.chain import FORCE, JOBS, TO, VERBOSE, WAIT, Files, Step
from trainwheel.engine.execute import run_step, settle
from trainwheel.engine.inputs import ARTEFACT, PACKAGE, SOURCE
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError
from trainwheel.steps.evaluate import pass_gate
from trainwheel.system.files import place

__all__ = ["COVERAGE_FILES", "PYTEST_FILES", "SHARED_FILES", "STEP", "digest_of_settings"]


def _run(run: Run) -> None:
    """Run pytest with coverage of the package that is shipped, then apply the gate."""
    run.workspace.require_artefact()
    run_step(run, STEP, lambda scratch: _test(run, scratch))
    settle(run, STEP)
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
    from trainwheel.evaluation.junit import describe

    # There is no coverage where the tests import nothing of the package.
    tests, coverage = results / "pytest.xml", results / "coverage.xml"
    share = coverage.read_bytes() if coverage.is_file() else b"<coverage/>"
    return {"summary": describe(tests.read_bytes(), share)}


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


SHARED_FILES = ("pyproject.toml", "tox.ini", "setup.cfg")
"""Only some tables of these are theirs."""
PYTEST_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", *SHARED_FILES)
"""pytest looks for these in the folder of the tests, and in all above it."""
COVERAGE_FILES = (".coveragerc", ".coveragerc.toml", *SHARED_FILES)
"""coverage looks for these where it is started."""

_TABLES = ("pytest", "coverage")
"""Plugins of pytest have tables of their own, such as ``[tool.pytest_env]``."""
_SECTION = re.compile(rb"^(?=\[)", re.MULTILINE)
_OURS = re.compile(rb"\[(?:pytest\]|tool:pytest\]|coverage:|DEFAULT\])")


@functools.cache  # asked several times in a run, and parsing TOML is most of it
def digest_of_settings(name: str, data: bytes) -> str:
    """Return one digest of the settings of pytest and coverage in a file.

    Args:
        name: One of `PYTEST_FILES` or `COVERAGE_FILES`.
        data: Its content; what cannot be parsed counts as a whole.

    Returns:
        A sha256; empty where the file holds none, and its presence decides nothing.
    """
    if name == "pyproject.toml":
        # It counts without a table, too: its folder may be pytest's root (pytest#11962).
        data = _tables(data)
    elif name in SHARED_FILES:
        data = b"".join(filter(_OURS.match, _SECTION.split(data)))
        if not data:
            return ""
    return hashlib.sha256(data).hexdigest()


def _tables(data: bytes) -> bytes:
    try:
        tables = tomllib.loads(data.decode()).get("tool")
    except ValueError:
        return data
    if not isinstance(tables, Mapping):
        return b""
    return repr({k: v for k, v in tables.items() if k.startswith(_TABLES)}).encode()


STEP = Step(
    name="test",
    target="test",
    help="Run the model's tests with coverage, and pass the gate",
    run=_run,
    needs=("train",),
    awaits=("evaluate", "report"),
    is_link=True,
    is_heavy=True,
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
    flags=(TO, FORCE, WAIT, VERBOSE, JOBS),
)
