"""The bill of materials of a real wheel is read by tools of others, as the manual says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.pylock import Pylock

from integration.environments import install_tool
from integration.once import once_for
from integration.tiny import TinyProject
from trainwheel.install.environments import find_uv, python_of
from trainwheel.requirements.pylock import pylock_path
from trainwheel.wheel.proof import read_promise, read_proof
from trainwheel.wheel.sbom import bill_path

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MANUAL = Path(__file__).parents[2] / "docs/reference/files.md"
AUDITOR = "pip-audit==2.10.1"


@pytest.fixture(scope="module")
def auditor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pip-audit's program."""
    return install_tool(once_for(tmp_path_factory), "pip-audit", AUDITOR).parent


class _Advisories(BaseHTTPRequestHandler):
    """Answers as the database OSV does: of joblib there is a vulnerability, of all others none."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        affected = {"package": asked["package"], "versions": [asked["version"]], "ranges": []}
        advisory = {"id": "TEST-1", "summary": "made up", "affected": [affected]}
        answer = {"vulns": [advisory]} if asked["package"]["name"] == "joblib" else {}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def advisories() -> Iterator[str]:
    """The address of a database of vulnerabilities."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Advisories) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def test_a_bill_is_what_was_proved_and_others_read_it(
    published_learner: TinyProject, auditor: Path, advisories: str, tmp_path: Path
) -> None:
    wheel = published_learner.wheel
    text = bill_path(wheel).read_text(encoding="utf-8")
    bill = json.loads(text)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    (name,) = (name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".cdx.json"))
    assert zipfile.ZipFile(wheel).read(name).decode() == text
    assert read_promise(wheel).requirements == read_proof(wheel).requirements
    parts = {one["name"]: one for one in bill["components"]}
    installed = _installed(published_learner)
    assert {name for name, one in parts.items() if one.get("scope") == "required"} == {*installed}
    assert {name: parts[name]["version"] for name in installed} == installed
    _check_graph(Bom.from_json(bill))  # type: ignore[attr-defined] # a decorator adds it
    _check_hashes(parts, wheel)
    (card,) = (one["modelCard"] for one in parts.values() if "modelCard" in one)
    assert card["modelParameters"]["task"] == "classification"
    assert any(
        "confidenceInterval" in m for m in card["quantitativeAnalysis"]["performanceMetrics"]
    )

    audited = _audit(bill_path(wheel), auditor, advisories, tmp_path)

    assert {row["name"]: row["version"] for row in audited} == installed
    assert [row["name"] for row in audited if row["vulns"]] == ["joblib"]


def _installed(project: TinyProject) -> dict[str, str]:
    """Return name → version of what is installed for the proof, as uv lists it."""
    python = python_of(project.envdir / "packages")
    argv = (find_uv(), "pip", "list", "--python", str(python), "--format", "json")
    rows = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    return {row["name"]: row["version"] for row in rows}


def _check_graph(bom: Any) -> None:
    edges = {
        one.ref.value.partition("==")[0]: {d.ref.value.partition("==")[0] for d in one.dependencies}
        for one in bom.dependencies
    }
    assert edges["tiny-model"] == {"joblib", "tiny_model/artefact/model.joblib"}
    assert (edges["joblib"], edges["cloudpickle"]) == ({"cloudpickle"}, set())


def _check_hashes(parts: dict[str, Any], wheel: Path) -> None:
    """Check that the digest of each package is that of its wheel in the lock beside ours."""
    lock = Pylock.from_dict(tomllib.loads(pylock_path(wheel).read_text(encoding="utf-8")))
    names = ("cloudpickle", "joblib")
    files = {one.name: one.wheels or () for one in lock.packages if one.name in names}
    assert {name: file.hashes["sha256"] for name, (file,) in files.items()} == {
        name: parts[name]["hashes"][0]["content"] for name in names
    }


def _audit(bill: Path, home: Path, advisories: str, folder: Path) -> list[dict[str, Any]]:
    """Run the commands of the manual on a bill, with a database of our own."""
    page = MANUAL.read_text(encoding="utf-8").partition("## The bill of materials")[2]
    (commands,) = re.findall(r"```sh\n(.*?)```", page.partition("\n## ")[0], re.DOTALL)
    commands = commands.replace("NAME-1.2.3.cdx.json", str(bill))
    commands = commands.replace("pip-audit ", f"pip-audit -s osv --osv-url {advisories} -f json ")
    path = f"{home}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ("sh", "-ec", commands), cwd=folder, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Found 1 known vulnerability in 1 package" in done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    return rows
