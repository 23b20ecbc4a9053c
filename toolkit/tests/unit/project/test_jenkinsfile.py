"""The rules that this repository's Jenkinsfile keeps, each of them seen to fire."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
JENKINSFILE = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PUBLISH_SECRETS = ("NEXUS_USERNAME", "NEXUS_PASSWORD")
CLEAN = "git clean -ffdxq -e /.trainwheel/cache"
# What publishes is made first, of what was checked out alone.
INSTALL = [
    CLEAN,
    "make install",
    ".venv/bin/trainwheel hand-over --command build/command",
    "readlink -f .venv/bin/python > build/command/python.txt",
]
UPLOAD = (
    "[ -d handed-over ] || exit 0 env/bin/python -I -m trainwheel upload --verify "
    '--name "$(cat build/command/name.txt)" handed-over/*.whl'
)
SCRIPT = re.compile(r"\bsh (?:'''(.*?)'''|'([^'\n]*)')", re.DOTALL)
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
    "'build/dist/*.whl,build/dist/*.proof.json,build/log/*.log,build/train/report.html', "
    "fingerprint: true, ",
    "what a run left stays": f"cleanup {{ script {{ if ({MAIN}) {{ sh '{CLEAN}' }} "
    "else { deleteDir() } } }",
    "a change request publishes": f"stage('upload.model') {{ when {{ expression {{ {MAIN} }} }}",
    "the upload is done in the workspace": "steps { dir(pwd(tmp: true) + '/publish') { deleteDir() "
    "unstash 'command' ",
    "what the upload was done with stays": "post { cleanup { dir(pwd(tmp: true) + '/publish') "
    "{ deleteDir() } } }",
    "the index is not named": "TRAINWHEEL_INDEX = 'nexus'",
}


def problems_of_jenkinsfile(text: str) -> Iterator[str]:
    """Yield what breaks a rule in a Jenkinsfile."""
    code = re.sub(r"//.*", "", text)
    if '"' in re.sub(r"'''.*?'''|'[^'\n]*'", "", code, flags=re.DOTALL):
        yield "a double quote lets Groovy expand what it encloses"
    stages = re.findall(r"stage\('([^']+)'\)", code)
    yield from _problems_of_stages(code, stages)
    if any(not re.search(rf"^{re.escape(stage)}:", MAKEFILE, re.MULTILINE) for stage in stages):
        yield "a stage is no make target"
    bound = _block_after(code, "]) {")
    if scripts_of(bound) != [UPLOAD]:
        yield "credentials are bound around something else than the upload"
    if re.search(r"python(?:\.txt\)\")? -m", " ".join(scripts_of(code))):
        yield "a Python imports what lies where it starts"
    listed = code.partition("withCredentials([")[2].partition("])")[0]
    outside = code.replace(listed, "")
    for name in PUBLISH_SECRETS:
        if name not in listed or name in outside:
            yield f"{name} is not bound around the upload alone"
    if "NEXUS_LOCAL_REPO_URL" in code:
        yield "the address is a credential, and the install line would be masked"
    flat = " ".join(code.split())
    yield from (problem for problem, needed in NEEDED.items() if needed not in flat)


def scripts_of(code: str) -> list[str]:
    """Return what the steps ``sh`` run, in their order, each on one line."""
    found = (script or line for script, line in SCRIPT.findall(code))
    return [" ".join(text.replace("\\\n", "").split()) for text in found]


def _problems_of_stages(code: str, stages: list[str]) -> Iterator[str]:
    bodies = re.split(r"stage\('[^']+'\)", code.partition("post {\n        always")[0])[1:]
    commands = {stage: scripts_of(body) for stage, body in zip(stages, bodies, strict=True)}
    if stages[0] != "install" or commands.pop("install", []) != INSTALL:
        yield "what publishes is made beside other code"
    uploading = commands.pop("upload.model", [])
    if any("make" in script for script in uploading):
        yield "what the workspace holds runs in the upload"
    if any(scripts != [f"make {stage}"] for stage, scripts in commands.items()):
        yield "a stage runs something else than the make target of its name"


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
        ("trainwheel upload --verify", "trainwheel upload", "credentials are bound around"),
        ("-I -m trainwheel upload", "-m trainwheel upload", "imports what lies where it starts"),
        ("-I -m venv", "-m venv", "imports what lies where it starts"),
        ("                sh 'make install'\n", "", "made beside other code"),
        ("stage('install')", "stage('doc')", "made beside other code"),
        ("sh 'make train'", "sh 'make test'", "something else than the make target"),
        ("                    unstash 'command'", "sh 'make install'", "holds runs in the upload"),
        ("deleteDir()\n                    unstash", "unstash", "is done in the workspace"),
        (
            "post {\n                cleanup",
            "post {\n  always",
            "done with stays",
        ),
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
        ("build/dist/*.whl,", "", "what is archived has no digest"),
        ("if (env.CHANGE_ID == null &&", "if (", "what a run left stays"),
        ("deleteDir()", "echo 'kept'", "what a run left stays"),
        ("clean -ffdxq -e /.trainwheel/cache", "status", "what a run left stays"),
        ("'nexus',\n", "'nexus', // \n variable: 'NEXUS_LOCAL_REPO_URL',\n", "is a credential"),
    ],
)
def test_a_broken_rule_of_the_jenkinsfile_is_noticed(old: str, new: str, expected: str) -> None:
    assert old in JENKINSFILE
    found = list(problems_of_jenkinsfile(JENKINSFILE.replace(old, new)))
    assert any(expected in problem for problem in found), found
