"""An index whose pages link to object storage: each link opens its file, so none may be seen."""

from __future__ import annotations

import hashlib
import http.server
import io
import shlex
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from integration.index.dialects import Answer, read_upload
from integration.index.servers import FakeIndex
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.index.access import for_uv
from trainwheel.index.bindings import Bindings
from trainwheel.index.client import SimpleIndex
from trainwheel.index.patience import Patience
from trainwheel.index.registry import Registry
from trainwheel.index.router import serve_routes
from trainwheel.install.environments import Installer
from trainwheel.steps.shared.publish import Publisher
from trainwheel.steps.shared.receipt import Receipts
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.wheel.proof import Proof
from unit.wheels import write_wheel

pytestmark = pytest.mark.integration

QUERIES = (
    "X-Goog-Algorithm=G&X-Goog-Signature=S3CRETs1g", "X-Amz-Expires=60&X-Amz-Signature=S3CRETs1g",
    "sv=2026&sig=S3CRETs1g", "token=S3CRETs1g", "S3CRETs1g",
)  # fmt: skip

CODE = b"def predict(record):\n    return 1\n"


@dataclass
class Store:
    """Keeps what it is sent, and hands a file out to whoever has its whole address."""

    query: str
    files: dict[str, bytes] = field(default_factory=dict)
    is_shut: bool = False
    # pip appends ``.metadata`` to the query, so that no such index can say that it has them.
    attributes: str = ""

    def read(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Answer a page, or a file if the address is whole."""
        path, _, query = handler.path.partition("?")
        name = path.rpartition("/")[2]
        if path == "/simple/":
            Answer(200).send(handler)
        elif not path.startswith("/store/"):
            self._page().send(handler)
        elif query != self.query or self.is_shut:
            Answer(403).send(handler)
        elif name.endswith(".metadata"):
            Answer(200, self._metadata(name.removesuffix(".metadata"))).send(handler)
        else:
            Answer(200, self.files[name], "application/octet-stream").send(handler)

    def take(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Keep a file."""
        name, data = read_upload(handler)
        self.files[name] = data
        Answer(200).send(handler)

    def _page(self) -> Answer:
        if not self.files:
            return Answer(404)
        rows = (
            f'<a {self.attributes} href="/store/{name}?{self.query}'
            f'#sha256={hashlib.sha256(data).hexdigest()}">{name}</a>'
            for name, data in self.files.items()
        )
        return Answer(200, "".join(rows).encode())

    def _metadata(self, name: str) -> bytes:
        with zipfile.ZipFile(io.BytesIO(self.files[name])) as archive:
            return archive.read("demo_model-1.0.dist-info/METADATA")


@pytest.fixture(params=QUERIES)
def store(request: pytest.FixtureRequest, fake: FakeIndex) -> Store:
    store = Store(request.param)
    fake.reads, fake.uploads = store.read, store.take
    return store


@pytest.fixture
def publisher(
    fake: FakeIndex, console: Console, environment: Environment, tmp_path: Path
) -> Publisher:
    registry = Registry(fake.target, tmp_path / "index", tmp_path / "keys", console.notice_once)
    python, log = Path(sys.executable), tmp_path / "upload.log"
    receipts = Receipts(tmp_path, fake.target, lambda _: ())
    return Publisher(environment, console, registry, lambda: python, receipts, log)


def proof_of(wheel: Path) -> Proof:
    sha256 = digest_file(wheel)
    return Proof(
        *("demo-model", "1.0", wheel.name, sha256, "key"), always=False,
        predict="demo_model.code:predict", tolerance=0.0, requirements="", golden=(),
    )  # fmt: skip


@pytest.mark.parametrize("store", QUERIES[1:2], indirect=True)
def test_nothing_that_is_printed_or_kept_holds_the_signature_and_the_install_line_works(
    store: Store, publisher: Publisher, screen: io.StringIO, tmp_path: Path
) -> None:
    wheel = write_wheel(
        tmp_path / "dist", "demo_model", "1.0", members={"demo_model/code.py": CODE}
    )
    proof = proof_of(wheel)

    publisher.upload(wheel, proof)
    publisher.upload(wheel, proof)
    publisher.confirm(proof, Installer(publisher.environment, tmp_path / "verify.log"))

    assert store.files == {wheel.name: wheel.read_bytes()}
    printed = screen.getvalue()
    assert "S3CRET" not in printed
    (command,) = (line[9:].strip() for line in printed.splitlines() if line[:8] == "install:")
    assert command.startswith("pip install --no-deps --index-url http://127.0.0.1:")
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"S3CRET" in path.read_bytes()]
    _install_as_typed(command, tmp_path)


