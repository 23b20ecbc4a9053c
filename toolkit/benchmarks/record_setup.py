"""What setuptools makes of a project: its metadata, without building anything.

A script for an environment with setuptools. It reads one folder a line and answers each with one
line of JSON: the headers of the metadata, or the problem. Each setup() runs in a process of its
own with a stand-in in its place, which hands its arguments to setuptools and ends the process.
"""

import contextlib
import distutils.core
import io
import json
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

import setuptools  # type: ignore[import-untyped]

SECONDS = 20


class Recorded(BaseException):
    """Ends a setup.py once its setup() was called."""


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(SECONDS)
            os.close(reading)
            _answer(line.rstrip("\n"), writing)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as answer:
            text = answer.read()
        os.waitpid(child, 0)
        print(text or json.dumps({"problem": "it ended without calling setup()"}), flush=True)


def _answer(folder: str, writing: int) -> None:
    """Write what is recorded of a folder, and end this process."""
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(silent, descriptor)
    try:
        answer = _record(folder)
    except BaseException as error:  # noqa: BLE001 - whatever somebody's setup.py does
        answer = {"problem": f"{type(error).__name__}: {error}"}
    os.write(writing, json.dumps(answer).encode())
    os._exit(0)


def _record(folder: str) -> dict[str, Any]:
    headers: list[tuple[str, str]] = []

    def stand_in(**arguments: Any) -> None:
        make = arguments.pop("distclass", setuptools.Distribution)
        distribution = make(arguments)
        distribution.parse_config_files()
        text = io.StringIO()
        distribution.metadata.write_pkg_file(text)
        head = text.getvalue().partition("\n\n")[0].split("\n")
        headers.extend(line.partition(": ")[::2] for line in head)
        raise Recorded

    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = ["setup.py", "--version"]
    for module in (setuptools, distutils.core):
        vars(module)["setup"] = stand_in
    with contextlib.suppress(Recorded):
        if Path("setup.py").exists():
            runpy.run_path("setup.py", run_name="__main__")
        else:
            stand_in()
    return {"headers": headers} if headers else {"problem": "setup() is not called"}


if __name__ == "__main__":
    main()
