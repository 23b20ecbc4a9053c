"""A command says what it runs, or it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.entry_points import entries_of, files_named
from unit.trees import names, plant

COMMANDS: list[tuple[str, tuple[str, ...] | None]] = [
    ("python -m pkg", ("pkg",)),
    ("python3 -m pkg.mod -o out train.py", ("pkg.mod",)),
    ("python3.11 -W ignore -X dev -u -m pkg", ("pkg",)),
    ("/usr/bin/python3.13 -Werror -Xdev -m pkg", ("pkg",)),
    (".venv/bin/python -mpkg", ("pkg",)),
    ("python -Bmpkg train.py", ("pkg",)),
    ("python -uBm pkg train.py", ("pkg",)),
    ("python -uW once train.py", ("train.py",)),
    ("python -Wonce -OO train.py -m pkg", ("train.py",)),
    ("python --check-hash-based-pycs always train.py", ("train.py",)),
    ("python -- train.py", ("train.py",)),
    ("python scripts/train.py --depth 3", ("scripts/train.py",)),
    ("python ./scripts/../train.py", ("train.py",)),
    ("python.exe train.py", ("train.py",)),
    ("./train.py", ("train.py",)),
    ("scripts/train.py -c x", ("scripts/train.py",)),
    ("python -c 'import train'", None),
    ("python -uc pass train.py", None),
    ("python -cpass train.py", None),
    ("python - train.py", None),
    ("python -m", None),
    ("python -W", None),
    ("python", None),
    ("python --", None),
    ("python --version", None),
    ("python absent.py", None),
    ("python scripts", None),
    ("python train", None),
    ("python ../outside.py", None),
    ("python build/made.py", None),
    ("./train.sh", None),
    ("bash train.sh", None),
    ("sh -c train.py", None),
    ("make train", None),
    ("pythonic train.py", None),
    ("uv run train.py", None),
    ("", None),
]


@pytest.fixture
def with_scripts(tmp_path: Path) -> Path:
    files = ("train.py", "train.sh", "train", "scripts/train.py", "build/made.py", "conf/p.yaml")
    plant(tmp_path, {"outside.py": ""})
    return plant(tmp_path / "root", dict.fromkeys(files, ""))


@pytest.mark.parametrize(("command", "entries"), COMMANDS)
def test_an_option_of_python_is_not_taken_for_what_it_runs(
    with_scripts: Path, command: str, entries: tuple[str, ...] | None
) -> None:
    expected: tuple[Path | str, ...] | None = entries and tuple(
        with_scripts / entry if entry.endswith(".py") else entry for entry in entries
    )

    assert entries_of(command.split(" ") if command else [], with_scripts) == expected


def test_a_script_may_be_named_by_its_whole_path(with_scripts: Path) -> None:
    script = with_scripts / "train.py"

    assert entries_of(["python", str(script)], with_scripts) == (script,)
    assert entries_of(["python", str(with_scripts.parent / "outside.py")], with_scripts) is None


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("python train.py -c conf/p.yaml --depth 3", {"train.py", "conf/p.yaml"}),
        ("bash train.sh", {"train.sh"}),
        ("./train.sh ./conf/../conf/p.yaml", {"train.sh", "conf/p.yaml"}),
        ("python -m pkg conf absent.yaml -", set()),
        ("sh ../outside.py build/made.py", set()),
        (f"sh {'x' * 5_000}", set()),
        ("sh \0", set()),
        ("", set()),
    ],
)
def test_the_files_that_a_command_names_are_found(
    with_scripts: Path, command: str, named: set[str]
) -> None:
    assert names(with_scripts, files_named(command.split(" "), with_scripts)) == named


@pytest.mark.parametrize(
    ("command", "entries"),
    [
        ("python -m pkg", ("pkg",)),
        ("python -m pkg.mod", ("pkg.mod",)),
        ("python -m tool", ("tool",)),
        ("python -m cProfile train.py", None),
        ("python -um coverage run -m pkg", None),
        ("python -m build.made", None),
        ("python -m", None),
        ("python train.py", ("train.py",)),
    ],
)
def test_a_module_of_somebody_else_may_run_anything_of_ours(
    with_scripts: Path, command: str, entries: tuple[str, ...] | None
) -> None:
    plant(with_scripts, {"model/pkg/__main__.py": "", "model/pkg/mod.py": "", "tool.py": ""})
    argv = command.split(" ")

    found = entries_of(argv, with_scripts, with_scripts / "model")

    assert found == ((with_scripts / "train.py",) if entries == ("train.py",) else entries)


@pytest.fixture
def with_app(tmp_path: Path) -> Path:
    return plant(tmp_path, {"model/app/run.py": "", "scripts/train.py": "", "README.md": ""})


@pytest.mark.parametrize(
    ("command", "entries"),
    [
        (("python", "-m", "app", "-o", "x"), ("app",)),
        (("/usr/bin/python3.11", "-P", "-X", "utf8", "-W", "error", "-mapp.run"), ("app.run",)),
        (("python3", "-u", "scripts/train.py", "-m", "app"), ("scripts/train.py",)),
        (("scripts/train.py", "--fast"), ("scripts/train.py",)),
        (("python", "-c", "import app"), None),
        (("python", "-Ic", "import app"), None),
        (("python", "-m"), None),
        (("python",), None),
        (("python", "missing.py"), None),
        (("sh", "train.sh"), None),
        (("make", "model"), None),
        ((), None),
    ],
)
def test_what_a_command_runs_is_told_or_it_is_not(
    with_app: Path, command: tuple[str, ...], entries: tuple[str, ...] | None
) -> None:
    found = entries_of(command, with_app)

    told = found and tuple(e if isinstance(e, str) else str(e.relative_to(with_app)) for e in found)
    assert told == entries


def test_files_that_a_command_names_are_known(with_app: Path) -> None:
    command = ("sh", "scripts/train.py", "--data", "README.md", "/etc/passwd", "-x", "", "none")

    assert files_named(command, with_app) == (with_app / "scripts/train.py", with_app / "README.md")
