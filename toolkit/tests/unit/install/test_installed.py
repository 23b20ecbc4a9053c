"""Packages of one environment are linked into another one, both made by the real uv."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.index.pip import UvSettings
from trainwheel.install.bytecode import Bytecode, site_packages
from trainwheel.install.environments import Installer, python_of
from trainwheel.install.installed import Installed, link_packages, names_in
from trainwheel.install.stamp import changes_in
from trainwheel.system.command import Command
from trainwheel.system.environ import Environment
from trainwheel.system.process import run
from unit.wheels import write_wheel

Prepare = Callable[..., contextlib.AbstractContextManager[Path]]

SCRIPT = b"#!python\nimport helper, sys; print(sys.prefix)\n"
HELPER = {
    "helper/part.py": b"VALUE = 1\n",
    "single.py": b"VALUE = 2\n",
    "shelf.pth": b"shelf\nimport sys; sys.ready = True\n",
    "shelf/book.py": b"VALUE = 3\n",
    "helper-1.0.dist-info/licenses/LICENSE": b"Do as you like.\n",
    "helper-1.0.dist-info/entry_points.txt": b"[console_scripts]\nentry = helper.part:VALUE.real\n",
    "helper-1.0.data/scripts/tool": SCRIPT,
    "helper-1.0.data/scripts/program": b"\x7fELF",
    "helper-1.0.data/data/share/helper/data.txt": b"4",
}


def line_of(wheel: Path) -> str:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{wheel.name.partition('-')[0]} @ {wheel.as_uri()} --hash=sha256:{digest}\n"


@pytest.fixture
def installer(tmp_path: Path) -> Installer:
    """What installs from this disk only."""
    environment = Environment({"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    variables = {"UV_OFFLINE": "1", "UV_NO_CONFIG": "1", "UV_CACHE_DIR": str(tmp_path / "cache")}
    bytecode = Bytecode(tmp_path / "store")
    return Installer(environment, tmp_path / "log", UvSettings(variables), bytecode=bytecode)


@pytest.fixture
def helper(tmp_path: Path) -> str:
    """The line that installs a package with all that a package can have."""
    return line_of(write_wheel(tmp_path / "wheels", "helper", "1.0", members=HELPER))


@pytest.fixture
def filled(installer: Installer, tmp_path: Path, helper: str) -> Prepare:
    """Yield an environment with a wheel and, from the one that is kept, what it needs."""

    @contextlib.contextmanager
    def filled(wheel: Path | None = None, requirements: str = helper) -> Iterator[Path]:
        kept = tmp_path / "kept"
        installer.ensure(kept, requirements)
        holding = replace(installer, holding=lambda _: contextlib.nullcontext(kept))
        wheel = wheel or write_wheel(tmp_path / "wheels", requires=["helper==1.0"])
        with installer.throw_away() as folder:
            home = folder / "env"
            installer.install(python_of(home), line_of(wheel), "--no-deps", "--no-cache")
            with holding.filled(home, requirements):
                installer.check(python_of(home))
                yield home

    return filled


def output(home: Path, code: str, *options: str, **variables: str) -> str:
    """Return what Python prints in an environment."""
    result = run(
        Command((str(python_of(home)), *options, "-c", code), env=variables), Environment()
    )
    assert not result.failed, result.output
    return result.output.strip()


def is_linked(home: Path, name: str = "helper") -> bool:
    return (site_packages(home) / name).is_symlink()


def test_packages_are_seen_by_python_and_by_uv(filled: Prepare, tmp_path: Path) -> None:
    code = (
        "import helper.part, single, book, sys, tiny_model; from importlib import metadata; "
        "print(helper.part.VALUE, single.VALUE, book.VALUE, sys.ready, helper.__file__, "
        "*sorted(f'{each.name} {each.version}' for each in metadata.distributions()), "
        "metadata.distribution('helper').read_text('licenses/LICENSE'))"
    )

    with filled() as home:
        assert is_linked(home)
        file = site_packages(home) / "helper/__init__.py"
        expected = f"1 2 3 True {file} helper 1.0 tiny_model 0.1.0 Do as you like."
        assert output(home, code, "-I") == expected
        assert (home / "share/helper/data.txt").read_text() == "4"

    assert not home.exists()
    assert changes_in(tmp_path / "kept", whole=True) == []


def test_a_script_is_run_by_the_environments_own_python(filled: Prepare, tmp_path: Path) -> None:
    with filled() as home:
        for name in ("tool", "entry"):
            text = (home / "bin" / name).read_text()
            assert text.startswith("#!")
            assert str(tmp_path / "kept") not in text
        result = run(Command((str(home / "bin/tool"),)), Environment())
        assert result.output.strip() == str(home)
        assert (home / "bin/program").is_symlink()


OWN = "tiny_model-0.1.0.data"


@pytest.mark.parametrize(
    "name", ["helper/more.py", "shelf/more.py", "single.py", f"{OWN}/scripts/tool",
             f"{OWN}/data/share/helper/data.txt"],
)  # fmt: skip
def test_where_both_have_one_name_packages_are_installed(
    filled: Prepare, tmp_path: Path, name: str
) -> None:
    members = {name: b"#!python\nVALUE = 5\n"}
    wheel = write_wheel(tmp_path / "wheels", requires=["helper"], members=members)

    with filled(wheel) as home:
        assert not is_linked(home)
        if name.startswith(("helper", "shelf")):
            assert b"5" in (site_packages(home) / name).read_bytes()
        assert output(home, "import helper.part; print(helper.part.VALUE)", "-I") == "1"

    assert changes_in(tmp_path / "kept", whole=True) == []


def test_an_unknown_file_in_a_package_is_not_proved_with(
    filled: Prepare, installer: Installer, tmp_path: Path, helper: str
) -> None:
    installer.ensure(tmp_path / "kept", helper)
    (site_packages(tmp_path / "kept") / "helper/cache.bin").touch()

    with filled() as home:
        assert not is_linked(home)
        assert not (site_packages(home) / "helper/cache.bin").exists()


def test_modules_that_somebody_compiled_beside_their_source_are_removed(
    filled: Prepare, installer: Installer, tmp_path: Path, helper: str
) -> None:
    installer.ensure(tmp_path / "kept", helper)
    output(tmp_path / "kept", "import helper.part")
    compiled = site_packages(tmp_path / "kept") / "helper/__pycache__"
    assert compiled.is_dir()

    with filled() as home:
        assert is_linked(home)
        assert not compiled.exists()


def test_an_edit_through_a_link_is_seen_and_reaches_no_cache(
    filled: Prepare, tmp_path: Path
) -> None:
    with filled() as home:
        (site_packages(home) / "helper/part.py").write_text("VALUE = 6\n")

    assert changes_in(tmp_path / "kept") == ["helper was edited"]
    (cached,) = (tmp_path / "cache").glob("archive-v0/*/helper/part.py")
    assert cached.read_bytes() == HELPER["helper/part.py"]


def test_uv_refuses_a_wheel_whose_requirement_is_not_among_them(
    filled: Prepare, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels", requires=["helper>=2"])

    with pytest.raises(StepFailedError, match=r"pip check: .*helper"), filled(wheel):
        pass


def test_nothing_is_left_where_something_cannot_be_linked(
    installer: Installer, tmp_path: Path, helper: str
) -> None:
    kept, home = tmp_path / "kept", tmp_path / "home"
    installer.ensure(kept, helper)
    installer.create(home)
    (home / "share").touch()  # a file, where a folder is needed

    assert not link_packages(kept, home)

    assert names_in(home) == names_in(kept) - Installed.at(kept).names()
    assert link_packages(kept, installer.create(home).parents[1])


def test_an_environment_that_is_reached_by_a_link_is_linked_too(
    installer: Installer, tmp_path: Path, helper: str
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "reached").symlink_to("real")
    kept, home = tmp_path / "reached/kept", tmp_path / "home"
    installer.ensure(kept, helper)
    installer.create(home)

    assert link_packages(kept, home)

    assert output(home, "import helper.part; print(helper.part.VALUE)", "-I") == "1"
    assert b"kept" not in (home / "bin/tool").read_bytes() + (home / "bin/entry").read_bytes()
    variables = installer.variables(home, kept)
    path = Path(output(home, "import helper.part; print(helper.part.__cached__)", **variables))
    assert path.resolve().is_relative_to(tmp_path / "real/kept/bytecode")


@pytest.mark.parametrize("name", ["with space", "n" * 101])
def test_an_environment_whose_scripts_could_not_start_is_filled_by_uv(
    installer: Installer, tmp_path: Path, helper: str, name: str
) -> None:
    installer.ensure(tmp_path / "kept", helper)
    installer.create(tmp_path / name)

    assert not link_packages(tmp_path / "kept", tmp_path / name)


def test_linked_modules_are_compiled_once(
    filled: Prepare, installer: Installer, tmp_path: Path
) -> None:
    code = "import helper.part, single, tiny_model; print(helper.part.__cached__)"
    compiled = list[tuple[int, int]]()
    for _ in range(3):
        with filled() as home:
            variables = installer.variables(home, tmp_path / "kept")
            path = Path(output(home, code, **variables))
            assert path.is_relative_to(home / "bytecode")
            assert path.resolve().is_relative_to(tmp_path / "kept/bytecode")
            compiled.append((path.stat().st_ino, path.stat().st_mtime_ns))

    # What Python wrote the first time goes to the store, checked, and is a link to that since.
    assert compiled[1] == compiled[2]
    assert {path.name.partition(".")[0] for path in (tmp_path / "store").rglob("*.pyc")} >= {"part"}
    assert not (site_packages(tmp_path / "kept") / "helper/__pycache__").exists()


def test_what_was_compiled_of_installed_packages_is_kept_for_the_next_environment(
    installer: Installer, tmp_path: Path, helper: str
) -> None:
    with installer.throw_away() as folder, installer.filled(folder / "env", helper):
        output(folder / "env", "import helper.part", **installer.variables(folder / "env"))

    assert [path.name[:5] for path in (tmp_path / "store").rglob("part.*.pyc")] == ["part."]
