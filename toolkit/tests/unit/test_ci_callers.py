"""The rules that this repository's CI files keep, each of them seen to fire."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
RELEASE = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
JENKINSFILE = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

PINS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
}
PUBLISH_SECRETS = ("NEXUS_LOCAL_REPO_URL", "NEXUS_USERNAME", "NEXUS_PASSWORD")


def problems_of_workflow(text: str) -> Iterator[str]:
    """Yield what breaks a rule in a workflow."""
    document = YAML(typ="safe").load(text)
    if document.get("permissions") != {}:
        yield "permissions are granted to the whole workflow"
    for action, digest, tag in re.findall(r"uses: *([^@\s]+)@(\S+)(?: # (\S+))?", text):
        if PINS.get(action) != (digest, tag):
            yield f"{action} is not pinned as in the table"
    for name, job in document["jobs"].items():
        if "timeout-minutes" not in job:
            yield f"{name} has no time limit"
        for step in job["steps"]:
            yield from _problems_of_step(step, in_publish=name == "publish")
        if name == "publish":
            yield from _problems_of_publish(job)


def _problems_of_step(step: dict[str, Any], *, in_publish: bool) -> Iterator[str]:
    if "checkout" in step.get("uses", "") and step["with"]["persist-credentials"] is not False:
        yield "checkout leaves its credentials behind"
    if "${{" in step.get("run", ""):
        yield f"{step['name']} expands a template in a script"
    if not in_publish and any(name in str(step) for name in (*PUBLISH_SECRETS, "secrets.")):
        yield f"{step['name']} sees a publish secret"


def _problems_of_publish(job: dict[str, Any]) -> Iterator[str]:
    if any("checkout" in step.get("uses", "") for step in job["steps"]):
        yield "publish has a checkout"
    if job["environment"] != "release" or job["permissions"] != {}:
        yield "publish has other rights than its environment's"
    outside = {key: value for key, value in job.items() if key != "steps"}
    seeing = [step for step in job["steps"] if "secrets." in str(step)]
    if "secrets." in str(outside) or seeing != job["steps"][-1:]:
        yield "another step than the last sees the secret"
    if "--to nexus" not in seeing[-1]["run"]:
        yield "the index is not named"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_keeps_every_rule(path: Path) -> None:
    assert list(problems_of_workflow(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("\npermissions: {}", "\npermissions: read-all", "permissions are granted"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7.0.1", "actions/checkout is not pinned"),
        ("# v7.0.1", "# v7.0.0", "is not pinned"),
        ("actions/checkout@", "someone/checkout@", "someone/checkout is not pinned"),
        ("    timeout-minutes: 30\n", "", "publish has no time limit"),
        ("persist-credentials: false", "persist-credentials: true", "leaves its credentials"),
        ("run: make package.model", "run: make ${{ inputs.version }}", "expands a template"),
        (
            "run: make package.model",
            "run: make package.model\n        env: {A: '${{ secrets.A }}'}",
            "sees a publish secret",
        ),
        ("    environment: release\n", "    environment: test\n", "other rights"),
        ("    permissions: {}\n", "    permissions: {contents: read}\n", "other rights"),
        (
            "    environment: release\n",
            "    environment: release\n    env: {A: '${{ secrets.A }}'}\n",
            "another step than the last",
        ),
        ("DIGESTS: ${{ needs", "A: ${{ secrets.A }}\n          B: ${{ needs", "another step"),
        ("upload --to nexus", "upload", "the index is not named"),
    ],
)
def test_a_broken_rule_of_a_workflow_is_noticed(old: str, new: str, expected: str) -> None:
    assert old in RELEASE
    found = list(problems_of_workflow(RELEASE.replace(old, new)))
    assert any(expected in problem for problem in found), found


def test_publish_takes_only_what_build_hands_over() -> None:
    jobs = YAML(typ="safe").load(RELEASE)["jobs"]
    assert jobs["publish"]["needs"] == "build"
    assert jobs["build"]["env"]["TRAINWHEEL_INDEX"] == "nexus"
    assert "checkout" not in str(jobs["publish"]["steps"])


def problems_of_jenkinsfile(text: str) -> Iterator[str]:
    """Yield what breaks a rule in a Jenkinsfile."""
    code = re.sub(r"//.*", "", text)
    if '"' in code:
        yield "a double quote lets Groovy expand what it encloses"
    stages = re.findall(r"stage\('([^']+)'\)", code)
    commands = re.findall(r"\bsh\b(.*)", code)
    if commands != [f" 'make {stage}'" for stage in stages]:
        yield "a stage runs something else than the make target of its name"
    if any(not re.search(rf"^{re.escape(stage)}:", MAKEFILE, re.MULTILINE) for stage in stages):
        yield "a stage is no make target"
    bound = _block_after(code, "]) {")
    if re.findall(r"sh '(.*)'", bound) != ["make upload.model"]:
        yield "credentials are bound around something else than the upload"
    listed = code.partition("withCredentials([")[2].partition("])")[0]
    outside = code.replace(listed, "")
    for name in PUBLISH_SECRETS:
        if name not in listed or name in outside:
            yield f"{name} is not bound around the upload alone"
    if not re.search(r"junit testResults: 'build/test/junit\.xml'", code):
        yield "the test results are not published"
    if "TRAINWHEEL_INDEX = 'nexus'" not in code:
        yield "the index is not named"


def _block_after(code: str, start: str) -> str:
    _, _, rest = code.partition(start)
    depth = 1
    for position, character in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return rest[:position]
    return ""


def test_the_jenkinsfile_keeps_every_rule() -> None:
    assert list(problems_of_jenkinsfile(JENKINSFILE)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("sh 'make doc'", 'sh "make doc"', "double quote"),
        ("sh 'make doc'", "sh 'make docs'", "something else than the make target"),
        ("sh 'make doc'", "sh 'echo $NEXUS_PASSWORD'", "NEXUS_PASSWORD is not bound"),
        ("'doc'", "'docs'", "no make target"),
        ("sh 'make upload.model'", "sh 'make train'", "credentials are bound around"),
        ("TRAINWHEEL_INDEX = 'nexus'", "", "the index is not named"),
        ("junit testResults", "echo testResults", "not published"),
    ],
)
def test_a_broken_rule_of_the_jenkinsfile_is_noticed(old: str, new: str, expected: str) -> None:
    assert old in JENKINSFILE
    found = list(problems_of_jenkinsfile(JENKINSFILE.replace(old, new)))
    assert any(expected in problem for problem in found), found
