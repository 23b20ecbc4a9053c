"""A wheel is proved by the real uv in an empty environment, from this disk only."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.index.pip import UvSettings
from trainwheel.install.environments import Installer
from trainwheel.steps.shared.prove import SystemTests, prove
from trainwheel.system.environ import Environment
from trainwheel.wheel.proof import Proof
from unit.model_wheels import proof_of, write_model_wheel
from unit.wheels import write_wheel


@pytest.fixture
def installer(tmp_path: Path) -> Installer:
    """What installs from this disk only."""
    environment = Environment({"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    variables = {"UV_OFFLINE": "1", "UV_NO_CONFIG": "1", "UV_CACHE_DIR": str(tmp_path / "cache")}
    return Installer(environment, tmp_path / "log" / "package.log", UvSettings(variables))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The wheel of a model whose answer is twice the input."""
    return write_model_wheel(tmp_path / "dist")


def line_of(wheel: Path, proof: Proof) -> str:
    return f"{proof.name} @ {wheel.as_uri()} --hash=sha256:{proof.sha256}\n"


def requirement(wheel: Path) -> str:
    digest = proof_of(wheel).sha256
    return f"{wheel.name.partition('-')[0]} @ {wheel.as_uri()} --hash=sha256:{digest}\n"


def commands(installer: Installer) -> list[str]:
    assert installer.log is not None
    lines = installer.log.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("$ ")]


def test_it_is_installed_alone_then_with_its_locked_packages_then_asked(
    wheel: Path, installer: Installer, tmp_path: Path
) -> None:
    helper = write_wheel(tmp_path / "wheels", "helper", "1.0")
    proof = proof_of(wheel, requirements=requirement(helper))

    prove(proof, line_of(wheel, proof), installer)

    made, alone, locked, checked, asked = commands(installer)
    assert " venv " in made
    assert "--no-deps --no-cache --requirement -" in alone
    assert "--require-hashes" in alone
    assert "--require-hashes" in locked
    assert "--no-deps" not in locked
    assert "pip check" in checked
    assert "small_model.classifier:predict_record" in asked


def test_nothing_of_it_is_left(
    wheel: Path, installer: Installer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    proof = proof_of(wheel)

    prove(proof, line_of(wheel, proof), installer)

    assert list((tmp_path / "tmp").iterdir()) == []


def test_another_installer_brings_the_wheel_and_only_that(
    wheel: Path, installer: Installer, tmp_path: Path
) -> None:
    proof = proof_of(wheel)
    other = replace(installer, log=tmp_path / "other.log")

    prove(proof, line_of(wheel, proof), installer, wheel_installer=other)

    assert len(commands(other)) == 1
    assert "--no-deps --no-cache" in commands(other)[0]
    assert not any("--no-cache" in command for command in commands(installer))


def test_bytes_that_were_not_promised_are_not_installed(wheel: Path, installer: Installer) -> None:
    proof = proof_of(wheel)
    line = line_of(wheel, proof)
    write_model_wheel(wheel.parent, metrics={"accuracy": 1.0})

    with pytest.raises(StepFailedError, match=r"[Hh]ash"):
        prove(proof, line, installer)


def test_what_it_requires_must_be_locked(installer: Installer, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "dist", "small_model", "0.1.0", requires=["helper>=1"])
    proof = proof_of(wheel)

    with pytest.raises(StepFailedError, match="helper"):
        prove(proof, line_of(wheel, proof), installer)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (((2.0, 4.0), (3.0, 7.0)), ["golden row 2", "7.0", "6.0"]),
        (((2.0, 5.0), (3.0, 7.0)), ["golden row 1", "and 1 more"]),
    ],
)
def test_another_answer_is_refused_with_its_row(
    wheel: Path, installer: Installer, rows: tuple[tuple[float, float], ...], said: list[str]
) -> None:
    golden = tuple(GoldenRow({"x": x}, {"y": y}) for x, y in rows)
    proof = proof_of(wheel, golden=golden)

    with pytest.raises(StepFailedError) as caught:
        prove(proof, line_of(wheel, proof), installer)

    assert proof.wheel in caught.value.message
    for text in said:
        assert text in caught.value.message
    assert caught.value.details


@pytest.mark.parametrize(("answer", "passes"), [(4.0003, True), (4.001, False)])
def test_a_number_may_move_within_the_tolerance(
    wheel: Path, installer: Installer, answer: float, *, passes: bool
) -> None:
    golden = (GoldenRow({"x": 2.0}, {"y": answer}),)
    proof = proof_of(wheel, tolerance=1e-4, golden=golden)
    if passes:
        prove(proof, line_of(wheel, proof), installer)
    else:
        with pytest.raises(StepFailedError):
            prove(proof, line_of(wheel, proof), installer)


def test_a_function_that_fails_is_named_with_its_row(wheel: Path, installer: Installer) -> None:
    rows = (GoldenRow({"x": 2.0}, {"y": 4.0}), GoldenRow({"z": 2.0}, {"y": 4.0}))
    proof = proof_of(wheel, golden=rows)

    with pytest.raises(StepFailedError) as caught:
        prove(proof, line_of(wheel, proof), installer)

    for text in (proof.predict, "golden records", "KeyError", "row 2"):
        assert text in caught.value.message


def test_system_tests_run_from_a_copy_with_what_they_need(
    wheel: Path, installer: Installer, tmp_path: Path
) -> None:
    folder, proof = tmp_path / "system", proof_of(wheel)
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "test_wheel.py").write_text("")
    # Offline there is no pytest: a module of that name says what it was run with.
    code = "import pathlib, sys, small_model\nprint(sys.argv, sorted(pathlib.Path().iterdir()))\n"
    pytest_wheel = write_wheel(
        tmp_path / "wheels", "pytest", "1.0", members={"pytest/__main__.py": code.encode()}
    )

    tests = SystemTests(folder, requirement(pytest_wheel))
    prove(proof, line_of(wheel, proof), installer, tests=tests)

    log = (tmp_path / "log" / "package.log").read_text()
    assert "[PosixPath('test_wheel.py')]" in log
    assert str(folder) not in commands(installer)[-1]
    assert "--import-mode=importlib" in commands(installer)[-1]


def test_system_tests_that_fail_are_told(wheel: Path, installer: Installer, tmp_path: Path) -> None:
    (tmp_path / "system").mkdir()
    code = b"raise SystemExit('1 failed, 3 passed')"
    pytest_wheel = write_wheel(
        tmp_path / "wheels", "pytest", "1.0", members={"pytest/__main__.py": code}
    )
    proof = proof_of(wheel)
    tests = SystemTests(tmp_path / "system", requirement(pytest_wheel))

    with pytest.raises(StepFailedError, match="system tests: 1 failed, 3 passed"):
        prove(proof, line_of(wheel, proof), installer, tests=tests)
