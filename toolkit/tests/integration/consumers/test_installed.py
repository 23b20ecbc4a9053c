"""The reference model predicts, and tells where it comes from, however its wheel was installed."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from integration.consumers.consumer import Consumer, Release, check_answers
from integration.environments import clone_environment, install_tool
from integration.once import Once
from trainwheel.install.environments import find_uv, python_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NAME, PACKAGE = "oncology-model", "oncology_model"
PROJECT = '[project]\nname = "consumer"\nversion = "1.0"\nrequires-python = ">=3.11,<3.15"\n'
_STEERING = ("PIP_", "UV_", "PIPENV_", "POETRY_", "PDM_", "PEX_", "SHIV_", "VIRTUAL_ENV", "PYTHON")


@dataclass(frozen=True)
class Site:
    """A folder in which somebody installs the model.

    Args:
        folder: Its path, which is awkward.
        env: An environment in it, which holds what the model needs.
        index: The address of an index that has it all.
        once: Keeps the tools.
        release: The wheel.
    """

    folder: Path
    env: Path
    index: str
    once: Once
    release: Release

    def run(self, *argv: str | Path, **variables: str | Path) -> None:
        """Run a tool that installs, with a home of its own, and nothing of this machine's."""
        seen = {k: v for k, v in os.environ.items() if not k.startswith(_STEERING)}
        seen |= {"HOME": f"{self.folder}/home", "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
        seen |= {name: str(value) for name, value in variables.items()}
        argv = tuple(map(str, argv))
        done = subprocess.run(
            argv, cwd=self.folder, env=seen, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def tool(self, name: str, *pins: str) -> Path:
        """Return the program of a tool."""
        return install_tool(self.once, name, *pins)

    def write(self, name: str, text: str) -> None:
        """Write a file that configures a tool; ADDRESS in it is that of the index."""
        (self.folder / name).write_text(text.replace("ADDRESS", self.index), encoding="utf-8")

    def pip(self, *words: str | Path) -> None:
        """Install by the environment's own kind of pip."""
        argv = (sys.executable, "-P", "-m", "pip", "--python", python_of(self.env), "install")
        self.run(*argv, "--quiet", "--index-url", self.index, *words)

    def consumer(self, *python: str | Path, **variables: str | Path) -> Consumer:
        """Return a consumer in this folder, by default of its environment."""
        consumer = Consumer(self.folder, python or [python_of(self.env)])
        return consumer.sees(**variables)

    def installed(self) -> Consumer:
        """Return a consumer of the environment, into which the command was installed too."""
        return replace(self.consumer(), command=[self.env / "bin" / NAME])


def by_pip(site: Site) -> Consumer:
    site.pip(NAME)
    return site.installed()


def by_uv(site: Site) -> Consumer:
    python = python_of(site.env)
    site.run(find_uv(), "pip", "install", "--python", python, "--default-index", site.index, NAME)
    return site.installed()


def by_links(site: Site) -> Consumer:
    """As by uv where its cache is on the same disk and the environment is of this machine alone."""
    python = python_of(site.env)
    words = ("--link-mode", "symlink", "--default-index", site.index, NAME)
    site.run(find_uv(), "pip", "install", "--python", python, *words)
    return site.installed()


def by_pipenv(site: Site) -> Consumer:
    site.write("Pipfile", '[[source]]\nname = "here"\nurl = "ADDRESS"\nverify_ssl = false\n')
    variables = {"PIPENV_VENV_IN_PROJECT": "1", "PIPENV_IGNORE_VIRTUALENVS": "1"}
    site.run(sys.executable, "-P", "-m", "pipenv", "install", NAME, **variables)
    return site.installed()


def by_poetry(site: Site) -> Consumer:
    source = '[[tool.poetry.source]]\nname = "here"\nurl = "ADDRESS/"\npriority = "primary"\n'
    site.write("pyproject.toml", f"{PROJECT}[tool.poetry]\npackage-mode = false\n{source}")
    poetry = site.tool("poetry", "poetry==2.5.1")
    site.run(poetry, "add", "--no-interaction", NAME, POETRY_VIRTUALENVS_IN_PROJECT="1")
    return site.installed()


def by_pdm(site: Site) -> Consumer:
    source = '[[tool.pdm.source]]\nname = "pypi"\nurl = "ADDRESS"\nverify_ssl = false\n'
    site.write("pyproject.toml", f"{PROJECT}[tool.pdm]\ndistribution = false\n{source}")
    # hishel 2 removed what this pdm imports.
    pdm = site.tool("pdm", "pdm==2.29.4", "hishel<2")
    site.run(pdm, "add", NAME, PDM_CHECK_UPDATE="0")
    return site.installed()


def into_a_folder(site: Site) -> Consumer:
    site.pip("--no-deps", "--target", site.folder / "läyer", NAME)
    consumer = site.consumer(PYTHONPATH=site.folder / "läyer")
    return replace(consumer, command=[site.folder / "läyer" / "bin" / NAME])


def as_a_wheel(site: Site) -> Consumer:
    return site.consumer(PYTHONPATH=shutil.copy(site.release.wheel, site.folder))


def as_a_zip(site: Site) -> Consumer:
    site.pip("--no-deps", "--target", site.folder / "layer", NAME)
    shutil.make_archive(str(site.folder / "läyer"), "zip", site.folder / "layer")
    shutil.rmtree(site.folder / "layer")
    return site.consumer(PYTHONPATH=site.folder / "läyer.zip")


def as_shiv(site: Site) -> Consumer:
    shiv, archive = site.tool("shiv", "shiv==1.0.8"), site.folder / "mödel.pyz"
    # What it needs is in the environment, as packing scipy takes half a minute.
    words = ("--no-deps", "--index-url", site.index, NAME)
    site.run(shiv, "--quiet", "--console-script", NAME, "--output-file", archive, *words)
    return as_archive(site, archive, "SHIV")


def as_pex(site: Site) -> Consumer:
    pex, archive = site.tool("pex", "pex==2.105.2"), site.folder / "mödel.pex"
    words = ("--intransitive", "--inherit-path=fallback", "--no-pypi", "--index-url", site.index)
    site.run(pex, NAME, *words, "--script", NAME, "--output-file", archive, PEX_ROOT=site.folder)
    return as_archive(site, archive, "PEX")


def as_archive(site: Site, archive: Path, kind: str) -> Consumer:
    """Return who runs an archive: the model's command, unless a variable asks for Python."""
    words, asks = (python_of(site.env), archive), f"{kind}_INTERPRETER"
    variables: dict[str, str | Path] = {f"{kind}_ROOT": site.folder, asks: "1"}
    return replace(site.consumer(*words, **variables), command=["env", "-u", asks, *words])


def hardened(site: Site) -> Consumer:
    """Without sources, in folders that may not be written to, for a user without rights."""
    site.pip("--no-deps", "--no-compile", NAME)
    (package,) = site.env.glob(f"lib/*/site-packages/{PACKAGE}")
    compileall.compile_dir(package, quiet=1, legacy=True)
    for source in package.glob("*.py"):
        source.unlink()
    for folder in (path for path in (site.env, *site.env.rglob("*")) if path.is_dir()):
        folder.chmod(0o555)
    python = python_of(site.env)
    rights = "-dac_override,-dac_read_search,-fowner"  # with which root may write anywhere
    without = ("setpriv", "--bounding-set", rights) if os.geteuid() == 0 else ()
    consumer = site.consumer(*without, python)
    assert "PermissionError" in consumer.run("-c", f"open({str(package / 'x')!r}, 'w')").output
    return replace(consumer, command=[*without, site.env / "bin" / NAME])


Install = Callable[[Site], Consumer]
WAYS: tuple[Install, ...] = (
    by_pip, by_uv, by_links, by_pipenv, by_poetry, by_pdm, into_a_folder, as_a_wheel, as_a_zip,
    as_shiv, as_pex, hardened,
)  # fmt: skip


@pytest.fixture
def site(
    tmp_path: Path, libraries: Path, index: str, once: Once, release: Release
) -> Iterator[Site]:
    """A folder with an awkward name."""
    folder = tmp_path / "fremde Hände"
    folder.mkdir()
    env = folder / ".venv"
    clone_environment(libraries, env)
    yield Site(folder, env, index, once, release)
    for path in (env, *(path for path in env.rglob("*") if path.is_dir())):
        path.chmod(0o755)


@pytest.mark.parametrize("install", WAYS, ids=lambda install: install.__name__)
def test_the_model_works_as_in_the_chain(site: Site, install: Install) -> None:
    consumer = install(site)

    path = check_answers(consumer, site.release)

    assert path.is_relative_to(site.folder)


# Without a PATH, a home, a folder for temporary files and a locale.
STRICT = ("-I", "-OO", "-bb", "-W", "error", "-X", "dev", "-X", "utf8=0")
NOWHERE = {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "LC_ALL": "C"}
STEERED = {"PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "error"}
IN_NO_FOLDER = ("/bin/sh", "-euc", 'mkdir gone; cd gone; rmdir ../gone; exec "$@"', "sh")


@pytest.mark.parametrize(("before", "options", "variables"), [
    ((), STRICT, {}), ((), ("-bb",), STEERED), (IN_NO_FOLDER, ("-S",), {"PYTHONPATH": "LINK"}),
], ids=["strict", "steered", "no folder, no site, a link"])  # fmt: skip
def test_it_works_in_an_awkward_process(
    site: Site, before: Sequence[str], options: Sequence[str], variables: dict[str, str]
) -> None:
    (packages,) = site.env.glob("lib/*/site-packages")
    link = site.folder / "läyer"
    link.symlink_to(packages)
    by_uv(site)
    path = {"PYTHONPATH": str(link)} if "PYTHONPATH" in variables else {}
    seen = {**NOWHERE, **variables, **path}
    consumer = Consumer(site.folder, (*before, python_of(site.env), *options), seen)

    check_answers(consumer, site.release)
