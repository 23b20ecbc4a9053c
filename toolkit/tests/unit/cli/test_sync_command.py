"""The ``trainwheel sync`` command over the corpus: what it writes, refuses and returns."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainwheel.cli.main import main
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pins import POLICIES
from trainwheel.requirements.pipfile import parse_pipfile
from unit.sync_corpus import CASES, REFUSED, copy_case


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that uses nothing else of ours, and has drifted."""
    return copy_case("decoy_setup_call", tmp_path / "project")


def _sync(folder: Path, *options: str) -> int:
    return main(["sync", str(folder), *options])


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", CASES)
def test_what_was_synced_passes_the_check_and_stays(
    case: str, policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_case(case, tmp_path)
    before = (project / "setup.py").read_bytes()
    # That lock has no packages for development, which only an extra would miss.
    extra = () if case == "lock_no_develop" else ("--dev-extra", "dev")
    options = ("--pins", policy, *extra)
    code = _sync(project, *options)
    after = (project / "setup.py").read_bytes()
    if case in REFUSED and not (policy == "declared" and case == "bad_lock_json"):
        assert code == 2
        assert re.search(REFUSED[case], capsys.readouterr().err)
        assert after == before
        return
    assert code == 0
    assert _sync(project, "--check", *options) == 0
    assert _sync(project, *options) == 0
    assert (project / "setup.py").read_bytes() == after


@pytest.mark.parametrize(
    ("name", "content", "names"),
    [
        ("Pipfile", "", "Pipfile is missing"),
        ("Pipfile.lock", "", r"Pipfile\.lock is missing"),
        ("setup.py", "", r"no setup\.py"),
        ("Pipfile", "[packages]\na='*'", "not the lock of this"),
        ("pyproject.toml", "[", r"pyproject\.toml is not TOML"),
        ("pyproject.toml", "tool.trainwheel.sync.pin = 'x'", r"sync\.pin, did you mean sync\.pins"),
        ("pyproject.toml", "tool.trainwheel.sync.extras = {gpu = 'gpu'}", r"'gpu' takes \[gpu\]"),
    ],
)
def test_what_cannot_be_done_is_2_in_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, names: str
) -> None:
    path = project / name
    path.write_text(content) if content else path.unlink()
    assert _sync(project) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert re.match(f"configuration: .*{names}", line)
    assert out == ""


SECRET = "s3cret-Value"
_ENTRY: dict[str, Any] = {
    "query": {"file": f"https://x.example/a-1.0.tar.gz?token={SECRET}"},
    "user": {"editable": True, "git": f"https://{SECRET}@x.example/o/a.git", "ref": "v1"},
}
_SOURCE = {
    "lock source": '{"_meta": {"sources": [{"name": "a", "url": "https://me:%s@x.example/"}]}}',
    "pipfile source": "[[source]]\nname = 'a'\nurl = 'https://x.example/?token=%s'\n",
}
_SETUP = "from setuptools import setup\n\nsetup(name='m', install_requires=[])\n"


@pytest.mark.parametrize("fault", [*_ENTRY, *_SOURCE])
@pytest.mark.parametrize(
    "options",
    [("--check",), *(("--pins", policy) for policy in POLICIES), ("--engine", "pipenv-setup")],
    ids=" ".join,
)
def test_a_secret_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str, options: tuple[str, ...]
) -> None:
    pipfile = "[packages]\nsix = '*'\n"
    develop = {"a": _ENTRY[fault]} if fault in _ENTRY else {}
    lock = {"_meta": {}, "default": {"six": {"version": "==1.0"}}, "develop": develop}
    files = {
        "Pipfile": pipfile + (_SOURCE[fault] % SECRET if fault == "pipfile source" else ""),
        "Pipfile.lock": _SOURCE[fault] % SECRET
        if fault == "lock source"
        else stamp_lock(json.dumps(lock), parse_pipfile(pipfile)),
        "setup.py": _SETUP,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    assert _sync(tmp_path, *options) == 2

    out, err = capsys.readouterr()
    assert re.fullmatch(r"configuration: Pipfile(\.lock)?: .*\ba\b.* has a .* in its .*\n", err)
    assert SECRET not in out + err
    assert {name: (tmp_path / name).read_text() for name in files} == files


# Stops itself at the k-th line that writing runs through, for every k; prints what it left.
_KILLER = """
import os, signal, sys
from pathlib import Path
from trainwheel.cli.main import main

project = Path(sys.argv[1])
target = project / "setup.py"
old = target.read_bytes()
main(["sync", str(project)])
new = target.read_bytes()
assert old != new

def run_until(line):
    count = 0
    def trace(frame, event, argument):
        nonlocal count
        if not frame.f_code.co_filename.endswith(("synced.py", "files.py", "tempfile.py")):
            return None
        count += event == "line"
        if count == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    main(["sync", str(project)])
    os._exit(0)

outcomes = []
line = 0
while True:
    line += 1
    target.write_bytes(old)
    child = os.fork()
    if not child:
        run_until(line)
    _, status = os.waitpid(child, 0)
    now = target.read_bytes()
    assert now in (old, new), (line, now)
    outcomes.append("new" if now == new else "old")
    if not status:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
print(line, outcomes.count("old"), outcomes.count("new"), file=sys.stderr)
"""


@pytest.mark.integration
def test_a_kill_at_any_line_leaves_the_old_or_the_new_file(project: Path) -> None:
    argv = (sys.executable, "-c", _KILLER, str(project))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines, old, new = map(int, done.stderr.split())
    assert lines > 60
    assert old > 40
    assert new > 1
