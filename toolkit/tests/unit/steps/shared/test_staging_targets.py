"""Whichever file lists what a wheel requires, the copy that is built takes the lock's word."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.steps.shared.staging import describe_tree_drift, stage
from unit.repository import PYPROJECT, SETUP_PY, make_repository, open_here, write

PROJECT = '[project]\nname = "small-model"\ndynamic = ["version"]\ndependencies = [{}]\n\n'
OTHERS = {
    "setup.cfg": "[options]\ninstall_requires =\n    six<1\n",
    "pyproject.toml": PROJECT.format('"six<1"') + PYPROJECT,
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_file_that_lists_requirements_is_corrected_in_the_copy_alone(
    tmp_path: Path, name: str
) -> None:
    root = make_repository(tmp_path / "small")
    write(root, "setup.py", SETUP_PY.replace('    install_requires=["six>=1.16.0,<2"],\n', ""))
    write(root, name, OTHERS[name])

    stage(open_here(root).workspace, "0.1.0", tmp_path / "staged")

    text = (tmp_path / "staged" / name).read_text()
    assert "six<1" not in text
    assert "six>=1.16.0,<2" in text
    assert (root / name).read_text() == OTHERS[name]
    assert name in describe_tree_drift(open_here(root).workspace)
