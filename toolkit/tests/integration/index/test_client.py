"""The client against real servers that answer rightly, wrongly and not at all."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import subprocess
import sys
from pathlib import Path

import pytest

from integration.index.servers import FakeIndex, answer, reset
from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.pages import PublishedFile
from trainwheel.index.patience import Patience
from trainwheel.index.target import Target

pytestmark = pytest.mark.integration

BASIC = f"Basic {base64.b64encode(b'ci-user:s3cret%word').decode()}"


def _refusal(fake: FakeIndex, patience: Patience) -> TrainwheelError:
    with pytest.raises(TrainwheelError) as caught:
        SimpleIndex(fake.target, patience).files("demo-model")
    assert "s3cret" not in str(caught.value)
    return caught.value


def test_a_project_page_is_read_with_the_credentials(
    fake: FakeIndex, wheel: Path, patience: Patience
) -> None:
    fake.lists(wheel)
    (file,) = SimpleIndex(fake.target, patience).files("Demo.Model")
    assert file.url == f"{fake.url}files/{wheel.name}"
    assert fake.requests[0].path == "/simple/demo-model/"
    assert fake.requests[0].headers["Authorization"] == BASIC
    assert fake.requests[0].headers["Cache-Control"] == "no-cache"


def test_neither_netrc_nor_a_proxy_has_a_say_on_loopback(
    fake: FakeIndex, patience: Patience, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password stolen\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    target = Target("open", fake.url, f"{fake.url}simple/")
    assert SimpleIndex(target, patience).files("demo-model") == ()
    assert "Authorization" not in fake.requests[0].headers


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_name_their_variables(
    fake: FakeIndex, patience: Patience, status: int
) -> None:
    fake.reads = answer(status)
    error = _refusal(fake, patience)
    assert isinstance(error, ConfigurationError)
    assert error.hint == "check FAKE_USER and FAKE_PASSWORD"
    # Once more, for some refuse the right password now and then; any more would lock the account.
    assert fake.count("GET") == 2


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (429, 3), (418, 1), (204, 1)])
def test_only_what_may_pass_is_tried_again(
    fake: FakeIndex, patience: Patience, status: int, tries: int
) -> None:
    fake.reads = answer(status)
    assert str(status) in str(_refusal(fake, patience))
    assert fake.count("GET") == tries


def test_a_passing_failure_is_forgotten(fake: FakeIndex, wheel: Path, patience: Patience) -> None:
    fake.lists(wheel)
    listing = fake.reads

    def once(handler: http.server.BaseHTTPRequestHandler) -> None:
        (reset if fake.count("GET") == 1 else listing)(handler)

    fake.reads = once
    assert len(SimpleIndex(fake.target, patience).files("demo-model")) == 1


def test_silence_is_given_up_once(never_answering: FakeIndex) -> None:
    never_answering.reads = never_answering.uploads
    error = _refusal(never_answering, Patience(connect=5, answer=0.2, delay=0))
    assert isinstance(error, StepFailedError)
    assert never_answering.count("GET") == 1


def test_a_redirect_on_the_same_host_is_followed(
    fake: FakeIndex, wheel: Path, patience: Patience
) -> None:
    fake.lists(wheel)
    listing = fake.reads

    def move(handler: http.server.BaseHTTPRequestHandler) -> None:
        moved = handler.path.startswith("/moved/")
        (listing if moved else answer(301, location="/moved/a/b/"))(handler)

    fake.reads = move
    (file,) = SimpleIndex(fake.target, patience).files("demo-model")
    assert file.url == f"{fake.url}moved/files/{wheel.name}"


def test_a_redirect_to_another_host_is_refused_and_not_followed(
    fake: FakeIndex, other_fake: FakeIndex, wheel: Path, patience: Patience
) -> None:
    other_fake.lists(wheel)
    fake.reads = answer(302, location=f"{other_fake.url}simple/demo-model/?token=s3cret")
    assert "redirects elsewhere" in str(_refusal(fake, patience))
    assert other_fake.requests == []


def test_a_loop_of_redirects_ends(fake: FakeIndex, patience: Patience) -> None:
    fake.reads = answer(302, location="/again/")
    assert "redirects" in str(_refusal(fake, patience))
    assert fake.count("GET") < 10


def test_access_is_checked_before_it_is_needed(fake: FakeIndex, patience: Patience) -> None:
    SimpleIndex(fake.target, patience).check_access()
    assert fake.requests[0].path == "/simple/"
    for status in (401, 500, 302):
        fake.reads = answer(status, location="http://127.0.0.1:9/")
        with pytest.raises(TrainwheelError):
            SimpleIndex(fake.target, patience).check_access()


@pytest.mark.parametrize(("status", "is_open"), [(200, True), (401, False), (404, False)])
def test_an_index_is_open_that_answers_whom_it_does_not_know(
    fake: FakeIndex, patience: Patience, status: int, *, is_open: bool
) -> None:
    fake.reads = answer(status, "<html>")
    assert SimpleIndex(fake.target, patience).is_open() is is_open
    assert "Authorization" not in fake.requests[0].headers


@pytest.mark.parametrize("status", [401, 403, 200, 400, 500])
def test_only_refused_credentials_cannot_upload_and_it_takes_no_file_to_tell(
    fake: FakeIndex, patience: Patience, status: int
) -> None:
    fake.uploads = answer(status)
    is_refused = status in {401, 403}
    refusal = pytest.raises(ConfigurationError, match="refuses uploads")
    with refusal if is_refused else contextlib.nullcontext():
        SimpleIndex(fake.target, patience).check_access(uploads=True)
    assert fake.requests[-1].headers["Authorization"] == BASIC


@pytest.mark.parametrize(("algorithm", "reads"), [("sha256", 1), ("md5", 2)])
def test_a_digest_that_is_not_advertised_is_computed(
    fake: FakeIndex, wheel: Path, patience: Patience, algorithm: str, reads: int
) -> None:
    fake.lists(wheel, algorithm=algorithm)
    index = SimpleIndex(fake.target, patience)
    (file,) = index.files("demo-model")
    assert index.digest_of(file) == hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert fake.count("GET") == reads


def _half(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.close_connection = True


@pytest.mark.parametrize("hashes", [{"sha256": "0" * 32}, {"md5": "0" * 32}, {}])
def test_a_file_that_breaks_off_or_is_not_what_was_advertised_is_not_kept(
    fake: FakeIndex, wheel: Path, patience: Patience, tmp_path: Path, hashes: dict[str, str]
) -> None:
    fake.lists(wheel)
    fake.reads = fake.reads if hashes else _half
    file = PublishedFile(wheel.name, f"{fake.url}files/{wheel.name}", hashes)
    with pytest.raises(StepFailedError, match="hands out" if hashes else None):
        SimpleIndex(fake.target, patience).download(file, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_vouched_file_may_come_from_another_host_without_the_password(
    fake: FakeIndex, other_fake: FakeIndex, wheel: Path, patience: Patience, tmp_path: Path
) -> None:
    other_fake.lists(wheel)
    fake.reads = answer(302, location=f"{other_fake.url}files/{wheel.name}")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = PublishedFile(wheel.name, f"{fake.url}files/{wheel.name}", {"sha256": digest})
    path = SimpleIndex(fake.target, patience).download(file, tmp_path / "new")
    assert path.read_bytes() == wheel.read_bytes()
    assert [entry.name for entry in path.parent.iterdir()] == [wheel.name]
    assert fake.requests[0].headers["Authorization"] == BASIC
    assert "Authorization" not in other_fake.requests[0].headers


def test_an_unvouched_file_may_not(
    fake: FakeIndex, other_fake: FakeIndex, wheel: Path, patience: Patience, tmp_path: Path
) -> None:
    file = PublishedFile(wheel.name, f"{other_fake.url}files/{wheel.name}", {"md5": "0" * 32})
    with pytest.raises(StepFailedError, match="redirects elsewhere"):
        SimpleIndex(fake.target, patience).download(file, tmp_path / "new")
    assert other_fake.requests == []


def test_importing_the_client_does_not_load_the_http_library() -> None:
    code = "import trainwheel.index.upload, sys; sys.exit('requests' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
