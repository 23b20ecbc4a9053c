"""Locks of other tools become the pins that Pipfile.lock has, or are refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, LockfileError
from trainwheel.requirements.locks import choose_lock, parse_lock
from trainwheel.requirements.manifest import parse_manifest
from trainwheel.requirements.pep508 import format_requirement
from trainwheel.requirements.policy import plan_requirements

DIGEST = "ab" * 32
INDEX = 'source = { registry = "https://index.test/simple" }'
UV = f"""
version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "mine"
version = "1.0"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "numpy", version = "1.26.4", {INDEX}, marker = "python_full_version < '3.11'" }},
    {{ name = "numpy", version = "2.4.6", {INDEX}, marker = "python_full_version >= '3.11'" }},
    {{ name = "requests", extra = ["socks"] }},
]

[package.optional-dependencies]
gpu = [{{ name = "cupy", marker = "sys_platform == 'linux'" }}]

[package.dev-dependencies]
dev = [{{ name = "six" }}]

[[package]]
name = "numpy"
version = "1.26.4"
{INDEX}

[[package]]
name = "numpy"
version = "2.4.6"
{INDEX}

[[package]]
name = "requests"
version = "2.34.2"
{INDEX}
dependencies = [{{ name = "idna" }}, {{ name = "win", marker = "sys_platform == 'win32'" }}]

[package.optional-dependencies]
socks = [{{ name = "pysocks" }}]

[[package]]
name = "idna"
version = "3.20"
{INDEX}
dependencies = [{{ name = "requests" }}]

[[package]]
name = "pysocks"
version = "1.7.1"
{INDEX}
dependencies = [{{ name = "win", marker = "os_name == 'nt'" }}]

[[package]]
name = "win"
version = "1"
{INDEX}

[[package]]
name = "cupy"
version = "13.0"
source = {{ git = "https://host.test/cupy?subdirectory=py&rev=v13#c0ffee" }}

[[package]]
name = "six"
version = "1.17.0"
source = {{ directory = "../six" }}
"""

POETRY = """
[[package]]
name = "requests"
version = "2.34.2"
groups = ["main"]

[[package]]
name = "Six"
version = "1.17.0"
groups = ["main", "dev"]
markers = {main = "sys_platform == 'win32'", dev = "python_version < '3.12'"}

[[package]]
name = "cupy"
version = "13.0"
optional = true
groups = ["main"]
markers = "extra == 'gpu' and sys_platform == 'linux'"

[[package]]
name = "forked"
version = "1.0"
groups = ["main"]

[package.source]
type = "git"
url = "https://host.test/forked"
reference = "main"
resolved_reference = "c0ffee"
subdirectory = "py"

[[package]]
name = "local"
version = "1.0"
groups = ["main"]

[package.source]
type = "directory"
url = "../local"

[extras]
gpu = ["cupy"]

[metadata]
lock-version = "2.1"
"""

PYLOCK = f"""
lock-version = "1.0"
created-by = "test"
extras = ["gpu"]
dependency-groups = ["dev", "main"]
default-groups = ["main"]

[[packages]]
name = "mine"
directory = {{ path = ".", editable = true }}

[[packages]]
name = "requests"
marker = "'main' in dependency_groups"
wheels = [{{ path = "requests-2.34.2-py3-none-any.whl", hashes = {{ sha256 = "{DIGEST}" }} }}]

[[packages]]
name = "cupy"
version = "13.0"
marker = "'gpu' in extras and sys_platform == 'linux'"
sdist = {{ path = "cupy-13.0.tar.gz", hashes = {{ sha256 = "{DIGEST}" }} }}

[[packages]]
name = "six"
marker = "'dev' in dependency_groups"
vcs = {{ type = "git", url = "https://host.test/six", commit-id = "c0ffee" }}
"""

TXT = f"""\ufeff
--index-url https://index.test/simple  # not a requirement
Requests[socks]==2.34.2 ; python_version >= "3.9" \\
    --hash=sha256:{DIGEST} \\
    # a comment amid the digests
    --hash=sha256:{DIGEST}
    # via mine
