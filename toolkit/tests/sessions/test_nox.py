"""The private parts of Nox that the library touches are still where it touches them.

Each test runs the Nox that is installed, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from nox import virtualenv

from unit.repository import write

SHOWN = "shown: "

SESSIONS = f"""\
import json

import nox
from trainwheel.cli.nox import named_sessions, queued_sessions, selected_sessions

KNOWN = ["first", "second", "third", "queued"]


def show(session):
    facts = dict(
        name=session.name,
        named=sorted(named_sessions(session)),
        selected=sorted(selected_sessions(session, KNOWN)),
        queued=queued_sessions(session),
    )
    print("{SHOWN}" + json.dumps(facts))


@nox.session(venv_backend="none")
def first(session):
    show(session)


@nox.session(venv_backend="none", requires=["first"])
def second(session):
    show(session)
    session.notify("queued")


@nox.session(venv_backend="none")
def third(session):
    show(session)


@nox.session(venv_backend="none")
def queued(session):
    show(session)
"""

CHAIN = """\
import sys


def tell(event, arguments):
    if event == "subprocess.Popen":
        print("starts:", *arguments[1])


sys.addaudithook(tell)

import nox
import trainwheel

trainwheel.register()


@nox.session(venv_backend="uv")
def mine(session):
    print("mine:", session.virtualenv.venv_backend)
"""


def run_nox(root: Path, *words: str, variables: Mapping[str, str] | None = None) -> str:
    """Return what a run of Nox prints, which must end well."""
    inherited = {name: value for name, value in os.environ.items() if name != "UV"}
    completed = subprocess.run(
        (sys.executable, "-m", "nox", *words), cwd=root,
        env={**inherited, "NOX_ENVDIR": ".nox", **(variables or {})}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stdout
    return completed.stdout


def shown_by(root: Path, *words: str) -> dict[str, dict[str, Any]]:
    """Return what each session said of its run, in the order in which they ran."""
    write(root, "noxfile.py", SESSIONS)
    lines = run_nox(root, *words).splitlines()
    facts = [json.loads(line.removeprefix(SHOWN)) for line in lines if line.startswith(SHOWN)]
    return {session["name"]: session for session in facts}


def test_a_session_knows_which_were_asked_for_and_those_of_its_run_and_no_others(
    tmp_path: Path,
) -> None:
    needed = shown_by(tmp_path, "-s", "second")
    both = shown_by(tmp_path, "-s", "third", "first")

    named = {name: session["named"] for name, session in needed.items()}
    assert named == {name: ["second"] for name in ("first", "second", "queued")}
    assert needed["first"]["selected"] == needed["second"]["selected"] == ["first", "second"]
    assert needed["queued"]["selected"] == ["first", "queued", "second"]
    assert (needed["first"]["queued"], needed["second"]["queued"]) == (["second"], [])
    for name in ("first", "third"):
        assert both[name]["named"] == both[name]["selected"] == ["first", "third"]


def test_nox_says_nothing_of_a_session_of_ours_that_ends_well(root: Path) -> None:
    write(root, "noxfile.py", "import trainwheel\n\ntrainwheel.register()\n")

    output = run_nox(root, "-s", "clean", "sync")

    assert [line.split()[0] for line in output.splitlines()] == ["clean", "sync"], output


def test_nox_starts_no_uv_to_ask_for_its_version(root: Path) -> None:
    write(root, "noxfile.py", CHAIN)
    given = {"UV": virtualenv.UV}  # what the user names is left to Nox, which has to ask it

    assert "starts:" not in run_nox(root, "-s", "clean")
    assert "self version" in run_nox(root, "-s", "clean", variables=given)


@pytest.mark.integration
def test_a_session_of_the_users_own_gets_its_environment_from_the_uv_that_was_named(
    root: Path,
) -> None:
    write(root, "noxfile.py", CHAIN)

    output = run_nox(root, "-s", "mine")

    starts = [line for line in output.splitlines() if line.startswith("starts:")]
    assert len(starts) == 1, output
    assert "/uv venv " in starts[0]
    assert "mine: uv" in output
