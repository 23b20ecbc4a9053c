"""What it costs a program that the hook writes down what it reads: an event, and a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.timing import Bar, check, machine

from trainwheel.engine.watching import watch
from trainwheel.guest import WATCH

pytestmark = [pytest.mark.bench, pytest.mark.integration]

# The same events without and with the hook: what it adds is the difference. Each figure is the best
# of many short rounds, since others may use the processor. Ten functions of a library are between
# the program and the event, and all are asked whether they are the repository's.
PROGRAM = """
import importlib.util, itertools, json, os, sys, timeit
root, hook = sys.argv[1:]
numbers = itertools.count()

def first():
    sys.audit("open", f"{root}/data/{next(numbers)}.csv", "r", os.O_CLOEXEC)

def again():
    sys.audit("open", "/data/a.csv", "r", os.O_CLOEXEC)

def other():
    sys.audit("object.__getattr__", root, "f_code")

def best(function):
    return min(timeit.repeat(function, number=200, repeat=200)) / 200 * 1e6

def deep(levels):
    return deep(levels - 1) if levels else [best(each) for each in (first, again, other)]

without = deep(10)
spec = importlib.util.spec_from_file_location("_trainwheel_watch", hook)
spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(json.dumps([after - before for after, before in zip(deep(10), without)]))
"""


def test_what_an_event_and_a_file_cost(tmp_path: Path) -> None:
    log, root, program = tmp_path / "watch", tmp_path / "root", tmp_path / "program.py"
    program.write_text(PROGRAM)
    with watch(log, root, ("/usr", "/etc", "/lib", "/opt", sys.prefix, sys.base_prefix)):
        argv = (sys.executable, "-S", str(program), str(root), str(WATCH))
        env = {**os.environ, "TRAINWHEEL_WATCH": str(log)}
        printed = subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout

    first, again, other = json.loads(printed)
    noted = [path.read_bytes().count(b"\nr\t") for path in log.glob("*.log")]
    assert noted == [40_000 + 1], "each file once"
    print(f"\nthe hook: the best of 200 rounds\n{machine()}")
    check(
        Bar("µs an event that is not of interest", other, 1),
        Bar("µs a file that is first seen", first, 10),
        Bar("µs a file that is seen again", again, 1),
    )
