"""The budget of imports: what every command of a model repository pays for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from importing import needless_imports


def test_what_a_list_of_sessions_does_not_need_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "noxfile.py").write_text("import trainwheel\n\ntrainwheel.register()\n")
    argv = (sys.executable, "-P", "-X", "importtime", "-m", "nox", "-l")

    listing = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "trainwheel.steps.shared.registry" in listing.stderr
    assert not needless_imports(listing.stderr)
