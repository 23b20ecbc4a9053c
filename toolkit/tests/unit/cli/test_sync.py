"""What ``trainwheel sync`` takes from the configuration, and where it tells of what it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.cli.main import main
from unit.repository import PYPROJECT, SETUP_PY, write, write_lock


@pytest.fixture(autouse=True)
def _drifted(root: Path) -> None:
    """Let the lock move on."""
    write_lock(root, six="==1.17.0")


def test_the_present_folder_is_meant_where_none_is_named(root: Path) -> None:
    assert main(["sync"]) == 0
    assert (root / "setup.py").read_text() == SETUP_PY.replace("1.16.0", "1.17.0")


def test_the_configuration_of_the_folder_counts(root: Path) -> None:
    write(root, "pyproject.toml", f'{PYPROJECT}sync.pins = "locked"\n')

    assert main(["sync"]) == 0
    assert '"six==1.17.0"' in (root / "setup.py").read_text()


def test_the_policy_of_the_command_line_wins(root: Path) -> None:
    write(root, "pyproject.toml", f'{PYPROJECT}sync.pins = "locked"\n')

    assert main(["sync", "--pins", "declared"]) == 0
    assert '"six"' in (root / "setup.py").read_text()


def test_an_extra_of_the_command_line_joins_those_of_the_configuration(root: Path) -> None:
    write(root, "pyproject.toml", f'{PYPROJECT}sync.extras = {{ testing = "test" }}\n')
    write(root, "Pipfile", (root / "Pipfile").read_text() + '\n[dev-packages]\nnox = "*"\n')

    assert main(["sync", "--pins", "declared", "--dev-extra", "dev"]) == 0
    text = (root / "setup.py").read_text()
    assert all(word in text for word in ('"testing"', '"pytest"', '"dev"', '"nox"'))


def test_a_check_leaves_standard_output_to_the_difference(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", "--check"]) == 1
    assert capsys.readouterr().out.startswith("--- setup.py\n")

    assert main(["sync"]) == 0
    assert "setup.py" in capsys.readouterr().out
    assert main(["sync", "--check"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "setup.py" in err
    assert (root / "setup.py").read_text() != SETUP_PY


@pytest.mark.parametrize("policy", ["direct", "compatible"])
def test_a_policy_that_the_real_pipenv_setup_lacks_is_refused_where_it_is_asked_for(
    root: Path, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", "--engine", "pipenv-setup", "--pins", policy]) == 2
    assert policy in capsys.readouterr().err
    assert (root / "setup.py").read_text() == SETUP_PY


@pytest.mark.parametrize(("name", "data"), [("pyproject.toml", b"# \xff"), ("Pipfile", b"\xff")])
def test_a_file_of_another_encoding_is_named(
    root: Path, name: str, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / name).write_bytes(data)

    assert main(["sync"]) == 2
    assert name in capsys.readouterr().err


def test_a_folder_that_is_not_one_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", str(root / "setup.py")]) == 2
    assert "setup.py" in capsys.readouterr().err
