"""The words of a command show what it runs, or that they do not show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.entry_points import entries_of, files_named, words_of_python
from unit.trees import names, plant

COMMANDS: dict[str | None, tuple[str, ...]] = {
    "pkg": (
        "python -m pkg", "python3.11 -W ignore -X dev -u -m pkg", ".venv/bin/python -mpkg",
        "/usr/bin/python3.13 -Werror -Xdev -m pkg", "python -Bmpkg train.py",
        "python -uBm pkg train.py",
    ),
    "pkg.mod": ("python3 -m pkg.mod -o out train.py",),
    "train.py": (
        "python -uW once train.py", "python -Wonce -OO train.py -m pkg", "python -- train.py",
        "python --check-hash-based-pycs always train.py", "python ./scripts/../train.py",
        "python.exe train.py", "./train.py",
    ),
    "scripts/train.py": ("python scripts/train.py --depth 3", "scripts/train.py -c x"),
    None: (
        "python -c 'import train'", "python -uc pass train.py", "python -cpass train.py",
        "python - train.py", "python -m", "python -W", "python", "python --", "python --version",
        "python absent.py", "python scripts", "python train", "python ../outside.py",
        "python build/made.py", "./train.sh", "bash train.sh", "sh -c train.py", "make train",
        "pythonic train.py", "uv run train.py", "",
    ),
}  # fmt: skip


@pytest.fixture
def with_scripts(tmp_path: Path) -> Path:
    files = ("train.py", "train.sh", "train", "scripts/train.py", "build/made.py", "conf/p.yaml")
    plant(tmp_path, {"outside.py": ""})
    return plant(tmp_path / "root", dict.fromkeys(files, ""))


def entries(root: Path, command: str, source: Path | None = None) -> str | None:
    """Return what a command runs, as text."""
    result = entries_of(command.split(" ") if command else [], root, source)
    if result is None:
        return None
    (entry,) = result
    return entry if isinstance(entry, str) else entry.relative_to(root).as_posix()


@pytest.mark.parametrize(
    ("command", "expected"), [(each, entry) for entry in COMMANDS for each in COMMANDS[entry]]
)
def test_a_command_runs_a_module_or_a_file_or_nothing_that_its_words_show(
    with_scripts: Path, command: str, expected: str | None
) -> None:
    assert entries(with_scripts, command) == expected


def test_a_script_may_be_named_by_its_whole_path(with_scripts: Path) -> None:
    script = with_scripts / "train.py"

    assert entries(with_scripts, f"python {script}") == "train.py"
    assert entries(with_scripts, f"python {with_scripts.parent / 'outside.py'}") is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python train.py -c conf/p.yaml --depth 3", {"train.py", "conf/p.yaml"}),
        ("bash train.sh", {"train.sh"}),
        ("./train.sh ./conf/../conf/p.yaml", {"train.sh", "conf/p.yaml"}),
        ("python -m pkg conf absent.yaml -", set()),
        ("sh ../outside.py build/made.py", set()),
        (f"sh {'x' * 5_000}", set()),
        ("sh \0", set()),
        ("sh scripts/train.py --data -x /etc/passwd none", {"scripts/train.py"}),
        ("", set()),
    ],
)
def test_a_command_names_files_of_the_repository(
    with_scripts: Path, command: str, expected: set[str]
) -> None:
    assert names(with_scripts, files_named(command.split(" "), with_scripts)) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python -m pkg", "pkg"),
        ("python -m pkg.mod", "pkg.mod"),
        ("python -m tool", "tool"),
        ("python -m cProfile train.py", None),
        ("python -um coverage run -m pkg", None),
        ("python -m build.made", None),
        ("python -m", None),
        ("python train.py", "train.py"),
    ],
)
def test_a_module_from_elsewhere_may_run_any_module_of_the_repository(
    with_scripts: Path, command: str, expected: str | None
) -> None:
    plant(with_scripts, {"model/pkg/__main__.py": "", "model/pkg/mod.py": "", "tool.py": ""})

    assert entries(with_scripts, command, with_scripts / "model") == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python -m pkg -o x", "| -m pkg -o x"),
        ("/usr/bin/python3.11 -u -mpkg -o x", "-u | -m pkg -o x"),
        ("python -Im pkg", "-I | -m pkg"),
        ("python -Bmpkg", "-B | -m pkg"),
        ("python -X dev -Wignore train.py -m pkg", "-X dev -Wignore | train.py -m pkg"),
        ("python -W", None),
        ("python -m", None),
        ("python -c pass", None),
        ("python -uc pass", None),
        ("python --version", None),
        ("python - train.py", None),
        ("python", None),
        ("bash train.sh", None),
        ("", None),
    ],
)
def test_a_python_command_is_divided_into_options_and_what_follows(
    command: str, expected: str | None
) -> None:
    parts = words_of_python(command.split(" ") if command else [])

    assert (parts and " ".join((*parts[0], "|", *parts[1]))) == expected
