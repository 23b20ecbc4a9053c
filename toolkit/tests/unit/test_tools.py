"""What the tools of a step are given, and what is told when one fails."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.environments import StepEnvironments
from trainwheel.errors import StepFailedError
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile
from unit.repository import make_repository, open_here, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository."""
    return make_repository(tmp_path / "a b é")


@pytest.fixture(scope="session")
def envdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments of steps that need no package, made once."""
    return tmp_path_factory.mktemp("environments")


def tools_of(
    root: Path,
    envdir: Path,
    variables: Mapping[str, str] | None = None,
    *,
    stream: io.StringIO | None = None,
) -> StepEnvironments:
    tools = open_here(root, variables, stream=stream).tools
    assert isinstance(tools, StepEnvironments)
    return replace(tools, folder=envdir)


def script(*lines: str) -> tuple[str, ...]:
    return ("python", "-c", "\n".join(lines))


def test_a_tool_runs_in_the_environment_of_its_step(root: Path, envdir: Path) -> None:
    tools = tools_of(root, envdir, {"NEXUS_PASSWORD": "s3cret", "LANG": "C"})
    shown = script("import json, os, sys", "print(json.dumps([sys.prefix, dict(os.environ)]))")

    prefix, variables = json.loads(tools.run("package", shown, what="looking", env={"ADDED": "x"}))

    assert prefix == variables["VIRTUAL_ENV"] == str(envdir / "package")
    assert variables["PATH"].startswith(f"{envdir / 'package' / 'bin'}:")
    assert variables["ADDED"] == "x"
    assert "NEXUS_PASSWORD" not in variables


def test_a_tool_that_fails_shows_its_last_lines_and_names_its_log(root: Path, envdir: Path) -> None:
    stream = io.StringIO()
    tools = tools_of(root, envdir, stream=stream)
    argv = script("for i in range(40): print('line', i)", "print('=== 1 failed ===')", "exit(3)")

    with pytest.raises(StepFailedError) as caught:
        tools.run("package", argv, what="the check")

    assert str(caught.value) == (
        "failed: the check ended with exit code 3: 1 failed; "
        "its whole output is in build/log/package.log"
    )
    shown = stream.getvalue().splitlines()
    assert shown == [*(f"  line {number}" for number in range(11, 40)), "  === 1 failed ==="]
    log = tools.workspace.layout.log("package")
    assert "\nline 0\n" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("number", "ending"),
    [
        (signal.SIGKILL, "the check was killed, as the system does when memory runs out"),
        (signal.SIGTERM, "the check was ended by signal 15"),
    ],
)
def test_a_tool_that_a_signal_ends_is_told_apart(
    root: Path, envdir: Path, number: int, ending: str
) -> None:
    argv = script("import os", f"os.kill(os.getpid(), {number:d})")

    with pytest.raises(StepFailedError, match=ending):
        tools_of(root, envdir).run("package", argv, what="the check")


def test_a_tool_that_takes_too_long_is_ended(root: Path, envdir: Path) -> None:
    argv = script("import time", "time.sleep(600)")

    with pytest.raises(StepFailedError, match=r"the check took too long: .*; raise its limit"):
        tools_of(root, envdir).run("package", argv, what="the check", timeout=0.5)


def test_a_tool_that_succeeds_shows_nothing_unless_it_is_asked_to(root: Path, envdir: Path) -> None:
    stream = io.StringIO()
    tools = tools_of(root, envdir, stream=stream)

    tools.run("package", script("print('hello')"), what="the check")
    quiet = stream.getvalue()
    replace(tools, verbose=True).run("package", script("print('hello')"), what="the check")

    assert quiet == ""
    assert stream.getvalue() == "hello\n"


def test_a_program_that_the_environment_lacks_is_taken_from_the_machine(
    root: Path, envdir: Path
) -> None:
    tools = tools_of(root, envdir, {"PATH": "/usr/bin:/bin"})

    assert tools.run("package", ("echo", "hello"), what="echo") == "hello\n"


def test_training_has_an_environment_for_each_engine(root: Path) -> None:
    write(root, "Pipfile", "[packages]\n\n[train]\n\n[engine]\n")
    lock: dict[str, object] = {name: {} for name in ("default", "develop", "train", "engine")}
    meta = {"hash": {"sha256": ""}, "pipfile-spec": 6, "requires": {}, "sources": []}
    pipfile = parse_pipfile((root / "Pipfile").read_text())
    write(root, "Pipfile.lock", stamp_lock(json.dumps({"_meta": meta, **lock}), pipfile))
    run = open_here(root)
    elsewhere = run.under(replace(run.workspace.config, engine="dask"))

    assert run.tools.variables("train")["VIRTUAL_ENV"] == str(root / ".nox" / "train")
    assert elsewhere.tools.variables("train")["VIRTUAL_ENV"] == str(root / ".nox" / "train-engine")
