"""Compiled modules are shared between environments, and none is ever older than its source."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pythons import find_python
from trainwheel.install.bytecode import Bytecode, Interpreter, site_packages
from trainwheel.install.lock_environment import read_interpreter
from trainwheel.system.command import Command
from trainwheel.system.environ import Environment
from trainwheel.system.process import run

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make an environment with one distribution, as an installer leaves it."""

    def make(name: str, source: str = "VALUE = 1\n", when: int = 1_000_000_000) -> Path:
        home = tmp_path / name
        site = site_packages(home)
        (site / "thing-1.0.dist-info").mkdir(parents=True)
        (site / "thing").mkdir()
        rows = []
        for module in ("thing/__init__.py", "thing/part.py"):
            (site / module).write_text(source)
            os.utime(site / module, (when, when))
            digest = base64.urlsafe_b64encode(hashlib.sha256(source.encode()).digest()).rstrip(b"=")
            rows.append(f"{module},sha256={digest.decode()},{len(source)}\n")
        (site / "thing-1.0.dist-info" / "RECORD").write_text("".join([*rows, "thing/x.so,,\n"]))
        return home

    return make


def value_in(home: Path, bytecode: Bytecode, also: Path | None = None, **variables: str) -> str:
    """Return what a process in the environment finds in the distribution's modules."""
    path = os.pathsep.join(str(folder) for folder in (site_packages(home), also) if folder)
    env = {"PYTHONPATH": path, "PYTHONPYCACHEPREFIX": str(bytecode.prepare(home))}
    name = "own" if also else "thing.part"
    code = f"import thing.part, json.tool, {name}; print({name}.VALUE)"
    command = Command((sys.executable, "-c", code), env=env)
    result = run(command, Environment({**os.environ, **variables}))
    assert not result.failed, result.output
    return result.output.strip()


def compiled(home: Path) -> Path:
    site = site_packages(home)
    place = home / "bytecode" / site.relative_to(site.anchor)
    return place / "thing" / f"part.{sys.implementation.cache_tag}.pyc"


def edit(home: Path, source: str) -> None:
    """Replace a module, and keep its size and the time of its last change."""
    path = site_packages(home) / "thing" / "part.py"
    status = path.stat()
    path.unlink()
    path.write_text(source)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size


@pytest.mark.parametrize("variables", [{}, {"PYTHONDONTWRITEBYTECODE": "1"}])
def test_what_one_environment_compiled_another_one_runs(
    make: Make, tmp_path: Path, variables: dict[str, str]
) -> None:
    bytecode = Bytecode(tmp_path / "store")
    first, second = make("first"), make("second", when=1_100_000_000)

    value_in(first, bytecode, None, **variables)
    bytecode.keep(first)
    value_in(second, bytecode, None, **variables)

    assert compiled(second).samefile(compiled(first))
    (in_store,) = (tmp_path / "store").glob("*/*/thing/part.*")
    assert in_store.samefile(compiled(second))
    assert compiled(first).read_bytes()[4:8] == b"\x03\0\0\0"


def test_an_edited_module_never_runs_from_what_was_compiled_before(
    make: Make, tmp_path: Path
) -> None:
    bytecode = Bytecode(tmp_path / "store")
    first, second = make("first"), make("second")
    assert value_in(first, bytecode) == "1"

    edit(first, "VALUE = 2\n")

    assert value_in(first, bytecode) == "2"
    assert value_in(first, bytecode) == "2"
    assert value_in(first, Bytecode(tmp_path / "store")) == "2"
    assert value_in(second, bytecode) == "1"
    edit(first, "VALUE = 1\n")
    assert value_in(first, bytecode) == "1"
    edit(third := make("third"), "VALUE = 3\n")
    assert [value_in(home, bytecode) for home in (third, first)] == ["3", "1"]


def test_modules_of_a_repository_are_in_neither(make: Make, tmp_path: Path) -> None:
    bytecode, home = Bytecode(tmp_path / "store"), make("home")
    own = tmp_path / "repository"
    own.mkdir()
    for value in ("3", "4"):
        (own / "own.py").write_text(f"VALUE = {value}\n")
        os.utime(own / "own.py", (1_000_000_000, 1_000_000_000))
        assert value_in(home, bytecode, own) == value

    bytecode.prepare(home)

    assert not [*tmp_path.glob("home/bytecode/**/own*"), *tmp_path.glob("store/**/own*")]
    assert compiled(home).stat().st_nlink > 1


