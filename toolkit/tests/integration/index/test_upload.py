"""The upload with real twine, against servers that behave as badly as real ones have."""

from __future__ import annotations

import http.server
import io
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.index.dialects import Answer
from integration.index.servers import BOUND, FakeIndex, answer, make_wheel
from integration.tiny import wait_for
from trainwheel.errors import (
    ConfigurationError,
    StepFailedError,
    TrainwheelError,
    VersionTakenError,
)
from trainwheel.guest import SEND
from trainwheel.index.patience import Patience
from trainwheel.index.pypirc import private_pypirc
from trainwheel.index.target import Target
from trainwheel.index.twine import explain_failure, plan_twine, read_failure
from trainwheel.index.upload import publish
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.process import run

pytestmark = pytest.mark.integration

SECRET = "s3cret%word"


@dataclass
class Publisher:
    """`publish` with what every test hands in."""

    python: Path
    environment: Environment
    console: Console
    log: Path
    patience: Patience

    def __call__(self, target: Target, wheel: Path) -> bool:
        """Publish a wheel."""
        return publish(
            target, wheel, python=self.python, environment=self.environment,
            console=self.console, log=self.log, patience=self.patience,
        )  # fmt: skip


@pytest.fixture
def publisher(
    python: Path, environment: Environment, console: Console, tmp_path: Path, patience: Patience
) -> Publisher:
    """What publishes."""
    return Publisher(python, environment, console, tmp_path / "log" / "upload.log", patience)


@pytest.fixture(autouse=True)
def _nothing_left(system: Path) -> Iterator[None]:
    yield
    assert list(system.iterdir()) == []


def test_what_the_index_holds_is_not_sent(
    fake: FakeIndex, wheel: Path, other_wheel: Path, publisher: Publisher
) -> None:
    fake.lists(wheel)
    assert not publisher(fake.target, wheel)
    fake.lists(other_wheel, algorithm="md5")
    with pytest.raises(VersionTakenError, match=wheel.name):
        publisher(fake.target, wheel)
    assert fake.count("POST") == 0


@pytest.mark.parametrize(("status", "kind", "words"), [
    (400, StepFailedError, "demo_model-1.0-py3-none-any.whl"),
    (401, ConfigurationError, "FAKE_PASSWORD"), (301, ConfigurationError, "final address"),
])  # fmt: skip
def test_a_refused_upload_is_one_line_with_the_fix(  # noqa: PLR0913, PLR0917 - a table
    fake: FakeIndex,
    wheel: Path,
    publisher: Publisher,
    status: int,
    kind: type[TrainwheelError],
    words: str,
) -> None:
    fake.uploads = answer(status, location="/elsewhere/")
    with pytest.raises(kind) as caught:
        publisher(fake.target, wheel)
    assert words in str(caught.value)
    assert fake.count("POST") == 1 + (status == 401)


def test_a_server_that_fails_is_asked_a_bounded_number_of_times(
    fake: FakeIndex, wheel: Path, publisher: Publisher, screen: io.StringIO
) -> None:
    fake.uploads = answer(503)
    with pytest.raises(StepFailedError, match="503"):
        publisher(fake.target, wheel)
    # twine itself sends the file up to six times.
    assert publisher.patience.tries <= fake.count("POST") <= 6 * publisher.patience.tries
    assert screen.getvalue().count("trying again") == publisher.patience.tries - 1


@pytest.mark.parametrize("status", [429, 503])
def test_what_a_server_says_of_trying_again_is_handed_on(
    fake: FakeIndex, wheel: Path, publisher: Publisher, status: int
) -> None:
    fake.uploads = Answer(status, headers={"Retry-After": "8"}).send
    python, environment = publisher.python, publisher.environment

    with private_pypirc(fake.target) as config:
        command = plan_twine(python, fake.target, wheel, config, environment, timeout=BOUND)
        result = run(command, environment)
        said = read_failure(config, environment.secrets)

    failure = explain_failure(result, said, fake.target, wheel.name)
    assert failure
    assert (failure.status, failure.after, failure.is_transient) == (status, 8.0, True)
    assert fake.count("POST") == 1


def test_no_output_and_no_log_holds_a_credential(
    fake: FakeIndex, wheel: Path, publisher: Publisher, screen: io.StringIO
) -> None:
    fake.uploads = answer(400, reason=f"not for ci-user with {SECRET}")
    with pytest.raises(StepFailedError, match=r"not for ci-user with \*\*\*"):
        publisher(fake.target, wheel)
    publisher.console.line(f"ci-user {SECRET}")
    seen = screen.getvalue() + publisher.log.read_text()
    assert "twine" in seen
    assert "ci-user ***" in seen
    assert SECRET not in seen


