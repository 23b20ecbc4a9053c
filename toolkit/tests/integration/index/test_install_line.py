"""The line that installs a release has run as it is printed, and runs where a person types it."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.environments import make_venv
from integration.index.default_pypiserver import serve_default
from integration.index.servers import PASSWORD, FakeIndex, answer
from integration.once import Once
from trainwheel.errors import StepFailedError
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.install.environments import Installer, find_uv
from trainwheel.steps.shared.publish import Publisher
from trainwheel.steps.shared.receipt import Receipts
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from unit.model_wheels import proof_of, write_model_wheel

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# A word of the name, of the host and of the path; a password that is awkward in a file and a shell.
USERS = {
    "ci": "s3cret%w#rd", "small": "pa'ss\"wo\\rd x$HOME", "packages": "päßwörd-é", "127": "пароль",
}  # fmt: skip
CLOSED = "download,list,update"


@pytest.fixture(scope="module", params=[CLOSED, "update"], ids=["protected", "open"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, bool]]:
    """A pypiserver that has a model: its address, its folder, whether it asks for a password."""
    folder = tmp_path_factory.mktemp("server")
    with serve_default(folder, USERS, "-a", request.param) as url:
        write_model_wheel(folder / "files")
        yield url, folder / "files", request.param == CLOSED


def publisher_to(target: Target | None, tmp_path: Path, index: Path) -> Publisher:
    """Return a publisher that prints to a text and logs into a file."""
    environment = Environment({"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    if target is not None and target.username and target.password:
        environment.secrets.read_login(target.username.reveal(), target.password.reveal())
    console = Console(environment, io.StringIO())
    receipts = Receipts(tmp_path, target, lambda _: ())
    registry, python = Registry(target, index), Path(sys.executable)
    return Publisher(environment, console, registry, lambda: python, receipts)


def target_at(url: str, user: str, install_url: str = "") -> Target:
    """Return the index that a user opens."""
    environment = Environment()
    login = environment.secrets.read_login(user, USERS[user])
    return Target("team", url, f"{url}simple/", install_url or None, *login)


def confirm(publisher: Publisher, tmp_path: Path) -> list[str]:
    """Verify the wheel and return the lines that are printed."""
    wheel = write_model_wheel(tmp_path / "dist")
    log = tmp_path / "verify.log"
    publisher.confirm(proof_of(wheel), Installer(publisher.environment, log))
    stream = publisher.console._stream  # noqa: SLF001
    assert isinstance(stream, io.StringIO)
    return stream.getvalue().splitlines()


def typed(lines: list[str], label: str) -> str:
    """Return what a line says after its label; nothing where there is no such line."""
    texts = (line[len(label) + 1 :].strip() for line in lines if line.startswith(f"{label}:"))
    return next(texts, "")


def type_in(once: Once, command: str, home: Path, netrc: str = "") -> None:
    """Type a command in a fresh environment, as somebody who has a netrc."""
    home.mkdir()
    if netrc:
        (home / ".netrc").write_text(f"{netrc}\n", encoding="utf-8")
        (home / ".netrc").chmod(0o600)
    environment = home / "env"
    make_venv(once, environment)
    path = f"{environment / 'bin'}:{Path(find_uv()).parent}:/usr/bin:/bin"
    variables = {"HOME": str(home), "PATH": path, "VIRTUAL_ENV": str(environment)}
    subprocess.run(["sh", "-ec", command], cwd=home, env=variables, check=True, timeout=120)
    assert [*environment.glob("lib/*/site-packages/small_model/classifier.py")]


@pytest.mark.parametrize("user", USERS)
def test_the_line_runs_as_printed_with_the_password_where_it_says(
    server: tuple[str, Path, bool], user: str, tmp_path: Path, once: Once
) -> None:
    url, files, is_protected = server
    publisher = publisher_to(target_at(url, user), tmp_path, files)

    lines = confirm(publisher, tmp_path)

    install, password = typed(lines, "install"), typed(lines, "password")
    needs_uv = is_protected and not USERS[user].isascii()
    assert install.startswith("uv pip install" if needs_uv else "pip install")
    assert "***" not in install
    assert f"$ {shlex.join(('sh', '-c', install))}\n" in (tmp_path / "verify.log").read_text()
    assert bool(password) == is_protected
    assert USERS[user] not in password
    entry = password.partition("machine ")[2].replace("PASSWORD", escaped(USERS[user]))
    netrc = f"machine {entry}" if entry else ""
    type_in(once, install, tmp_path / "as printed", netrc)
    if is_protected and not needs_uv:
        type_in(once, f"uv {install}", tmp_path / "by uv", netrc)


def test_the_index_that_users_install_from_is_named_once_it_offers_the_wheel(
    server: tuple[str, Path, bool], fake: FakeIndex, tmp_path: Path
) -> None:
    url, files, is_protected = server
    target = target_at(url, "ci", f"{url}simple/")

    lines = confirm(publisher_to(target, tmp_path / "same", files), tmp_path)
    others = confirm(publisher_to(replace(target, install_url=fake.url), tmp_path, files), tmp_path)

    line = f"pip install --index-url {url}simple/ small-model==0.1.0"
    assert (typed(lines, "install"), bool(typed(lines, "password"))) == (line, is_protected)
    assert typed(others, "install").startswith(f"pip install '{url}packages/")
    assert "does not list it yet" in typed(others, "notice")
    assert [request.headers.get("Authorization") for request in fake.requests] == [None]


@pytest.mark.parametrize("name", ["index", "a b;c#d [x]", "modèle d'été @ home"])
def test_the_embedded_index_is_named_by_the_path_of_the_file(
    name: str, tmp_path: Path, once: Once
) -> None:
    write_model_wheel(tmp_path / name)

    install = typed(confirm(publisher_to(None, tmp_path, tmp_path / name), tmp_path), "install")

    type_in(once, install, tmp_path / "as printed")


def test_where_pip_is_not_installed_the_line_is_one_for_uv(tmp_path: Path) -> None:
    write_model_wheel(tmp_path / "index")
    publisher = publisher_to(None, tmp_path, tmp_path / "index")
    python = Installer(publisher.environment).create(tmp_path / "bare")

    lines = confirm(replace(publisher, python=lambda: python), tmp_path)

    assert typed(lines, "install").startswith("uv pip install /")


def test_what_no_command_installs_is_not_printed(
    server: tuple[str, Path, bool], fake: FakeIndex, tmp_path: Path
) -> None:
    _, files, _ = server
    wheel = next(files.glob("*.whl"))
    fake.lists(wheel)
    read = fake.reads
    broken = answer(200, b"broken")
    fake.reads = lambda handler: (broken if ".whl" in handler.path else read)(handler)
    publisher = publisher_to(replace(fake.target, name="team"), tmp_path, files)

    with pytest.raises(StepFailedError, match=r"cannot be installed: pip install") as caught:
        confirm(publisher, tmp_path)

    assert PASSWORD not in str(caught.value) + (tmp_path / "verify.log").read_text()


def escaped(password: str) -> str:
    """Return a password as it stands in a netrc, between quotation marks where it has some."""
    return password.replace("\\", "\\\\").replace('"', '\\"')
