"""devpi: a server that answers 200 to everything, overwriting included, and speaks JSON."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from integration.index.devpi_server import PASSWORD
from trainwheel.errors import ConfigurationError, VersionTakenError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.patience import Patience
from trainwheel.index.target import Target
from trainwheel.index.upload import publish
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def _target(devpi: str, index: str, password: str = PASSWORD) -> Target:
    url = f"{devpi}/ci/{index}/"
    return Target("devpi", url, f"{url}+simple/", username=Secret("ci"), password=Secret(password))


def _publish(target: Target, wheel: Path, environment: Environment) -> bool:
    return publish(
        target,
        wheel,
        python=Path(sys.executable),
        environment=environment,
        console=Console(Environment({}), io.StringIO()),
        log=None,
        patience=Patience(tries=1, polls=2, delay=0),
    )


@pytest.mark.parametrize("index", ["volatile", "fixed"])
def test_nothing_is_overwritten_even_where_the_server_would(
    devpi: str, index: str, wheel: Path, other_wheel: Path, environment: Environment
) -> None:
    target = _target(devpi, index)
    assert _publish(target, wheel, environment)
    assert not _publish(target, wheel, environment)
    with pytest.raises(VersionTakenError):
        _publish(target, other_wheel, environment)
    (file,) = SimpleIndex(target).files("demo-model")
    assert file.hashes["sha256"] == digest_file(wheel)


def test_a_wrong_password_is_found_before_anything_is_sent(devpi: str) -> None:
    SimpleIndex(_target(devpi, "fixed")).check_access(uploads=True)
    with pytest.raises(ConfigurationError):
        SimpleIndex(_target(devpi, "fixed", "wrong")).check_access(uploads=True)
