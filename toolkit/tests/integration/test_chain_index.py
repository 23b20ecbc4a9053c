"""The chain against an index of its own: found wrong before training, published to, kept secret."""

from __future__ import annotations

import base64
import http.server
import json
import shutil
import socket
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from integration.tiny import RealIndex, TinyProject

pytestmark = pytest.mark.integration

TRAINING = "model/tiny_training/__main__.py"
SECRET = "an0ther-Token"
ALL_OF_THEM = "set all of NEXUS_LOCAL_REPO_URL, NEXUS_USERNAME, NEXUS_PASSWORD, or none"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, for as long as the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def assert_refused_before_training(project: TinyProject, told: str, kind: str, **env: str) -> None:
    run = project.nox("upload", **env)

    assert told in run.error(kind)
    assert not run.has_trained
    assert project.made() == []
    assert project.published() == []


@pytest.mark.parametrize("name", ["NEXUS_LOCAL_REPO_URL", "NEXUS_USERNAME", "NEXUS_PASSWORD"])
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_a_variable_that_is_missing_or_empty_is_named_and_no_other_index_is_taken(
    tiny: TinyProject, name: str, value: str | None
) -> None:
    variables = RealIndex(tiny.root, "https://index.invalid/", "ci-user", "s3cret-pw").variables
    variables.pop(name)
    if value is not None:
        variables[name] = value

    run = tiny.nox("upload", **variables)

    told = run.error("configuration")
    assert f"index nexus cannot be used: {name} " in told
    assert ALL_OF_THEM in told
    assert not run.has_trained
    assert tiny.published() == []


def test_an_index_that_nobody_knows_is_refused_before_training(tiny: TinyProject) -> None:
    run = tiny.nox("upload", "--", "--to", "nosuch")

    told = run.error("configuration")
    assert "there is no index called 'nosuch'; the known ones are embedded, nexus" in told
    assert not run.has_trained
    assert tiny.published() == []


def test_an_index_that_is_down_is_said_before_training(tiny: TinyProject, closed_port: int) -> None:
    down = RealIndex(tiny.root, f"http://127.0.0.1:{closed_port}/", "ci-user", "s3cret-pw")

    assert_refused_before_training(tiny, "index nexus does not answer", "failed", **down.variables)


def test_a_wrong_password_for_reading_is_said_before_training(
    tiny: TinyProject, shut_nexus: RealIndex
) -> None:
    variables = {**shut_nexus.variables, "NEXUS_PASSWORD": "wrong"}

    assert_refused_before_training(
        tiny, "check NEXUS_USERNAME and NEXUS_PASSWORD", "configuration", **variables
    )


def test_a_wrong_password_for_uploads_is_said_before_training(
    tiny: TinyProject, nexus: RealIndex
) -> None:
    variables = {**nexus.variables, "NEXUS_PASSWORD": "wrong"}

    assert_refused_before_training(
        tiny, "check NEXUS_USERNAME and NEXUS_PASSWORD", "configuration", **variables
    )


def test_what_is_published_on_one_index_is_published_on_the_next_and_not_twice(
    published: TinyProject, nexus: RealIndex
) -> None:
    first = published.nox("upload", **nexus.variables)

    assert first.code == 0, first.output
    assert "tiny-model 0.1.0 published in index nexus" in first.line("upload ")
    assert "repeats 3 golden predictions" in first.line("verify ")
    assert nexus.published() == ["0.1.0"]
    second = published.nox("upload", **nexus.variables)
    assert "unchanged since 0.1.0" in second.line("upload ")
    assert "verify" not in second.output
    assert published.published() == ["0.1.0"]


@pytest.mark.slow
def test_an_index_of_pyproject_toml_is_published_to_by_its_name(
    published: TinyProject, nexus: RealIndex
) -> None:
    table = (
        f'\n[tool.trainwheel.index.team]\nurl = "{nexus.url}"\n'
        'username = "ci-user"\npassword-env = "TEAM_PASSWORD"\n'
    )
    published.write("pyproject.toml", published.read("pyproject.toml") + table)

    run = published.nox("upload", "--", "--to", "team", TEAM_PASSWORD=nexus.password)

    assert run.code == 0, run.output
    assert "tiny-model 0.1.0 published in index team" in run.line("upload ")
    assert nexus.published() == ["0.1.0"]


