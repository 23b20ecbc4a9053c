"""A build job without secrets: what anyone may read decides, and nothing is said untruly."""

from __future__ import annotations

import http.server
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.index.dialects import DIALECTS, Answer, Scripted
from integration.index.servers import FakeIndex
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError, MissingCredentialsError
from trainwheel.index.target import choose_index
from trainwheel.steps.shared.baseline import find_published
from trainwheel.steps.version import STEP, decide_release
from unit.model_wheels import ONE, OTHER, write_model_wheel
from unit.recording_tools import RecordingTools
from unit.repository import PYPROJECT, make_repository, open_here, write

pytestmark = pytest.mark.integration

Handler = http.server.BaseHTTPRequestHandler
TABLE = """
[tool.trainwheel.index.own]
url = "URL"
username-env = "WRITER"
password-env = "WRITER_PASSWORD"
"""
ROOT = "/simple/"
LOGIN = Answer(200, b'<form><input name="p" type="password"></form>')
REFUSALS: dict[str, Callable[[Handler], Answer]] = {
    "401": lambda _: Answer(401),
    "403": lambda _: Answer(403),
    "404, and so is its root": lambda _: Answer(404),
    "404, its root 401": lambda handler: Answer(401 if handler.path == ROOT else 404),
    "a login page": lambda _: LOGIN,
    "a redirect": lambda _: Answer(302, headers={"Location": "http://127.0.0.1:9/login"}),
}
SECRETS = [{}, {"WRITER": "", "WRITER_PASSWORD": ""}, {"WRITER": "ci-user"}]


@pytest.fixture
def server(fake: FakeIndex, tmp_path: Path) -> Scripted:
    """An index that anyone may read, with one release."""
    server = Scripted(next(each for each in DIALECTS if each.name == "nexus"))
    wheel = write_model_wheel(tmp_path / "wheels", "0.1.4", release_key=OTHER)
    server.files[wheel.name] = wheel.read_bytes()
    fake.reads = lambda handler: _answer(server, handler).send(handler)
    return server


def _answer(server: Scripted, handler: Handler) -> Answer:
    return Answer(200) if handler.path == ROOT else server.read(handler)


@pytest.fixture
def opened(fake: FakeIndex, tmp_path: Path) -> Callable[..., Run]:
    """Open the repository with variables that hold no password."""
    root = make_repository(tmp_path / "repository")
    write(root, "pyproject.toml", PYPROJECT + TABLE.replace("URL", fake.url))
    own = {"TRAINWHEEL_INDEX": "own"}
    return lambda **given: open_here(root, {**own, **given}, tools=RecordingTools())


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("absent", SECRETS, ids=str)
def test_what_is_published_decides_where_anyone_may_read_it(
    fake: FakeIndex, opened: Callable[..., Run], absent: dict[str, str]
) -> None:
    run = opened(**absent)

    release = decide_release(run, None, ONE)
    same = decide_release(run, None, OTHER)

    assert (release.version, release.reason) == ("0.1.5", "the next free patch")
    assert (same.version, same.releases) == ("0.1.4", False)
    assert find_published(run, None).version == "0.1.4"
    assert len([r for r in fake.requests if r.path.startswith(f"{ROOT}small-model")]) == 1
    assert {request.method for request in fake.requests} == {"GET"}
    assert not [r for r in fake.requests if "authorization" in map(str.lower, r.headers)]
    with pytest.raises(MissingCredentialsError):
        choose_index(None, run.workspace.config.indexes, run.environment, run.tokens)


def test_an_open_index_without_a_release_gets_the_first_one(
    server: Scripted, fake: FakeIndex, opened: Callable[..., Run]
) -> None:
    server.files.clear()

    release = decide_release(opened(BUILD_NUMBER="7"), None, ONE)

    assert (release.version, release.reason) == ("0.1.7", "build 7")
    assert [request.path for request in fake.requests] == [f"{ROOT}small-model/", ROOT]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_where_the_read_is_refused_the_build_number_decides_or_one_line_says_what_is_missing(
    fake: FakeIndex, opened: Callable[..., Run], refusal: str
) -> None:
    fake.reads = lambda handler: REFUSALS[refusal](handler).send(handler)
    run = opened(BUILD_NUMBER="7")

    release = decide_release(run, None, ONE)

    assert (release.version, release.releases) == ("0.1.7", True)
    assert "left to upload" in release.reason
    assert find_published(run, None).is_deferred
    # The refusal is an answer too, and the index is not asked again.
    assert len(fake.requests) <= 2
    assert STEP.check is not None
    STEP.check(run)
    for refuse in (lambda run: decide_release(run, None, ONE), STEP.check):
        with pytest.raises(
            ConfigurationError, match="WRITER_PASSWORD is missing, and no build number"
        ):
            refuse(opened())


def test_files_that_are_refused_although_the_page_is_not_leave_the_comparison_to_the_upload(
    server: Scripted, fake: FakeIndex, opened: Callable[..., Run]
) -> None:
    def read(handler: Handler) -> None:
        is_file = handler.path.startswith("/files/")
        (Answer(401) if is_file else _answer(server, handler)).send(handler)

    fake.reads = read

    assert "left to upload" in decide_release(opened(BUILD_NUMBER="7"), None, ONE).reason
