"""Processes that training starts, and what they read."""

from __future__ import annotations

from collections.abc import Mapping

from integration.layouts.layout import Answer, Content, Layout

__all__ = ["LAYOUTS"]

FILES: Mapping[str, Content] = {
    "scripts/a.py": "print(open('in/a.txt').read())\n", "scripts/a.sh": "echo 1\n",
    "scripts/b.py": "", "in/a.txt": "1", "in/b.txt": "1",
}  # fmt: skip
BESIDE = {"in/b.txt": "2", "scripts/b.py": "2"}
TXT, SCRIPT = {"in/a.txt": "2"}, {"scripts/a.py": "print(2)\n"}
READER = {"reader.py": "def read(n):\n    return open('in/a.txt').read()\n"}
"""A module of its own: a new process does not run the __main__ of a package again."""
RUN = "value = subprocess.run({}, stdout=subprocess.PIPE, check=True).stdout"


def run(name: str, argv: str, edit: Mapping[str, Content] = TXT) -> Layout:
    """Return a layout that starts a process in one way, which is seen."""
    return Layout(name, RUN.format(argv), edit, FILES, BESIDE)


def hidden(name: str, argv: str, edit: Mapping[str, Content] = TXT) -> Layout:
    """Return a layout that starts a process in one way, which only the system sees."""
    return Layout(name, RUN.format(argv), edit, FILES, {}, Answer.NOTICED)


def worked(name: str, code: str) -> Layout:
    """Return a layout whose function ``read`` runs in another process."""
    code = f"from reader import read\nif __name__ == '__main__':\n    {code}"
    return Layout(name, code, TXT, {**FILES, **READER}, BESIDE)


POOL = """import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(1, multiprocessing.get_context('{}')) as pool:
        value = pool.submit(read, 1).result(20)"""

LAYOUTS = (
    run("a script of its own", "[sys.executable, 'scripts/a.py']", SCRIPT),
    run("what a script of its own reads", "[sys.executable, 'scripts/a.py']"),
    run("python -m in a process of its own", "[sys.executable, '-m', 'scripts.a']"),
    run("python -c", "[sys.executable, '-c', 'print(open(\"in/a.txt\").read())']"),
    run("python by its name", "['python', 'scripts/a.py']"),
    run("a shell that starts Python", "['sh', '-c', 'python scripts/a.py']"),
    run("python -I", "[sys.executable, '-I', 'scripts/a.py']"),
    run("python -E", "[sys.executable, '-E', 'scripts/a.py']"),
    run("python -s -P -B -O", "[sys.executable, '-s', '-P', '-B', '-O', 'scripts/a.py']"),
    run("a changed variable", "[sys.executable, 'scripts/a.py'], env={**os.environ, 'X': '1'}"),
    run("a process of a process",
        "[sys.executable, '-c', 'import os, sys; os.execv(sys.executable, [sys.executable, "
        "\"scripts/a.py\"])']"),
    worked("multiprocessing, fork", POOL.format("fork")),
    worked("multiprocessing, spawn", POOL.format("spawn")),
    worked("multiprocessing, forkserver", POOL.format("forkserver")),
    worked("os.fork and os._exit",
           "ends = os.pipe()\n    if os.fork() == 0:\n        os.write(ends[1], read(1).encode())\n"
           "        os._exit(0)\n    os.wait()\n    value = os.read(ends[0], 9)"),
    worked("workers of joblib",
           "import joblib\n    value = joblib.Parallel(2)(map(joblib.delayed(read), (1, 2)))"),
    hidden("another program", "['cat', 'in/a.txt']"),
    hidden("a script of the shell", "['sh', 'scripts/a.sh']", {"scripts/a.sh": "echo 2\n"}),
    hidden("no variables: env -i", "['env', '-i', sys.executable, 'scripts/a.py']"),
    hidden("python -S", "[sys.executable, '-S', 'scripts/a.py']"),
    hidden("a Python outside the environment",
           "[os.path.realpath(sys.executable), 'scripts/a.py']"),
)  # fmt: skip