def _install_as_typed(command: str, tmp_path: Path) -> None:
    words = [sys.executable, "-I", "-m", *shlex.split(command), "--target", str(tmp_path / "new")]
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(words, check=True, capture_output=True, env=environment)
    assert (tmp_path / "new" / "demo_model" / "code.py").is_file()


def test_downloads_use_the_whole_address_which_a_resolver_is_not_shown(
    store: Store, fake: FakeIndex, wheel: Path, patience: Patience, tmp_path: Path
) -> None:
    store.files[wheel.name], store.attributes = wheel.read_bytes(), 'data-core-metadata="true"'
    index = SimpleIndex(fake.target, patience)
    (file,) = index.files("demo-model")

    metadata = index.download_metadata(file, tmp_path / "new")

    assert index.download(file, tmp_path / "new").read_bytes() == wheel.read_bytes()
    assert metadata is not None
    assert b"Name: demo_model" in metadata.read_bytes()
    with serve_routes(Bindings({}), {}, [fake.target]) as url:
        page = requests.get(f"{url}demo-model/", timeout=30)
        link = page.text.partition('href="')[2].partition('"')[0]
        served = requests.get(urljoin(url, link), timeout=30)
    assert "S3CRET" not in page.text
    assert served.content == wheel.read_bytes()


def test_a_refusal_by_the_store_is_told_without_the_signature(
    fake: FakeIndex, wheel: Path, environment: Environment, tmp_path: Path
) -> None:
    store = Store(QUERIES[0], {wheel.name: wheel.read_bytes()}, is_shut=True)
    fake.reads, log = store.read, tmp_path / "install.log"
    variables = {**environment.variables, "UV_HTTP_RETRIES": "0"}
    settings = for_uv(fake.target, variables)
    installer = Installer(Environment(variables), log, settings)
    index = SimpleIndex(fake.target, Patience(delay=0))
    (file,) = index.files("demo-model")

    with pytest.raises(TrainwheelError) as fetched:
        index.download(file, tmp_path / "new")
    python = installer.create(tmp_path / "env")
    with pytest.raises(StepFailedError) as installed:
        installer.install(python, f"demo-model==1.0 --hash=sha256:{digest_file(wheel)}\n")

    told = (str(fetched.value), str(installed.value), log.read_text())
    assert not [text for text in told if "S3CRET" in text]
    assert f"{wheel.name}?***" in str(installed.value)
    assert f"{wheel.name}?***" in log.read_text()


def test_the_library_below_does_not_tell_the_address_of_an_odd_answer(
    fake: FakeIndex, wheel: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(QUERIES[0], {wheel.name: wheel.read_bytes()})

    def without_colon(handler: http.server.BaseHTTPRequestHandler) -> None:
        if handler.path.startswith("/store/"):
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nodd header\r\n\r\n" + wheel.read_bytes())
            handler.close_connection = True
        else:
            store.read(handler)

    fake.reads = without_colon
    index = SimpleIndex(fake.target, Patience(delay=0))
    (file,) = index.files("demo-model")

    assert index.download(file, tmp_path).read_bytes() == wheel.read_bytes()
    assert "S3CRET" not in caplog.text
