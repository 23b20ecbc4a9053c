"""The words of a command show what it runs, or that they do not show it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from trainwheel.engine.entry_points import (
    code_of,
    entries_of,
    files_named,
    words_of_python,
)
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


@pytest.mark.parametrize(("command", "expected"), [
    ("python train.py -c conf/p.yaml --depth 3", {"train.py", "conf/p.yaml"}),
    ("bash train.sh", {"train.sh"}),
    ("./train.sh ./conf/../conf/p.yaml", {"train.sh", "conf/p.yaml"}),
    ("python -m pkg conf absent.yaml -", set()), ("sh ../outside.py build/made.py", set()),
    (f"sh {'x' * 5_000}", set()), ("sh \0", set()),
    ("sh scripts/train.py --data -x /etc/passwd none", {"scripts/train.py"}), ("", set()),
])  # fmt: skip
def test_a_command_names_files_of_the_repository(
    with_scripts: Path, command: str, expected: set[str]
) -> None:
    assert names(with_scripts, files_named(command.split(" "), with_scripts)) == expected


@pytest.mark.parametrize(("command", "expected"), [
    ("python -m pkg", "pkg"), ("python -m pkg.mod", "pkg.mod"), ("python -m tool", "tool"),
    ("python -m cProfile train.py", None), ("python -um coverage run -m pkg", None),
    ("python -m build.made", None), ("python -m", None), ("python train.py", "train.py"),
])  # fmt: skip
def test_a_module_from_elsewhere_may_run_any_module_of_the_repository(
    with_scripts: Path, command: str, expected: str | None
) -> None:
    plant(with_scripts, {"model/pkg/__main__.py": "", "model/pkg/mod.py": "", "tool.py": ""})

    assert entries(with_scripts, command, with_scripts / "model") == expected


@pytest.mark.parametrize(("command", "expected"), [
    ("python -m pkg -o x", "| -m pkg -o x"),
    ("/usr/bin/python3.11 -u -mpkg -o x", "-u | -m pkg -o x"), ("python -Im pkg", "-I | -m pkg"),
    ("python -Bmpkg", "-B | -m pkg"),
    ("python -X dev -Wignore train.py -m pkg", "-X dev -Wignore | train.py -m pkg"),
    ("python -W", None), ("python -m", None), ("python -c pass", None), ("python -uc pass", None),
    ("python --version", None), ("python - train.py", None), ("python", None),
    ("bash train.sh", None), ("", None),
])  # fmt: skip
def test_a_python_command_is_divided_into_options_and_what_follows(
    command: str, expected: str | None
) -> None:
    parts = words_of_python(command.split(" ") if command else [])

    assert (parts and " ".join((*parts[0], "|", *parts[1]))) == expected


FETCHERS = {
    "fetch.sh": 'cd "$(dirname "$0")"\npython -um fetching >made.log && sh tools/more.sh\n',
    "tools/more.sh": 'exec python3 "$HERE/rows.py" --sql=../conf/q.sql 2> tools/errors.log\n',
    "tools/own": "#!/usr/bin/env python\nimport rows\n", "tools/rows.py": "",
    "tools/errors.log": "", "conf/q.sql": "", "made.log": "", "pack/__main__.py": "",
    "model/fetching/__init__.py": "", "model/fetching/get.py": "", "build/x.py": "",
    "Makefile": "rows:\n\tpython tools/rows.py\n", "loop.sh": "sh loop.sh\n",
    "conf/rows.csv": "tools/rows.py," * 9999,
}  # fmt: skip


@pytest.mark.parametrize(("command", "expected"), [
    ("python tools/rows.py {folder}", "tools/rows.py"), ("python -m fetching.get", "fetching.get"),
    ("uv run python -mfetching", "fetching"), ("./tools/rows.py", "tools/rows.py"),
    ("sh fetch.sh {folder}", "fetch.sh fetching tools/more.sh tools/rows.py conf/q.sql"),
    ("bash -c 'python tools/rows.py > made.log; true'", "tools/rows.py"),
    ("python -c 'from fetching.get import main; main()'", "fetching.get"),
    ("tools/own --sql=conf/q.sql", "tools/own tools/rows.py conf/q.sql"),
    ("python pack", "pack/__main__.py"), ("make rows", "Makefile tools/rows.py"),
    ("python -m json.tool conf/rows.csv", "conf/rows.csv"), ("sh loop.sh", "loop.sh"),
    ("python build/x.py", ""), ("aws s3 sync s3://bucket/rows {folder}", ""), ("cp ../a .", ""),
])  # fmt: skip
def test_the_code_that_a_command_of_any_program_names_is_that_of_its_scripts_too(
    tmp_path: Path, command: str, expected: str
) -> None:
    root = plant(tmp_path / "root", FETCHERS)

    code = code_of(shlex.split(command), root, root / "model")

    texts = {each if isinstance(each, str) else each.relative_to(root).as_posix() for each in code}
    assert texts == set(expected.split())
