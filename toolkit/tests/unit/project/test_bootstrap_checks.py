"""The parts of the root's bootstrap.py that decide; what it does is in tests/integration."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from trainwheel.index import pip

SCRIPT = Path(__file__).resolve().parents[4] / "bootstrap.py"
bootstrap = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def test_an_old_python_can_parse_it() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_old_python_without_a_newer_one_is_refused() -> None:
    with pytest.raises(bootstrap.BootstrapError, match=r"^Python 3\.11 or newer .* this is 3\.9;"):
        bootstrap.check_python((3, 9), None)


def test_a_new_enough_python_will_do() -> None:
    for version, newer in (((3, 11), None), ((3, 14), None), ((3, 9), "/somewhere/python3.13")):
        bootstrap.check_python(version, newer)


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_refused_with_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    # None is how the import system itself marks a module that must not be found.
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(bootstrap.BootstrapError, match=rf"{module};.*apt install python3\.11-venv"):
        bootstrap.check_python((3, 11), None)


def test_a_python_without_half_of_its_library_is_refused_with_the_package_to_install() -> None:
    program = f"import runpy, sys; sys.modules['json'] = None; runpy.run_path({str(SCRIPT)!r})"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert line.startswith("configuration: this Python lacks its module json; on Debian: apt inst")


def test_the_pip_of_this_python_runs_from_its_wheel() -> None:
    argv = [sys.executable, "-I", str(bootstrap.find_pip() / "pip"), "--version"]

    assert subprocess.run(argv, check=True, capture_output=True).stdout.startswith(b"pip ")


@pytest.mark.parametrize(("content", "reason"), [
    (None, "is missing"), ("<<<<<<< HEAD\n{}", "cannot be read"),
    ("[]", "has no packages of"), ('{"default": {}}', "has no packages of"),
    ('{"develop": {"nox": {"version": "==1"}}}', "nox has neither digests nor a path"),
    ('{"develop": {"nox": "*"}}', "nox has neither digests nor a path"),
    ('{"develop": {"nox": {"hashes": ["sha256:11"]}}}', "has no uv"),
])  # fmt: skip
def test_an_unusable_lock_is_one_line(tmp_path: Path, content: str | None, reason: str) -> None:
    lock = tmp_path / "Pipfile.lock"
    if content is not None:
        lock.write_text(content)

    with pytest.raises(bootstrap.BootstrapError, match=f"^Pipfile.lock.*{reason}.*git checkout"):
        bootstrap.read_develop(lock)


def test_requirements_carry_extras_markers_and_every_digest() -> None:
    hashes = {"hashes": ["sha256:11", "sha256:22"], "markers": "python_version >= '3.9'"}
    entry = {"extras": ["toml"], "version": "==1.0", **hashes}

    line = "b[toml]==1.0 ; python_version >= '3.9' --hash=sha256:11 --hash=sha256:22\n"
    assert bootstrap.plan({"b": entry, "a": {"path": "./toolkit"}}) == line


def test_the_digest_covers_the_lock_and_the_projects_metadata(tmp_path: Path) -> None:
    packages = {"lib": {"path": "lib"}}
    (tmp_path / "lib").mkdir()
    first = bootstrap.digest(tmp_path, packages, ["lib"])
    (tmp_path / "lib" / "pyproject.toml").write_text("[project]\n")
    second = bootstrap.digest(tmp_path, packages, ["lib"])
    third = bootstrap.digest(tmp_path, {"lib": {"path": "lib", "x": "1"}}, ["lib"])

    assert len({first, second, third}) == 3


@pytest.mark.parametrize("has_uv_config", [False, True])
def test_it_hands_pips_settings_on_to_uv_as_the_library_does(*, has_uv_config: bool) -> None:
    # Each text of the library's module, for all that it reads is among them.
    nodes = ast.walk(ast.parse(Path(pip.__file__).read_text(encoding="utf-8")))
    words = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    values = (" ~/1.5\n~/b ", " On", "0", "")
    settings = [dict.fromkeys(words, values[0]), {"timeout": "1", "default-timeout": "2"}]
    settings += [{word: value} for word, value in product(words, values)]

    for given, word in product(settings, words):
        variables = {word: "/x"}
        expected = pip.translate(given, variables, has_uv_config=has_uv_config)
        mine = bootstrap.translate(given, variables, has_uv_config=has_uv_config)
        assert mine == (expected.variables, list(expected.arguments)), (given, variables)


def test_it_reads_pips_settings_as_the_library_does() -> None:
    values = ["'a=b'", '"it\'s"', "'one\\ntwo'", "plain", "'unclosed", "=", ""]
    sections = ("global", "install", "download", ":env:", "nonsense", "")
    lines = [f"{section}.{value}={value}" for value, section in product(values, sections)]
    text = "\n".join([*lines, "", "nonsense", *(f"{section}.x=1" for section in sections)])

    for order in (text, "\n".join(reversed(text.split("\n")))):
        assert bootstrap.parse_pip_config(order) == pip.parse_pip_config(order)


def test_a_configuration_of_uvs_own_is_seen(tmp_path: Path) -> None:
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config" / "uv" / "uv.toml").touch()

    assert bootstrap.has_uv_config({"HOME": str(tmp_path)})
    assert bootstrap.has_uv_config({"XDG_CONFIG_HOME": str(tmp_path / ".config"), "HOME": "/none"})
    assert not bootstrap.has_uv_config({"HOME": "/none"})


def test_uvs_cache_is_in_the_repository_if_no_home_can_be_written(tmp_path: Path) -> None:
    fallback = {"UV_CACHE_DIR": str(tmp_path / ".trainwheel" / "uv-cache")}
    file = tmp_path / "file"
    file.touch()

    for variables, expected in (
        ({"HOME": str(tmp_path / "home")}, {}),
        ({"HOME": "/proc/none", "XDG_CACHE_HOME": str(tmp_path / "cache")}, {}),
        ({"HOME": "/proc/none", "UV_CACHE_DIR": "/mine"}, {}),
        ({"HOME": "/proc/none", "UV_CACHE_DIR": " "}, fallback),
        ({"HOME": str(tmp_path), "XDG_CACHE_HOME": str(file)}, fallback),
    ):
        assert bootstrap.uv_cache_or_fallback(tmp_path, variables) == expected, variables


def test_what_a_failed_tool_printed_is_shown_without_passwords() -> None:
    shown = bootstrap.mask("GET https://ada:p%40s@s:1@a.invalid/x and http://b.invalid/@c")

    assert shown == "GET https://***@a.invalid/x and http://b.invalid/@c"
