"""Locking with the real pipenv and uv, against an index on loopback that holds tiny wheels."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import ConfigurationError, LockfileError, StepFailedError
from trainwheel.install.lock import lock
from trainwheel.install.lock_environment import find_python
from trainwheel.requirements.lockfile import check_fresh, parse_lockfile
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.system.environ import Environment
from unit.wheels import write_wheel

pytestmark = pytest.mark.integration

PIPFILE = """\
[packages]
tiny-a = "*"

[dev-packages]
tiny-lib = {path = "./lib", editable = true}

[test]
tiny-c = "*"
"""
# What 2.0 of tiny-a needs has to move with it; tiny-c has nothing to do with either.
RELEASES = {
    ("tiny_a", "1.0"): ("tiny-b>=1",),
    ("tiny_a", "2.0"): ("tiny-b>=2",),
    ("tiny_d", "1.0"): ("tiny-b<2",),
    **{(name, version): () for name in ("tiny_b", "tiny_c") for version in ("1.0", "2.0")},
}
LIB_METADATA = "Metadata-Version: 2.1\nName: tiny-lib\nVersion: 1.0\nRequires-Dist: tiny-c\n"
BACK_END = f"""\
import os
def _write(directory, config_settings=None):
    os.makedirs(os.path.join(directory, "tiny_lib-1.0.dist-info"))
    os.makedirs("tiny_lib.egg-info", exist_ok=True)
    with open(os.path.join(directory, "tiny_lib-1.0.dist-info", "METADATA"), "w") as stream:
        stream.write({LIB_METADATA!r})
    return "tiny_lib-1.0.dist-info"
prepare_metadata_for_build_wheel = prepare_metadata_for_build_editable = _write
def build_wheel(*arguments): raise SystemExit("only metadata is needed")
build_editable = build_wheel
"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simple index as files."""
    return make_index(tmp_path_factory.mktemp("index"))


def make_index(root: Path, more: Mapping[tuple[str, str], tuple[str, ...]] | None = None) -> Path:
    """Write a simple index as files, with some more releases."""
    links: dict[str, str] = {}
    for (name, version), requires in {**RELEASES, **(more or {})}.items():
        project = name.replace("_", "-")
        wheel = write_wheel(root / "simple" / project, name, version, requires=requires)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        link = f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>\n'
        links[project] = links.get(project, "") + link
    for project, page in links.items():
        (root / "simple" / project / "index.html").write_text(f"<!DOCTYPE html>\n{page}")
    return root


@contextlib.contextmanager
def serve(index: Path) -> Iterator[str]:
    """Serve the index on a port of its own and yield its address."""
    handler = functools.partial(QuietHandler, directory=str(index))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}/simple"
        served.shutdown()
        thread.join()


@pytest.fixture
def server(index: Path) -> Iterator[str]:
    with serve(index) as address:
        yield address