def test_the_modules_of_python_are_compiled_once(make: Make, tmp_path: Path) -> None:
    bytecode = Bytecode(tmp_path / "store")

    library = Path(sysconfig.get_path("stdlib"))
    (tmp_path / "second" / "bytecode" / library.relative_to("/")).mkdir(parents=True)
    for name in ("first", "second"):
        value_in(make(name), bytecode)

    assert len([*tmp_path.glob("store/**/json/tool*")]) == 1


def test_what_was_used_longest_ago_makes_room(make: Make, tmp_path: Path) -> None:
    store, entries = tmp_path / "store", list[Path]()
    for number in range(3):
        home = make(f"home{number}", f"VALUE = {number}\n")
        value_in(home, Bytecode(store))
        size = sum(path.stat().st_size for path in store.glob("*/*/**/*"))
        Bytecode(store, limit=size if number == 2 else 1 << 30).prepare(home)
        entries += [path for path in store.glob("*/*/thing") if path not in entries]
        os.utime(entries[-1].parent, (number, number))

    assert [entry.exists() for entry in entries] == [False, True, True]
    assert value_in(tmp_path / "home0", Bytecode(store)) == "0"


def test_environments_that_share_at_once_do_not_disturb_each_other(
    make: Make, tmp_path: Path
) -> None:
    def share(home: Path) -> list[str]:
        return [value_in(home, Bytecode(tmp_path / "store", limit=1)) for _ in range(2)]

    with ThreadPoolExecutor() as pool:
        values = list(pool.map(share, [make(f"home{number}") for number in range(4)]))

    assert values == [["1", "1"]] * 4


def test_packages_of_an_environment_beside_are_compiled_there(make: Make, tmp_path: Path) -> None:
    bytecode = Bytecode(tmp_path / "store")
    home, other = make("home", "VALUE = 5\n"), make("other")
    value_in(other, bytecode)
    place = compiled(other).relative_to(other / "bytecode")

    assert (bytecode.prepare(home, (other,)) / place).samefile(compiled(other))


MEMORY = Path("/dev/shm")  # noqa: S108 - tempfile makes a folder there


@pytest.mark.skipif(not os.access(MEMORY, os.W_OK), reason="needs another file system")
def test_a_store_on_another_file_system_is_shared_too(make: Make) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        bytecode, first, second = Bytecode(Path(folder)), make("first"), make("second")
        value_in(first, bytecode)
        bytecode.keep(first)

        value_in(second, bytecode)

        assert compiled(second).resolve() == compiled(first).resolve()
        edit(first, "VALUE = 2\n")
        assert (value_in(first, bytecode), value_in(second, bytecode)) == ("2", "1")


def test_modules_of_another_python_are_shared_as_well(tmp_path: Path, make: Make) -> None:
    version = "3.12" if sys.version_info[:2] != (3, 12) else "3.13"
    program = find_python(version)
    if not program:
        pytest.skip(f"Python {version} is not on this machine")
    environment = Environment({"PATH": str(Path(program).parent)})
    interpreter = read_interpreter(version, environment)
    bytecode, homes = Bytecode(tmp_path / "store", interpreter=interpreter), []
    for name in ("one", "two"):
        make(name)
        homes.append(home := tmp_path / f"{name}-{version}")
        (home / "lib").mkdir(parents=True)
        site_packages(tmp_path / name).parent.rename(home / "lib" / f"python{version}")
        env = {"PYTHONPATH": str(site_packages(home))}
        env["PYTHONPYCACHEPREFIX"] = str(bytecode.prepare(home))
        code = "import thing.part, sys; print(thing.part.__cached__, sys.version_info[:2])"
        result = run(Command((program, "-c", code), env=env), Environment({}))
        assert version.replace("3.", "(3, ") in result.output
        bytecode.keep(home)

    first, second = (compiled_by(interpreter, home) for home in homes)

    assert first.stat().st_ino == second.stat().st_ino
    assert first.name == f"part.{interpreter.tag}.pyc"


def compiled_by(interpreter: Interpreter, home: Path) -> Path:
    site = site_packages(home)
    folder = home / "bytecode" / site.relative_to(site.anchor)
    return folder / "thing" / f"part{interpreter.suffix}"


def test_a_source_has_the_hash_that_the_interpreter_itself_would_give_it() -> None:
    assert Interpreter().hash_of(b"x = 1") == importlib.util.source_hash(b"x = 1")
