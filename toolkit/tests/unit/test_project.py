"""A model repository: what is read of it, and what its tools are given."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.project import open_project, secret_classes
from trainwheel.errors import ConfigurationError, LockfileError, StepFailedError
from trainwheel.system.environ import Environment, SecretClass
from unit.repository import PYPROJECT, make_repository, open_here, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository."""
    return make_repository(tmp_path / "a b é")


@pytest.fixture(scope="session")
def envdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments of steps that need no package, made once."""
    return tmp_path_factory.mktemp("environments")


def test_a_folder_without_pyproject_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no pyproject.toml; add one with a \[tool"):
        open_project(tmp_path, tmp_path / ".nox", Environment())


def test_a_file_that_is_no_text_is_named(root: Path) -> None:
    (root / "pyproject.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match=r"pyproject.toml cannot be read: "):
        open_here(root)


def test_a_byte_order_mark_is_no_part_of_a_file(root: Path) -> None:
    (root / "pyproject.toml").write_bytes(b"\xef\xbb\xbf" + PYPROJECT.encode())

    assert open_here(root).config.package == "small_model"


def test_the_variables_of_configured_indexes_hold_secrets(root: Path) -> None:
    table = '[tool.trainwheel.index.corporate]\nusername-env = "WHO"\npassword-env = "PIN"\n'
    write(root, "pyproject.toml", PYPROJECT + table)
    project = open_here(root, {"WHO": "ada", "PIN": "1234", "OTHER": "x"})

    assert secret_classes(project.config.indexes) == dict.fromkeys(
        ("WHO", "PIN"), SecretClass.PUBLISH
    )
    assert set(project.environment.for_child({}, frozenset())) == {"OTHER"}


@pytest.mark.parametrize(
    ("step", "locked"),
    [
        ("train", ["six==1.16.0"]),
        ("test", ["six==1.16.0", "pytest==9.0.0"]),
        ("package", []),
        ("upload", []),
        ("version", []),
    ],
)
def test_a_step_gets_the_runtime_packages_and_its_own_category(
    root: Path, step: str, locked: list[str]
) -> None:
    text = open_here(root).requirements(step)

    assert re.findall(r"^\w+==[\d.]+", text, re.MULTILINE) == sorted(locked)
    assert text.count("--hash=sha256:") == len(locked)


def test_a_lock_that_does_not_fit_the_pipfile_is_refused(root: Path) -> None:
    write(root, "Pipfile", (root / "Pipfile").read_text().replace('six = "*"', 'six = ">=2"'))

    with pytest.raises(LockfileError):
        open_here(root).requirements("train")


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("python train.py {model} {report}", ("python", "train.py", "/m", "/r")),
        ("python train.py -d {data}", ("python", "train.py", "-d", "data/a b", "data/c")),
        ("python -m t '{model}' \"a b\"", ("python", "-m", "t", "/m", "a b")),
        ("python t.py --out={model}", ("python", "t.py", "--out={model}")),
    ],
)
def test_the_training_command_gets_its_paths_as_words(
    root: Path, command: str, argv: tuple[str, ...]
) -> None:
    project = open_here(root)
    config = replace(project.config, train_command=command, data=("data/a b", "data/c"))

    assert replace(project, config=config).training_command(Path("/m"), Path("/r")) == argv


def test_what_a_step_makes_has_its_place(root: Path) -> None:
    outputs = open_here(root).outputs("train")

    assert outputs == {
        "model.joblib": root / "model/small_model/artefact/model.joblib",
        "model.joblib.json": root / "model/small_model/artefact/model.joblib.json",
        "train": root / "build/train",
    }


def test_a_repository_without_setup_py_says_what_to_write(root: Path) -> None:
    (root / "setup.py").unlink()

    with pytest.raises(ConfigurationError, match=r"setup.py cannot be read: .*; write one that"):
        open_here(root).read_setup_py()


def script(*lines: str) -> tuple[str, ...]:
    return ("python", "-c", "\n".join(lines))


def test_a_tool_runs_in_the_environment_of_its_step(root: Path, envdir: Path) -> None:
    project = replace(open_here(root, {"NEXUS_PASSWORD": "s3cret", "LANG": "C"}), envdir=envdir)
    told = script("import json, os, sys", "print(json.dumps([sys.prefix, dict(os.environ)]))")

    prefix, variables = json.loads(
        project.run_tool("package", told, what="looking", env={"ADDED": "x"})
    )

    assert prefix == variables["VIRTUAL_ENV"] == str(envdir / "package")
    assert variables["PATH"].startswith(f"{envdir / 'package' / 'bin'}:")
    assert variables["ADDED"] == "x"
    assert "NEXUS_PASSWORD" not in variables


def test_a_tool_that_fails_shows_its_last_lines_and_names_its_log(root: Path, envdir: Path) -> None:
    stream = io.StringIO()
    project = replace(open_here(root, stream=stream), envdir=envdir)
    argv = script("for i in range(40): print('line', i)", "print('=== 1 failed ===')", "exit(3)")

    with pytest.raises(StepFailedError) as caught:
        project.run_tool("package", argv, what="the check")

    assert str(caught.value) == (
        "failed: the check ended with exit code 3: 1 failed; "
        "its whole output is in build/log/package.log"
    )
    shown = stream.getvalue().splitlines()
    assert shown == [*(f"  line {number}" for number in range(11, 40)), "  === 1 failed ==="]
    assert "\nline 0\n" in project.log_of("package").read_text(encoding="utf-8")


def test_a_tool_that_succeeds_shows_nothing_unless_it_is_asked_to(root: Path, envdir: Path) -> None:
    stream = io.StringIO()
    project = replace(open_here(root, stream=stream), envdir=envdir)

    project.run_tool("package", script("print('hello')"), what="the check")
    quiet = stream.getvalue()
    replace(project, verbose=True).run_tool("package", script("print('hello')"), what="the check")

    assert quiet == ""
    assert stream.getvalue() == "hello\n"


def test_a_program_that_the_environment_lacks_is_taken_from_the_machine(
    root: Path, envdir: Path
) -> None:
    project = replace(open_here(root, {"PATH": "/usr/bin:/bin"}), envdir=envdir)

    assert project.run_tool("package", ("echo", "hello"), what="echo") == "hello\n"


@pytest.mark.parametrize(("value", "verbose"), [("1", True), ("0", False), ("", False)])
def test_output_is_wanted_where_the_machine_says_so(
    root: Path, value: str, *, verbose: bool
) -> None:
    environment = Environment({"TRAINWHEEL_VERBOSE": value})

    assert open_project(root, root / ".nox", environment).verbose is verbose
    assert open_project(root, root / ".nox", environment, verbose=True).verbose


@pytest.mark.parametrize(
    ("asked", "configured", "counts"),
    [
        ("required", "optional", "required"),
        ("optional", "required", "required"),
        ("", "optional", "optional"),
    ],
)
def test_a_run_can_make_the_gate_stricter_and_not_laxer(
    root: Path, asked: str, configured: str, counts: str
) -> None:
    path = root / "pyproject.toml"
    gate = f'\n[tool.trainwheel.gate]\nbaseline = "{configured}"\n'
    path.write_text(path.read_text() + gate)
    environment = Environment({"TRAINWHEEL_GATE_BASELINE": asked})
    assert open_project(root, root / ".nox", environment).config.gate.baseline == counts


def test_a_gate_that_is_asked_for_wrongly_is_named(root: Path) -> None:
    environment = Environment({"TRAINWHEEL_GATE_BASELINE": "off"})
    with pytest.raises(ConfigurationError, match="TRAINWHEEL_GATE_BASELINE is 'off'"):
        open_project(root, root / ".nox", environment)
