"""devpi: a server that answers 200 to everything, overwriting included, and speaks JSON."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from integration.index.devpi_server import PASSWORD, add_user, serve_devpi
from integration.index.logins import PASSWORDS, publish_and_verify, target_of
from integration.index.servers import publish_quietly
from trainwheel.errors import ConfigurationError, VersionTakenError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.target import Target
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def _target(devpi: str, index: str) -> Target:
    url = f"{devpi}/ci/{index}/"
    return Target("devpi", url, f"{url}+simple/", username=Secret("ci"), password=Secret(PASSWORD))


def test_nothing_is_overwritten_even_where_the_server_would(
    tmp_path: Path, wheel: Path, other_wheel: Path, environment: Environment
) -> None:
    # The server takes long to start: one test asks it everything.
    with serve_devpi(tmp_path / "devpi") as devpi:
        for index in ("volatile", "fixed"):
            target = _target(devpi, index)
            assert publish_quietly(target, wheel, environment)
            assert not publish_quietly(target, wheel, environment)
            with pytest.raises(VersionTakenError):
                publish_quietly(target, other_wheel, environment)
            (file,) = SimpleIndex(target).files("demo-model")
            assert file.hashes["sha256"] == digest_file(wheel)

        SimpleIndex(target).check_access(uploads=True)
        wrong = replace(target, password=Secret(f"not {PASSWORD}"))
        with pytest.raises(ConfigurationError):
            SimpleIndex(wrong).check_access(uploads=True)

        for number, password in enumerate(PASSWORDS):
            user = f"user{number}"
            add_user(devpi, user, password, models=False)
            url = f"{devpi}/{user}/models/"
            target = target_of(url, "+simple", user, password, environment)
            publish_and_verify(target, f"1.{number}", tmp_path, environment)
