"""The root's Makefile, run by the real make; a stand-in for Nox tells what it was given."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from integration.tiny import ROOT, Run, run_to_end

pytestmark = pytest.mark.integration

TARGETS = [
    *("help", "install", "doc", "train", "test", "version.model", "sync", "package.model"),
    *("prove.model", "upload.model", "verify.model", "index", "check", "check.all", "clean"),
    "distclean",
]
# Stands in for .venv/bin/python: the Makefile only ever asks it for `-P -m nox …`.
RUNNER = """#!/bin/sh
printf '%s\\n' "$*" >> calls
env | sort > environment
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose .venv is whole, in a folder that needs quoting."""
    root = tmp_path / "a b é"
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / "toolkit").mkdir()
    shutil.copy(ROOT / "Makefile", root)
    for name in ("Pipfile.lock", "bootstrap.py", "toolkit/pyproject.toml"):
        (root / name).touch()
        os.utime(root / name, (1, 1))
    python = root / ".venv" / "bin" / "python"
    python.write_text(RUNNER)
    python.chmod(0o755)
    (root / ".venv" / ".trainwheel-stamp").write_text(f"{root.resolve()}\ndigest\n")
    return root


def make(root: Path, *arguments: str, program: str = "make", **variables: str) -> Run:
    variables = {"PATH": os.environ["PATH"], **variables}
    return run_to_end((program, *arguments), root, variables)


def calls(root: Path) -> list[str]:
    return (root / "calls").read_text().splitlines()


def variable(root: Path, name: str) -> str | None:
    lines = (root / "environment").read_text().splitlines()
    return next((line.partition("=")[2] for line in lines if line.startswith(f"{name}=")), None)


def test_help_is_the_default_and_names_every_target(project: Path) -> None:
    completed = make(project)

    told = [line.split()[1] for line in completed.output.splitlines()]
    assert told == TARGETS
    assert not (project / "calls").exists()


def test_a_target_runs_its_session(project: Path) -> None:
    sessions = {name: name.removesuffix(".model") for name in TARGETS[2:11]}

    completed = make(project, *sessions)

    assert completed.code == 0, completed.output
    assert completed.output == ""
    assert calls(project) == [f"-P -m nox -s {session}" for session in sessions.values()]


def test_check_all_is_check_and_the_slow_tests(project: Path) -> None:
    make(project, "check.all")

    assert calls(project) == [
        "-P -m nox -s lint test",
        "-P -m nox -f toolkit/noxfile.py -s lint docs tests",
        "-P -m nox -f toolkit/noxfile.py -s slow",
    ]


@pytest.mark.parametrize(
    "value",
    [
        "175", "1;touch x", "$(shell touch x)", "$$(shell touch x)", "$(touch x)", "`touch x`",
        "1\ntouch x", "'; touch x; '", "$(eval x:=1)$(shell touch x)", "${shell touch x}",
    ],
)  # fmt: skip
def test_a_version_reaches_the_session_as_typed(project: Path, value: str) -> None:
    completed = make(project, f"version={value}", "upload.model")

    assert completed.code == 0, completed.output
    assert calls(project) == ["-P -m nox -s upload"]
    first_line = value.partition("\n")[0]
    assert variable(project, "TRAINWHEEL_VERSION") == first_line
    assert variable(project, "version") is None
    assert not list(project.glob("**/x"))


@pytest.mark.parametrize("name", ["version", "TRAINWHEEL_VERSION"])
def test_of_the_environment_only_the_variable_of_a_job_is_handed_on(
    project: Path, name: str
) -> None:
    make(project, "upload.model", **{name: "$(shell touch x)"})

    is_ours = name == "TRAINWHEEL_VERSION"
    assert variable(project, "TRAINWHEEL_VERSION") == ("$(shell touch x)" if is_ours else None)
    assert not (project / "x").exists()


def test_a_failed_session_fails_make(project: Path) -> None:
    (project / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")

    assert make(project, "train").code == 2


needs_bmake = pytest.mark.skipif(
    shutil.which("bmake") is None and not os.environ.get("CI"), reason="bmake is not installed"
)


@pytest.mark.parametrize(
    ("program", "arguments", "code"),
    [
        pytest.param("bmake", ["upload.model"], 1, marks=[pytest.mark.slow, needs_bmake]),
        pytest.param("bmake", [], 1, marks=[pytest.mark.slow, needs_bmake]),
        # What GNU make 3.80 had, which does not know the name yet.
        ("make", ["upload.model", ".FEATURES="], 2),
    ],
)
def test_another_make_says_in_one_line_what_to_run_instead(
    project: Path, program: str, arguments: list[str], code: int
) -> None:
    completed = make(project, *arguments, program=program)

    assert completed.code == code
    (line,) = completed.output.splitlines()
    assert "GNU make 3.81 or newer is needed" in line
    assert not (project / "calls").exists()


@pytest.mark.parametrize("change", ["moved", "dead link", "no stamp", "newer lock"])
def test_bootstrap_runs_when_the_environment_does_not_fit(project: Path, change: str) -> None:
    stamp = project / ".venv" / ".trainwheel-stamp"
    python = project / ".venv" / "bin" / "python"
    if change == "moved":
        project = project.rename(project.with_name("c d"))
    elif change == "dead link":
        python.unlink()
        python.symlink_to("/nonexistent/python")
    elif change == "no stamp":
        stamp.unlink()
    else:
        os.utime(project / "Pipfile.lock")
        os.utime(stamp, (2, 2))

    completed = make(project, "install", "PYTHON=echo would run")

    assert completed.output == "would run -I bootstrap.py\n"


def test_clean_and_distclean_keep_what_was_published(project: Path) -> None:
    made = ("build", "dist", "model/pkg/artefact", ".nox", "toolkit/.nox", ".trainwheel/index")
    for name in made:
        (project / name).mkdir(parents=True)

    make(project, "clean")
    assert [name for name in made if (project / name).exists()] == [
        ".nox",
        "toolkit/.nox",
        ".trainwheel/index",
    ]
    assert (project / ".venv").exists()

    make(project, "distclean")
    assert [name for name in made if (project / name).exists()] == [".trainwheel/index"]
    assert not (project / ".venv").exists()
