"""Every server with every fault: outcome, exit code, what is there, and no secret anywhere."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from integration.index import devpi_server
from integration.index.default_pypiserver import serve_default
from integration.index.dialects import DIALECTS, Dialect, Real, Scripted
from integration.index.rigs import FAULTS, Fault, Rig, Server
from integration.index.servers import PASSWORD, USER, FakeIndex, make_wheel
from integration.tiny import serve_index
from trainwheel.errors import TrainwheelError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.target import Target
from trainwheel.index.upload import publish
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret, derived_forms

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OTHERS = ("nexus", "nexus-orient", "artifactory", "gitlab", "codeartifact", "gitea")
REAL = {
    "pypiserver": ("pypiserver", "", "simple/"),
    "pypiserver-overwrite": ("overwriting_pypiserver", "", "simple/"),
    "devpi-volatile": ("devpi", "ci/volatile/", "ci/volatile/+simple/"),
    "devpi-fixed": ("devpi", "ci/fixed/", "ci/fixed/+simple/"),
}
"""Name → fixture that starts it, where wheels are sent, and where it is read."""
# What goes wrong lies before a server: one real server meets all of it, the others the rest, and
# each meets everything where it is measured.
CASES = [
    pytest.param(
        *(server, name),
        marks=()
        if server == "pypiserver" or (server in OTHERS and name == "nothing")
        else pytest.mark.bench,
        id=f"{server}-{name}",
    )
    for server in (*REAL, *(dialect.name for dialect in DIALECTS))
    for name in FAULTS
]


@dataclass
class Stage:
    """An index before which something may go wrong, and all that could show a secret.

    Args:
        server: What would answer.
        target: The index, as it is configured.
        fake: The front.
        folder: Where everything is kept.
    """

    server: Server
    target: Target
    fake: FakeIndex
    folder: Path
    environment: Environment
    screen: io.StringIO = field(default_factory=io.StringIO)
    told: str = ""
    arguments: set[bytes] = field(default_factory=set)
    environments: set[bytes] = field(default_factory=set)

    def publish(self, wheel: Path, fault: Fault) -> int:
        """Publish a wheel and return the exit code."""
        rig = Rig(self.server, fault.on_read, fault.on_upload, late=fault.late)
        self.fake.reads, self.fake.uploads = rig.read, rig.upload
        with _watching(self.arguments, self.environments):
            try:
                publish(
                    self.target, wheel, python=Path(sys.executable),
                    environment=self.environment, patience=fault.patience,
                    console=Console(self.environment, self.screen),
                    log=self.folder / "upload.log",
                )  # fmt: skip
            except TrainwheelError as error:
                self.told += str(error)
                return error.exit_code
        return 0

    def assert_silent(self) -> None:
        """Check output, files and process arguments for the password in any form."""
        assert self.target.password is not None
        forms = [form.encode() for form in derived_forms(self.target.password.reveal())]
        shown = [self.screen.getvalue().encode(), self.told.encode(), *self.arguments]
        shown += self.environments
        shown += [path.read_bytes() for path in self.folder.rglob("*") if path.is_file()]
        assert not [form for form in forms for text in shown if form in text]


@pytest.fixture(scope="module")
def pypiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real index that asks for the password for reading as well."""
    folder = tmp_path_factory.mktemp("pypiserver")
    with serve_index(folder, protect_reads=True, password=PASSWORD) as index:
        yield index.url


@pytest.fixture(scope="module")
def overwriting_pypiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real index that takes other bytes under a name that it has."""
    options, folder = ("--overwrite", "--disable-fallback"), tmp_path_factory.mktemp("overwriting")
    with serve_default(folder, {USER: PASSWORD}, *options) as url:
        yield url


@pytest.fixture(scope="module")
def devpi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A devpi server with an index that takes other bytes under a name, and one that does not."""
    with devpi_server.serve_devpi(tmp_path_factory.mktemp("devpi")) as url:
        yield f"{url}/"


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, fake: FakeIndex, tmp_path: Path, environment: Environment
) -> Stage:
    """The server that the test's parameter names."""
    name: str = request.param
    login = ("ci", devpi_server.PASSWORD) if name.startswith("devpi") else (USER, PASSWORD)
    target = _target(fake, environment.secrets.read_login(*login))
    if name in REAL:
        fixture, upload, simple = REAL[name]
        url: str = request.getfixturevalue(fixture)
        direct = replace(target, upload_url=f"{url}{upload}", simple_url=f"{url}{simple}")
        port = int(url.rstrip("/").rpartition(":")[2])
        target = replace(target, upload_url=f"{fake.url}{upload}", simple_url=f"{fake.url}{simple}")
        server: Server = Real(port, lambda file: _held(direct, file))
    else:
        server = Scripted(next(d for d in DIALECTS if d.name == name))
    return Stage(server, target, fake, tmp_path, environment)