-e .
-e ../local
cupy @ git+https://host.test/cupy@c0ffee
"""


def texts(text: str, name: str, category: str = "packages") -> list[str]:
    lock = parse_lock(text, name, ".", None)
    return [
        package.path or format_requirement(package, where=name)
        for package in lock.categories[category]
    ]


@pytest.mark.parametrize(("text", "name", "category", "expected"), [
    (UV, "uv.lock", "packages", [
        "idna==3.20", 'numpy==1.26.4; python_full_version < "3.11"',
        'numpy==2.4.6; python_full_version >= "3.11"', "pysocks==1.7.1", "requests==2.34.2",
        'win==1; os_name == "nt" or sys_platform == "win32"',
    ]),
    (UV, "uv.lock", "gpu",
     ['cupy @ git+https://host.test/cupy@c0ffee#subdirectory=py ; sys_platform == "linux"']),
    (UV, "uv.lock", "dev", ["../six"]),
    (POETRY, "poetry.lock", "packages", [
        "forked @ git+https://host.test/forked@c0ffee#subdirectory=py", "../local",
        "requests==2.34.2", 'six==1.17.0; sys_platform == "win32"']),
    (POETRY, "poetry.lock", "gpu", ['cupy==13.0; sys_platform == "linux"']),
    (POETRY, "poetry.lock", "dev", ['six==1.17.0; python_version < "3.12"']),
    (PYLOCK, "pylock.toml", "packages", ["requests==2.34.2"]),
    (PYLOCK, "a/pylock.ci.toml", "gpu", ['cupy==13.0; sys_platform == "linux"']),
    (PYLOCK, "pylock.toml", "dev", ["six @ git+https://host.test/six@c0ffee"]),
    (TXT, "requirements.txt", "packages", [
        "cupy @ git+https://host.test/cupy@c0ffee", "../local",
        'requests[socks]==2.34.2; python_version >= "3.9"']),
])  # fmt: skip
def test_each_category_has_its_pins(
    text: str, name: str, category: str, expected: list[str]
) -> None:
    assert texts(text, name, category) == expected


@pytest.mark.parametrize(("text", "name", "names"), [
    ("version = 2", "uv.lock", ["uv.lock", "version 2"]),
    ("x = [", "uv.lock", ["uv.lock"]),
    ("version = 1", "uv.lock", ["uv.lock"]),
    ("version = 1\npackage = 3", "uv.lock", ["uv.lock"]),
    (UV.replace('virtual = "."', 'virtual = "a"'), "uv.lock", ["this folder"]),
    (UV.replace('registry = "https://', 'registry = "https://me:hunter2hunter2@', 4), "uv.lock",
     ["password"]),
    (UV.replace("sys_platform == 'linux'", "extra == 'extra-4-mine-gpu'"), "uv.lock", ["cupy"]),
    (UV.replace('name = "idna" }', 'name = "gone" }'), "uv.lock", ["gone"]),
    (UV.replace("git = ", "fossil = "), "uv.lock", ["cupy"]),
    (POETRY.replace("2.1", "2.0"), "poetry.lock", ["2.0", "2.1"]),
    (POETRY.replace('groups = ["main"]', "", 1), "poetry.lock", ["poetry.lock"]),
    (POETRY.replace("sys_platform ==", "platform ="), "poetry.lock", ["marker"]),
    (POETRY.replace("//host", "//ghp_0123456789abcdefghijABCDEFGHIJ012345@host"), "poetry.lock",
     ["forked", "token"]),
    (PYLOCK.replace('"1.0"', '"2.0"', 1), "pylock.toml", ["2.0"]),
    (PYLOCK.replace(f'sha256 = "{DIGEST}"', ""), "pylock.toml", ["hash"]),
    (PYLOCK.replace("//host", "//me:hunter2hunter2@host"), "pylock.toml", ["six", "password"]),
    (PYLOCK.replace("//host.test", "//[host"), "pylock.toml", ["pylock.toml"]),
    (POETRY.replace('"https://host.test/forked"', "3"), "poetry.lock", ["poetry.lock"]),
    ("six>=1 --hash=sha256:ab", "requirements.txt", ["line 1", "six>=1"]),
    ("\nsix==1.* --hash=sha256:ab", "requirements.txt", ["line 2", "six"]),
    ("six==1", "requirements.txt", ["six", "digest"]),
    ("six @ https://host.test/six.whl", "requirements.txt", ["six", "digest"]),
    ("-r other.txt", "requirements.txt", ["line 1", "other.txt"]),
    ("<<<<<<< HEAD", "requirements.txt", ["line 1"]),
    ("six @ git+https://me:hunter2hunter2@host.test/six", "dev.txt", ["password"]),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_in_one_line_with_its_mend(
    text: str, name: str, names: list[str], sentence: Callable[[object], None]
) -> None:
    with pytest.raises(LockfileError) as caught:
        texts(text, name)

    sentence(caught.value)
    assert all(word in str(caught.value) for word in names)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("manifest", "policy", "expected"), [
    # Nothing names the packages: all that is locked, with the markers of the lock.
    ("", "direct", [
        "idna==3.20", 'numpy==1.26.4; python_full_version < "3.11"',
        'numpy==2.4.6; python_full_version >= "3.11"', "pysocks==1.7.1", "requests==2.34.2",
        'win==1; os_name == "nt" or sys_platform == "win32"']),
    ('dependencies = ["numpy", "requests[socks]; python_version > \'3\'"]', "direct", [
        'numpy==1.26.4; python_full_version < "3.11"',
        'numpy==2.4.6; python_full_version >= "3.11"',
        'requests[socks]==2.34.2; python_version > "3"']),
    # The manifest's own fork: each line takes the version that it allows.
    ('dependencies = ["numpy<2; python_version < \'3.11\'", "numpy>=2"]', "compatible", [
        'numpy>=1.26.4,<2; python_version < "3.11"', "numpy>=2.4.6,<3"]),
    ('dependencies = ["requests[socks]"]', "locked", [
        "idna==3.20", 'numpy==1.26.4; python_full_version < "3.11"',
        'numpy==2.4.6; python_full_version >= "3.11"', "pysocks==1.7.1", "requests[socks]==2.34.2",
        'win==1; os_name == "nt" or sys_platform == "win32"']),
])  # fmt: skip
def test_the_manifest_says_which_packages_are_direct(
    manifest: str, policy: str, expected: list[str]
) -> None:
    pyproject = parse_manifest(f"[project]\nname = 'mine'\n{manifest}\n")
    lock = parse_lock(UV, "uv.lock", ".", pyproject)

    assert list(plan_requirements(pyproject, lock, policy).requirements) == expected


@pytest.mark.parametrize(("manifest", "policy", "names"), [
    ('dependencies = ["numpy>=3"]', "direct", ["numpy>=3", "uv.lock", "uv lock"]),
    ('dependencies = ["absent"]', "compatible", ["absent", "uv.lock", "uv lock"]),
    # With nothing named there, this would take every requirement away.
    ("", "declared", ["pyproject.toml"]),
    ('dependencies = ["a"]\ndynamic = ["dependencies"]', "declared", ["pyproject.toml"]),
])  # fmt: skip
def test_a_lock_of_another_manifest_is_refused(
    manifest: str, policy: str, names: list[str]
) -> None:
    pyproject = parse_manifest(f"[project]\nname = 'mine'\n{manifest}\n")
    lock = parse_lock(UV, "uv.lock", ".", pyproject)

    with pytest.raises(LockfileError) as caught:
        plan_requirements(pyproject, lock, policy)
    assert all(word in f"{caught.value} {caught.value.hint}" for word in names)


@pytest.mark.parametrize(("names", "asked", "expected"), [
    (["uv.lock", "Pipfile"], None, "uv.lock"),
    (["pylock.ci.toml", "requirements.txt"], None, "pylock.ci.toml"),
    (["Pipfile"], None, "Pipfile.lock"),
    (["Pipfile.lock", "uv.lock"], "uv.lock", "uv.lock"),
    ([], "deep/requirements-prod.txt", "deep/requirements-prod.txt"),
    (["Pipfile.lock", "uv.lock", "pylock.toml"], None, None),
    (["hashed"], None, "requirements.txt"),
    (["hashed", "poetry.lock"], None, None),
    ([], None, None),
    ([], "Cargo.lock", None),
    ([], "pylock.a.b.toml", None),
])  # fmt: skip
def test_the_lock_is_the_one_that_is_named_or_the_only_one(
    names: list[str],
    asked: str | None,
    expected: str | None,
    tmp_path: Path,
    sentence: Callable[[object], None],
) -> None:
    for name in names:
        is_hashed = name == "hashed"
        path = tmp_path / ("requirements.txt" if is_hashed else name)
        path.write_text("six==1 --hash=sha256:ab\n" if is_hashed else "six==1\n")

    if expected is not None:
        assert choose_lock(tmp_path, asked) == expected
        return
    with pytest.raises(ConfigurationError) as caught:
        choose_lock(tmp_path, asked)
    sentence(caught.value)
    assert all(path.name in str(caught.value) for path in tmp_path.iterdir())
