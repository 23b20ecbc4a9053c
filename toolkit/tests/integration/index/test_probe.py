"""What doctor learns from an index: real servers, and a scripted one for what they do not do."""

from __future__ import annotations

import base64
import contextlib
import http.server
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from integration.index.default_pypiserver import serve_default
from integration.index.devpi_server import PASSWORD as DEVPI_PASSWORD
from integration.index.devpi_server import serve_devpi
from integration.index.nginx import require_nginx, serve_nginx
from integration.index.servers import PASSWORD, USER, FakeIndex, answer
from trainwheel.cli.checks import MachineCheck
from trainwheel.cli.index_checks import ask, send
from trainwheel.index.patience import Patience
from trainwheel.index.probe import Probe
from trainwheel.index.target import Target
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret

pytestmark = pytest.mark.integration

PATIENCE = Patience(connect=5, answer=10, tries=1)
Probed = Callable[[Target], dict[str, MachineCheck]]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def target_of(url: str, simple: str = "simple/", user: str = USER, word: str = PASSWORD) -> Target:
    return Target("team", url, f"{url}{simple}", username=Secret(user), password=Secret(word))


def by_name(checks: Iterable[MachineCheck]) -> dict[str, MachineCheck]:
    return {check.name.partition(", ")[2]: check for check in checks}


def asked(
    target: Target, wheel: int | None = None, patience: Patience = PATIENCE
) -> dict[str, MachineCheck]:
    checks = by_name(ask(Probe(target, patience), "demo-model", wheel))
    assert not any(PASSWORD in f"{check.found}{check.fix}" for check in checks.values())
    return checks


def states(checks: dict[str, MachineCheck]) -> dict[str, str]:
    return {name: check.state for name, check in checks.items()}


@pytest.fixture
def probed(python: Path, environment: Environment, console: Console) -> Probed:
    """Send what probes an index."""
    return lambda target: by_name(
        send(Probe(target, PATIENCE), lambda: python, environment, console)
    )


@pytest.mark.parametrize(("options", "unknown", "overwriting"), [
    ((), "warning", "ok"), (("--disable-fallback",), "ok", "ok"),
    (("--disable-fallback", "--overwrite"), "ok", "warning"),
])  # fmt: skip
def test_pypiserver_tells_what_it_does(
    tmp_path: Path, probed: Probed, options: tuple[str, ...], unknown: str, overwriting: str
) -> None:
    with serve_default(tmp_path / "server", {USER: PASSWORD}, *options) as url:
        files = tmp_path / "server" / "files"
        checks = asked(target_of(url), 2 * 10**9)
        before = [*files.iterdir()]
        sent = probed(target_of(url))
        (held,) = files.iterdir()

    assert before == []
    assert states(checks) == {
        "reading": "ok", "encoding": "ok", "unknown projects": unknown, "cached pages": "ok",
        "size of uploads": "problem", "overwriting": "warning",
    }  # fmt: skip
    assert ("--disable-fallback" in checks["unknown projects"].fix) is (unknown == "warning")
    assert "--probe" in checks["overwriting"].fix
    # waitress, which serves it, takes 1 GiB.
    assert checks["size of uploads"].found.startswith("1.0 GB at least, and less than 5.0 GB")
    assert states(sent) == {"probe": "ok", "overwriting": overwriting}
    assert sent["probe"].found.startswith(f"published trainwheel-probe {held.name.split('-')[1]},")
    assert sent["probe"].found.endswith("by sha256")


def test_devpi_tells_what_it_does(tmp_path: Path, probed: Probed) -> None:
    results = []
    with serve_devpi(tmp_path / "server") as url:
        for name in ("volatile", "fixed"):
            target = target_of(f"{url}/ci/{name}/", "+simple/", user="ci", word=DEVPI_PASSWORD)
            checks = asked(target, 10**6)
            sent = probed(target)["overwriting"]
            results.append((states(checks), checks["overwriting"].found, sent.state, sent.found))
        wrong = target_of(f"{url}/ci/fixed/", "+simple/", user="ci", word="another-wörd")
        refused = asked(wrong)["encoding"]

    names = ("reading", "encoding", "unknown projects", "cached pages", "size of uploads")
    well = dict.fromkeys(names, "ok")
    assert [states for states, *_ in results] == [
        {**well, "overwriting": state} for state in ("warning", "ok")
    ]
    assert ["volatile=False" in found for _, found, *_ in results] == [False, True]
    assert [rest for *_, _, rest in results] == [
        "replaces a file by other content (200); takes the same file again (200)",
        "refuses other content (409), takes the same file again (200)",
    ]
    assert refused.state == "problem"
    assert "UTF-8 and in Latin-1" in refused.found


