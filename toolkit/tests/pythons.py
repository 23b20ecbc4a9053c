"""Other Pythons of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def find_python(version: str) -> str:
    """Return an interpreter of this machine, on the path or pyenv's; empty if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = (shutil.which(f"python{version}"), *pyenv.glob(f"versions/{version}.*/bin/python"))
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    for python in map(str, filter(None, found)):
        told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        if told.stdout.strip() == version:
            return python
    return ""
