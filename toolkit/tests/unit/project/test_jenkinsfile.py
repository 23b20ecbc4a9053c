"""What this repository's Jenkinsfile runs, and where its password can be seen.

Its grammar is for npm-groovy-lint, which ``lint`` runs; its upload beside planted modules is tried
out in ``integration/test_ci_planted.py``.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[4]
CODE = re.sub(r"//.*", "", (ROOT / "Jenkinsfile").read_text(encoding="utf-8"))
FLAT = " ".join(CODE.split())
STAGES = re.split(r"stage\('([^']+)'\)", CODE.partition("post {\n        always")[0])[1:]
SCRIPT = re.compile(r"\bsh (?:'''(.*?)'''|'([^'\n]*)')", re.DOTALL)
CLEAN = "git clean -ffdxq -e /.trainwheel/cache"
UPLOAD = (
    "[ -d handed-over ] || exit 0 env/bin/python -I -m trainwheel upload --verify "
    '--name "$(cat build/command/name.txt)" handed-over/*.whl'
)
MAIN = "env.CHANGE_ID == null && env.BRANCH_NAME in [null, 'main']"


def scripts_of(code: str) -> list[str]:
    """Return what the steps ``sh`` run, in their order, each on one line."""
    scripts = (script or line for script, line in SCRIPT.findall(code))
    return [" ".join(text.replace("\\\n", "").split()) for text in scripts]


def test_a_stage_runs_the_make_target_of_its_name() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    ran = dict(zip(STAGES[::2], map(scripts_of, STAGES[1::2]), strict=True))

    # What publishes is made first, of what was checked out alone.
    assert ran.pop("install") == [
        CLEAN,
        "make install",
        ".venv/bin/trainwheel hand-over --command build/command",
        "readlink -f .venv/bin/python > build/command/python.txt",
    ]
    assert STAGES[0] == "install"
    assert not any("make" in script for script in ran.pop("upload.model"))
    assert ran == {stage: [f"make {stage}"] for stage in ran}
    assert all(re.search(rf"^{re.escape(stage)}:", makefile, re.MULTILINE) for stage in ran)


def test_groovy_expands_nothing_into_a_command_line() -> None:
    assert '"' not in re.sub(r"'''.*?'''|'[^'\n]*'", "", CODE, flags=re.DOTALL)


def test_the_upload_alone_sees_the_password() -> None:
    before, bound = CODE.split("withCredentials([")
    names, _, body = bound.partition("]) {")

    assert scripts_of(body)[0] == UPLOAD
    assert scripts_of(body)[1:] == [CLEAN], "the rest is the cleaning up"
    assert {"NEXUS_USERNAME", "NEXUS_PASSWORD"} == set(re.findall(r"NEXUS_\w+", names))
    # As a credential the address would be masked in the line that says how to install.
    assert not re.search(r"NEXUS_", before + body)


def test_main_alone_publishes_by_the_clock_and_one_run_at_a_time() -> None:
    for stage in ("install", "upload.model"):
        assert f"stage('{stage}') {{ when {{ expression {{ {MAIN} }} }}" in FLAT
    assert "cron(env.BRANCH_NAME in [null, 'main'] ? 'H 4 * * 1-5' : '')" in FLAT
    assert "disableConcurrentBuilds() timeout(time: 2, unit: 'HOURS') }" in FLAT
    assert "TRAINWHEEL_INDEX = 'nexus'" in FLAT


def test_a_run_leaves_no_code_to_a_later_one() -> None:
    main = f"if ({MAIN}) {{ sh '{CLEAN}' }} else {{ deleteDir() }}"
    assert f"cleanup {{ script {{ {main} }} }}" in FLAT
    publish = "dir(pwd(tmp: true) + '/publish') { deleteDir()"
    assert f"steps {{ {publish} unstash 'command' " in FLAT
    assert f"post {{ cleanup {{ {publish} }} }}" in FLAT
