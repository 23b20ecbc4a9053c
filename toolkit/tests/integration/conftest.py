"""Fixtures: tiny model repositories to run the real chain on, and indexes to publish to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.jobs import GROOVY, install_groovy
from integration.once import Once, once_for
from integration.serving import Example, make_example
from integration.tiny import (
    LEARNER,
    PIPFILE,
    ROOT,
    RealIndex,
    Run,
    TinyProject,
    clean_variables,
    copy_of,
    make_tiny,
    serve_index,
)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Makes a folder once for all processes that run tests beside each other."""
    return once_for(tmp_path_factory)


@pytest.fixture(scope="session")
def groovy(once: Once) -> str:
    """The class path of Groovy, which runs pipelines of Jenkins."""
    missing = [name for name in ("java", "npm") if shutil.which(name) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {' and '.join(missing)}")
    folder = once.folder("groovy", install_groovy)
    return f"{folder}/{GROOVY}"


@pytest.fixture(scope="session")
def first_upload(once: Once) -> tuple[TinyProject, Run]:
    """A tiny project, to be copied and not changed, and how its first upload went."""
    folder = once.folder("published", publish)
    return in_folder(folder), Run(0, (folder / "output").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def published_once(first_upload: tuple[TinyProject, Run]) -> TinyProject:
    """A tiny project whose 0.1.0 is in its embedded index; to be copied, not changed."""
    return first_upload[0]


@pytest.fixture(scope="session")
def envdir(published_once: TinyProject) -> Path:
    """Environments that all tiny projects share, for they have one lock.

    They are replaced in place, so that all have to be made before two runs meet there.
    """
    return published_once.envdir


@pytest.fixture
def tiny(tmp_path: Path, envdir: Path) -> TinyProject:
    """A fresh tiny model repository under git."""
    return make_tiny(tmp_path / "tiny", envdir)


@pytest.fixture
def published(tmp_path: Path, published_once: TinyProject) -> TinyProject:
    """A tiny project whose 0.1.0 was trained, tested, proved, published and verified."""
    return copy_of(published_once, tmp_path / "tiny")


@pytest.fixture(scope="session")
def published_learner_once(once: Once) -> TinyProject:
    """A project with held-out rows whose 0.1.0 is in its embedded index; to be copied."""
    return in_folder(once.folder("published-learner", lambda folder: publish(folder, LEARNER)))


@pytest.fixture
def published_learner(tmp_path: Path, published_learner_once: TinyProject) -> TinyProject:
    """A project with held-out rows that was published once."""
    return copy_of(published_learner_once, tmp_path / "tiny")


def publish(folder: Path, pipfile: str = PIPFILE) -> None:
    project = make_tiny(folder / "tiny", folder / "environments", pipfile)
    run = project.nox("upload")
    assert run.code == 0, run.output
    (folder / "output").write_text(run.output, encoding="utf-8")


def train_reference(folder: Path) -> None:
    root = folder / "project"
    listed = subprocess.run(
        ("git", "ls-files", "-co", "--exclude-standard"),
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if not name.startswith("toolkit/") and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    run = TinyProject(root, folder / "environments", clean_variables()).nox("train")
    assert run.code == 0, run.output


def package_reference(folder: Path, reference: TinyProject) -> None:
    project = copy_of(reference, folder / "project")
    project.replace("noxfile.py", "register()", 'register(exclude=["doc", "test"])')
    run = project.nox("package")
    assert run.code == 0, run.output
    shutil.copy(project.wheel, folder)


def in_folder(folder: Path) -> TinyProject:
    return TinyProject(folder / "tiny", folder / "environments", clean_variables())


@pytest.fixture(scope="session")
def reference(once: Once) -> TinyProject:
    """The reference model of this repository, trained."""
    folder = once.folder("reference", train_reference)
    return TinyProject(folder / "project", folder / "environments", clean_variables())


@pytest.fixture(scope="session")
def reference_wheel(once: Once, reference: TinyProject) -> Path:
    """The reference model as the chain packages it, without its tests and pages."""
    folder = once.folder("reference-wheel", lambda folder: package_reference(folder, reference))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def example(once: Once, reference_wheel: Path) -> Example:
    """The service of examples/serve, with what it needs and the reference model."""
    return Example(once.folder("serve", lambda folder: make_example(folder, reference_wheel)))


@pytest.fixture
def runner(tmp_path: Path) -> dict[str, str]:
    """What the steps of a job see on a runner of one's own."""
    variables = {**clean_variables(), "RUNNER_TEMP": str(tmp_path)}
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    return {**variables, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}


@pytest.fixture
def nexus(tmp_path: Path) -> Iterator[RealIndex]:
    """An empty index that anyone may read and one user may upload to."""
    with serve_index(tmp_path / "nexus") as index:
        yield index


@pytest.fixture
def shut_nexus(tmp_path: Path) -> Iterator[RealIndex]:
    """An empty index that asks for the password for reading as well."""
    with serve_index(tmp_path / "nexus", protect_reads=True) as index:
        yield index
