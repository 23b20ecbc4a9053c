"""What this repository's Jenkinsfile runs, and how its settings are described.

Its grammar is for npm-groovy-lint, which ``lint`` runs. For which builds it does what, and with
which credentials, is in ``integration/test_jenkins.py``, where Groovy runs it; its upload beside
planted modules is tried out in ``integration/test_ci_planted.py``.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
CODE = re.sub(r"^\s*//.*", "", TEXT, flags=re.MULTILINE)
STAGES = re.split(r"stage\('([^']+)'\)", CODE.partition("post {\n        always")[0])[1:]
SCRIPT = re.compile(r"\bsh (?:'''(.*?)'''|'([^'\n]*)')", re.DOTALL)
SETTING = re.compile(r"^    (\w+): (.+),$", re.MULTILINE)


def test_a_stage_runs_the_make_target_of_its_name() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    ran = dict(zip(STAGES[::2], map(SCRIPT.findall, STAGES[1::2]), strict=True))

    targets = [stage for stage in ran if stage not in {"check", "command", "upload.model"}]
    assert targets == ["install", "doc", "train", "test", "version.model", "prove.model",
                       "package.model"]  # fmt: skip
    assert all(ran[stage] == [("", f"make {stage}")] for stage in targets)
    assert all(re.search(rf"^{re.escape(stage)}:", makefile, re.MULTILINE) for stage in targets)
    # What publishes is made where no other target of make, and so no code of the model, can run.
    assert not any("make" in script for pair in ran["upload.model"] for script in pair)
    assert list(ran).index("command") < list(ran).index("doc")


def test_groovy_expands_nothing_into_a_command_line() -> None:
    left = re.sub(r"'''.*?'''|'[^'\n]*'", "", CODE, flags=re.DOTALL)
    assert re.findall(r"(\w+) = \"", left) == ["BUILD_NUMBER", "TRAINWHEEL_INDEX"]
    assert left.count('"') == 4


def test_each_setting_is_described_with_its_default() -> None:
    described = (ROOT / "vars" / "modelPipeline.txt").read_text(encoding="utf-8")
    settings = SETTING.findall(TEXT.partition("\n]\n")[0])

    assert len(settings) == 9
    assert re.findall(r"<dt><code>(\w+): (.+)</code></dt>", described) == settings
