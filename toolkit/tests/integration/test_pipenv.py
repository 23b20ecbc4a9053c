"""Plain pipenv in a model repository: what its commands leave, the next session accepts."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.test_locking import QuietHandler, make_index
from integration.tiny import TESTS, Run, clean_variables, run_to_end
from trainwheel.install.lock import lock
from trainwheel.requirements.freshness import is_stamped
from trainwheel.system.environ import Environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PAGE = TESTS.parent / "docs" / "how-to" / "pipenv.md"
PASSWORD = "s3cret-Of-The-Mirror"
LOGIN = "Basic " + base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
RELEASES = {("six", version): () for version in ("1.15.0", "1.16.0", "1.17.0")}
NOTICE = "notice: pipenv wrote Pipfile.lock"
PIPFILE = """\
[pipenv]
venv_in_project = true

[packages]
tiny-a = "<2"

[dev-packages]

[test]
tiny-c = "*"
"""


class GuardedHandler(QuietHandler):
    def do_GET(self) -> None:  # noqa: N802
        """Answer those who have the password."""
        if self.headers.get("Authorization") == LOGIN:
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an index that asks for a password, and that password."""
    folder = make_index(tmp_path_factory.mktemp("index"), RELEASES)
    handler = functools.partial(GuardedHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://ci:{PASSWORD}@127.0.0.1:{server.server_address[1]}/simple"
        server.shutdown()
        thread.join()


class Project:
    """A model repository on a machine whose pip is configured with a mirror."""

    def __init__(self, folder: Path, mirror: str) -> None:
        self.root = folder / "a model"
        shutil.copytree(TESTS / "projects" / "tiny", self.root)
        (self.root / "Pipfile").write_text(PIPFILE)
        (folder / "pip.conf").write_text(
            f"[global]\nindex-url = {mirror}\ntrusted-host = 127.0.0.1\n"
        )
        inherited = {k: v for k, v in clean_variables().items() if not k.startswith("PIP")}
        for name in ("CI", "JENKINS_URL", "VIRTUAL_ENV", "WORKON_HOME", "XDG_DATA_HOME"):
            inherited.pop(name, None)
        self.variables = {
            **inherited,
            "HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_CONFIG_FILE": str(folder / "pip.conf"),
            "PIPENV_NOSPIN": "1",
            "SHELL": "/bin/sh",
        }
        lock(self.root, Environment(self.variables))

    @property
    def lock(self) -> str:
        return (self.root / "Pipfile.lock").read_text(encoding="utf-8")

    def versions(self, category: str) -> dict[str, str]:
        return {name: row["version"] for name, row in json.loads(self.lock)[category].items()}

    def run(self, command: str, **more: str) -> Run:
        variables = {**self.variables, **more}
        return run_to_end(("/bin/sh", "-c", command), self.root, variables, 120)

    def homes(self) -> list[Path]:
        """Return the environments that there are."""
        return sorted(path.parent for path in self.root.parent.rglob("pyvenv.cfg"))


@pytest.fixture
def project(tmp_path: Path, mirror: str) -> Project:
    return Project(tmp_path, mirror)


def commands_of(page: str) -> list[str]:
    """Return the commands of the page's indented block."""
    lines = [line.strip() for line in page.splitlines() if line.startswith("    ")]
    return [line for line in lines if not line.startswith("#")]


def test_the_commands_of_the_page_run_as_they_stand(project: Project) -> None:
    commands = commands_of(PAGE.read_text(encoding="utf-8"))
    first, output = project.lock, ""

    for command in commands:
        done = project.run(command)
        assert done.code == 0, f"{command}\n{done.output}"
        if " nox " in command:
            output += done.output
            assert is_stamped(project.lock), command
            assert "127.0.0.1" not in project.lock
            assert PASSWORD not in project.lock + done.output
        if command == "pipenv update six":
            assert project.versions("default")["six"] == "==1.17.0"

    words = {command.split()[1] for command in commands}
    assert words == {"install", "run", "update", "uninstall", "requirements", "sync"}
    assert output.count(NOTICE) == 4
    assert output.count("and a password") == 4
    # Back where it began, byte for byte.
    assert project.lock == first
    assert project.homes() == [project.root / ".venv"]


def test_what_pipenv_locked_is_finished_as_nox_would_have(project: Project) -> None:
    assert project.run("pipenv install --categories test six").code == 0
    assert PASSWORD in project.lock

    in_job = project.run("nox -s sync -- --check", CI="true")
    assert PASSWORD in project.lock
    assert "has a password" in in_job.error("configuration")
    assert project.run("nox -s sync", CI="").line(NOTICE)

    adopted = project.lock
    assert project.run("nox -s sync").output.count("notice") == 0
    assert project.run("nox -s lock").code == 0
    assert project.lock == adopted


def test_an_older_lock_than_the_pipfile_is_still_refused(project: Project) -> None:
    (project.root / "Pipfile").write_text(PIPFILE.replace("<2", "*"))
    assert project.run("pipenv lock").code == 0
    (project.root / "Pipfile").write_text(PIPFILE)
    left = project.lock.replace(f"ci:{PASSWORD}@", "")
    (project.root / "Pipfile.lock").write_text(left)

    assert "is not the lock of this Pipfile" in project.run("nox -s sync").error("configuration")
    assert project.lock == left


def test_no_second_environment_is_made_where_pipenv_is_first(project: Project) -> None:
    command = "pipenv run python -c 'import sys; print(sys.prefix)'"
    assert str(project.root / ".venv") in project.run(command).output.splitlines()
    assert project.homes() == [project.root / ".venv"]

    assert project.run(command, PIPENV_VENV_IN_PROJECT="0").code == 0
    (other,) = set(project.homes()) - {project.root / ".venv"}
    # Without the setting pipenv would go on with that one, though there is a .venv.
    assert str(project.root / ".venv") in project.run(command).output.splitlines()
    row = project.run(f"{sys.executable} -m trainwheel doctor").line("pipenv ")
    assert str(other) in row
    assert "warning" in row


def test_a_session_runs_in_the_shell_of_pipenv(project: Project) -> None:
    assert project.run("pipenv install --categories test six").code == 0
    # Without --fancy it needs a terminal to type into.
    assert project.run("echo nox -s sync | pipenv shell --fancy").line(NOTICE)
    assert is_stamped(project.lock)
