"""The script of ``lint`` that ruff has no rule for."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts.isolation import find_open_starts, main


@pytest.mark.parametrize(("command", "options"), [
    ("(sys.executable, '-m', 'pip', 'list')", ["-m"]), ("[str(python), '-c', script]", ["-c"]),
    ("(*start, *('python', '-m', 'build'))", ["-m"]), ("(sys.executable, '-P', '-m', 'pip')", []),
    ("(str(python), '-P', str(script), '-mode')", []),
])  # fmt: skip
def test_a_python_that_imports_from_its_folder_is_seen(command: str, options: list[str]) -> None:
    assert list(find_open_starts(f"\nargv = {command}\n")) == [(2, option) for option in options]


def test_each_is_a_line_with_its_place_and_the_models_own_steps_are_free(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "steps").mkdir()
    for name in ("ours.py", "steps/doc.py", "steps/test.py"):
        (tmp_path / name).write_text("argv = ('python', '-m', 'pip')\n")

    assert main(tmp_path) == 1

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{tmp_path / 'ours.py'}:1: python -m ")
    (tmp_path / "ours.py").unlink()
    assert main(tmp_path) == 0
