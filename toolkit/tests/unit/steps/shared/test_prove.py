"""A wheel is proved by the real uv in an empty environment, from this disk only."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.index.pip import UvSettings
from trainwheel.install.environments import Installer, python_of
from trainwheel.steps.shared.prove import Model, Repeated, SystemTests, ask, prove
from trainwheel.system.environ import Environment
from unit.model_wheels import PREDICT, proof_of, write_model_wheel
from unit.repository import write
from unit.wheels import write_wheel

Prove = Callable[..., None]


@pytest.fixture
def installer(tmp_path: Path) -> Installer:
    """An installer that uses this disk only."""
    environment = Environment({"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    variables = {"UV_OFFLINE": "1", "UV_NO_CONFIG": "1", "UV_CACHE_DIR": str(tmp_path / "cache")}
    return Installer(environment, tmp_path / "log" / "package.log", UvSettings(variables))


@pytest.fixture
def prove_it(tmp_path: Path, installer: Installer) -> Prove:
    """Prove the wheel of a model that answers with twice the input, with parts of its proof."""

    def prove_it(wheel: Path | None = None, sha256: str = "", **parts: Any) -> None:
        wheel = wheel or write_model_wheel(tmp_path / "dist")
        names = ("tests", "is_last", "held_out")
        options = {name: parts.pop(name) for name in names if name in parts}
        alone = parts.pop("alone", installer)
        proof, line = proof_of(wheel, **parts), line_of(wheel, sha256)

        def install(home: Path) -> None:
            alone.install(python_of(home), line, "--no-deps", "--no-cache")

        prove(replace(proof, sha256=sha256 or proof.sha256), install, installer, **options)

    return prove_it


def line_of(wheel: Path, sha256: str = "") -> str:
    digest = sha256 or proof_of(wheel).sha256
    return f"{wheel.name.partition('-')[0]} @ {wheel.as_uri()} --hash=sha256:{digest}\n"


def commands(installer: Installer) -> list[str]:
    assert installer.log is not None
    lines = installer.log.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("$ ")]


def rows(*pairs: tuple[float, float]) -> tuple[GoldenRow, ...]:
    return tuple(GoldenRow({"x": x}, {"y": y}) for x, y in pairs)


def test_it_is_installed_alone_then_its_locked_packages_then_it_predicts(
    prove_it: Prove, installer: Installer, tmp_path: Path
) -> None:
    helper = write_wheel(tmp_path / "wheels", "helper", "1.0")

    prove_it(requirements=line_of(helper), tolerance=1e-4, golden=rows((2.0, 4.0003)))

    venv, wheel, packages, check, predict = commands(installer)
    assert " venv " in venv
    assert "--no-deps --no-cache --requirement -" in wheel
    assert "--require-hashes" in wheel
    assert "--require-hashes" in packages
    assert "--no-deps" not in packages
    assert "pip check" in check
    assert PREDICT in predict


def test_another_installer_installs_only_the_wheel(
    prove_it: Prove, installer: Installer, tmp_path: Path
) -> None:
    other = replace(installer, log=tmp_path / "other.log")

    prove_it(alone=other)

    (command,) = commands(other)
    assert "--no-deps --no-cache" in command
    assert not any("--no-cache" in line for line in commands(installer))


def test_other_bytes_than_those_of_the_proof_are_not_installed(prove_it: Prove) -> None:
    with pytest.raises(StepFailedError, match=r"[Hh]ash"):
        prove_it(sha256="1" * 64)


def test_what_it_requires_must_be_locked(prove_it: Prove, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "dist", "small_model", "0.1.0", requires=["helper>=1"])

    with pytest.raises(StepFailedError, match="helper"):
        prove_it(wheel)


@pytest.mark.parametrize("golden", [rows((2.0, 4.0), (3.0, 7.0)), rows((2.0, 5.0), (3.0, 7.0))])
def test_another_prediction_is_refused_with_its_row(
    prove_it: Prove, golden: tuple[GoldenRow, ...], sentence: Callable[[object], None]
) -> None:
    with pytest.raises(StepFailedError, match="golden row") as caught:
        prove_it(golden=golden)

    sentence(caught.value)
    assert caught.value.details


LIST = (
    "import pathlib, small_model, subprocess, sys; print(*sorted(pathlib.Path().iterdir()), "
    "subprocess.check_call([sys.executable, '-c', 'import pytest']), *sys.path); return 0"
)


@pytest.mark.parametrize(("code", "passes"), [
    (LIST, True), ("print('1 failed, 3 passed'); return 1", False),
])  # fmt: skip
def test_system_tests_run_from_a_copy_with_what_they_need(
    prove_it: Prove, installer: Installer, tmp_path: Path, code: str, *, passes: bool
) -> None:
    for name in ("__pycache__/a.pyc", "test_wheel.py"):
        write(tmp_path, f"system/{name}", "")
    # There is no pytest offline: a module of that name takes its place.
    members = {"pytest/__init__.py": f"def main(words):\n    print(*words)\n    {code}".encode()}
    pytest_wheel = write_wheel(tmp_path / "wheels", "pytest", "1.0", members=members)
    installer.ensure(tmp_path / "test", line_of(pytest_wheel))
    tests = SystemTests(tmp_path / "system", tmp_path / "test")

    if passes:
        prove_it(tests=tests)
        output = (tmp_path / "log/package.log").read_text()
        assert "\ntest_wheel.py 0 " in output
        assert "--import-mode=importlib" in output
        assert str(tests.folder) not in output
    else:
        with pytest.raises(StepFailedError, match="system tests: 1 failed, 3 passed"):
            prove_it(tests=tests)


@pytest.mark.parametrize("y", [6.0, 6.5])
@pytest.mark.parametrize("has_tests", [True, False])
def test_the_wheel_repeats_held_out_rows_and_they_stay_where_they_are(
    prove_it: Prove, installer: Installer, tmp_path: Path, *, y: float, has_tests: bool,
) -> None:  # fmt: skip
    rows = {17: GoldenRow({"x": 3.0}, {"y": y}), 19: GoldenRow({"x": 3.0}, {"y": y})}
    held_out = Repeated(rows, tmp_path / "held_out")
    tests = None
    if has_tests:
        write(tmp_path, "system/test_wheel.py", "")
        members = {"pytest.py": b"main = lambda words: 0"}
        helper = write_wheel(tmp_path / "wheels", "helper", "1.0", members=members)
        installer.ensure(tmp_path / "test", line_of(helper))
        tests = SystemTests(tmp_path / "system", tmp_path / "test")

    if y == 6.0:
        prove_it(held_out=held_out, tests=tests)
        inputs = (tmp_path / "held_out/inputs.jsonl").read_text()
        assert inputs == '{"x": 2.0}\n{"x": 3.0}\n{"x": 3.0}\n'
        assert sum("outputs.jsonl" in line for line in commands(installer)) == 1
    else:
        with pytest.raises(StepFailedError, match=r"row 17 of holdout\.jsonl") as caught:
            prove_it(held_out=held_out, tests=tests)
        assert "y was 6.5, is 6.0, and 1 more" in caught.value.message
        # Nothing of the row itself is shown.
        assert not caught.value.details


@pytest.mark.parametrize("body", [
    "return record['x']",
    "raise ValueError('columns differ:\\n  age is missing\\n  ' + 'x' * 500)",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
    "import os; os._exit(0)",
    "raise KeyboardInterrupt",
])  # fmt: skip
def test_a_function_that_fails_is_shown_with_row_place_and_log(
    tmp_path: Path, body: str, sentence: Callable[[object], None]
) -> None:
    code = f"def predict(record):\n    if 'z' not in record:\n        return 1\n    {body}\n"
    write(tmp_path, "own.py", code)
    variables = {"PYTHONPATH": str(tmp_path)}
    log = tmp_path / "evaluate.log"
    model = Model("own:predict", Path(sys.executable), Environment({}), log, variables)

    assert ask(model, [{"x": 1}], tmp_path / "good") == (GoldenRow({"x": 1}, 1),)
    with pytest.raises(StepFailedError, match=r"own:predict .* row 2 of holdout\.jsonl") as caught:
        ask(model, [{"x": 1}, {"z": 1}], tmp_path / "bad", what="holdout.jsonl")

    assert f"see {log}" in caught.value.hint
    sentence("\n".join([*caught.value.details, str(caught.value)]))


def test_a_function_that_misses_a_variable_is_shown_with_how_to_name_it(tmp_path: Path) -> None:
    write(tmp_path, "own.py", "import os\ndef predict(record):\n    return os.environ['ALPHA']\n")
    shell, own = Environment({"ALPHA": "s3cret"}), {"PYTHONPATH": str(tmp_path)}
    model = Model("own:predict", Path(sys.executable), shell, variables=own)

    with pytest.raises(StepFailedError) as caught:
        ask(model, [{"x": 1}], tmp_path / "asked")

    assert "not get the variable ALPHA of this shell: name it" in caught.value.hint


def test_a_golden_prediction_must_not_need_what_only_tests_have(
    prove_it: Prove, installer: Installer, tmp_path: Path
) -> None:
    write(tmp_path, "system/test_wheel.py", "")
    helper = write_wheel(tmp_path / "wheels", "helper", "1.0", members={"helper.py": b"ask = dict"})
    installer.ensure(tmp_path / "test", line_of(helper))
    tests = SystemTests(tmp_path / "system", tmp_path / "test")

    with pytest.raises(StepFailedError, match="No module named 'helper'"):
        prove_it(predict="helper:ask", tests=tests)
