"""A real environment with the hook, and programs that run in it and are watched."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from trainwheel.engine.observed import Observed
from trainwheel.engine.watching import read_observed, watch
from trainwheel.guest import WATCH

START = 'import os; os.environ.get("TRAINWHEEL_WATCH") and __import__("_trainwheel_watch")\n'


@functools.cache
def environment() -> Path:
    """Return an environment with the hook and the packages of this one; it goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix="watched-")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    shutil.copyfile(WATCH, packages / "_trainwheel_watch.py")
    (packages / "trainwheel_watch.pth").write_text(START)
    (packages / "zz.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder


def observe(
    root: Path, code: str, *options: str, env: Mapping[str, str] | None = None,
    skip: Iterable[str] = (),
) -> Observed:  # fmt: skip
    """Run a program of a repository as its ``main.py``, and return what it and its children read.

    Args:
        root: The repository; what is below ``build`` in it does not count.
        code: The program.
        options: Of the interpreter.
        env: Further variables.
        skip: What else does not count.
    """
    (root / "main.py").write_text(code, encoding="utf-8")
    log = root / "build" / "100 %d"
    interpreter = (environment(), sys.base_prefix, sysconfig.get_path("purelib"))
    with watch(log, root, [str(root / "build"), *map(str, interpreter), *skip]):
        argv = [str(environment() / "bin/python"), *options, str(root / "main.py")]
        variables = {"PATH": os.defpath, "TRAINWHEEL_WATCH": str(log), **(env or {})}
        subprocess.run(argv, check=True, cwd=root, env=variables)
    return read_observed(log, root)
