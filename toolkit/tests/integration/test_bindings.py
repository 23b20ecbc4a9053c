"""A package that is bound to an index is locked and installed from there and from nowhere else.

Two real servers: the one that pip is configured for offers a namesake with a higher version.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from integration.tiny import RealIndex, Run, TinyProject, clean_variables, serve_index
from trainwheel.cli.opening import open_here
from trainwheel.errors import NoEnvironmentError
from trainwheel.install.environments import python_of
from trainwheel.system.environ import Environment
from unit import wheels

pytestmark = pytest.mark.integration

PYPROJECT = """\
[tool.trainwheel]
package = "some_model"
train.command = "python -m some_training"
[tool.trainwheel.index.team]
simple-url = "{url}simple/"
username = "{user}"
read-password-env = "TEAM_READ_PASSWORD"
packages = ["acme-*"]
"""
PIPFILE = '[packages]\nopen-lib = "*"\n'


def write_wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    """Write a wheel whose package says where it comes from."""
    package = name.replace("-", "_")
    members = {f"{package}/__init__.py": f"origin = {folder.name!r}\n".encode()}
    wheels.write_wheel(folder, package, version, members=members, requires=requires)


@dataclass(frozen=True)
class Two:
    """A repository, the index that its packages are bound to, and the one pip is told of."""

    project: TinyProject
    team: RealIndex
    rest: RealIndex

    def lock(self) -> Run:
        return self.project.nox("lock")

    @property
    def locked(self) -> dict[str, dict[str, object]]:
        section: dict[str, dict[str, object]] = json.loads(self.project.read("Pipfile.lock"))[
            "default"
        ]
        return section

    def install(self, folder: Path, **variables: str) -> str:
        """Install what is locked and return where the bound package came from."""
        root = self.project.root
        run = open_here(root, Environment({**self.project.variables, **variables}))
        run.tools.installer("train").ensure(folder, run.workspace.locked("packages"))
        argv = (str(python_of(folder)), "-c", "import acme_lib; print(acme_lib.origin)")
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """Both indexes ask for a password; the team's is given to readers in a variable of its own."""
    write_wheel(tmp_path / "team", "acme-lib", "1.0")
    write_wheel(tmp_path / "rest", "acme-lib", "9.0")
    write_wheel(tmp_path / "rest", "open-lib", "1.0", "acme-lib")
    root = tmp_path / "repository"
    with (
        serve_index(tmp_path / "team", protect_reads=True) as team,
        serve_index(tmp_path / "rest", protect_reads=True) as rest,
    ):
        host = rest.url.removeprefix("http://")
        steering = ("PIP_", "UV_DEFAULT", "UV_INDEX", "UV_EXTRA", "UV_FIND")
        variables = {k: v for k, v in clean_variables().items() if not k.startswith(steering)}
        variables |= {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": f"http://{rest.username}:{rest.password}@{host}simple/",
            "TEAM_READ_PASSWORD": team.password,
        }
        project = TinyProject(root, tmp_path / "environments", variables)
        project.write("pyproject.toml", PYPROJECT.format(url=team.url, user=team.username))
        project.write("Pipfile", PIPFILE)
        project.write("noxfile.py", "import trainwheel\n\ntrainwheel.register()\n")
        yield Two(project, team, rest)


def test_what_a_package_needs_is_locked_and_installed_from_where_it_is_bound(
    two: Two, tmp_path: Path
) -> None:
    run = two.lock()

    assert run.code == 0, run.output
    assert two.locked["acme-lib"]["version"] == "==1.0"
    assert two.locked["open-lib"]["version"] == "==1.0"
    (wheel,) = two.team.folder.glob("acme_lib-1.0*")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert two.locked["acme-lib"]["hashes"] == [f"sha256:{digest}"]
    lock = two.project.read("Pipfile.lock")
    assert "127.0.0.1" not in lock
    assert two.team.password not in run.output + lock
    assert two.install(tmp_path / "env") == "team"

    # The very file that is locked, in the wrong place.
    wheel.rename(two.rest.folder / wheel.name)
    with pytest.raises(NoEnvironmentError, match="acme-lib") as caught:
        two.install(tmp_path / "other", UV_CACHE_DIR=str(tmp_path / "empty"))
    assert two.team.password not in str(caught.value)


def test_an_index_that_lacks_a_bound_package_is_not_made_up_for(two: Two) -> None:
    for path in two.team.folder.glob("*.whl"):
        path.unlink()

    run = two.lock()

    assert "acme-lib" in run.error("failed")
    assert not (two.project.root / "Pipfile.lock").exists()


def test_nobody_else_on_the_machine_reads_through_the_index_for_the_resolver(two: Two) -> None:
    run = open_here(two.project.root, Environment(dict(two.project.variables)))

    with run.tools.served_index() as url:
        found = requests.get(f"{url}acme-lib/", timeout=30)
        host = "/".join(url.split("/")[:3])
        refused = [
            requests.get(f"{host}/{path}", timeout=30).status_code
            for path in ("simple/acme-lib/", "guess/simple/acme-lib/", "guess/files/1/x.whl")
        ]

    assert "acme_lib-1.0-py3-none-any.whl" in found.text
    assert "9.0" not in found.text
    assert refused == [404, 404, 404]
