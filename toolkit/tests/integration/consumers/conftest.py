"""Fixtures: the reference model on an index with all that it needs, and an environment for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.consumers.consumer import Consumer, Release
from integration.environments import locked_packages, make_environment
from integration.once import Once
from integration.test_locking import serve
from trainwheel.system.digest import digest_file


@pytest.fixture(scope="session")
def release(once: Once, reference_wheel: Path) -> Release:
    """The wheel of the reference model."""

    def fill(folder: Path) -> None:
        Release(reference_wheel, folder / "golden.csv").write_table()

    return Release(reference_wheel, once.folder("golden", fill) / "golden.csv")


@pytest.fixture(scope="session")
def libraries(once: Once, release: Release) -> Path:
    """An environment that holds the packages that the model needs, compiled, and not the model."""

    def fill(folder: Path) -> None:
        write_locked(folder)
        python = make_environment(folder / "env", "--requirement", folder / "locked.txt")
        consumer = Consumer(folder, [python]).sees(PYTHONPATH=release.wheel)
        assert consumer.run("-m", "oncology_model", "predict", release.table).code == 0

    return once.folder("libraries", fill) / "env"


@pytest.fixture(scope="session")
def index(once: Once, release: Release) -> Iterator[str]:
    """The address of an index that has the model and all that it needs."""

    def fill(folder: Path) -> None:
        write_locked(folder)
        words = ("download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", "wheels")
        argv = (sys.executable, "-P", "-m", "pip", *words, "--requirement", "locked.txt")
        subprocess.run(argv, cwd=folder, check=True)
        for wheel in (*(folder / "wheels").iterdir(), release.wheel):
            put(folder / "index" / "simple", wheel)

    with serve(once.folder("model-index", fill) / "index") as address:
        yield address


def write_locked(folder: Path) -> None:
    """Write what both forms of the model need."""
    (folder / "locked.txt").write_text(f"{locked_packages()}\n{locked_packages('sklearn')}")


def put(index: Path, wheel: Path) -> None:
    """Put a wheel into an index, beside its other versions."""
    folder = index / wheel.name.partition("-")[0].replace("_", "-").lower()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / wheel.name).hardlink_to(wheel)
    with (folder / "index.html").open("a") as page:
        page.write(f'<a href="{wheel.name}#sha256={digest_file(wheel)}">{wheel.name}</a>\n')