@pytest.mark.parametrize(("stage", "name"), CASES, indirect=["stage"])
def test_the_digest_on_the_index_decides_whatever_goes_wrong(
    stage: Stage, name: str, tmp_path: Path
) -> None:
    wheel = _wheel_of(tmp_path, name)
    fault = FAULTS[name]

    code = stage.publish(wheel, fault)

    assert code == fault.code, (stage.told, stage.screen.getvalue())
    assert len(stage.told.splitlines()) == (0 if code == 0 else 1)
    held = stage.server.held(wheel.name)
    assert (held == wheel.read_bytes()) == fault.arrives
    assert fault.sends or stage.fake.count("POST") == 0
    stage.assert_silent()
    if stage.fake.count("POST") and Path("/proc/self").exists():
        assert any(b"twine" in arguments for arguments in stage.arguments)
    if not fault.arrives:
        # Nothing is half made: the same command finishes the work.
        assert stage.publish(wheel, FAULTS["nothing"]) == 0
        assert stage.server.held(wheel.name) == wheel.read_bytes()


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("content", ["identical", "other"])
def test_a_race_that_is_lost_is_told_from_one_that_both_win(
    dialect: Dialect, content: str, fake: FakeIndex, tmp_path: Path, environment: Environment
) -> None:
    login = environment.secrets.read_login("ci-user", "s3cret%word")
    target = _target(fake, login)
    stage = Stage(Scripted(dialect), target, fake, tmp_path, environment)
    wheel, other = _make(tmp_path / "ours", "1"), _make(tmp_path / "theirs", "2")
    theirs = (wheel if content == "identical" else other).read_bytes()
    assert isinstance(stage.server, Scripted)
    stage.server.files[wheel.name] = theirs

    # The first look finds nothing: the other run's upload came in between.
    code = stage.publish(wheel, Fault(0, late=0))

    is_taken = content == "other" and dialect.other is not None
    assert code == (3 if is_taken else 0), stage.told
    assert stage.fake.count("POST") >= 1
    assert stage.server.held(wheel.name) == (theirs if is_taken else wheel.read_bytes())
    stage.assert_silent()


@pytest.mark.parametrize("stage", ["nexus"], indirect=True)
def test_a_server_that_is_not_there_is_one_line(stage: Stage, tmp_path: Path) -> None:
    closed = "http://127.0.0.1:9/"
    stage.target = replace(stage.target, upload_url=closed, simple_url=f"{closed}simple/")

    assert stage.publish(_wheel_of(tmp_path, "closed"), FAULTS["nothing"]) == 1
    assert len(stage.told.splitlines()) == 1
    stage.assert_silent()


def _target(fake: FakeIndex, login: tuple[Secret, Secret]) -> Target:
    names = ("TEAM_USER", "TEAM_PASSWORD")
    urls = (f"{fake.url}simple/", None, *login)
    return Target("team", fake.url, *urls, credential_names=names)


def _held(target: Target, name: str) -> bytes | None:
    index = SimpleIndex(target)
    with tempfile.TemporaryDirectory() as folder:
        for file in index.files("demo-model"):
            if file.filename == name:
                return index.download(file, Path(folder)).read_bytes()
    return None


def _wheel_of(tmp_path: Path, name: str) -> Path:
    # A real server serves all of its tests, so that each needs a version of its own.
    number = [*FAULTS, "closed"].index(name)
    return _make(tmp_path / "ours", "1", f"1.{number}")


def _make(folder: Path, content: str, version: str = "1.0") -> Path:
    return make_wheel(folder, f"x = {content}\n", version)


@contextlib.contextmanager
def _watching(arguments: set[bytes], environments: set[bytes]) -> Iterator[None]:
    """Note the arguments and variables of every process that this one starts meanwhile."""
    # Not of the whole machine: other tests hand the same password to programs that ask for it so.
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            for path in Path("/proc/self/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    pids = path.read_text().split()
                    arguments.update(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)
                    environments.update(Path(f"/proc/{pid}/environ").read_bytes() for pid in pids)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
