"""The parts of the root's bootstrap.py that decide; what it does is in tests/integration."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).resolve().parents[4] / "bootstrap.py"
bootstrap = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def test_an_old_python_can_parse_it() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_old_python_without_a_newer_one_is_refused() -> None:
    with pytest.raises(bootstrap.BootstrapError, match=r"^Python 3\.11 or newer .* this is 3\.9;"):
        bootstrap.check_python((3, 9), None)


@pytest.mark.parametrize(
    ("version", "newer"), [((3, 11), None), ((3, 14), None), ((3, 9), "/somewhere/python3.13")]
)
def test_a_new_enough_python_will_do(version: tuple[int, int], newer: str | None) -> None:
    bootstrap.check_python(version, newer)


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_refused_with_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    # None is how the import system itself marks a module that must not be found.
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(bootstrap.BootstrapError, match=rf"{module};.*apt install python3\.11-venv"):
        bootstrap.check_python((3, 11), None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is missing"),
        ("<<<<<<< HEAD\n{}", "cannot be read"),
        ("[]", "has no packages of"),
        ('{"default": {}}', "has no packages of"),
        ('{"develop": {"nox": {"version": "==1"}}}', "nox has neither digests nor a path"),
        ('{"develop": {"nox": "*"}}', "nox has neither digests nor a path"),
    ],
)
def test_an_unusable_lock_is_one_line(tmp_path: Path, content: str | None, reason: str) -> None:
    lock = tmp_path / "Pipfile.lock"
    if content is not None:
        lock.write_text(content)

    with pytest.raises(bootstrap.BootstrapError, match=f"^Pipfile.lock.*{reason}.*git checkout"):
        bootstrap.read_develop(lock)


def test_requirements_carry_extras_markers_and_every_digest() -> None:
    entry = {
        "extras": ["toml"],
        "hashes": ["sha256:11", "sha256:22"],
        "markers": "python_version >= '3.9'",
        "version": "==1.0",
    }

    line = "b[toml]==1.0 ; python_version >= '3.9' --hash=sha256:11 --hash=sha256:22\n"
    assert bootstrap.plan({"b": entry, "a": {"path": "./toolkit"}}) == (line, ["./toolkit"])


def test_the_digest_covers_the_lock_and_the_projects_metadata(tmp_path: Path) -> None:
    packages = {"lib": {"path": "lib"}}
    (tmp_path / "lib").mkdir()
    first = bootstrap.digest(tmp_path, packages, ["lib"])
    (tmp_path / "lib" / "pyproject.toml").write_text("[project]\n")
    second = bootstrap.digest(tmp_path, packages, ["lib"])
    third = bootstrap.digest(tmp_path, {"lib": {"path": "lib", "x": "1"}}, ["lib"])

    assert len({first, second, third}) == 3