@pytest.fixture
def environment(server: str, tmp_path: Path) -> Environment:
    (tmp_path / "home").mkdir()
    return Environment(
        {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "PIPENV_ACTIVE": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": server,
            "PIP_TRUSTED_HOST": "127.0.0.1",
        }
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "a b é"
    (root / "lib").mkdir(parents=True)
    (root / "Pipfile").write_text(PIPFILE)
    (root / "lib" / "back_end.py").write_text(BACK_END)
    (root / "lib" / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "back_end"\nbackend-path = ["."]\n'
    )
    return root


def read_lock(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((root / "Pipfile.lock").read_text())
    return content


def versions(root: Path) -> dict[str, dict[str, str]]:
    content = read_lock(root)
    del content["_meta"]
    return {
        category: {name: entry.get("version", "local") for name, entry in entries.items()}
        for category, entries in content.items()
    }


def lock_the_first_releases(root: Path, environment: Environment) -> None:
    """Leave a lock of the 1.0 releases beside a Pipfile that allows the newer ones."""
    old = PIPFILE.replace('"*"', '"==1.0"').replace("[test]", '[test]\ntiny-b = "==1.0"')
    (root / "Pipfile").write_text(old.replace("[packages]", '[packages]\ntiny-b = "==1.0"'))
    lock(root, environment)
    (root / "Pipfile").write_text(PIPFILE)


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_all_is_locked_with_digests_and_the_same_whichever_index_serves_it(
    project: Path, environment: Environment, index: Path
) -> None:
    before = files(project)

    changes = lock(project, environment)

    assert not list(Path(environment.variables["HOME"]).glob("**/pyvenv.cfg"))
    assert versions(project) == {
        "default": {"tiny-a": "==2.0", "tiny-b": "==2.0"},
        "develop": {"tiny-c": "==2.0", "tiny-lib": "local"},
        "test": {"tiny-c": "==2.0"},
    }
    wheel = (index / "simple" / "tiny-a" / "tiny_a-2.0-py3-none-any.whl").read_bytes()
    entry = read_lock(project)["default"]["tiny-a"]
    assert entry["hashes"] == [f"sha256:{hashlib.sha256(wheel).hexdigest()}"]
    first = (project / "Pipfile.lock").read_text()
    assert "127.0.0.1" not in first
    assert "packages: tiny-a not locked → 2.0" in [str(change) for change in changes]
    assert files(project) == before | {"Pipfile.lock"}
    check_fresh(parse_pipfile(PIPFILE), parse_lockfile(first))

    with serve(index) as address:
        variables = {**environment.variables, "PIP_INDEX_URL": address}
        assert lock(project, Environment(variables)) == ()
    assert (project / "Pipfile.lock").read_text() == first


def test_only_the_named_package_and_what_it_needs_moves(
    project: Path, environment: Environment
) -> None:
    lock_the_first_releases(project, environment)
    before = read_lock(project)["test"]["tiny-c"]

    changes = lock(project, environment, ["Tiny_A"])

    assert [str(change) for change in changes if change.category == "packages"] == [
        "packages: tiny-a 1.0 → 2.0",
        "packages: tiny-b 1.0 → 2.0",
    ]
    assert read_lock(project)["test"] == {"tiny-c": before}
    assert before["version"] == "==1.0"
    check_fresh(parse_pipfile(PIPFILE), parse_lockfile((project / "Pipfile.lock").read_text()))


def test_a_failed_lock_is_one_line_and_leaves_the_old_one(
    project: Path, environment: Environment
) -> None:
    (project / "Pipfile.lock").write_text("the old lock")
    (project / "Pipfile").write_text('[packages]\ntiny-a = "==9"\n')
    before = files(project)

    with pytest.raises(StepFailedError, match=r"^failed: pipenv lock: .*tiny-a==9"):
        lock(project, environment)

    assert (project / "Pipfile.lock").read_text() == "the old lock"
    assert files(project) == before


@pytest.mark.parametrize(
    ("pipfile", "message", "change"),
    [
        (
            "[packages]\ntiny-b = '<2'\n[test]\ntiny-b = '>=2'\n",
            r"\[packages\] tiny-b<2 and \[test\] tiny-b>=2",
            r"allow tiny-b 1\.0 in \[test\], or allow tiny-b 2\.0 in \[packages\]",
        ),
        (
            "[packages]\ntiny-b = '*'\n[test]\ntiny-d = '*'\n",
            r"\[test\] tiny-d: tiny-d.* needs tiny-b<2, \[packages\] is locked with tiny-b 2\.0",
            r'write tiny-b = "<=1\.0" into \[packages\]',
        ),
    ],
)
def test_a_conflict_names_packages_and_categories_and_a_change_that_is_enough(
    project: Path, environment: Environment, pipfile: str, message: str, change: str
) -> None:
    (project / "Pipfile").write_text(pipfile)

    with pytest.raises(StepFailedError, match=message) as caught:
        lock(project, environment)

    assert re.search(change, caught.value.hint)
    assert not (project / "Pipfile.lock").exists()
    # What it proposes is enough.
    old, new = ("'*'\n[test]", "'<=1.0'\n[test]") if "tiny-d" in pipfile else ("'<2'", "'*'")
    (project / "Pipfile").write_text(pipfile.replace(old, new))
    assert lock(project, environment)


def test_a_package_that_pipenv_locks_without_a_digest_is_refused(
    project: Path, environment: Environment
) -> None:
    (project / "Pipfile").write_text(
        """[test]\ntiny-c = {version = "*", sys_platform = "== 'win32'"}\n"""
    )

    with pytest.raises(LockfileError, match=r"\[test\] tiny-c has no digest"):
        lock(project, environment)
    assert not (project / "Pipfile.lock").exists()


@pytest.mark.parametrize("path", ["../elsewhere", "./missing"])
def test_what_cannot_be_locked_is_named(project: Path, environment: Environment, path: str) -> None:
    with pytest.raises(LockfileError, match="tiny-z"):
        lock(project, environment, ["tiny-z"])
    with pytest.raises(ConfigurationError, match=r"3\.99"):
        find_python("3.99", environment)

    (project / "Pipfile").write_text(f'[packages]\nlib = {{path = "{path}"}}\n')
    with pytest.raises(LockfileError, match=path):
        lock(project, environment)
