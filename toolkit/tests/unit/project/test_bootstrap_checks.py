"""The parts of the root's bootstrap.py that decide; what it does is in tests/integration."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[4] / "bootstrap.py"


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_can_parse_it() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_old_python_with_no_newer_one_is_told_what_to_do(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.BootstrapError, match=r"^Python 3\.11 or newer .* this is 3\.9;"):
        bootstrap.check_python((3, 9), None)


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)])
def test_a_new_enough_python_will_do(bootstrap: ModuleType, version: tuple[int, int]) -> None:
    bootstrap.check_python(version, None)


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_which_package_to_install(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    # None is how the import system itself marks a module that must not be found.
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(
        bootstrap.BootstrapError, match=rf"lacks its module {module};.*apt install python3\.11-venv"
    ):
        bootstrap.check_python((3, 11), None)


def test_an_old_python_will_do_where_there_is_a_newer_one(bootstrap: ModuleType) -> None:
    bootstrap.check_python((3, 9), "/somewhere/python3.13")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is missing"),
        ("", "cannot be read"),
        ("<<<<<<< HEAD\n{}", "cannot be read"),
        ("[]", "has no packages of"),
        ('{"default": {}}', "has no packages of"),
        ('{"develop": {"nox": {"version": "==1"}}}', "nox has neither digests nor a path"),
        ('{"develop": {"nox": "*"}}', "nox has neither digests nor a path"),
    ],
    ids=["missing", "empty", "merge", "list", "section", "no-digest", "no-table"],
)
def test_an_unusable_lock_is_one_line(
    bootstrap: ModuleType, tmp_path: Path, content: str | None, reason: str
) -> None:
    lock = tmp_path / "Pipfile.lock"
    if content is not None:
        lock.write_text(content)

    with pytest.raises(bootstrap.BootstrapError, match=f"^Pipfile.lock.*{reason}.*git checkout"):
        bootstrap.read_develop(lock)


def test_requirements_carry_extras_markers_and_every_digest(bootstrap: ModuleType) -> None:
    entry = {
        "extras": ["toml"],
        "hashes": ["sha256:11", "sha256:22"],
        "markers": "python_version >= '3.9'",
        "version": "==1.0",
    }

    requirements, local = bootstrap.plan({"b": entry, "a": {"path": "./toolkit"}})

    assert requirements == (
        "b[toml]==1.0 ; python_version >= '3.9' --hash=sha256:11 --hash=sha256:22\n"
    )
    assert local == ["./toolkit"]


def test_the_digest_covers_the_lock_and_the_projects_metadata(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    packages = {"lib": {"path": "lib"}}
    (tmp_path / "lib").mkdir()
    first = bootstrap.digest(tmp_path, packages, ["lib"])
    (tmp_path / "lib" / "pyproject.toml").write_text("[project]\n")
    second = bootstrap.digest(tmp_path, packages, ["lib"])
    third = bootstrap.digest(tmp_path, json.loads('{"lib": {"path": "lib", "x": 1}}'), ["lib"])

    assert len({first, second, third}) == 3
