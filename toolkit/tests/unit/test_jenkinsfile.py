"""The rules that this repository's Jenkinsfile keeps, each of them seen to fire."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
JENKINSFILE = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PUBLISH_SECRETS = ("NEXUS_USERNAME", "NEXUS_PASSWORD")
CLEAN = "git clean -ffdxq -e /.trainwheel/cache"
MAIN = "env.CHANGE_ID == null && env.BRANCH_NAME in [null, 'main']"
# What breaks a rule → what has to stand in the code, blanks aside.
NEEDED = {
    "a run has no time limit": "disableConcurrentBuilds() timeout(time: 2, unit: 'HOURS') }",
    "an upload has no time limit": "} options { timeout(time: 30, unit: 'MINUTES') } steps {",
    "two runs publish at once": "disableConcurrentBuilds()",
    "the clock starts branches": "cron(env.BRANCH_NAME in [null, 'main'] ? 'H 4 * * 1-5' : '')",
    "the test results are not published": "always { junit testResults: 'build/test/junit.xml', ",
    "the report is not published": "publishHTML([ reportName: 'Model', reportDir: 'build', "
    "reportFiles: 'train/report.html,doc/index.html,test/coverage/index.html', ",
    "what is archived has no digest": "archiveArtifacts artifacts: "
    "'build/dist/*,build/log/*,build/train/report.html', fingerprint: true, ",
    "what a run left stays": f"cleanup {{ script {{ if ({MAIN}) {{ sh '{CLEAN}' }} "
    "else { deleteDir() } } }",
    "a change request publishes": f"stage('upload.model') {{ when {{ expression {{ {MAIN} }} }}",
    "the index is not named": "TRAINWHEEL_INDEX = 'nexus'",
}


def problems_of_jenkinsfile(text: str) -> Iterator[str]:
    """Yield what breaks a rule in a Jenkinsfile."""
    code = re.sub(r"//.*", "", text)
    if '"' in code:
        yield "a double quote lets Groovy expand what it encloses"
    stages = re.findall(r"stage\('([^']+)'\)", code)
    commands = re.findall(r"\bsh\b(.*)", code)
    if commands != [*(f" 'make {stage}'" for stage in stages), f" '{CLEAN}'"]:
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
    if "NEXUS_LOCAL_REPO_URL" in code:
        yield "the address is a credential, and the install line would be masked"
    flat = " ".join(code.split())
    yield from (problem for problem, needed in NEEDED.items() if needed not in flat)


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
        ("junit testResults", "echo testResults", "the test results are not published"),
        ("expression { env.CHANGE_ID == null &&", "expression {", "a change request publishes"),
        ("timeout(time: 2, unit: 'HOURS')", "", "a run has no time limit"),
        ("timeout(time: 30, unit: 'MINUTES')", "", "an upload has no time limit"),
        ("disableConcurrentBuilds()", "", "two runs publish at once"),
        ("in [null, 'main'] ? 'H 4", "in [null] ? 'H 4", "the clock starts branches"),
        ("cron(", "pollSCM(", "the clock starts branches"),
        ("train/report.html,doc", "doc", "the report is not published"),
        ("publishHTML(", "echo(", "the report is not published"),
        ("fingerprint: true", "fingerprint: false", "what is archived has no digest"),
        ("build/dist/*,", "", "what is archived has no digest"),
        ("if (env.CHANGE_ID == null &&", "if (", "what a run left stays"),
        ("deleteDir()", "echo 'kept'", "what a run left stays"),
        ("clean -ffdxq -e /.trainwheel/cache", "status", "something else than the make target"),
        ("'nexus',\n", "'nexus', // \n variable: 'NEXUS_LOCAL_REPO_URL',\n", "is a credential"),
    ],
)
def test_a_broken_rule_of_the_jenkinsfile_is_noticed(old: str, new: str, expected: str) -> None:
    assert old in JENKINSFILE
    found = list(problems_of_jenkinsfile(JENKINSFILE.replace(old, new)))
    assert any(expected in problem for problem in found), found
