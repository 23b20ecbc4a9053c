"""The checks of CI files really run, and what jobs hand over is what was built."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from integration.jobs import FRESH, Job, place_command
from integration.once import once_for
from integration.tiny import ROOT, clean_variables, run_to_end
from trainwheel.cli.opening import open_run
from trainwheel.engine.run import Run as Opened
from trainwheel.errors import StepFailedError
from trainwheel.steps import load_chain
from trainwheel.steps.lint import NPM_LINTERS, lint_ci_files
from trainwheel.system.command import Command
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.process import run
from unit.cli.test_ci import JUNIT, PLACE
from unit.proved import package
from unit.repository import make_repository, write

pytestmark = pytest.mark.integration

needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="node is not installed")
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")

WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture(scope="session")
def linters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environments of the linters, made once."""

    def fill(folder: Path) -> None:
        project = folder / "project"
        copy_project(project)
        lint_ci_files(open_with(project, folder, read_environment()))

    return once_for(tmp_path_factory).folder("linters", fill)


def open_with(root: Path, linters: Path, environment: Environment) -> Opened:
    """Open a repository whose environments are those of the linters."""
    return open_run(root, linters, environment, load_chain().categories)


@pytest.fixture
def opened(tmp_path: Path, linters: Path) -> Opened:
    """A repository with this one's workflows, and without its Jenkinsfile, which takes long."""
    copy_project(tmp_path / "project")
    return open_with(tmp_path / "project", linters, read_environment())


def copy_project(root: Path) -> None:
    """Copy what the checks of workflows need."""
    for name in (".github", "templates"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("pyproject.toml", "Pipfile", "Pipfile.lock", ".gitlab-ci.yml"):
        shutil.copy(ROOT / name, root)


def edit(opened: Opened, name: str, old: str, new: str) -> None:
    path = opened.workspace.layout.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@needs_node
@pytest.mark.parametrize(("name", "old", "new", "check"), [
    (WORKFLOW, "runs-on:", "runs-in:", "check-jsonschema github-workflows"),
    (WORKFLOW, "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "zizmor"),
    (WORKFLOW, "matrix.python-version }}\n", "matrix.python }}\n", "actionlint"),
    (".gitlab-ci.yml", "script:", "scripts:", "check-jsonschema gitlab-ci"),
    ("templates/model.yml", "inputs.gate ]]", "inputs.gates ]]", "component"),
])  # fmt: skip
def test_a_broken_workflow_is_refused_by_the_check_that_knows(
    opened: Opened, name: str, old: str, new: str, check: str
) -> None:
    edit(opened, name, old, new)

    with pytest.raises(StepFailedError, match=f"^failed: {check} ended with exit code"):
        lint_ci_files(opened)


@pytest.mark.slow
@needs_node
@needs_java
def test_a_broken_jenkinsfile_is_refused(opened: Opened) -> None:
    shutil.rmtree(opened.workspace.layout.root / ".github")
    shutil.copy(ROOT / "Jenkinsfile", opened.workspace.layout.root)
    edit(opened, "Jenkinsfile", "    post {", "    post {{")

    with pytest.raises(StepFailedError, match=r"^failed: npm-groovy-lint ended with exit code"):
        lint_ci_files(opened)


@needs_node
def test_npm_refuses_a_package_with_another_digest(tmp_path: Path) -> None:
    folder = tmp_path / "ci-lint"
    shutil.copytree(NPM_LINTERS, folder)
    lock = folder / "package-lock.json"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(re.sub(r"sha512-....", "sha512-AAAA", text), encoding="utf-8")

    words = ("npm", "ci", "--prefix", str(folder), "--cache", str(tmp_path / "cache"))
    completed = run(Command(words, is_open=True), read_environment())

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


@pytest.mark.parametrize(("job", "tools"), [("publish", "shasum"), ("verify", "sha256sum")])
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


def test_without_the_digest_of_what_was_built_nothing_is_attested_or_published(
    tmp_path: Path, handed: Mapping[str, str]
) -> None:
    variables, fresh = {"PATH": os.environ["PATH"]}, {FRESH: str(tmp_path)}
    told = {**fresh, "inputs.digest": handed["needs.build.outputs.digest"]}
    assert Job("attest", tmp_path, variables, told).run(CHECK).code == 0
    assert Job("attest", tmp_path, variables, fresh).run(CHECK).code != 0
    for name in ("build", "command"):
        lost = {**handed, f"needs.{name}.outputs.digest": ""}
        done = Job("publish", tmp_path, variables, lost).run(CHECK)
        assert done.code != 0
        assert "did not arrive: GitHub drops an output that holds a secret" in done.line("::error")
    CHANGES["another byte"](tmp_path)
    assert Job("attest", tmp_path, variables, told).run(CHECK).code != 0


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A repository on a service, with the command where a job has it."""
    root = make_repository(tmp_path / "small")
    place_command(root)
    return root


def test_with_nothing_to_release_nothing_is_handed_over_and_the_output_says_so(
    built: Path, tmp_path: Path
) -> None:
    package(built, releases=False)
    output = tmp_path / "output"
    variables = {**clean_variables(), "GITHUB_OUTPUT": str(output)}

    done = Job("build", built, variables, {}).run("Collect what is handed over")

    assert done.code == 0, done.output
    assert not (built / "handed-over").exists()
    # Later jobs ask for that word: an output that is empty is one that did not arrive.
    assert output.read_text() == "digest=unchanged\n"


def test_a_pointer_of_git_lfs_is_named_before_anything_is_trained(built: Path) -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 9000000\n"
    write(built, "data/the rows.csv", text)
    write(built, "README.md", text.partition("oid")[0])
    variables, step = clean_variables(), "Warn of files that Git LFS keeps"
    for words in (("init", "--quiet"), ("add", "README.md")):
        assert run_to_end(("git", *words), built, variables).code == 0
    without = Job("build", built, variables, {}).run(step)
    assert run_to_end(("git", "add", "data"), built, variables).code == 0

    done = Job("build", built, variables, {}).run(step)

    assert (without.code, without.output) == (0, "")
    assert done.code == 0
    assert done.line("::warning::").endswith("lfs: true: data/the rows.csv")


@pytest.mark.parametrize(("checkout", "folder"), [("small", ""), (".", "small/"), ("other", "")])
def test_a_broken_test_is_marked_in_the_repository_and_in_the_summary(
    built: Path, tmp_path: Path, checkout: str, folder: str
) -> None:
    write(built, "build/test/junit.xml", JUNIT)
    summary = tmp_path / "summary.md"
    variables = {**clean_variables(), "GITHUB_STEP_SUMMARY": str(summary)}
    variables |= {"GITHUB_WORKSPACE": str(tmp_path / checkout)}

    done = Job("build", built, variables, {}).run("Tell of failed tests, and sum up")

    assert done.code == 0, done.output
    # GitHub looks for the file from the root of the checkout.
    assert f"::error {PLACE.replace('file=', f'file={folder}')},title=" in done.output
    assert "in tests/unit/test_a.py, line 12" in summary.read_text()
