"""Answers that come late, in the end or once wrong, by a clock that is handed in."""

from __future__ import annotations

import http.server
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import requests

from integration.index.dialects import DIALECTS, Answer, Scripted, read_body
from integration.index.servers import FakeIndex, make_wheel
from trainwheel.errors import (
    ConfigurationError,
    StepFailedError,
    TrainwheelError,
    UncertainError,
    VersionTakenError,
)
from trainwheel.index.bindings import Bindings
from trainwheel.index.client import SimpleIndex
from trainwheel.index.patience import Patience
from trainwheel.index.router import serve_routes
from trainwheel.index.target import Target
from trainwheel.index.upload import publish
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment

pytestmark = pytest.mark.integration

Handler = http.server.BaseHTTPRequestHandler


@dataclass
class Clock:
    """A time that passes only while somebody waits."""

    time: float = 0.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.waits.append(seconds)
        self.time += seconds

    @property
    def patience(self) -> Patience:
        """The usual patience, by this clock."""
        return Patience(now=lambda: self.time, sleep=self.sleep)


@dataclass
class Front:
    """A server with files, behind something that answers in its place.

    Args:
        clock: The time.
        server: Has the files.
        script: What is answered to the first requests, by method; then the server answers.
        cached: Seconds for which a page is given out again, whatever has been uploaded since.
        says: Whether its answers say how old they are, and for how long they are kept.
    """

    clock: Clock
    server: Scripted
    script: dict[str, list[Answer]] = field(default_factory=dict)
    cached: float = 0.0
    says: bool = False
    page: tuple[float, Answer] | None = None
    asked: list[tuple[str, float]] = field(default_factory=list)

    def read(self, handler: Handler) -> None:
        """Answer a read."""
        self._answer("GET", handler, self._page)

    def take(self, handler: Handler) -> None:
        """Answer an upload."""
        self._answer("POST", handler, self.server.take)

    def _answer(self, method: str, handler: Handler, well: Callable[[Handler], Answer]) -> None:
        self.asked.append((method, self.clock.time))
        if self.script.get(method):
            read_body(handler)
            self.script[method].pop(0).send(handler)
        else:
            well(handler).send(handler)

    def _page(self, handler: Handler) -> Answer:
        if self.page is None or self.clock.time >= self.page[0] + self.cached:
            self.page = self.clock.time, self.server.read(handler)
        since, answer = self.page
        headers = {"Cache-Control": f"max-age={self.cached:.0f}",
                   "Age": f"{self.clock.time - since:.0f}"}  # fmt: skip
        return replace(answer, headers=headers) if self.says else answer


@dataclass
class Stage:
    """A wheel, and the index that it goes to."""

    front: Front
    target: Target
    wheel: Path
    environment: Environment
    screen: io.StringIO

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.front.clock

    def publish(self, *, was_sent: bool = False, looks_again: bool = False) -> bool:
        """Publish the wheel with real twine."""
        return publish(
            self.target, self.wheel, python=Path(sys.executable), environment=self.environment,
            console=Console(self.environment, self.screen), log=None,
            patience=self.clock.patience, was_sent=was_sent, looks_again=looks_again,
        )  # fmt: skip

    def read(self) -> int:
        """Read the page, and return how many files it has."""
        notify = Console(self.environment, self.screen).notice_once
        return len(SimpleIndex(self.target, self.clock.patience, notify).files("demo-model"))

    def times(self, method: str) -> list[float]:
        """Return when requests of a method came."""
        return [time for asked, time in self.front.asked if asked == method]


@pytest.fixture
def stage(fake: FakeIndex, environment: Environment, wheel: Path, screen: io.StringIO) -> Stage:
    """An empty index that does nothing odd."""
    front = Front(Clock(), Scripted(DIALECTS[0]))
    fake.reads, fake.uploads = front.read, front.take
    return Stage(front, fake.target, wheel, environment, screen)


def busy(status: int = 429, after: str = "8") -> Answer:
    return Answer(status, headers={"Retry-After": after})


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_read_is_repeated_when_the_server_says_and_not_before(stage: Stage, status: int) -> None:
    stage.front.script["GET"] = [busy(status)] * 2

    assert stage.read() == 0

    assert stage.times("GET") == [0, 8, 16]
    assert "asking again in 8 s" in stage.screen.getvalue()


def test_a_server_that_never_has_time_is_asked_a_bounded_number_of_times(stage: Stage) -> None:
    stage.front.script["GET"] = [busy()] * 99

    with pytest.raises(StepFailedError, match="429"):
        stage.read()

    assert stage.times("GET") == [0, 8, 16, 24, 32]