def test_nginx_limits_and_asks_for_a_password(tmp_path: Path, probed: Probed) -> None:
    require_nginx()
    login = {"jürgen": "pässwörd-é"}
    with (
        serve_default(tmp_path / "server", {}, "--disable-fallback") as behind,
        serve_nginx(tmp_path / "nginx", behind, login) as url,
    ):
        target = target_of(url, user="jürgen", word=login["jürgen"])
        small, large = asked(target, 500_000), asked(target, 2_000_000)
        sent = probed(target)

    assert states(small) == {
        "reading": "ok", "encoding": "warning", "unknown projects": "ok", "cached pages": "ok",
        "size of uploads": "ok", "overwriting": "warning",
    }  # fmt: skip
    assert "401" in small["reading"].found
    # Its client_max_body_size is 1 MiB by default.
    assert small["size of uploads"].found.startswith("1.0 MB at least, and less than 10.0 MB")
    assert large["size of uploads"].state == "problem"
    assert states(sent) == {"probe": "ok", "overwriting": "ok"}


def scripted(
    fake: FakeIndex, encodings: tuple[str, ...] = (), limit: int = 0,
    pages: Mapping[str, str] = NO_HEADERS,
) -> None:  # fmt: skip
    """Let a server ask for a password in some encodings, and refuse what is larger than a limit."""
    logins = {
        "Basic " + base64.b64encode(f"{USER}:pässwörd".encode(each)).decode() for each in encodings
    }

    def is_in(handler: http.server.BaseHTTPRequestHandler) -> bool:
        return not encodings or handler.headers.get("Authorization") in logins

    def refuse(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(401)
        handler.send_header("WWW-Authenticate", 'Basic realm="team", charset="UTF-8"')
        handler.end_headers()

    def read(handler: http.server.BaseHTTPRequestHandler) -> None:
        if not is_in(handler):
            refuse(handler)
            return
        handler.send_response(404 if "unknown" in handler.path else 200)
        for name, value in pages.items():
            handler.send_header(name, value)
        handler.end_headers()

    def take(handler: http.server.BaseHTTPRequestHandler) -> None:
        if int(handler.headers["Content-Length"]) > limit > 0:
            handler.send_error(413)
        elif is_in(handler):
            with contextlib.suppress(OSError):  # of an upload that was announced
                answer(400)(handler)
        else:
            refuse(handler)

    fake.reads, fake.uploads = read, take


@pytest.mark.parametrize(("encodings", "state", "word"), [
    (("utf-8",), "warning", "stock pip"), (("latin-1",), "problem", "Latin-1"),
    (("utf-8", "latin-1"), "ok", "UTF-8, and Latin-1"), (("utf-16",), "problem", "refuses"),
])  # fmt: skip
def test_each_encoding_of_a_password_is_tried_once(
    fake: FakeIndex, encodings: tuple[str, ...], state: str, word: str
) -> None:
    scripted(fake, encodings)
    probe = Probe(target_of(fake.url, word="pässwörd"), replace(PATIENCE, answer=0.5))

    checks = by_name(ask(probe, "demo-model", None))
    logins = (one.headers.get("Authorization") for one in fake.requests if one.method == "POST")
    tried = [login for login in logins if login is not None]

    assert checks["encoding"].state == state
    assert word in checks["encoding"].found
    assert "401" in checks["reading"].found
    assert len({*tried}) <= 2
    assert max(map(tried.count, tried)) <= 2  # one of them announces a size
    assert probe.charset() == "UTF-8"


def test_a_front_that_caches_and_limits_is_seen_through(fake: FakeIndex) -> None:
    headers = {"Cache-Control": "public, max-age=900", "Age": "12", "X-Cache": "HIT"}
    scripted(fake, limit=2_000_000, pages=headers)

    target, patience = target_of(fake.url), replace(PATIENCE, answer=0.5)
    small, large = (asked(target, size, patience) for size in (1_000_000, 3_000_000))

    assert "900 s" in small["cached pages"].found
    assert "listing-wait = 960" in small["cached pages"].fix
    assert small["size of uploads"].state == "ok"
    assert large["size of uploads"].state == "problem"
    assert "client_max_body_size" in large["size of uploads"].fix


def test_an_index_that_does_not_answer_is_asked_nothing_more() -> None:
    checks = asked(target_of("http://127.0.0.1:9/"))

    assert states(checks) == {"reading": "problem"}
    assert "does not answer" in checks["reading"].found
