"""The rules that this repository's Jenkinsfile keeps, each of them seen to fire."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
JENKINSFILE = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PUBLISH_SECRETS = ("NEXUS_LOCAL_REPO_URL", "NEXUS_USERNAME", "NEXUS_PASSWORD")


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
    upload = code.partition("stage('upload.model')")[2]
    if "env.CHANGE_ID == null" not in upload.partition("steps {")[0]:
        yield "a change request publishes"
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
        ("env.CHANGE_ID == null &&", "", "a change request publishes"),
    ],
)
def test_a_broken_rule_of_the_jenkinsfile_is_noticed(old: str, new: str, expected: str) -> None:
    assert old in JENKINSFILE
    found = list(problems_of_jenkinsfile(JENKINSFILE.replace(old, new)))
    assert any(expected in problem for problem in found), found