@pytest.mark.parametrize("after", ["86400", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_server_that_asks_for_more_than_the_deadline_fails_at_once(
    stage: Stage, after: str
) -> None:
    stage.front.script["GET"] = [busy(503, after)]

    with pytest.raises(StepFailedError, match="it asks to wait"):
        stage.read()

    assert stage.clock.waits == []


def resolve(target: Target) -> None:
    """Ask for a page as a resolver does, and fail as it would."""
    with serve_routes(Bindings({}), {}, [target]) as url:
        answer = requests.get(f"{url}demo-model/", timeout=15)
        raise StepFailedError(str(answer.status_code))


def test_a_resolver_gets_its_answer_while_it_waits_for_one(stage: Stage) -> None:
    stage.front.script["GET"] = [busy(after="30")]

    with pytest.raises(StepFailedError, match="it asks to wait 30 s"):
        resolve(stage.target)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_that_passes_is_asked_again_once_for_reads_and_uploads(
    stage: Stage, status: int
) -> None:
    stage.front.script = {method: [Answer(status)] for method in ("GET", "POST")}

    assert stage.publish()

    assert len(stage.times("POST")) == 2
    assert stage.front.server.held(stage.wheel.name) == stage.wheel.read_bytes()


def test_a_refusal_that_passes_is_asked_again_once_for_the_check_of_an_upload(stage: Stage) -> None:
    stage.front.script = {"POST": [Answer(401)]}
    index = SimpleIndex(stage.target, stage.clock.patience)

    index.check_access(uploads=True)

    stage.front.script = {"POST": [Answer(401)] * 2}
    with pytest.raises(ConfigurationError, match="refuses uploads"):
        index.check_access(uploads=True)


def test_a_right_answer_takes_no_request_more(stage: Stage) -> None:
    assert stage.publish()

    assert [method for method, _ in stage.front.asked] == ["GET", "POST", "GET"]
    assert stage.clock.waits == []


@pytest.mark.parametrize(("cached", "says", "configured", "notice"), [
    (20, False, None, "at most 45 s"),
    (60, True, None, "at most 90 s"),
    (500, True, None, "at most 530 s"),
    (100, False, 120, "at most 2 min"),
    (5, True, 6, "at most 6 s"),
])  # fmt: skip
def test_a_listing_is_waited_for_as_long_as_it_may_take(
    stage: Stage, cached: float, configured: float | None, notice: str, *, says: bool
) -> None:
    stage.front.cached, stage.front.says = cached, says
    stage.target = replace(stage.target, listing_wait=configured)

    assert stage.publish()

    assert cached <= stage.clock.time < cached + 15
    assert stage.screen.getvalue().count(notice) == 1
    assert len(stage.screen.getvalue().splitlines()) == 1


@pytest.mark.parametrize(("says", "configured", "seconds"), [
    (False, None, 45), (True, None, 600), (True, 20, 20), (True, 0, 0),
])  # fmt: skip
def test_a_listing_that_is_later_is_uncertain(
    stage: Stage, configured: float | None, seconds: float, *, says: bool,
    sentence: Callable[[object], None],
) -> None:  # fmt: skip
    stage.front.cached, stage.front.says = 10_000, says
    stage.target = replace(stage.target, listing_wait=configured)

    with pytest.raises(UncertainError, match="may be there already") as caught:
        stage.publish()

    sentence(caught.value)
    assert stage.clock.time == seconds
    assert [answer[1:] for answer in caught.value.answers] == [
        ("page", 404), ("upload", 200), ("page", 404)
    ]  # fmt: skip
    # Once it is listed, the same command says so.
    stage.clock.time += 10_000
    assert not stage.publish(was_sent=True)
    assert len(stage.times("POST")) == 1


@dataclass
class Breaking(Scripted):
    """A server that takes an upload, and then something else happens."""

    then: Callable[[], object] = lambda: None
    answer: Answer | None = None

    def take(self, handler: Handler) -> Answer:
        """Take an upload."""
        answer = super().take(handler)
        self.then()
        return self.answer or answer


@pytest.mark.parametrize(("status", "waited"), [(500, True), (401, False)])
def test_a_page_that_cannot_be_read_after_the_upload_leaves_it_uncertain(
    stage: Stage, status: int, *, waited: bool
) -> None:
    broken = {"GET": [Answer(status)] * 999}
    stage.front.server = Breaking(DIALECTS[0], then=lambda: stage.front.script.update(broken))

    with pytest.raises(UncertainError, match=str(status)):
        stage.publish()

    assert (stage.clock.time >= 45) is waited
    assert len(stage.times("POST")) == 1
    stage.front.script = {}
    assert not stage.publish()


@pytest.mark.parametrize(("answer", "was_sent", "error"), [
    (Answer(500), False, UncertainError), (Answer(504), False, UncertainError),
    (Answer(503), False, StepFailedError), (Answer(429), False, StepFailedError),
    (Answer(409), False, StepFailedError), (Answer(401), False, ConfigurationError),
    (Answer(409), True, UncertainError), (Answer(403), True, UncertainError),
])  # fmt: skip
def test_a_failed_upload_is_uncertain_only_where_nobody_can_know(
    stage: Stage, answer: Answer, error: type[TrainwheelError], *, was_sent: bool
) -> None:
    stage.front.script["POST"] = [answer] * 99

    with pytest.raises(error, match=str(answer.status)) as caught:
        stage.publish(was_sent=was_sent)

    assert type(caught.value) is error


@pytest.mark.parametrize("status", [429, 503])
def test_an_upload_is_repeated_when_the_server_says(stage: Stage, status: int) -> None:
    stage.front.script["POST"] = [busy(status)] * 2

    assert stage.publish()

    assert stage.times("POST") == [0, 8, 16]
    assert stage.screen.getvalue().count("trying again in 8 s") == 2


@pytest.mark.parametrize("looks_again", [False, True])
def test_an_index_that_overwrites_is_read_once_more_after_a_moment(
    stage: Stage, tmp_path: Path, sentence: Callable[[object], None], *, looks_again: bool
) -> None:
    other = make_wheel(tmp_path / "theirs", "x = 2\n")

    def overwrite(seconds: float) -> None:
        stage.front.server.files[other.name] = other.read_bytes()
        stage.clock.time += seconds

    stage.clock.sleep = overwrite  # type: ignore[method-assign]
    if not looks_again:
        assert stage.publish()
        return
    with pytest.raises(VersionTakenError, match="overwrites") as caught:
        stage.publish(looks_again=True)
    sentence(caught.value)
    assert stage.clock.time <= 1
