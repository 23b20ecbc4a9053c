"""The same two steps over the same files in other tools, where these are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timing import Entrant

ENVIRONMENT = Path(
    os.environ.get("TRAINWHEEL_BENCH_PEERS", Path(sys.prefix).with_name("peers"))
).absolute()
"""Where the lock's [bench] is installed: named by the variable, or beside the toolkit's own."""

PROJECT = Path(__file__).with_name("project")
_LARGE = 1 << 30
_VERSION = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
_MADE = shutil.ignore_patterns("__pycache__", "artefact")
_LEFT_OUT = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "DVC_", "CI")


@dataclass(frozen=True)
class Peer:
    """Another tool that skips steps that have nothing to do.

    Args:
        name: Its program.
        argv: What runs all steps.
        setup: Commands that its project needs once.
    """

    name: str
    argv: tuple[str, ...]
    setup: tuple[tuple[str, ...], ...] = ()


PEERS = (
    Peer("make", ("make",)),
    Peer("doit", ("doit",)),
    Peer("weasel", ("weasel", "run", "all")),
    Peer(
        "dvc",
        ("dvc", "repro"),
        (("dvc", "init", "--no-scm", "--quiet"), ("dvc", "config", "core.check_update", "false")),
    ),
)


def entrants(tree: Path, folder: Path) -> Iterator[Entrant]:
    """Yield each peer with a project of its own, whose steps have run once.

    Args:
        tree: The project whose ``model`` and ``data`` folders all peers get a copy of; a large
            file is linked.
        folder: Where their projects are made.
    """
    env = _variables(folder)
    for peer in PEERS:
        program = shutil.which(peer.name, path=env["PATH"])
        if program is None:
            print(f"\n{peer.name} is left out: it is not in {ENVIRONMENT}")
            continue
        root = folder / peer.name
        shutil.copytree(PROJECT, root, ignore=_MADE)
        shutil.copytree(tree / "model", root / "model", ignore=_MADE)
        (root / "data" / "00").mkdir(parents=True)
        (root / "data" / "00" / "rows.csv").write_text("1,2\n", encoding="utf-8")
        if (tree / "data").is_dir():
            shutil.copytree(tree / "data", root / "data", copy_function=_copy, dirs_exist_ok=True)
        for argv in (*peer.setup, peer.argv):
            subprocess.run(argv, cwd=root, env=env, check=True, capture_output=True)
        yield Entrant(
            " ".join(peer.argv), (program, *peer.argv[1:]), root, env,
            _version(peer, env), root / "build" / "model.txt",
        )  # fmt: skip


def _variables(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    return {
        **kept,
        "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{kept['PATH']}",
        # Neither settings nor caches of this machine, and no word to anybody.
        "DVC_NO_ANALYTICS": "1",
        **{f"DVC_{name}_DIR": str(folder / "dvc-own" / name)
           for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG")},
    }  # fmt: skip


def _version(peer: Peer, env: dict[str, str]) -> str:
    python = str(ENVIRONMENT / "bin" / "python")
    argv = ("make", "--version") if peer.name == "make" else (python, "-c", _VERSION, peer.name)
    run = subprocess.run(argv, env=env, check=True, capture_output=True, text=True)
    return run.stdout.splitlines()[0]


def _copy(source: str, target: str) -> None:
    if Path(source).stat().st_size > _LARGE:
        Path(target).hardlink_to(source)
    else:
        shutil.copy2(source, target)
