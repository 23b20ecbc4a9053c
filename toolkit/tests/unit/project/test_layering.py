"""The layering that import-linter cannot see: who calls what, and how long a module may be."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import trainwheel

SOURCE = Path(trainwheel.__file__).parent
MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 400, 50

PROCESSES = {
    *("os.fork", "os.forkpty", "os.kill", "os.killpg", "os.popen", "os.system", "os.startfile"),
    *("os.posix_spawn", "os.posix_spawnp", "pty.spawn", "multiprocessing.Process"),
    *("asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"),
    *(f"os.{kind}{how}" for kind in ("exec", "spawn") for how in ("l", "le", "lp", "lpe")),
    *(f"os.{kind}{how}" for kind in ("exec", "spawn") for how in ("v", "ve", "vp", "vpe")),
    *(f"subprocess.{name}" for name in ("Popen", "call", "check_call", "check_output", "run")),
    *("subprocess.getoutput", "subprocess.getstatusoutput"),
}
VARIABLES = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"}
# Which stream a console prints to is no printing.
PRINTING = {
    *("print", "pprint.pprint", "logging.basicConfig"),
    *(f"sys.{name}.{how}" for name in ("stdout", "stderr") for how in ("write", "writelines")),
}


def starts_processes(text: str) -> list[str]:
    """Return what a module calls that starts a process or ends one."""
    names = _imported(text)
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    found = [(_full_name(call.func, names), call) for call in calls]
    # Signal 0 ends nothing, it asks whether a process is there.
    return sorted(
        name
        for name, call in found
        if name in PROCESSES and not (name == "os.kill" and ast.unparse(call.args[1]) == "0")
    )


def reads_variables(text: str) -> list[str]:
    """Return by which names a module reaches the environment variables."""
    return _uses(text, VARIABLES)


def prints(text: str) -> list[str]:
    """Return by which names a module writes to standard output or standard error."""
    return _uses(text, PRINTING)


def reveals(text: str) -> list[str]:
    """Return what a module says to have the value of a secret."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)]
    return sorted(ast.unparse(node) for node in nodes if node.attr in {"reveal", "_value"})


def makes_secrets(text: str) -> list[str]:
    """Return by which names a module uses the class of secrets, other than as a type."""
    names, tree = _imported(text), ast.parse(text)
    hints = (hint for node in ast.walk(tree) for hint in _hints(node))
    types = {id(part) for hint in hints for part in ast.walk(hint)}
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Name | ast.Attribute)]
    return sorted(
        ast.unparse(node)
        for node in nodes
        if id(node) not in types and _full_name(node, names) == "trainwheel.system.secrets.Secret"
    )


def _hints(node: ast.AST) -> list[ast.expr]:
    hints = (getattr(node, "annotation", None), getattr(node, "returns", None))
    return [hint for hint in hints if isinstance(hint, ast.expr)]


def _uses(text: str, wanted: set[str]) -> list[str]:
    names = _imported(text)
    nodes = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name | ast.Attribute))
    return sorted({_full_name(node, names) for node in nodes} & wanted)


def _imported(text: str) -> dict[str, str]:
    """Return each name that a module imports with its full name."""
    names: dict[str, str] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    head, dot, rest = ast.unparse(node).partition(".")
    return f"{names.get(head, head)}{dot}{rest}"


def imports_from_its_folder(text: str) -> list[str]:
    """Return the programs that a Python is told to run where it would import what lies there."""
    lines = (n.elts for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Tuple | ast.List))
    pairs = (map(ast.unparse, pair) for line in lines for pair in itertools.pairwise(line))
    return [
        flag.strip("'")
        for program, flag in pairs
        if re.search(r"python|executable", program) and flag in {"'-m'", "'-c'"}
    ]


