"""What pyproject.toml names, by category, in every form that its tools know."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trainwheel.errors import LockfileError
from trainwheel.requirements.manifest import parse_manifest
from trainwheel.requirements.pep508 import format_requirement

PROJECT = """
[project]
name = "mine"
dependencies = ["Flask_Cors>=4, <6", "six[A_b] ; os_name == 'nt'", "x @ git+https://host.test/x@v1"]

[project.optional-dependencies]
Ml_Tools = ["numpy"]
dev = ["hidden"]

[dependency-groups]
base = ["six"]
dev = ["pytest>=8", {include-group = "base"}]
"""
POETRY = """
[tool.poetry.dependencies]
python = "^3.9"
requests = {version = "^2.30", extras = ["socks"], python = ">=3.9", platform = "linux"}
numpy = [{version = "<2", python = "<3.11"}, {version = ">=2", python = ">=3.11"}]
cupy = {version = "~13.1", optional = true}
forked = {git = "https://host.test/forked", tag = "v1", subdirectory = "py"}
wheel = {url = "https://host.test/wheel-1-py3-none-any.whl"}

[tool.poetry.extras]
gpu = ["cupy"]

[tool.poetry.dev-dependencies]
black = "*"

[tool.poetry.group.docs.dependencies]
sphinx = "7.1"
"""


def texts(manifest: str, category: str) -> list[str]:
    packages = parse_manifest(manifest).categories[category]
    return [format_requirement(package, where="here") for package in packages]


@pytest.mark.parametrize(("manifest", "category", "expected"), [
    (PROJECT, "packages", [
        "flask-cors>=4,<6", 'six[a-b]; os_name == "nt"', "x @ git+https://host.test/x@v1"]),
    (PROJECT, "ml-tools", ["numpy"]),
    (PROJECT, "base", ["six"]),
    # A group goes before an extra of the same name.
    (PROJECT, "dev", ["pytest>=8", "six"]),
    (POETRY, "packages", [
        'requests[socks]>=2.30,<3.0; python_version >= "3.9" and sys_platform == "linux"',
        'numpy<2; python_version < "3.11"', 'numpy>=2; python_version >= "3.11"',
        "forked @ git+https://host.test/forked@v1#subdirectory=py",
        "wheel @ https://host.test/wheel-1-py3-none-any.whl"]),
    (POETRY, "gpu", ["cupy>=13.1,<13.2"]),
    (POETRY, "dev", ["black"]),
    (POETRY, "docs", ["sphinx==7.1"]),
])  # fmt: skip
def test_each_list_is_a_category(manifest: str, category: str, expected: list[str]) -> None:
    assert texts(manifest, category) == expected


@pytest.mark.parametrize("manifest", [
    "", "[project]\nname = 'mine'\n", "[project]\ndynamic = ['dependencies']\n",
])  # fmt: skip
def test_what_another_file_lists_is_not_a_category(manifest: str) -> None:
    assert "packages" not in parse_manifest(manifest).categories


@pytest.mark.parametrize(("constraint", "expected"), [
    ("^1.2.3", ">=1.2.3,<2.0.0"), ("^1.2", ">=1.2,<2.0"), ("^0.2.3", ">=0.2.3,<0.3.0"),
    ("^0.0.3", ">=0.0.3,<0.0.4"), ("^0", ">=0,<1"), ("^1!2.3", ">=1!2.3,<1!3.0"),
    ("~1.2.3", ">=1.2.3,<1.3.0"), ("~1.2", ">=1.2,<1.3"), ("~1", ">=1,<2"), ("~=1.2", "~=1.2"),
    (">= 1.2, < 2", ">=1.2,<2"), (">=1.2 !=1.3", ">=1.2,!=1.3"), ("1.*", "==1.*"), ("*", ""),
    ("=1.2", "==1.2"),
])  # fmt: skip
def test_a_constraint_of_poetry_becomes_clauses(constraint: str, expected: str) -> None:
    manifest = f"[tool.poetry.dependencies]\nsix = '{constraint}'\n"

    assert texts(manifest, "packages") == [f"six{expected}"]


@pytest.mark.parametrize(("manifest", "names"), [
    ("x = [", []),
    ("[project]\ndependencies = ['six >']", ["six >"]),
    ("[project]\ndependencies = 'six'", []),
    ("[project]\ndependencies = [1]", []),
    ("project = 3", []),
    ("[project]\ndependencies = ['x @ https://me:hunter2hunter2@host.test/x.whl']", ["password"]),
    ("[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}]", ["a"]),
    ("[dependency-groups]\na = [{include-group = 'gone'}]", ["gone"]),
    ("[dependency-groups]\na = [{path = 'gone'}]", ["a"]),
    ("[dependency-groups]\na = 'six'", ["a"]),
    ("[tool.poetry.dependencies]\nsix = '^1 || ^2'", ["six", "^1 || ^2"]),
    ("[tool.poetry.dependencies]\nsix = 'latest'", ["six", "latest"]),
    ("[tool.poetry.dependencies]\nsix = '^'", ["six"]),
    ("[tool.poetry.dependencies]\nsix = {git = 'https://me:hunter2hunter2@host.test/x'}", ["six"]),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_in_one_line(
    manifest: str, names: list[str], sentence: Callable[[object], None]
) -> None:
    with pytest.raises(LockfileError) as caught:
        parse_manifest(manifest)

    sentence(caught.value)
    assert all(word in str(caught.value) for word in ["pyproject.toml", *names])
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
