"""An upload that is listed too late: what it ends in, and what settles it."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.index.dialects import Answer, Real
from integration.index.servers import FakeIndex, serve_fake
from integration.tiny import RealIndex, Run, TinyProject
from trainwheel.errors import UncertainError
from trainwheel.system.digest import digest_file

pytestmark = pytest.mark.integration

TABLE = """
[tool.trainwheel.index.late]
url = "{url}"
username = "{username}"
password-env = "LATE_PASSWORD"
listing-wait = 0.5
"""
RELEASE = "tiny-model==0.1.0"


@dataclass
class Late:
    """A real index, behind something that hides what is uploaded."""

    index: RealIndex
    front: FakeIndex
    is_hiding: bool = True

    def read(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Answer a read."""
        is_hidden = self.is_hiding and handler.path.startswith("/simple/tiny-model")
        port = int(self.index.url.rstrip("/").rpartition(":")[2])
        (Answer(404) if is_hidden else Real(port, lambda _: None).read(handler)).send(handler)

    def take(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Answer an upload."""
        port = int(self.index.url.rstrip("/").rpartition(":")[2])
        Real(port, lambda _: None).take(handler).send(handler)


@pytest.fixture
def late(nexus: RealIndex) -> Iterator[Late]:
    with serve_fake() as front:
        late = Late(nexus, front)
        front.reads, front.uploads = late.read, late.take
        yield late


def parts_of(run: Run) -> tuple[str, str]:
    """Return the command and the receipt that a line names."""
    match = re.search(r"settle it with: (.*) \(its receipt is (.*?)\);", run.error("uncertain"))
    assert match is not None, run.output
    return match[1], match[2]


def settle(project: TinyProject, run: Run) -> Run:
    """Run the command that a line names, as it is printed."""
    program, *words = shlex.split(parts_of(run)[0])
    if program == "nox":
        return project.nox(*words[1:])
    return project.run(sys.executable, "-m", program, *words)


def test_a_session_leaves_a_receipt_that_the_verification_settles(
    published: TinyProject, late: Late
) -> None:
    table = TABLE.format(url=late.front.url, username=late.index.username)
    published.write("pyproject.toml", published.read("pyproject.toml") + table)
    project = published.with_variables(LATE_PASSWORD=late.index.password)

    upload = project.nox("upload", "--", "--to", "late")

    receipt = project.root / parts_of(upload)[1]
    assert receipt.parent == project.root / "build/.trainwheel/receipts"
    document = json.loads(receipt.read_bytes())
    assert document["sha256"] == digest_file(project.wheel)
    assert {answer["status"] for answer in document["answers"]} == {200, 404}
    assert late.index.published() == ["0.1.0"]
    still = settle(project, upload)
    assert still.error("uncertain")
    assert receipt.is_file()

    late.is_hiding = False
    verify = settle(project, still)

    assert verify.code == 0, verify.output
    assert f"published {RELEASE.replace('==', ' ')}" in verify.output
    assert not receipt.exists()
    records = project.root / "build/.trainwheel"
    marks = [json.loads((records / f"{step}.json").read_bytes())["key"]
             for step in ("upload", "verify")]  # fmt: skip
    assert marks[0] == marks[1]
    assert late.index.password not in upload.output + verify.output


def test_a_command_ends_with_its_own_code_and_is_settled_by_itself_or_by_verify(
    published: TinyProject, late: Late, tmp_path: Path
) -> None:
    handed = tmp_path / "elsewhere" / "handed over"
    shutil.copytree(published.root / "build" / "dist", handed)
    (wheel,) = handed.glob("*.whl")
    variables = {"LATE_URL": late.front.url, "LATE_USER": late.index.username}
    project = TinyProject(handed.parent, published.envdir, published.variables).with_variables(
        **variables, LATE_PASSWORD=late.index.password
    )
    options = [
        *("--to", "late", "--url-env", "LATE_URL", "--username-env", "LATE_USER"),
        *("--password-env", "LATE_PASSWORD", "--listing-wait", "0.5"),
    ]
    words = ("upload", f"handed over/{wheel.name}", *options)

    upload = project.run(sys.executable, "-m", "trainwheel", *words)

    assert upload.code == UncertainError.exit_code
    receipt = handed.parent / parts_of(upload)[1]
    assert receipt.parent == handed
    late.is_hiding = False
    verify = settle(project, upload)
    assert verify.code == 0, verify.output
    assert not receipt.exists()
    receipt.write_text("{}")
    again = project.run(sys.executable, "-m", "trainwheel", *words)
    assert again.code == 0, again.output
    assert not receipt.exists()
