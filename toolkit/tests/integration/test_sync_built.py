"""What ``sync --check --built`` says, beside what the real setuptools and flit build."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from trainwheel.cli.main import main
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pins import POLICIES
from trainwheel.requirements.pipfile import parse_pipfile
from unit.sync_corpus import CASES, REFUSED, copy_case

pytestmark = [pytest.mark.integration]

_PIPFILE = """\
[packages]
six = {version = "*", markers = "os_name == 'posix' or os_name == 'nt'"}
Zope_Interface = {version = "*", extras = ["Test_Ing"]}
[dev-packages]
pytest = "*"
"""
_LOCKED = {
    "default": {"six": "==1.17.0", "zope-interface": "==7.2"}, "develop": {"pytest": "==8.4.1"},
}  # fmt: skip
_SETUP = "from setuptools import setup\nsetup(name='m', version='1', py_modules=[]{})\n"
_DYNAMIC = '[project]\nname = "m"\nversion = "1"\ndynamic = ["dependencies"{}]\n'
_FROM_FILE = '[tool.setuptools.dynamic]\ndependencies = {{file = "needs.txt"}}\n'
_FLIT = '[build-system]\nrequires = ["flit-core"]\nbuild-backend = "flit_core.buildapi"\n'
_STATIC = '[project]\nname = "m"\nversion = "1"\ndescription = "M."\n'


def make(folder: Path, files: dict[str, str]) -> Path:
    lock: dict[str, object] = {"_meta": {}}
    for category, pins in _LOCKED.items():
        lock[category] = {name: {"version": pin} for name, pin in pins.items()}
    texts = {**files, "Pipfile": _PIPFILE}
    texts["Pipfile.lock"] = stamp_lock(json.dumps(lock), parse_pipfile(_PIPFILE))
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def sync(folder: Path, *options: str) -> int:
    return main(["sync", str(folder), *options])


_LISTED = _SETUP.format(", install_requires=[], extras_require={'Dev_tools': ['x']}")


@pytest.mark.parametrize(
    ("files", "extra"),
    [
        ({"setup.py": _LISTED}, "dev-tools"),
        ({"setup.py": _SETUP.format("")}, "dev"),
        ({"setup.py": _SETUP.format(""), "setup.cfg": "[options]\ninstall_requires =\n"}, "dev"),
        ({"setup.cfg": "[metadata]\nname = m\n[options]\npy_modules =\n",
          "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n'}, "dev"),
        ({"pyproject.toml": _STATIC, "setup.py": _SETUP.format("")}, "Dev.Tools"),
        ({"pyproject.toml": _FLIT + _STATIC, "m.py": ""}, "dev"),
        ({"pyproject.toml": _DYNAMIC.format(', "optional-dependencies"'),
          "setup.py": _SETUP.format(", install_requires=[]")}, "dev"),
        ({"pyproject.toml": _DYNAMIC.format("") + _FROM_FILE.format(), "needs.txt": "six==1  # s\n",
          "setup.py": _SETUP.format("")}, ""),
        ({"setup.cfg": "[options]\ninstall_requires = file: needs.txt\n", "needs.txt": "",
          "setup.py": _SETUP.format("")}, ""),
    ],
)  # fmt: skip
def test_what_was_written_is_what_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], extra: str
) -> None:
    project = make(tmp_path, files)
    options = ("--dev-extra", extra) if extra else ()
    assert sync(project, "--check", "--built", *options) == 1
    assert "+six>=1.17.0,<2" in capsys.readouterr().out
    assert sync(project, *options) == 0
    before = {path.name for path in project.iterdir()}
    assert sync(project, "--check", "--built", *options) == 0
    assert {path.name for path in project.iterdir()} == before


_CHANGED = """\
from setuptools import setup
import helper
setup(name='m', version='1', py_modules=[], install_requires=[])
"""


@pytest.mark.parametrize(
    ("files", "line", "place"),
    [
        # A plug-in or a function that setup.py calls may add what nobody can read there.
        ({"setup.py": _CHANGED.replace("import helper", "import setuptools.dist as d\n"
          "old = d.Distribution.finalize_options\n"
          "def new(s): s.install_requires += ['more']; old(s)\n"
          "d.Distribution.finalize_options = new")}, "-more", "setup.py:6"),
        # setuptools issue 3306: the table wins over what setup.py lists.
        ({"pyproject.toml": _DYNAMIC.format("") + _FROM_FILE.format(), "needs.txt": "more\n",
          "setup.py": _SETUP.format(", install_requires=['six']")}, "-more", "pyproject.toml:6"),
        ({"pyproject.toml": _DYNAMIC.format(""), "setup.py": _LISTED}, "-x", ""),
    ],
)  # fmt: skip
def test_a_difference_names_each_requirement_and_where_the_truth_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], line: str, place: str
) -> None:
    project = make(tmp_path, files)
    if place.startswith("setup.py"):
        assert sync(project) == 0
        assert sync(project, "--check") == 0
    capsys.readouterr()
    assert sync(project, "--check", "--built") == 1
    out, err = capsys.readouterr()
    assert (line in out.splitlines()) is bool(place)
    assert place in err


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"pyproject.toml": '[build-system]\nrequires = ["a-back-end"]\nbuild-backend = "a"\n'},
         r"needs a-back-end, which "),
        ({"setup.py": "raise ValueError('not here')\n"}, "not here"),
        ({}, "setup.py"),
    ],
)  # fmt: skip
def test_a_back_end_that_cannot_answer_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], reason: str
) -> None:
    assert sync(make(tmp_path, files), "--check", "--built") in {1, 2}
    assert reason in capsys.readouterr().err.splitlines()[-1]


SAMPLES = sorted(set(CASES) - set(REFUSED))
TURNS = list(zip(SAMPLES, itertools.cycle(POLICIES), strict=False))
"""Each sample by one policy, in turn; the others are built at night."""


@pytest.mark.parametrize(("case", "policy"), [
    pytest.param(*pair, marks=pytest.mark.slow if pair in TURNS else pytest.mark.models)
    for pair in itertools.product(SAMPLES, POLICIES)
])  # fmt: skip
def test_every_sample_is_built_as_it_was_synced(case: str, policy: str, tmp_path: Path) -> None:
    project = copy_case(case, tmp_path)
    (project / "logconf.py").write_text("def setup(**given): pass\n")
    extra = () if case == "lock_no_develop" else ("--dev-extra", "dev")
    options = ("--pins", policy, *extra)
    assert sync(project, *options) == 0
    assert sync(project, "--check", "--built", *options) == 0