def long_functions(text: str) -> Iterator[str]:
    """Yield the functions that are too long."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{node.name}: {lines} lines"


each_module = pytest.mark.parametrize("module", MODULES)


def read(module: str) -> str:
    return (SOURCE / module).read_text(encoding="utf-8")


@each_module
def test_one_module_starts_and_ends_processes(module: str) -> None:
    assert module == "system/process.py" or starts_processes(read(module)) == []


@each_module
def test_one_module_reads_the_environment_variables(module: str) -> None:
    assert module == "system/environ.py" or reads_variables(read(module)) == []


@each_module
def test_one_module_prints(module: str) -> None:
    # A host talks to whoever started it; the command has no console before the configuration.
    may_print = module in {"system/console.py", "cli/main.py"} or module.startswith("guest/")

    assert may_print or prints(read(module)) == []


@each_module
def test_three_modules_reveal_secrets_and_one_makes_them(module: str) -> None:
    may_reveal = module in {"index/access.py", "index/pypirc.py", "system/leaks.py"}
    makes = module == "system/secrets.py"

    assert may_reveal or makes or reveals(read(module)) == []
    # One that is made elsewhere would not be hidden.
    assert makes or makes_secrets(read(module)) == []


@each_module
def test_a_python_imports_nothing_that_lies_where_it_starts(module: str) -> None:
    # Tests and pages are the model's own, which import each other; no secret is in their sight.
    is_models = module in {"steps/test.py", "steps/doc.py"}

    assert is_models or imports_from_its_folder(read(module)) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("argv = (sys.executable, '-m', 'pip', 'list')", ["-m"]),
        ("argv = [str(python), '-c', script]", ["-c"]),
        ("argv = (*start, *('python', '-m', 'build'))", ["-m"]),
        ("argv = (sys.executable, '-P', '-m', 'pip')", []),
        ("argv = (str(python), '-P', str(script), '-mode')", []),
    ],
)
def test_a_python_that_imports_from_its_folder_is_seen(line: str, found: list[str]) -> None:
    assert imports_from_its_folder(line) == found


@each_module
def test_modules_and_functions_are_short(module: str) -> None:
    text = read(module)

    assert len(text.splitlines()) <= LONGEST_MODULE
    assert list(long_functions(text)) == []


@pytest.mark.parametrize(
    ("module", "check"),
    [("process", starts_processes), ("environ", reads_variables), ("console", prints)],
)
def test_the_modules_that_own_an_effect_are_there(
    module: str, check: Callable[[str], list[str]]
) -> None:
    assert check(read(f"system/{module}.py"))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import subprocess\nsubprocess.run(['ls'])", ["subprocess.run"]),
        ("import subprocess as s\ns.Popen(['ls'])", ["subprocess.Popen"]),
        ("from subprocess import check_output as c\nc(['ls'])", ["subprocess.check_output"]),
        ("import os\nos.kill(3, signal.SIGTERM)", ["os.kill"]),
        ("from os import execv\nexecv('/bin/ls', [])", ["os.execv"]),
        ("import os\nos.kill(3, 0)", []),
        ("import subprocess\nx: subprocess.Popen[bytes]", []),
    ],
)
def test_a_module_that_starts_a_process_is_seen(line: str, found: list[str]) -> None:
    assert starts_processes(line) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import os\nx = os.environ['A']", ["os.environ"]),
        ("import os as o\no.getenv('A')", ["os.getenv"]),
        ("from os import environ\nenviron.get('A')", ["os.environ"]),
        ("import os\nos.path.join('environ')", []),
    ],
)
def test_a_module_that_reads_a_variable_is_seen(line: str, found: list[str]) -> None:
    assert reads_variables(line) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("print('x')", ["print"]),
        ("import sys\nsys.stderr.write('x')", ["sys.stderr.write"]),
        ("from sys import stdout as out\nout.write('x')", ["sys.stdout.write"]),
        ("console.print('x')", []),
        ("import sys\nConsole(environment, sys.stderr)", []),
    ],
)
def test_a_module_that_prints_is_seen(line: str, found: list[str]) -> None:
    assert prints(line) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("def f(password: Secret) -> str:\n    return password.reveal()", ["password.reveal"]),
        ("values = map(Secret.reveal, secrets)", ["Secret.reveal"]),
        ("secret._value", ["secret._value"]),
        ("reveal = 1", []),
    ],
)
def test_a_module_that_reveals_a_secret_is_seen(line: str, found: list[str]) -> None:
    assert reveals(line) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from trainwheel.system.secrets import Secret\nx = Secret('x')", ["Secret"]),
        ("from trainwheel.system.secrets import Secret as S\nx = map(S, y)", ["S"]),
        ("from trainwheel.system import secrets\nx = secrets.Secret('x')", ["secrets.Secret"]),
        ("from trainwheel.system.secrets import Secret\nx: Secret | None = None", []),
        ("from trainwheel.system.secrets import Secret\ndef f(*x: Secret) -> Secret: ...", []),
    ],
)
def test_a_module_that_makes_a_secret_is_seen(line: str, found: list[str]) -> None:
    assert makes_secrets(line) == found


@pytest.mark.parametrize(("lines", "found"), [(49, []), (50, ["long: 51 lines"])])
def test_a_function_that_is_too_long_is_seen(lines: int, found: list[str]) -> None:
    assert list(long_functions("def long():\n" + "    x = 1\n" * lines)) == found
