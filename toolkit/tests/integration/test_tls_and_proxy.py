"""The chain over TLS with certificates of one's own, through a proxy that lets nothing else by."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from integration.secure import Authority, Proxy, make_authority, serve_proxy, serve_tls
from integration.test_bindings import write_wheel
from integration.tiny import RealIndex, TinyProject, clean_variables, copy_of, serve_index
from trainwheel.install.environments import python_of
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile

pytestmark = [pytest.mark.integration, pytest.mark.slow]

RUNTIME = '[packages]\njoblib = "*"\n\n[train]\n'
TEAM, REST = "team.example.test", "rest.example.test"
TABLE = f"""
[tool.trainwheel.index.team]
url = "https://{TEAM}/"
username = "ci-user"
password-env = "TEAM_PASSWORD"
packages = ["acme-*"]
"""


@dataclass(frozen=True)
class Secured:
    """Two indexes behind TLS and a proxy.

    Args:
        authority: Signed the certificates of both.
        proxy: The only way to them.
        team: The index that packages are bound to.
        rest: The index that pip is told of.
    """

    authority: Authority
    proxy: Proxy
    team: RealIndex
    rest: RealIndex

    def project(self, tiny: TinyProject, envdir: Path) -> TinyProject:
        """Return a project that can reach nothing but the two."""
        steering = ("PIP_", "UV_", "REQUESTS_", "CURL_", "SSL_")
        kept = {k: v for k, v in clean_variables().items() if not k.startswith(steering)}
        secret = f"{self.rest.username}:{self.rest.password}"
        return replace(tiny, envdir=envdir, variables=kept).with_variables(
            **self.proxy.variables, REQUESTS_CA_BUNDLE=str(self.authority.path),
            PIP_CONFIG_FILE="/dev/null", PIP_INDEX_URL=f"https://{secret}@{REST}/simple/",
            UV_CACHE_DIR=str(envdir.parent / "cache"), TEAM_PASSWORD=self.team.password,
        )  # fmt: skip


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    """Both ask for a password; the team's is another one."""
    authority = make_authority(tmp_path)
    with contextlib.ExitStack() as stack:
        ports, indexes = {}, []
        for host in (TEAM, REST):
            index = stack.enter_context(
                serve_index(tmp_path / host.partition(".")[0], protect_reads=True)
            )
            port = int(index.url.rstrip("/").rpartition(":")[2])
            ports[host] = stack.enter_context(serve_tls(port, authority.context(host)))
            indexes.append(index)
        proxy = stack.enter_context(serve_proxy(ports))
        yield Secured(authority, proxy, *indexes)


def test_everything_comes_from_where_it_is_bound_and_a_release_is_sent(
    published: TinyProject, secured: Secured, tmp_path: Path
) -> None:
    collect_runtime(published, secured.rest.folder, tmp_path / "runtime")
    write_wheel(secured.rest.folder, "acme-lib", "9.0")
    write_wheel(secured.team.folder, "acme-lib", "1.0")
    published.write("pyproject.toml", published.read("pyproject.toml") + TABLE)
    project = secured.project(published, tmp_path / "environments")

    words = ("promote", "--", "--from", "embedded", "--to", "team")
    sent = replace(project, envdir=published.envdir).nox(*words)
    project.write("Pipfile", RUNTIME.replace("[packages]\n", '[packages]\nacme-lib = "*"\n'))
    locked = project.nox("lock")
    trained = project.nox("train")

    assert sent.code == 0, sent.output
    assert secured.team.folder.joinpath(published.wheel.name).is_file()
    assert locked.code == 0, locked.output
    lock = json.loads(project.read("Pipfile.lock"))
    assert lock["default"]["acme-lib"]["version"] == "==1.0"
    assert trained.code == 0, trained.output
    python = str(python_of(project.envdir / "packages"))
    origin = project.run(python, "-c", "import acme_lib; print(acme_lib.origin)")
    assert origin.output.strip() == "team"
    assert list(secured.rest.folder.glob("tiny_model-*")) == []
    assert set(secured.proxy.asked) == {f"{TEAM}:443", f"{REST}:443"}
    for secret in (secured.team.password, secured.rest.password):
        assert secret not in sent.output + locked.output + trained.output + json.dumps(lock)


def collect_runtime(project: TinyProject, folder: Path, root: Path) -> None:
    """Fetch the files of what the model needs at runtime into a folder."""
    runtime = copy_of(project, root)
    lock = json.loads(runtime.read("Pipfile.lock"))
    lock = {name: lock[name] for name in ("_meta", "default")} | {"develop": {}, "train": {}}
    runtime.write("Pipfile", RUNTIME)
    runtime.write("Pipfile.lock", stamp_lock(json.dumps(lock), parse_pipfile(RUNTIME)))
    run = runtime.run(sys.executable, "-m", "trainwheel", "wheelhouse", str(folder))
    assert run.code == 0, run.output