@pytest.mark.slow
def test_a_command_prints_the_password_and_nobody_else_sees_it(
    tiny: TinyProject, nexus: RealIndex, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(f"{nexus.password}\n")
    tiny.write(
        "pyproject.toml",
        tiny.read("pyproject.toml")
        + f'\n[tool.trainwheel.index.cloud]\nurl = "{nexus.url}"\nusername = "{nexus.username}"\n'
        f'token-command = "cat {tmp_path / "token"}"\n',
    )

    run = tiny.nox("upload", "--", "--to", "cloud")
    (tmp_path / "token").unlink()
    refused = tiny.nox("upload", "--", "--to", "cloud")

    assert run.code == 0, run.output
    assert nexus.published() == ["0.1.0"]
    assert nexus.password not in run.output
    files = [path for path in tiny.root.rglob("*") if path.is_file()]
    assert not [path for path in files if _holds(path, (nexus.password,))]
    told = refused.error("configuration")
    assert "index.cloud.token-command ended with exit code 1; run it by hand to see why" in told


@pytest.mark.slow
def test_other_content_under_a_version_asked_for_is_never_replaced(
    published: TinyProject, nexus: RealIndex
) -> None:
    other = Path(shutil.copy(published.wheel, nexus.folder))
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("other.txt", "other")
    before = other.read_bytes()

    run = published.nox("upload", TRAINWHEEL_VERSION="0.1.0", **nexus.variables)

    told = run.error("refused")
    assert "index nexus holds other content as tiny_model-0.1.0-py3-none-any.whl" in told
    assert "release it as a new version" in told
    assert other.read_bytes() == before
    assert "verify" not in run.output


def test_the_password_is_nowhere_and_training_sees_no_credentials(
    published: TinyProject, shut_nexus: RealIndex, tmp_path: Path
) -> None:
    dump = "import os\n(report / 'environ.json').write_text(json.dumps(dict(os.environ)))\n"
    published.write(TRAINING, published.read(TRAINING) + dump)
    system = tmp_path / "system"
    system.mkdir()
    project = published.with_variables(**shut_nexus.variables, TMPDIR=str(system))

    trained = project.nox("train", PIP_INDEX_URL=f"http://user:{SECRET}@127.0.0.1:9/simple/")
    run = project.nox("upload", "--", "--verbose")

    assert "trained" in trained.line("train ")
    assert run.code == 0, run.output
    assert shut_nexus.published() == ["0.1.0"]
    seen = json.loads(project.read("build/train/environ.json"))
    assert not [name for name in seen if name.startswith(("NEXUS_", "PIP_", "UV_", "TWINE_"))]
    pair = f"{shut_nexus.username}:{shut_nexus.password}"
    secrets = (shut_nexus.password, SECRET, base64.b64encode(pair.encode()).decode())
    assert not [secret for secret in secrets if secret in trained.output + run.output]
    files = [path for folder in (project.root, system) for path in folder.rglob("*")]
    held = [path for path in files if path.is_file() and _holds(path, secrets)]
    assert held == []
    assert list(system.iterdir()) == []


def _holds(path: Path, secrets: tuple[str, ...]) -> bool:
    data = path.read_bytes()
    return any(secret.encode() in data for secret in secrets)


class Counter(http.server.BaseHTTPRequestHandler):
    """Hands every request on to another server, and keeps which they were."""

    protocol_version = "HTTP/1.1"
    upstream = ""
    seen: ClassVar[list[str]]

    def handle_any(self) -> None:
        self.seen.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kept = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "connection"}}
        response = requests.request(
            self.command, self.upstream + self.path.lstrip("/"), data=body, headers=kept, timeout=60
        )
        self.send_response(response.status_code)
        self.send_header("Content-Type", response.headers.get("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(response.content)))
        self.end_headers()
        self.wfile.write(response.content)

    do_GET = do_POST = do_HEAD = handle_any  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def counted(nexus: RealIndex) -> Iterator[tuple[RealIndex, list[str]]]:
    """A real index, and the requests that reach it."""
    seen: list[str] = []
    handler = type("Counter", (Counter,), {"upstream": nexus.url, "seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield replace(nexus, url=f"http://127.0.0.1:{server.server_port}/"), seen
        server.shutdown()
        thread.join()


def test_a_run_with_nothing_to_do_asks_the_index_once_and_a_file_that_vanished_is_sent_again(
    published: TinyProject, counted: tuple[RealIndex, list[str]]
) -> None:
    index, seen = counted
    first = published.nox("upload", **index.variables)
    assert first.code == 0, first.output
    published.nox("upload", **index.variables)
    seen.clear()

    again = published.nox("upload", **index.variables)

    assert "unchanged since 0.1.0" in again.line("upload ")
    assert seen == ["GET /simple/tiny-model/"]
    (wheel,) = index.folder.glob("*.whl")
    before = wheel.read_bytes()
    wheel.unlink()
    mended = published.nox("upload", **index.variables)
    assert "published in index nexus" in mended.line("upload ")
    assert "repeats 3 golden predictions" in mended.line("verify ")
    assert wheel.read_bytes() == before


@pytest.mark.slow
def test_a_job_that_may_only_read_compares_with_what_is_published(
    published: TinyProject, shut_nexus: RealIndex
) -> None:
    table = (
        f'\n[tool.trainwheel.index.team]\nurl = "{shut_nexus.url}"\nusername = "ci-user"\n'
        'password-env = "TEAM_PASSWORD"\nread-password-env = "TEAM_READ_PASSWORD"\n'
    )
    published.write("pyproject.toml", published.read("pyproject.toml") + table)
    words = ("--", "--to", "team", "--force")
    upload = published.nox("upload", *words, TEAM_PASSWORD=shut_nexus.password)
    assert upload.code == 0, upload.output

    reading = published.nox("version", *words, TEAM_READ_PASSWORD=shut_nexus.password)
    blind = published.nox("version", *words, BUILD_NUMBER="7")

    assert "unchanged since 0.1.0" in reading.line("version ")
    assert "the comparison is left to upload" in blind.line("version ")
    refused = published.nox("upload", *words, TEAM_READ_PASSWORD=shut_nexus.password)
    assert "TEAM_PASSWORD is missing" in refused.error("configuration")


def test_a_wheel_whose_verification_failed_is_verified_again(tiny: TinyProject) -> None:
    assert tiny.nox("upload").code == 0
    wheel = tiny.index / "tiny_model-0.1.0-py3-none-any.whl"
    content = wheel.read_bytes()
    wheel.unlink()
    assert "has no tiny-model 0.1.0" in tiny.nox("verify").error("failed")
    wheel.write_bytes(content)

    run = tiny.nox("upload")

    assert run.code == 0, run.output
    assert "repeats 3 golden predictions" in run.line("verify ")
