"""A wheelhouse is filled once, by digest, and serves every step without a network."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from integration.tiny import TinyProject, copy_of
from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import Environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Nobody listens there: whatever asks for anything but this machine fails.
CLOSED = "http://127.0.0.1:9"
NO_NETWORK = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), CLOSED),
    **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), CLOSED),
}


def wheelhouse(project: TinyProject, *arguments: str, **variables: str) -> tuple[int, str]:
    run = project.run(sys.executable, "-m", "trainwheel", "wheelhouse", *arguments, **variables)
    return run.code, run.output


def test_every_environment_is_made_from_a_wheelhouse_without_a_network(
    tiny: TinyProject, tmp_path: Path
) -> None:
    folder = tmp_path / "wheels, of mine"
    code, output = wheelhouse(tiny, str(folder))
    assert code == 0, output
    assert f" in {folder}\n" in output
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert any(path.name.startswith("joblib-") for path in before)

    code, output = wheelhouse(tiny, str(folder))

    assert code == 0, output
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before

    (told,) = (line for line in output.splitlines() if line.startswith("install from there: "))
    printed = dict(word.split("=", 1) for word in shlex.split(told) if "=" in word)
    cold = {"UV_CACHE_DIR": str(tmp_path / "cache")}
    alone = Environment({**tiny.variables, **NO_NETWORK, **printed, **cold})
    locked = parse_lockfile(tiny.read("Pipfile.lock"))
    categories = ("packages", "train", "test", "package", "upload")
    for category in categories:
        needed = render_requirements(requirements(locked, category))
        assert Installer(alone).ensure(tmp_path / category, needed).exists()


def test_a_file_that_was_damaged_is_fetched_anew_and_a_stranger_is_told_of(
    tiny: TinyProject, tmp_path: Path
) -> None:
    folder = tmp_path / "wheels"
    assert wheelhouse(tiny, str(folder), "packages")[0] == 0
    (joblib,) = folder.glob("joblib-*")
    whole = joblib.read_bytes()
    joblib.write_bytes(whole[:1000])
    (folder / "other-1.0-py3-none-any.whl").touch()

    code, output = wheelhouse(tiny, str(folder), "packages")

    assert code == 0, output
    assert joblib.read_bytes() == whole
    assert "notice: other-1.0-py3-none-any.whl in " in output


@pytest.mark.parametrize("is_offline", [False, True])
def test_what_cannot_be_fetched_or_has_another_digest_is_one_line(
    tiny: TinyProject, tmp_path: Path, *, is_offline: bool
) -> None:
    project, variables = copy_of(tiny, tmp_path / "copy"), {"PIP_RETRIES": "0", **NO_NETWORK}
    lock = json.loads(project.read("Pipfile.lock"))
    if not is_offline:
        lock["default"]["joblib"]["hashes"] = ["sha256:" + "0" * 64]
    project.write("Pipfile.lock", json.dumps(lock))
    steers = {"PIP_CONFIG_FILE": "/dev/null", **variables} if is_offline else {}

    code, output = wheelhouse(project, str(tmp_path / "wheels"), "packages", **steers)

    assert code == 1
    assert output.startswith("failed: pip cannot fetch all that is locked: ")
    assert output.count("\n") == 1
    assert not list((tmp_path / "wheels").glob("joblib-*"))
