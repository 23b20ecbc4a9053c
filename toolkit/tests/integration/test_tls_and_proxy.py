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
from integration.tiny import (
    PIPFILE,
    RealIndex,
    TinyProject,
    clean_variables,
    serve_index,
)
from trainwheel.install.environments import python_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

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
            **self.proxy.variables,
            REQUESTS_CA_BUNDLE=str(self.authority.path),
            PIP_CONFIG_FILE="/dev/null",
            PIP_INDEX_URL=f"https://{secret}@{REST}/simple/",
            UV_CACHE_DIR=str(envdir / "cache"),
            TEAM_PASSWORD=self.team.password,
        )


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


def test_everything_comes_from_where_it_is_bound_and_the_chain_publishes(
    tiny: TinyProject, secured: Secured, tmp_path: Path
) -> None:
    words = ("wheelhouse", str(secured.rest.folder))
    collected = tiny.run(sys.executable, "-m", "trainwheel", *words)
    assert collected.code == 0, collected.output
    write_wheel(secured.rest.folder, "acme-lib", "9.0")
    write_wheel(secured.team.folder, "acme-lib", "1.0")
    project = secured.project(tiny, tmp_path / "environments")
    project.write("pyproject.toml", project.read("pyproject.toml") + TABLE)
    project.write("Pipfile", PIPFILE.replace("[packages]\n", '[packages]\nacme-lib = "*"\n'))
    project.replace("setup.py", "install_requires=[", 'install_requires=["acme-lib", ')

    locked = project.nox("lock")
    run = project.nox("upload", "--", "--to", "team")

    assert locked.code == 0, locked.output
    lock = json.loads(project.read("Pipfile.lock"))
    assert lock["default"]["acme-lib"]["version"] == "==1.0"
    assert run.code == 0, run.output
    assert "tiny-model 0.1.0 published in index team" in run.line("upload ")
    assert "repeats 3 golden predictions" in run.line("verify ")
    python = str(python_of(project.envdir / "train"))
    origin = project.run(python, "-c", "import acme_lib; print(acme_lib.origin)")
    assert origin.output.strip() == "team"
    assert [path.name for path in secured.team.folder.glob("tiny_model-*")] != []
    assert list(secured.rest.folder.glob("tiny_model-*")) == []
    assert set(secured.proxy.asked) == {f"{TEAM}:443", f"{REST}:443"}
    for secret in (secured.team.password, secured.rest.password):
        assert secret not in locked.output + run.output + json.dumps(lock)


def test_a_host_that_the_proxy_refuses_is_one_line(
    published: TinyProject, secured: Secured
) -> None:
    published.write("pyproject.toml", published.read("pyproject.toml") + TABLE)
    project = secured.project(published, published.envdir)
    project.replace("pyproject.toml", f"https://{TEAM}/", "https://other.example.test/")

    run = project.nox("upload", "--", "--to", "team")

    error = run.error("failed")
    assert "team" in error
    assert "proxy" in error
    assert "other.example.test:443" in secured.proxy.asked
