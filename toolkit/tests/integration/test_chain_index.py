"""The chain against an index of its own: what it publishes with is kept secret."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from integration.tiny import RealIndex, TinyProject

pytestmark = pytest.mark.integration

TRAINING = "model/tiny_training/__main__.py"
SECRET = "an0ther-Token"


@pytest.mark.slow
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
