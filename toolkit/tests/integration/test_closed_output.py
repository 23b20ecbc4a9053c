"""Standard output that nobody reads any more, as behind ``| head -1``: a quiet end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from integration.tiny import BOUND, TinyProject, wait_for

pytestmark = pytest.mark.integration

SIGPIPE = 128 + 13
TRAINING = "model/tiny_training/__main__.py"
TALKS = """
import time
for number in range(2000):
    print("line", number, flush=True)
open("../talked", "w").close()
time.sleep(600)
"""
COMMAND = (sys.executable, "-P", "-m", "trainwheel")


def run_unread(project: TinyProject, *argv: str) -> tuple[int, str]:
    """Run a command whose standard output is closed, and return its exit code and its errors."""
    unread, output = os.pipe()
    os.close(unread)
    try:
        completed = subprocess.run(
            argv, cwd=project.root, env=project.variables, stdout=output, stderr=subprocess.PIPE,
            text=True, timeout=BOUND, check=False,
        )  # fmt: skip
    finally:
        os.close(output)
    return completed.returncode, completed.stderr


@pytest.mark.parametrize("words", ["status", "doctor", "schema", "requirements package"])
def test_a_command_ends_as_one_that_sigpipe_ended(published: TinyProject, words: str) -> None:
    assert run_unread(published, *COMMAND, *words.split()) == (SIGPIPE, "")


def test_so_does_nox_and_nothing_of_the_run_is_left(tiny: TinyProject) -> None:
    assert run_unread(tiny, *tiny.argv("package")) == (SIGPIPE, "")
    assert tiny.made() == []


def test_nor_does_it_fail_where_others_print(tiny: TinyProject) -> None:
    buffered = tiny.without("PYTHONUNBUFFERED")
    for argv in ((*tiny.argv()[:-1], "--list"), (*COMMAND, "--help")):
        code, errors = run_unread(buffered, *argv)

        assert code in {0, SIGPIPE}
        assert errors == ""


@pytest.mark.parametrize("words", ["test -- --verbose --jobs 1", "test doc -- --verbose --jobs 2"])
def test_a_training_whose_lines_nobody_reads_is_ended(tiny: TinyProject, words: str) -> None:
    tiny.write(TRAINING, tiny.read(TRAINING) + TALKS)
    errors = tiny.root.parent / "errors"
    with errors.open("wb") as stream:
        process = subprocess.Popen(
            tiny.argv(*words.split()), cwd=tiny.root, env={**tiny.variables, **tiny.mark},
            stdout=subprocess.PIPE, stderr=stream,
        )  # fmt: skip
        head = subprocess.run(
            ["head", "-1"], stdin=process.stdout, capture_output=True, timeout=BOUND, check=True
        )
        assert process.stdout is not None
        process.stdout.close()
        code = process.wait(BOUND)

    assert head.stdout.count(b"\n") == 1
    assert (code, errors.read_text()) == (SIGPIPE, "")
    wait_for(lambda: tiny.survivors() == [])
    assert tiny.made() == []
