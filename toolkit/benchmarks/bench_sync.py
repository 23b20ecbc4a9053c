"""How long sync takes: with 400 packages in process, and whole, beside the real pipenv-setup."""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from trainwheel.install.environments import Installer
from trainwheel.install.pipenv_setup import REQUIREMENTS
from trainwheel.requirements.backend import load
from trainwheel.requirements.freshness import pipenv_hashes
from trainwheel.requirements.pep508 import meaning_of
from trainwheel.requirements.pins import SyncSettings
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.requirements.setup_py import read_list
from trainwheel.requirements.setup_py.source import Source
from trainwheel.steps.shared.synced import Synced, examine
from trainwheel.system.environ import read_environment

pytestmark = [pytest.mark.bench, pytest.mark.integration]

PACKAGES = 400
SOURCE = """\
[[source]]
name = "index"
url = "https://index.example.org/simple"
verify_ssl = true
"""
MARKERS = ("python_version >= '3.9'", "python_version < '3.13'", "sys_platform == 'win32'", "")
LAYOUTS = ("one a line", "one line", "a name", "setup.cfg", "pyproject.toml")
HEAD = "from setuptools import setup\n\n"
BOUND = 0.060
RATIO = 3.0


def write_project(folder: Path, packages: int, *, before: str) -> Path:
    """Write a Pipfile, a lock as large as a real one, and a setup.py with an older list."""
    folder.mkdir(parents=True)
    names = [f"package-{number}" for number in range(packages)]
    pipfile = f"{SOURCE}\n[packages]\n" + "".join(f'{name} = ">=1"\n' for name in names)
    default = {
        name: {
            "hashes": [f"sha256:{number:04}{digest:060}" for digest in range(20)],
            "version": f"==2.{number}.1",
            "markers": MARKERS[number % len(MARKERS)],
        }
        for number, name in enumerate(names)
    }
    parsed = parse_pipfile(pipfile)
    digest = min(pipenv_hashes(parsed, parsed.sources))
    meta: dict[str, object] = {"hash": {"sha256": digest}, "pipfile-spec": 6, "requires": {}}
    meta["sources"] = [dict(source) for source in parsed.sources]
    lock = json.dumps({"_meta": meta, "default": default, "develop": {}}, indent=4)
    (folder / "Pipfile").write_text(pipfile)
    (folder / "Pipfile.lock").write_text(lock)
    lists = {
        "an empty list": "[]",
        "every pin changed": _list(f"{name}==1.{number}" for number, name in enumerate(names)),
        "half is new": _list(f"{name}==1.0" for name in names[: packages // 2]),
        "all is foreign": _list(f"other-{number}" for number in range(packages)),
    }
    head = "setup(\n    name='x',\n    install_requires="
    (folder / "setup.py").write_text(f"{HEAD}{head}{lists[before]},\n    dependency_links=[],\n)\n")
    return folder


def _list(texts: Iterable[str]) -> str:
    return "[\n" + "".join(f"        '{text}',  # kept\n" for text in texts) + "    ]"


def lay_out(project: Path, layout: str) -> None:
    """Write the list of a project's setup.py in another layout, or into another file."""
    if layout == "one a line":
        return
    setup_py = project / "setup.py"
    texts = read_list(setup_py.read_bytes())
    one_line = f"[{', '.join(map(repr, texts))}]"
    lines = "".join(f"    {text}\n" for text in texts)
    table = "".join(f"    '{text}',\n" for text in texts)
    setup_py.unlink()
    name, text = {
        "one line": ("setup.py", f"{HEAD}setup(name='x', install_requires={one_line})\n"),
        "a name": ("setup.py", f"{HEAD}NEEDS = {one_line}\nsetup(install_requires=NEEDS)\n"),
        "setup.cfg": ("setup.cfg", f"[options]\ninstall_requires =\n{lines}"),
        "pyproject.toml": ("pyproject.toml", f"[project]\ndependencies = [\n{table}]\n"),
    }[layout]
    (project / name).write_text(text)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long one call takes, from empty caches: by the clock, and of the processor."""
    for cached in (meaning_of, Source.parse, load):
        cached.cache_clear()
    gc.collect()
    started, worked = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - worked


@pytest.mark.parametrize(
    "before", ["an empty list", "every pin changed", "half is new", "all is foreign"]
)
@pytest.mark.parametrize("pins", ["locked", "compatible"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_400_packages_in_process(tmp_path: Path, before: str, pins: str, layout: str) -> None:
    project = write_project(tmp_path / "project", PACKAGES, before=before)
    lay_out(project, layout)

    def work() -> Synced:
        return examine(project, SyncSettings(pins))

    assert work().has_drifted
    runs = [seconds(work) for _ in range(25)]
    clock, worked = (sorted(times) for times in zip(*runs, strict=True))
    print(f"\n{layout}, {before}, {pins}: {_describe(clock)}; of the processor {_describe(worked)}")
    assert statistics.median(clock) <= BOUND


def _describe(times: list[float]) -> str:
    return f"median {statistics.median(times) * 1e3:.1f} ms (best {times[0] * 1e3:.1f})"


def test_whole_command_beside_pipenv_setup(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", 60, before="every pin changed")
    (project / "pyproject.toml").write_text(
        '[tool.trainwheel]\npackage = "x"\ntrain.command = "x"\nsync.pins = "locked"\n'
    )
    (project / "noxfile.py").write_text("import trainwheel\n\ntrainwheel.register()\n")
    source = (project / "setup.py").read_bytes()
    folder = tmp_path / "pipenv-setup"
    python = Installer(read_environment()).ensure(folder, REQUIREMENTS.read_text())
    commands = {
        "nox -s sync": (sys.executable, "-m", "nox", "-s", "sync"),
        "trainwheel sync": (sys.executable, "-m", "trainwheel", "sync", "--pins", "locked"),
        "pipenv-setup sync": (str(python.with_name("pipenv-setup")), "sync"),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(7):
        for name, argv in commands.items():
            (project / "setup.py").write_bytes(source)
            started = time.perf_counter()
            subprocess.run(argv, cwd=project, env=os.environ, check=True, capture_output=True)
            times[name].append(time.perf_counter() - started)
            assert (project / "setup.py").read_bytes() != source
    medians = {name: statistics.median(found) for name, found in times.items()}
    print()
    for name, median in medians.items():
        print(f"{name}: median {median:.2f} s of {[round(t, 2) for t in times[name]]}")
    ratio = medians["pipenv-setup sync"] / medians["nox -s sync"]
    print(f"pipenv-setup takes {ratio:.1f} times as long as nox -s sync")
    assert ratio >= RATIO
