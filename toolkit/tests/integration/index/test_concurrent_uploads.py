"""Many processes publish one version at once: one content wins, and each is told the truth."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from integration.index.devpi_server import PASSWORD, serve_devpi
from integration.index.dialects import Real
from integration.index.servers import BOUND, FakeIndex, make_wheel
from integration.tiny import RealIndex, serve_index
from trainwheel.errors import VersionTakenError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.target import Target
from trainwheel.system.digest import digest_file

pytestmark = [pytest.mark.integration, pytest.mark.slow]

Handler = http.server.BaseHTTPRequestHandler

PUBLISH = """
import io, os, sys
from pathlib import Path
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.secrets import Secret
from trainwheel.errors import TrainwheelError
from trainwheel.index.target import Target
from trainwheel.index.upload import publish

url, simple, wheel = sys.argv[1:]
credentials = Secret(os.environ["NEXUS_USERNAME"]), Secret(os.environ["NEXUS_PASSWORD"])
target = Target("team", url, f"{url}{simple}/", None, *credentials)
environment = read_environment()
sys.stdin.readline()  # all begin at once
try:
    is_sent = publish(
        target, Path(wheel), python=Path(sys.executable), environment=environment,
        console=Console(environment), log=None, looks_again=True,
    )
except TrainwheelError as error:
    print(error)
    sys.exit(error.exit_code)
print("sent" if is_sent else "present")
"""
RUNS, CONTENTS = 12, 3


@pytest.fixture
def index(tmp_path: Path) -> Iterator[RealIndex]:
    """A pypiserver that replaces no file."""
    (tmp_path / "files").mkdir()
    with serve_index(tmp_path / "files") as running:
        yield running


def start(
    url: str, wheel: Path, variables: Mapping[str, str], simple: str = "simple"
) -> subprocess.Popen[str]:
    pipe, modules = subprocess.PIPE, os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        (sys.executable, "-c", PUBLISH, url, simple, str(wheel)),
        stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, **variables, "PYTHONPATH": modules},
    )  # fmt: skip


def run_at_once(runs: Iterable[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Let runs begin together; return the exit code and the output of each."""
    runs = list(runs)
    try:
        for run in runs:
            assert run.stdin is not None
            run.stdin.write("now\n")
            run.stdin.flush()
        outputs = [run.communicate(timeout=4 * BOUND)[0] for run in runs]
        return [(run.returncode, output) for run, output in zip(runs, outputs, strict=True)]
    finally:
        for run in runs:
            run.kill()
            run.wait()


def test_one_content_wins_and_the_others_are_told(index: RealIndex, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / str(n), content=f"x = {n}\n") for n in range(CONTENTS)]
    sent = [wheels[n % CONTENTS] for n in range(RUNS)]
    ended = run_at_once(start(index.url, wheel, index.variables) for wheel in sent)

    (published,) = index.folder.glob("*.whl")
    winner = digest_file(published)
    assert winner in map(digest_file, wheels)
    for wheel, (code, output) in zip(sent, ended, strict=True):
        if digest_file(wheel) == winner:
            assert code == 0, output
            assert output.split()[-1] in {"sent", "present"}
        else:
            assert code == VersionTakenError.exit_code, output
            assert "index team holds other content as demo_model-1.0" in output
        assert index.password not in output
    assert any(output.split()[-1] == "sent" for _, output in ended)


@dataclass
class Order:
    """Lets two uploads meet, and the later one through when the earlier one has been listed.

    What is read after that, such as the second look of the earlier one, waits for the later one.
    """

    server: Real
    moved: threading.Condition = field(default_factory=threading.Condition)
    reads: int = 0
    uploads: int = 0
    taken: int = 0

    def read(self, handler: Handler) -> None:
        """Answer a read: each looks once before it sends, and the earlier one once after that."""
        with self.moved:
            assert self.moved.wait_for(lambda: self.reads < 3 or self.taken == 2, BOUND)
        answer = self.server.read(handler)
        answer.send(handler)
        with self.moved:
            self.reads += 1
            self.moved.notify_all()

    def take(self, handler: Handler) -> None:
        """Answer an upload: the first when both have looked and come, the second after its look."""
        with self.moved:
            self.uploads += 1
            reads = 1 + self.uploads
            self.moved.notify_all()
            assert self.moved.wait_for(lambda: self.reads >= reads and self.uploads == 2, BOUND)
            answer = self.server.take(handler)
            self.taken += 1
            self.moved.notify_all()
        answer.send(handler)


def test_of_two_uploads_to_an_index_that_overwrites_one_is_told_so(
    fake: FakeIndex, tmp_path: Path
) -> None:
    wheels = [make_wheel(tmp_path / str(n), content=f"x = {n}\n") for n in range(2)]
    variables = {"NEXUS_USERNAME": "ci", "NEXUS_PASSWORD": PASSWORD}
    with serve_devpi(tmp_path / "devpi") as devpi:
        order = Order(Real(int(devpi.rpartition(":")[2]), lambda _: None))
        fake.reads, fake.uploads = order.read, order.take
        url = f"{fake.url}ci/volatile/"

        ended = run_at_once(start(url, wheel, variables, "+simple") for wheel in wheels)

        target = Target("devpi", url, f"{devpi}/ci/volatile/+simple/")
        (file,) = SimpleIndex(target).files("demo-model")
    results = dict(zip(map(digest_file, wheels), ended, strict=True))
    held = file.hashes["sha256"]
    code, output = results.pop(held)
    assert (code, output.split()[-1]) == (0, "sent"), output
    ((replaced, (code, output)),) = results.items()
    assert code == VersionTakenError.exit_code, output
    assert "index team overwrites what it has" in output
    assert held[:12] in output
    assert replaced[:12] in output
