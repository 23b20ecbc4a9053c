"""Files of real projects: their released archives, from wherever this machine's pip takes packages.

Nothing is built, and nothing of them is kept in the repository. A client that builds nothing gets
them, for pip asks the build back end of each source archive for its metadata.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from benchmarks.downloads import network_only

from trainwheel.requirements.target import FILES

RELEASES = (
    "aiohttp<3.8", "alembic<1.6", "apache-airflow<1.10.11", "attrs<21", "black<21", "boto3<1.18",
    "celery<5", "click<8", "cookiecutter<1.7", "coverage<5", "cryptography<3.4", "dask<2021",
    "distributed<2021", "django<3", "docker<4.5", "elasticsearch<7.10", "fabric<2.6", "flake8<4",
    "flask<2", "google-cloud-storage<1.36", "great-expectations<0.13", "gunicorn<20.1",
    "httpx<0.17", "hypothesis<6", "ipython<7.20", "jinja2<3", "jupyter-client<6", "keras<2.4",
    "kombu<5", "luigi<3", "marshmallow<3.11", "mkdocs<1.2", "mypy<0.900", "nbconvert<6",
    "networkx<2.6", "notebook<6", "optuna<2.6", "paramiko<2.8", "pylint<2.8", "pymongo<4",
    "pyramid<2", "pytest<5", "pytorch-lightning<1.3", "redis<4", "requests<2.26",
    "scikit-learn<0.24", "scrapy<2.6", "seaborn<0.11", "setuptools<60", "spacy<2.3", "sphinx<4",
    "sqlalchemy<1.4", "starlette<0.13", "tornado<6.2", "tox<3.25", "transformers<4", "twisted<21",
    "uvicorn<0.12", "virtualenv<20", "wheel<0.37",
)  # fmt: skip
"""The last release before a major one each: those wrote their requirements into setup.py."""

Headers = list[tuple[str, str]]
TOOLS = ("setuptools==80.9.0", "unearth==0.19.0")
RECORD = Path(__file__).with_name("record_setup.py")


def fetch(cache: Path) -> Path:
    """Return a folder with the unpacked archives; what is in the cache stays as it is.

    Args:
        cache: Gets ``tools``, ``archives`` and ``trees``.
    """
    tools, archives, trees = (cache / name for name in ("tools", "archives", "trees"))
    cache.mkdir(parents=True, exist_ok=True)
    if not tools.exists():
        subprocess.run((sys.executable, "-m", "venv", tools), check=True)
        subprocess.run((_python(tools), "-m", "pip", "install", "--quiet", *TOOLS), check=True)
    if not trees.exists():
        archives.mkdir(parents=True, exist_ok=True)
        (cache / "releases.txt").write_text("\n".join(RELEASES))
        index = network_only().get("PIP_INDEX_URL")
        place = ("--index-url", index) if index else ()
        client = (_python(tools), "-m", "unearth", "--no-binary", "--download", archives, *place)
        subprocess.run(
            (*client, "-r", cache / "releases.txt"), check=True, stdout=subprocess.DEVNULL
        )
        part = cache / "trees.part"
        shutil.rmtree(part, ignore_errors=True)
        for archive in sorted(archives.iterdir()):
            _unpack(archive, part)
        part.rename(trees)
    return trees


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive; nothing gets out of the folder (PEP 706), nor do links."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as members:
            members.extractall(folder)  # noqa: S202 - zipfile itself drops `..`
    else:
        with tarfile.open(archive) as members:
            members.extractall(folder, filter="data")


def projects(trees: Path) -> Iterator[tuple[Path, dict[str, bytes]]]:
    """Yield each folder that has files with requirements, in the archives' order, and its files."""
    for folder in sorted({path.parent for name in FILES for path in trees.rglob(name)}):
        present = (folder / name for name in FILES)
        yield folder, {path.name: path.read_bytes() for path in present if path.is_file()}


class Recorder:
    """What setuptools makes of a folder, asked in processes without a network.

    Args:
        cache: That of `fetch`.
    """

    def __init__(self, cache: Path) -> None:
        home = cache / "home"
        home.mkdir(exist_ok=True)
        variables = {"PATH": os.defpath, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
        argv: Sequence[object] = (_python(cache / "tools"), "-I", "-W", "ignore", RECORD)
        # Where the kernel lets us, without a network: these files are other people's.
        apart = shutil.which("unshare") or ""
        trial = subprocess.run((apart, "--net", "true"), check=False) if apart else None
        if trial and not trial.returncode:
            argv = (apart, "--net", *argv)
        self._process = subprocess.Popen(
            [*map(str, argv)],
            env=variables,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=home,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Also closes its pipes, at which it ends.
        self._process.communicate(timeout=30)

    def ask(self, folder: Path) -> Headers | str:
        """Return the headers of the metadata, or why there are none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "problem" in answer:
            return str(answer["problem"])
        return [(name, value) for name, value in answer["headers"]]
