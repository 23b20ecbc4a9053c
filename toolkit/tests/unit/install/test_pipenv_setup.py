"""What the real pipenv-setup cannot do is refused before anything is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.install.pipenv_setup import REQUIREMENTS, PipenvSetup
from trainwheel.requirements.pins import SyncSettings
from trainwheel.system.environ import Environment


@pytest.mark.parametrize(
    ("settings", "python", "name"),
    [
        (SyncSettings("locked"), (3, 8), "3.8"),
        (SyncSettings("locked"), (3, 14), "3.14"),
        (SyncSettings("direct"), (3, 11), "direct"),
        (SyncSettings("locked", {"t": "test"}), (3, 11), "dev"),
    ],
)
def test_where_it_cannot_one_line_says_so(
    settings: SyncSettings, python: tuple[int, int], name: str, tmp_path: Path
) -> None:
    refusing = PipenvSetup(tmp_path / "none", Environment({}), python)

    with pytest.raises(ConfigurationError, match=re.escape(name)):
        refusing({"setup.py": b""}, settings)

    assert not (tmp_path / "none").exists()


def test_without_a_setup_py_it_has_nothing_to_write(tmp_path: Path) -> None:
    engine = PipenvSetup(tmp_path / "none", Environment({}), (3, 13))

    with pytest.raises(ConfigurationError, match=r"setup\.py"):
        engine({"Pipfile": b""}, SyncSettings("locked"))


def test_its_requirements_name_digests_and_no_address() -> None:
    text = REQUIREMENTS.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\w)", text.strip())[1:]

    assert "//" not in text
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert {"pip==25.0.1", "vistir==0.6.1", "pipenv-setup==3.2.0"} <= set(text.split())