@pytest.mark.parametrize("is_open", [False, True])
def test_the_credentials_sent_are_those_of_the_index_and_none_to_an_open_one(
    fake: FakeIndex, wheel: Path, publisher: Publisher, *, is_open: bool
) -> None:
    fake.lists(wheel, after=1)
    fake.uploads = answer(201)
    target = Target("open", fake.url, f"{fake.url}simple/") if is_open else fake.target

    assert publisher(target, wheel)

    (sent,) = {request.headers.get("Authorization") for request in fake.requests}
    assert (sent is None) is is_open


def test_a_wheel_that_is_none_is_refused_here(
    fake: FakeIndex, publisher: Publisher, tmp_path: Path
) -> None:
    path = tmp_path / "model.whl"
    path.write_bytes(b"")
    with pytest.raises(ConfigurationError, match="does not have the name of a wheel"):
        publisher(fake.target, path)


RUN = """
import sys
from pathlib import Path
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.secrets import Secret
from trainwheel.index.pypirc import private_pypirc
from trainwheel.index.target import Target
from trainwheel.index.twine import explain_failure, plan_twine, read_failure
from trainwheel.index.upload import publish
from trainwheel.system.process import handle_termination

handle_termination()
url, wheel = sys.argv[1:]
target = Target("fake", url, url + "simple/", username=Secret("u"), password=Secret("p"))
environment = read_environment()
publish(target, Path(wheel), python=Path(sys.executable), environment=environment,
        console=Console(environment), log=None)
"""


def _start_run(fake: FakeIndex, wheel: Path, system: Path) -> subprocess.Popen[bytes]:
    source = next(path for path in sys.path if (Path(path) / "trainwheel").is_dir())
    return subprocess.Popen(
        [sys.executable, "-c", RUN, fake.url, str(wheel)],
        env={"TMPDIR": str(system), "PYTHONPATH": source},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_an_upload_leaves_no_password_and_no_child(
    never_answering: FakeIndex, wheel: Path, system: Path, number: signal.Signals
) -> None:
    with _start_run(never_answering, wheel, system) as run:
        assert never_answering.upload_began.wait(BOUND)
        assert len(list(system.glob("*/pypirc"))) == 1
        run.send_signal(number)
        assert run.wait(BOUND) != 0
        assert list(system.iterdir()) == []
        assert never_answering.client_gone.wait(BOUND)


def _large_wheel(folder: Path) -> Path:
    wheel = make_wheel(folder / "large")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("demo_model.joblib", bytes(30_000_000))
    return wheel


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_an_upload_is(
    fake: FakeIndex, tmp_path: Path, publisher: Publisher
) -> None:
    wheel = _large_wheel(tmp_path)
    fake.lists(wheel, after=1)

    screen = Terminal()

    def slowly(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.rfile.read(4_000_000)
        wait_for(lambda: " of 30.0 MB" in screen.getvalue())
        handler.rfile.read(int(handler.headers["Content-Length"]) - 4_000_000)
        Answer(200).send(handler)

    fake.uploads = slowly
    publisher.console = Console(Environment({}), screen)

    publisher(fake.target, wheel)

    shown = screen.getvalue()
    assert "upload   " in shown
    assert " of 30.0 MB" in shown


def test_ci_is_told_once_of_an_upload_that_takes_a_while(
    fake: FakeIndex, tmp_path: Path, publisher: Publisher, screen: io.StringIO
) -> None:
    wheel = _large_wheel(tmp_path)
    fake.lists(wheel, after=1)
    fake.uploads = answer(200)

    publisher(fake.target, wheel)

    told = "sending demo_model-1.0-py3-none-any.whl, 30.0 MB, to index fake\n"
    assert screen.getvalue() == told


def test_a_large_wheel_is_read_in_large_blocks(python: Path) -> None:
    script = (
        "import runpy, sys; module = runpy.run_path(sys.argv[1]); module['adjust_twine']();"
        "import requests; pool = requests.Session().get_adapter('https://').poolmanager;"
        "print(pool.connection_pool_kw['blocksize'])"
    )

    told = subprocess.run(
        (str(python), "-P", "-c", script, str(SEND)), check=True, capture_output=True, text=True
    )

    assert told.stdout.strip() == str(256 * 1024)
