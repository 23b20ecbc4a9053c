"""The library's own work: ``nox -f toolkit/noxfile.py``."""

import os
from pathlib import Path

import nox

from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment

TOOLKIT = Path(__file__).parent
ROOT = TOOLKIT.parent
MOST_WORKERS = 8
"""More only wait for each other: the tests install, train and serve."""
MANIFESTS = ("docs/deploy/job.yaml", "docs/deploy/job-on-dask.yaml")
"""A DaskCluster is missing: kubernetes-validate has the schemas of Kubernetes' own kinds alone."""
KUBERNETES = ("--kubernetes-version", "1.31", "--kubernetes-version", "1.37")
"""The oldest that the guide allows, and the newest that the locked tool has schemas of."""
SERVICE = ROOT / "examples" / "serve"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

nox.options.sessions = ["lint", "tests"]
nox.options.stop_on_first_error = True


def ensure(session: nox.Session, name: str, category: str, *, editable: Path | None = None) -> Path:
    """Return the interpreter of an environment that holds one category of the lock."""
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    packages = render_requirements(requirements(lock, category))
    folder = session.cache_dir.parent.resolve() / name
    return Installer(read_environment()).ensure(folder, packages, editable=editable)


def run(session: nox.Session, tool: str, *arguments: str, **variables: str) -> None:
    """Run a tool of the lock's [toolkit] in an environment that also holds this toolkit."""
    python = ensure(session, "toolkit", "toolkit", editable=TOOLKIT)
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    session.run(
        str(python.parent / tool),
        *arguments,
        external=True,
        env={
            "PATH": path,
            "VIRTUAL_ENV": str(python.parents[1]),
            # What the tests start hundreds of times is compiled once, and not beside the sources.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(python.parents[1] / "bytecode"),
            **variables,
        },
    )


def run_tests(session: nox.Session, marks: str) -> None:
    """Run tests beside each other, two for each core; ``-- -n 0`` one by one.

    Half of the time they wait, for servers, kills and downloads.
    """
    workers = min(MOST_WORKERS, 2 * (os.cpu_count() or 1))
    spread = ("-n", str(workers), "--dist", "worksteal", "--durations", "25")
    run(session, "pytest", "-m", marks, *spread, *session.posargs)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Check style, types, spelling and the layering."""
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")
    run(session, "mypy")
    run(session, "lint-imports")
    run(session, "bandit", "-q", "-c", "pyproject.toml", "-r", "src")
    run(session, "codespell")
    run(session, "sp-repo-review", str(ROOT))
    run(session, "sp-repo-review", "--package-dir", "toolkit", str(ROOT))
    run(session, "python", "-m", "scripts.isolation")
    # A service is no part of the model's repository, so it brings settings of its own.
    settings = ("--config-file", str(SERVICE / "pyproject.toml"), "--follow-imports", "silent")
    run(session, "mypy", *settings, str(SERVICE), MYPYPATH=str(ROOT / "model"))
    run(session, "hadolint", "docs/deploy/Containerfile", str(SERVICE / "Containerfile"))
    run(session, "kubernetes-validate", "--strict", *KUBERNETES, *MANIFESTS)
    timeout = "custom.github-workflows-require-timeout"
    run(session, "check-jsonschema", "--quiet", "--builtin-schema", timeout, *map(str, WORKFLOWS))


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run the tests, except those that take long."""
    run_tests(session, "not slow and not models and not bench")


@nox.session(venv_backend="none")
def slow(session: nox.Session) -> None:
    """Run the tests that take long, those of the model among them."""
    run_tests(session, "slow and not models and not bench")
    model = ("-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}", str(ROOT / "tests" / "unit"))
    options = ("-m", "slow", "-p", "no:cacheprovider")
    run(session, "pytest", *options, *model, PYTHONPATH=str(ROOT / "model"))


@nox.session(venv_backend="none")
def models(session: nox.Session) -> None:
    """Run what repeats for other kinds of models and samples what CI proves of one; at night."""
    # Each model brings what its kind needs from the public index, some 300 MB in all.
    run_tests(session, "models")


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """Build the manual; ``-- --write`` renews its tables and drawings first."""
    run(session, "python", "-m", "scripts.write_docs", *(session.posargs or ["--check"]))
    site = session.cache_dir.parent.resolve() / "site"
    # Anew each time: a page that was read before hides that what it points to is gone.
    run(session, "sphinx-build", "-E", "-b", "html", "-W", "--keep-going", "-q", "docs", str(site))
    session.log(f"site in {site / 'index.html'}")


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Measure; ``-- benchmarks/bench_chain.py`` measures the chain alone."""
    ensure(session, "peers", "bench")
    names_files = any((TOOLKIT / word.partition("::")[0]).exists() for word in session.posargs)
    paths = () if names_files else ("benchmarks", "tests")
    run(session, "pytest", "-m", "bench", *paths, *session.posargs)
