"""What git knows of who commits; the state of a repository is tested where it is used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainwheel.system.environ import Environment
from trainwheel.system.git import read_person


@pytest.mark.parametrize(("lines", "person"), [
    ("name = Änn B\n\temail = a@x.org", "Änn B <a@x.org>"), ("name = Ann", "Ann"),
    ("email = a@x.org", "<a@x.org>"), ("", ""),
])  # fmt: skip
def test_the_author_is_who_is_configured_and_nobody_else(
    tmp_path: Path, lines: str, person: str
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[user]\n\t{lines}\n", encoding="utf-8")
    variables = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": str(config)}
    variables |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}

    assert read_person(tmp_path, Environment(variables)) == person
    assert read_person(tmp_path, Environment({"PATH": str(tmp_path)})) == ""
