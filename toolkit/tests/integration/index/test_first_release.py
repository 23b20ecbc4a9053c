"""The first release to a pypiserver that sends readers of unknown projects to another index."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.index.default_pypiserver import serve_default
from integration.index.servers import FakeIndex, answer
from trainwheel.errors import RedirectedError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.patience import Patience
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.index.upload import publish
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret

pytestmark = pytest.mark.integration

PASSWORD = "s3cret%word"


@dataclass
class Rig:
    """A pypiserver, and the index that it sends readers to, which nobody may reach."""

    target: Target
    public: FakeIndex


@pytest.fixture(params=["its own fallback", "another fallback"])
def rig(
    request: pytest.FixtureRequest, fake: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    options: tuple[str, ...] = ()
    if request.param == "another fallback":
        options = ("--fallback-url", f"http://localhost:{fake.port}/simple/")
    for name in ("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, fake.url)
    with serve_default(tmp_path / "server", {"ci": PASSWORD}, *options) as url:
        user, password = Secret("ci"), Secret(PASSWORD)
        target = Target("team", url, f"{url}simple/", username=user, password=password)
        yield Rig(target, fake)


def test_a_first_release_is_published_and_the_redirect_is_told_once(
    rig: Rig, wheel: Path, environment: Environment, tmp_path: Path
) -> None:
    screen = io.StringIO()
    console = Console(Environment({}), screen)
    with pytest.raises(RedirectedError, match="--disable-fallback"):
        SimpleIndex(rig.target).files("demo-model")
    registry = Registry(rig.target, tmp_path, notify=console.notice_once)
    assert registry.wheels("Demo_Model") == {}

    is_sent = publish(
        rig.target, wheel, python=Path(sys.executable), environment=environment,
        console=console, log=tmp_path / "upload.log", patience=Patience(delay=0.1),
    )  # fmt: skip

    assert is_sent
    assert list(registry.wheels("demo-model")) == ["1.0"]
    (line,) = screen.getvalue().splitlines()
    assert line.startswith("notice: index team has no demo-model: it redirects to ")
    assert rig.public.connections == []
    assert PASSWORD not in screen.getvalue() + (tmp_path / "upload.log").read_text()


@pytest.mark.parametrize(
    ("project_page", "root"),
    [
        ("http://localhost:9/simple/demo-model/", "http://localhost:9/simple/"),
        ("http://localhost:9/login?next=/simple/demo-model/", ""),
        ("http://localhost:9/simple/demo-model-2/", ""),
        ("http://localhost:9/", ""),
        ("http://127.0.0.1:9/simple/demo-model/", ""),
    ],
    ids=["all has moved", "a login", "another project", "a root", "the same host"],
)
def test_a_redirect_that_may_mean_something_else_is_an_error(
    fake: FakeIndex, patience: Patience, project_page: str, root: str
) -> None:
    elsewhere = {"/simple/demo-model/": project_page, "/simple/": root}
    fake.reads = lambda handler: (
        answer(302, location=place) if (place := elsewhere[handler.path]) else answer(200, "<html>")
    )(handler)

    with pytest.raises(RedirectedError) as caught:
        SimpleIndex(fake.target, patience, pytest.fail).files("demo-model")

    assert "if your index has moved, give its new address" in caught.value.hint


@pytest.mark.parametrize("spelling", ["demo-model/", "Demo_Model/", "demo.model", "demo%2Dmodel/"])
@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_to_the_same_project_elsewhere_means_that_it_is_not_here(
    fake: FakeIndex, patience: Patience, status: int, spelling: str
) -> None:
    told: list[str] = []
    page = answer(status, location=f"https://user:s3cret@localhost:9/pypi/{spelling}?token=s3cret")
    fake.reads = lambda handler: (
        page if handler.path == "/simple/demo-model/" else answer(200, "<html>")
    )(handler)

    assert SimpleIndex(fake.target, patience, told.append).files("demo-model") == ()
    assert told == ["index fake has no demo-model: it redirects to localhost"]
