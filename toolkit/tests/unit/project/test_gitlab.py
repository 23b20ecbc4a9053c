"""What the jobs of GitLab's component may see, when they release anything, and what they are told.

That they work is tried out in ``integration/test_gitlab.py``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "templates" / "model.yml").read_text(encoding="utf-8")
(SPEC, JOBS) = YAML(typ="safe", pure=True).load_all(TEXT)
INPUTS: dict[str, Any] = SPEC["spec"]["inputs"]
NAMED = {re.sub(r"\$\[\[.*\]\]", "", name): job for name, job in JOBS.items()}
PUBLISH = ("NEXUS_USERNAME", "NEXUS_PASSWORD")
RELEASING = {"model-check", "model-command", "model-publish", "model-verify"}


def script(name: str) -> str:
    return "\n".join(NAMED[name].get("script", ()))


def test_only_jobs_with_the_environment_have_the_publish_secret() -> None:
    within = {name for name, job in NAMED.items() if "environment" in job}

    assert within == {"model-check", "model-publish"}
    # Checking deploys nothing.
    assert NAMED["model-check"]["environment"]["action"] == "access"
    assert "unset NEXUS_USERNAME NEXUS_PASSWORD" in script("model-build").splitlines()
    users = {name for name in NAMED if any(f"{word} " in script(name) for word in PUBLISH)}
    assert users == {"model-build", "model-publish"}


def test_a_release_is_due_for_the_same_pipelines_in_every_job_of_it() -> None:
    rules = {name: job.get("rules", []) for name, job in NAMED.items()}
    release = rules["model-publish"]

    assert {name for name, own in rules.items() if own[-4:] == release} == RELEASING
    assert [rule.get("when", "on_success") for rule in release] == ["never"] * 2 + [
        "on_success"
    ] * 2
    assert "merge_request_event" in release[1]["if"]
    assert "$CI_DEFAULT_BRANCH" in release[3]["if"]


@pytest.mark.parametrize("name", ["model-publish", "model-verify"])
def test_what_publishes_takes_what_was_handed_over_and_no_checkout(name: str) -> None:
    job = NAMED[name]
    needed = [need["job"].partition("$")[0] for need in job["needs"]]

    assert needed[:2] == ["model-build", "model-command"]
    assert job["variables"]["GIT_STRATEGY"] == "empty"
    assert "cache" not in job
    pythons = re.findall(r"(?:\"\$PYTHON\"|python) .*", script(name))
    assert pythons
    assert all(line.partition(" ")[2].startswith("-I ") for line in pythons)
    assert '--to "$TRAINWHEEL_INDEX"' in script(name)


def test_what_publishes_is_made_where_no_code_of_the_model_runs() -> None:
    assert "needs" not in NAMED["model-command"]
    assert NAMED[".model"]["needs"] == []
    makes = re.findall(r"^make (\S+)", script("model-command"), re.MULTILINE)
    assert makes == ["install"]
    assert "cache" not in NAMED["model-command"]
    assert (NAMED[".model"]["before_script"], NAMED[".model"]["after_script"]) == ([], [])


def test_an_input_stands_in_no_script_for_the_shell_would_run_what_it_says() -> None:
    own = {name: script(name) + str(job.get("after_script")) for name, job in NAMED.items()}

    assert [name for name, text in own.items() if "$[[" in text] == []


def test_results_are_kept_apart_for_branches_that_may_release() -> None:
    assert NAMED["model-build"]["cache"]["key"].endswith("-$CI_COMMIT_REF_PROTECTED")


def test_the_merge_request_shows_one_file_by_a_path_that_gitlab_links_to() -> None:
    artifacts = NAMED["model-report"]["artifacts"]

    # gitlab-org/gitlab issue 37129: no link to a path that begins with a dot.
    assert INPUTS["working-directory"]["default"] == ""
    (path,) = artifacts["paths"]
    assert path.endswith("build/train/report.html")
    assert "*" not in path
    assert [rule["if"] for rule in NAMED["model-report"]["rules"]] == [
        '$CI_PIPELINE_SOURCE == "merge_request_event"'
    ]


def test_two_includes_share_no_name() -> None:
    named = [name for name in JOBS if not name.endswith("$[[ inputs.suffix ]]")]
    assert named == []
    assert "$[[ inputs.suffix ]]" in NAMED["model-publish"]["resource_group"]
    assert "$[[ inputs.suffix ]]" in NAMED["model-build"]["cache"]["key"]


@pytest.mark.parametrize(("line", "percent"), [
    ("Coverage of the lines: 91.2%", "91.2"), ("Coverage of the lines: 100.0%", "100.0"),
    ("Coverage: 12.0%", None), ("TOTAL 12%", None),
])  # fmt: skip
def test_the_coverage_is_read_from_the_line_that_says_it(line: str, percent: str | None) -> None:
    pattern = NAMED["model-build"]["coverage"].strip("/")

    match = re.search(pattern, line)

    assert (match and match[1]) == percent
