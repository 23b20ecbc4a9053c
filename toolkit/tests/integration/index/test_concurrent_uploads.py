"""Many processes publish one version at once: one content wins, and each is told the truth."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.index.servers import BOUND, make_wheel
from integration.tiny import RealIndex, serve_index
from trainwheel.errors import VersionTakenError
from trainwheel.system.digest import digest_file

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PUBLISH = """
import io, os, sys
from pathlib import Path
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.secrets import Secret
from trainwheel.errors import TrainwheelError
from trainwheel.index.target import Target
from trainwheel.index.upload import publish

url, wheel = sys.argv[1:]
credentials = Secret(os.environ["NEXUS_USERNAME"]), Secret(os.environ["NEXUS_PASSWORD"])
target = Target("team", url, f"{url}simple/", None, *credentials)
environment = read_environment()
sys.stdin.readline()  # all begin at once
try:
    is_sent = publish(
        target, Path(wheel), python=Path(sys.executable), environment=environment,
        console=Console(environment), log=None,
    )
except TrainwheelError as error:
    print(error)
    sys.exit(error.exit_code)
print("sent" if is_sent else "present")
"""
RUNS, CONTENTS = 12, 3


@pytest.fixture
def index(tmp_path: Path) -> Iterator[RealIndex]:
    """A pypiserver that replaces no file."""
    (tmp_path / "files").mkdir()
    with serve_index(tmp_path / "files") as running:
        yield running


def start(index: RealIndex, wheel: Path) -> subprocess.Popen[str]:
    pipe, modules = subprocess.PIPE, os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        (sys.executable, "-c", PUBLISH, index.url, str(wheel)),
        stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, **index.variables, "PYTHONPATH": modules},
    )  # fmt: skip


def test_one_content_wins_and_the_others_are_told(index: RealIndex, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / str(n), content=f"x = {n}\n") for n in range(CONTENTS)]
    runs = [(wheels[n % CONTENTS], start(index, wheels[n % CONTENTS])) for n in range(RUNS)]
    try:
        for _, run in runs:
            assert run.stdin is not None
            run.stdin.write("now\n")
            run.stdin.flush()
        ended = [(wheel, run.communicate(timeout=4 * BOUND)[0], run) for wheel, run in runs]
    finally:
        for _, run in runs:
            run.kill()
            run.wait()

    (published,) = index.folder.glob("*.whl")
    winner = digest_file(published)
    assert winner in map(digest_file, wheels)
    for wheel, output, run in ended:
        if digest_file(wheel) == winner:
            assert run.returncode == 0, output
            assert output.split()[-1] in {"sent", "present"}
        else:
            assert run.returncode == VersionTakenError.exit_code, output
            assert "index team holds other content as demo_model-1.0" in output
        assert index.password not in output
    assert any(output.split()[-1] == "sent" for _, output, _ in ended)
