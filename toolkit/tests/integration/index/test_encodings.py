"""Letters beyond ASCII in credentials: the wheel is published and verified, or nothing is sent."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.index.default_pypiserver import serve_default
from integration.index.dialects import DIALECTS, Answer, Handler, Scripted, read_body
from integration.index.logins import LOGINS, leaks, publish_and_verify, target_of
from integration.index.nginx import require_nginx, serve_nginx
from integration.index.servers import FakeIndex
from trainwheel.errors import ConfigurationError
from trainwheel.index.bindings import Bindings
from trainwheel.install.routing import Routing
from trainwheel.install.wheelhouse import Wheelhouse
from trainwheel.requirements.lockfile import LockedRequirement
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment

pytestmark = pytest.mark.integration


def guard(fake: FakeIndex, uploads: str, reads: str) -> Scripted:
    """Let an index take the logins in these encodings only; no encoding stands for anyone."""
    server = Scripted(DIALECTS[0])

    def check(respond: Callable[[Handler], Answer], encodings: str) -> Callable[[Handler], None]:
        pairs = [f"{name}:{word}".encode(encoding, "replace") for name, word in LOGINS.items()
                 for encoding in encodings.split()]  # fmt: skip
        allowed = {f"Basic {base64.b64encode(pair).decode()}" for pair in pairs}

        def handle(handler: Handler) -> None:
            if not allowed or handler.headers.get("Authorization") in allowed:
                respond(handler).send(handler)
            else:
                read_body(handler)
                Answer(401, headers={"WWW-Authenticate": 'Basic realm="models"'}).send(handler)

        return handle

    fake.reads, fake.uploads = check(server.read, reads), check(server.take, uploads)
    return server


@pytest.mark.parametrize(
    ("uploads", "reads"),
    [
        ("utf-8", "utf-8"), ("utf-8 latin-1", ""),
        ("latin-1", "latin-1"), ("latin-1", ""), ("latin-1", "utf-8 latin-1"),
    ],
)  # fmt: skip
def test_a_server_gets_utf_8_or_nothing(
    fake: FakeIndex, tmp_path: Path, uploads: str, reads: str, environment: Environment
) -> None:
    server = guard(fake, uploads, reads)
    for number, (username, password) in enumerate(LOGINS.items()):
        target = target_of(fake.url, "simple", username, password, environment)
        server.files.clear()
        fake.requests.clear()
        if "utf-8" in uploads or target.is_ascii:
            said = publish_and_verify(target, f"1.{number}", tmp_path, environment)
            assert [*leaks(said, LOGINS)] == []
            continue
        with pytest.raises(ConfigurationError, match=r"TEAM_PASSWORD; .* sent as UTF-8") as caught:
            publish_and_verify(target, "1.0", tmp_path, environment)
        assert [*leaks(str(caught.value), LOGINS)] == []
        assert not [one for one in fake.requests if "twine" in one.headers["User-Agent"]]


def publish_by_each(url: str, tmp_path: Path, environment: Environment) -> None:
    for number, (username, password) in enumerate(LOGINS.items()):
        target = target_of(url, "simple", username, password, environment)
        publish_and_verify(target, f"1.{number}", tmp_path, environment)


def test_pypiserver_takes_every_password(tmp_path: Path, environment: Environment) -> None:
    protected = ("-a", "update,list,download")
    with serve_default(tmp_path / "pypiserver", LOGINS, *protected) as url:
        publish_by_each(url, tmp_path, environment)


def test_nginx_takes_every_password(tmp_path: Path, environment: Environment) -> None:
    require_nginx()
    with (
        serve_default(tmp_path / "pypiserver", {}) as behind,
        serve_nginx(tmp_path / "nginx", behind, LOGINS) as url,
    ):
        publish_by_each(url, tmp_path, environment)


def test_pip_fetches_through_us_what_it_could_not_log_in_for(
    fake: FakeIndex, tmp_path: Path, wheel: Path
) -> None:
    environment = Environment({"PIP_CONFIG_FILE": "/dev/null", "HOME": str(tmp_path)})
    digests = (f"sha256:{digest_file(wheel)}",)
    locked = LockedRequirement("demo-model", "==1.0", (), "", digests, "release", "packages")
    bound = Bindings({"team": ("demo-*",)})

    def fetch(username: str) -> Wheelhouse:
        target = target_of(fake.url, "simple", username, LOGINS[username], environment)
        routing = Routing(bound, {"team": target}.__getitem__, environment)
        house = Wheelhouse(tmp_path / username, environment, routing)
        house.fetch((locked,))
        return house

    guard(fake, "utf-8", "utf-8").files[wheel.name] = wheel.read_bytes()
    for username in ("nexus", "ci", "Ада"):
        assert digest_file(*fetch(username).files()) == digest_file(wheel)
    guard(fake, "latin-1", "latin-1").files[wheel.name] = wheel.read_bytes()
    with pytest.raises(ConfigurationError, match="sent as UTF-8"):
        fetch("ci")
