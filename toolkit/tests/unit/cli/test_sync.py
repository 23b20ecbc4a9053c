"""The ``trainwheel sync`` command: what it writes, prints and returns."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwheel.cli.main import main
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pins import POLICIES
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.requirements.setup_py import read_list
from unit.sync_corpus import CASES, REFUSED, copy_case

_CASE = "decoy_setup_call"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that uses nothing else of ours, and has drifted."""
    return copy_case(_CASE, tmp_path / "project")


def _sync(folder: Path, *options: str) -> int:
    return main(["sync", str(folder), *options])


class TestRoundTrip:
    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("case", CASES)
    def test_what_was_synced_passes_the_check_and_stays(
        self, case: str, policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        project = copy_case(case, tmp_path)
        before = (project / "setup.py").read_bytes()
        # That lock lacks the packages for development, which only an extra would miss.
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


def test_drift_is_1_with_the_difference_alone_on_standard_output(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / "setup.py").read_bytes()
    assert _sync(project, "--check", "--pins", "locked") == 1
    out, err = capsys.readouterr()
    assert out.startswith("--- setup.py\n+++ setup.py (synced)\n@@ ")
    assert err.startswith("failed: setup.py does not agree with the lock; ")
    assert len(err.splitlines()) == 1
    assert (project / "setup.py").read_bytes() == before


def test_written_is_0_and_in_sync_is_0(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    assert main(["sync"]) == 0
    assert "setup.py updated" in capsys.readouterr().out
    assert _sync(project) == 0
    assert "setup.py agrees with the lock" in capsys.readouterr().out
    assert _sync(project, "--check") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "setup.py agrees" in err


def pyproject(text: str) -> Callable[[Path], object]:
    return lambda project: (project / "pyproject.toml").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: (p / "setup.py").chmod(0o444), "setup.py is read-only; make it writable"),
        (lambda p: (p / "pyproject.toml").write_bytes(b"# \xff"), "pyproject.toml is not UTF-8"),
        (lambda p: (p / "setup.cfg").mkdir(), "setup.cfg cannot be read: Is a directory"),
        (pyproject("["), "pyproject.toml is not TOML"),
        (pyproject("tool.trainwheel.sync.pin = 'x'"), r"sync\.pin, did you mean sync\.pins"),
        (pyproject("tool.trainwheel.sync.extras = {gpu = 'gpu'}"), r"'gpu' .*\[gpu\]"),
    ],
)
def test_what_cannot_be_done_is_2_in_one_line(
    project: Path, spoil: Callable[[Path], object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(project)
    assert _sync(project) == 2
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == 1
    assert re.match(f"configuration: .*{message}", err)
    assert out == ""


@pytest.mark.parametrize(
    ("noxfile", "command"),
    [
        (None, "`pipenv lock`"),
        ("import nox\n", "`pipenv lock`"),
        ("import trainwheel.nox as trainwheel\n", "`nox -s lock`"),
    ],
    ids=["none", "another one", "a model repository"],
)
@pytest.mark.parametrize("lock", [None, "{", "stale"])
def test_a_repository_is_told_the_command_by_which_it_locks(
    project: Path,
    noxfile: str | None,
    command: str,
    lock: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if noxfile is not None:
        (project / "noxfile.py").write_text(noxfile)
    path = project / "Pipfile.lock"
    if lock == "stale":
        path.write_text('{"_meta": {"hash": {"sha256": "0"}}, "default": {}}')
    else:
        path.unlink() if lock is None else path.write_text(lock)

    assert _sync(project) == 2

    commands = re.findall("`.*?`", capsys.readouterr().err)
    assert commands == [command]


@pytest.mark.parametrize("back_end", ["hatchling.build", "pdm.backend"])
def test_dependencies_that_another_back_end_computes_are_called_dynamic(
    tmp_path: Path, back_end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_case(_CASE, tmp_path)
    (project / "setup.py").unlink()
    build = f"[build-system]\nrequires = []\nbuild-backend = '{back_end}'\n"
    pyproject(f"{build}[project]\nname = 'x'\ndynamic = ['dependencies']\n")(project)

    assert _sync(project) == 2

    err = capsys.readouterr().err
    assert f"the build back end {back_end} reads this, and no setup.py or setup.cfg" in err
    assert "no [project]" not in err


@pytest.mark.parametrize("folder", ["nowhere", "setup.py"])
def test_a_folder_that_is_not_one_is_named(
    project: Path, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _sync(project / folder) == 2
    assert folder in capsys.readouterr().err


@pytest.mark.parametrize("options", [("--pins", "loose"), ("--engine", "x"), ("--what",)])
def test_a_wrong_argument_is_2(project: Path, options: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        _sync(project, *options)
    assert caught.value.code == 2


SECRET = "s3cret-Value"
_ENTRY: dict[str, Any] = {
    "query": {"file": f"https://x.example/a-1.0.tar.gz?token={SECRET}"},
    "user": {"editable": True, "git": f"https://{SECRET}@x.example/o/a.git", "ref": "v1"},
    "local": {"path": f"file://me:{SECRET}@server/a.whl"},
}
_FAULTS = [*_ENTRY, "lock source", "pipfile source"]


@pytest.mark.parametrize("fault", _FAULTS)
@pytest.mark.parametrize("check", [(), ("--check",)], ids=["write", "check"])
@pytest.mark.parametrize(
    "options",
    [*(("--pins", policy) for policy in POLICIES), ("--engine", "pipenv-setup"),
     ("--engine", "pipenv-setup", "--pins", "declared")],
    ids=" ".join,
)  # fmt: skip
def test_a_secret_is_refused_before_anything_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fault: str,
    check: tuple[str, ...],
    options: tuple[str, ...],
) -> None:
    lock: dict[str, Any] = {"_meta": {}, "default": {"six": {"version": "==1.0"}}, "develop": {}}
    pipfile = "[packages]\nsix = '*'\n"
    if fault in _ENTRY:
        lock["develop"] = {"a": _ENTRY[fault]}
    elif fault == "lock source":
        lock["_meta"] = {"sources": [{"name": "a", "url": f"https://me:{SECRET}@x.example/"}]}
    else:
        pipfile += f"[[source]]\nname = 'a'\nurl = 'https://x.example/?token={SECRET}'\n"
    files = {
        "Pipfile": pipfile,
        "Pipfile.lock": stamp_lock(json.dumps(lock), parse_pipfile("[packages]\nsix = '*'\n"))
        if fault in _ENTRY else json.dumps(lock),
        "setup.py": "from setuptools import setup\n\nsetup(name='m', install_requires=[])\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    assert _sync(tmp_path, *options, *check) == 2

    out, err = capsys.readouterr()
    assert re.fullmatch(r"configuration: Pipfile(\.lock)?: .*\ba\b.* has a .* in its .*\n", err)
    assert SECRET not in out + err
    assert {name: (tmp_path / name).read_text() for name in files} == files


def test_the_command_line_wins_and_its_extra_joins_the_others(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        "[tool.trainwheel.sync]\npins = 'direct'\nextras = {dev = 'dev-packages'}\n"
    )
    assert _sync(project, "--pins", "declared", "--dev-extra", "test") == 0
    source = (project / "setup.py").read_bytes()
    assert read_list(source) == ("requests>=2.30",)
    assert read_list(source, "test") == read_list(source, "dev") == ("pytest",)
    # PEP 685: one extra, in two spellings.
    assert _sync(project, "--pins", "declared", "--dev-extra", "DEV") == 0
    assert b"DEV" not in (project / "setup.py").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dev-extra", "a b"), "'a b' is not the name of an extra"),
        (("--built",), "--built compares and writes nothing; use it with --check"),
        (("--built", "--check", "--engine", "pipenv-setup"), "without --engine"),
    ],
)
def test_options_that_do_not_fit_are_2_in_one_line(
    project: Path,
    options: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _sync(project, *options) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert message in err


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

found = []
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
    found.append("new" if now == new else "old")
    if not status:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
print(line, found.count("old"), found.count("new"), file=sys.stderr)
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


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A project whose lock is a requirements.txt, and that has no Pipfile."""
    text = "".join(f"{name}==1.0 --hash=sha256:{'ab' * 32}\n" for name in ("six", "idna"))
    (tmp_path / "requirements.txt").write_text(text)
    (tmp_path / "setup.py").write_text("from setuptools import setup\n\nsetup()\n")
    return tmp_path


_GROUPS = """
[tool.trainwheel.sync]
extras = { tools = "Dev_Tools" }

[dependency-groups]
dev-tools = ["idna"]
"""


@pytest.mark.parametrize(("name", "text"), [
    ("setup.py", "from setuptools import setup\n\nsetup(\n    install_requires=[],\n)\n"),
    ("setup.cfg", "[options]\ninstall_requires =\n    x\n"),
    ("pyproject.toml", f"[project]\nname = 'mine'\ndependencies = ['six']\n{_GROUPS}"),
])  # fmt: skip
def test_another_lock_is_written_into_every_target_and_stays(
    foreign: Path, name: str, text: str
) -> None:
    (foreign / "pyproject.toml").write_text(_GROUPS)
    (foreign / name).write_text(text)

    assert _sync(foreign, "--check", "--pins", "direct") == 1
    assert _sync(foreign, "--pins", "direct") == 0
    written = (foreign / name).read_text()
    # Where nothing but the lock names what is needed, that is all of it.
    assert "six==1.0" in written
    assert written.count("idna==1.0") == (1 if name == "pyproject.toml" else 2)
    assert _sync(foreign, "--check", "--pins", "direct") == 0


def test_what_setup_py_named_when_uv_locked_is_taken_from_uv_lock(tmp_path: Path) -> None:
    registry = 'source = { registry = "https://index.test/simple" }'
    (tmp_path / "uv.lock").write_text(f"""
version = 1
[[package]]
name = "mine"
source = {{ editable = "." }}
dependencies = [{{ name = "six", extra = ["more"] }}]
[package.metadata]
requires-dist = [
    {{ name = "six", extras = ["more"], marker = "os_name == 'nt'", specifier = ">=1,<1.9" }},
    {{ name = "idna", marker = "extra == 'gpu'", specifier = ">=1" }},
]
[[package]]
name = "six"
version = "1.2"
{registry}
dependencies = [{{ name = "idna" }}]
[[package]]
name = "idna"
version = "3.0"
{registry}
""")
    (tmp_path / "pyproject.toml").write_text("[project]\ndynamic = ['dependencies']\n")
    (tmp_path / "setup.py").write_text("import setuptools\nsetuptools.setup(install_requires=[])\n")

    assert _sync(tmp_path) == 0

    expected = ('six[more]>=1.2,<1.9; os_name == "nt"',)
    assert read_list((tmp_path / "setup.py").read_bytes()) == expected


@pytest.mark.parametrize(("options", "names"), [
    (("--dev-extra", "dev"), ["[dev]", "requirements.txt"]),
    (("--engine", "pipenv-setup"), ["pipenv-setup", "requirements.txt"]),
    (("--pins", "declared"), ["pyproject.toml"]),
    (("--lock", "gone/uv.lock"), ["gone/uv.lock"]),
])  # fmt: skip
def test_what_another_lock_does_not_say_is_refused_and_nothing_is_written(
    foreign: Path, options: tuple[str, ...], names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (foreign / "setup.py").read_bytes()

    assert _sync(foreign, *options) == 2

    message = capsys.readouterr().err
    assert all(name in message for name in names)
    assert (foreign / "setup.py").read_bytes() == before
