"""What builds of Jenkins do: the code of the pipeline, run by Groovy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from integration.jobs import plan_builds, run_groovy
from integration.tiny import ROOT
from unit.project.test_ci_privacy import PRIVATE, SHOWN_BY_JENKINS, fill

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PUBLISH = ("nexus", "NEXUS_USERNAME", "NEXUS_PASSWORD")
READ = ("nexus-read", "NEXUS_READ_USERNAME", "NEXUS_READ_PASSWORD")
DATA = ("sales", "SALES_TOKEN")
KEY = ("dask-key", "TRAINWHEEL_DASK_KEY_FILE")
CLEAN = "git clean -ffdxq -e /.trainwheel/cache"
PRIMARY = {"BRANCH_NAME": "trunk-of-ours", "BRANCH_IS_PRIMARY": "true"}
NAMED = "branch: 'master'"
GIVEN = """readCredentials: 'nexus-read', trainCredentials: [
    string(credentialsId: 'sales', variable: 'SALES_TOKEN'),
    file(credentialsId: 'dask-key', variable: 'TRAINWHEEL_DASK_KEY_FILE')]"""


def scripts(plan: Mapping[str, Any]) -> list[tuple[str, str, list[tuple[str, ...]]]]:
    """Return stage, script and credentials of each ``sh`` before the end."""
    return [
        (step["stage"], " ".join(step["given"].split()), [names_of(one) for one in step["bound"]])
        for step in plan["steps"]
        if step["step"] == "sh" and not step["section"]
    ]


def names_of(binding: Mapping[str, Any]) -> tuple[str, ...]:
    given = binding["given"]
    return tuple(given.values()) if isinstance(given, dict) else (given,)


def said(plan: Mapping[str, Any], step: str) -> list[str]:
    return [one["given"] for one in plan["steps"] if one["step"] == step]


BUILDS: dict[str, tuple[str, Mapping[str, str]]] = {
    "a job of one branch": ("", {}),
    "the primary branch": ("", PRIMARY),
    "a primary branch called master": ("", {"BRANCH_NAME": "master", "BRANCH_IS_PRIMARY": "true"}),
    "named, where the branch source calls none primary": (NAMED, {"BRANCH_NAME": "master"}),
    "a branch": ("", {"BRANCH_NAME": "feature"}),
    "a tag": ("", {"BRANCH_NAME": "v1.2.0", "TAG_NAME": "v1.2.0"}),
    "a change request": ("", {**PRIMARY, "BRANCH_NAME": "PR-7", "CHANGE_ID": "7"}),
    "a change request of a named branch": (NAMED, {"BRANCH_NAME": "master", "CHANGE_ID": "7"}),
    "not the branch that was named": (NAMED, {"BRANCH_NAME": "main"}),
    "primary, and another one was named": (NAMED, PRIMARY),
    "none is called primary": ("", {"BRANCH_NAME": "master"}),
    "another one is primary": ("", {"BRANCH_NAME": "main", "BRANCH_IS_PRIMARY": "false"}),
    "with every credential": (GIVEN, PRIMARY),
    "with another index": ("index: 'my-models', credentials: 'team'", {}),
    "a wrong name": ("indexes: 'nexus'", {}),
    "a name in small letters": ("readcredentials: 'x', index: 'nexus'", {}),
}
Plan = dict[str, Any]


@pytest.fixture(scope="module")
def plans(groovy: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    """What a Jenkinsfile of a call does for each of the builds, and the long one for some."""
    folder = tmp_path_factory.mktemp("calls")
    files = [folder / str(number) for number in range(len(BUILDS))]
    for file, (given, _) in zip(files, BUILDS.values(), strict=True):
        file.write_text(f"@Library('trainwheel') _\n\nmodelPipeline({given})\n")
    builds = [{"BUILD_NUMBER": "7", **build} for _, build in BUILDS.values()]
    own = {
        name: (ROOT / "Jenkinsfile", build)
        for (name, (given, _)), build in zip(BUILDS.items(), builds, strict=True)
        if not given
    }
    done = plan_builds(groovy, [*zip(files, builds, strict=True), *own.values()])
    return dict(zip([*BUILDS, *(f"{name}: Jenkinsfile" for name in own)], done, strict=True))


@pytest.mark.parametrize("name", list(BUILDS)[:12])
def test_the_primary_branch_publishes_and_every_other_build_says_that_it_does_not(
    plans: Mapping[str, Plan], name: str
) -> None:
    plan, publishes = plans[name], name in list(BUILDS)[:4]

    stages = {stage for stage, _, _ in scripts(plan)}
    assert ({"command", "upload.model"} <= stages) is publishes
    assert (PUBLISH in {names for _, _, bound in scripts(plan) for names in bound}) is publishes
    assert plan["triggers"]["given"] == ("H 4 * * 1-5" if publishes else "")
    # Each branch has a count of its own, and a lower number than what is published is refused.
    number = "7" if publishes else " "
    index = {"CI": "true", "TRAINWHEEL_INDEX": "nexus"}
    assert plan["environment"] == {**index, "BUILD_NUMBER": number}
    says = "" if publishes else f"Publishes nothing: {BUILDS[name][1].get('BRANCH_NAME')} is "
    assert (plan["description"] or "").startswith(says)
    assert said(plan, "echo") == ([] if publishes else [plan["description"]])


def test_a_branch_that_looks_like_the_primary_one_is_not_green(plans: Mapping[str, Plan]) -> None:
    unstable = {name for name, plan in plans.items() if said(plan, "unstable")}
    names = {"none is called primary", "another one is primary"}
    assert unstable == names | {f"{name}: Jenkinsfile" for name in names}


def test_each_step_has_the_credentials_that_it_needs_and_no_more(plans: Mapping[str, Plan]) -> None:
    ran = scripts(plans["with every credential"])

    trains = [DATA, KEY, READ]
    assert {stage: names for stage, _, names in ran if stage != "upload.model"} == {
        "install": [], "check": [*trains, PUBLISH], "command": [], "doc": [], "train": trains,
        "test": trains, "version.model": trains, "prove.model": trains,
        "package.model": trains,
    }  # fmt: skip
    *others, publishes, verifies = (one[1:] for one in ran if one[0] == "upload.model")
    assert all(names == [] for _, names in others)
    assert ("-m trainwheel upload" in publishes[0], publishes[1]) == (True, [PUBLISH])
    assert ("-m trainwheel verify" in verifies[0], verifies[1]) == (True, [READ])


def test_without_a_credential_to_read_that_to_publish_verifies(
    plans: Mapping[str, Plan],
) -> None:
    plan = plans["with another index"]

    publish = ("team", "MY_MODELS_USERNAME", "MY_MODELS_PASSWORD")
    bound = [(stage, names) for stage, _, names in scripts(plan) if names]
    assert bound == [("check", [publish]), *[("upload.model", [publish])] * 2]
    assert plan["environment"]["TRAINWHEEL_INDEX"] == "my-models"


@pytest.mark.parametrize(("name", "cleaning", "around"), [
    ("the primary branch", CLEAN, PUBLISH),
    ("a branch", "git clean -ffdxq", ("TRAINWHEEL_INDEX=embedded",)),
])  # fmt: skip
def test_the_credentials_and_the_machine_are_checked_before_anything_is_trained(
    plans: Mapping[str, Plan], name: str, cleaning: str, around: tuple[str, ...]
) -> None:
    assert scripts(plans[name])[:3] == [
        ("install", cleaning, []),
        ("install", "make install", []),
        ("check", ".venv/bin/python -I -m trainwheel doctor --ci", [around]),
    ]


def test_a_call_of_the_library_does_what_the_jenkinsfile_does(plans: Mapping[str, Plan]) -> None:
    own = {name.partition(": J")[0]: plan for name, plan in plans.items() if ": J" in name}

    assert len(own) == 8
    for name, plan in own.items():
        # One is indented more.
        texts = (json.dumps(each).replace("\\n", " ").split() for each in (plan, plans[name]))
        assert next(texts) == next(texts), name


@pytest.mark.parametrize("name", ["a wrong name", "a name in small letters"])
def test_a_setting_that_does_not_exist_is_named_in_one_line(
    plans: Mapping[str, Plan], name: str
) -> None:
    setting = BUILDS[name][0].partition(":")[0]

    assert plans[name]["steps"] == []
    error = plans[name]["error"]
    assert error.startswith(f"modelPipeline does not know {setting}: it knows agent, index, ")
    assert "\n" not in error


@pytest.mark.parametrize(("name", "ends"), [
    ("the primary branch", [("deleteDir", "@tmp/publish", None), ("sh", "", CLEAN)]),
    ("a branch", [("deleteDir", "", None)]),
])  # fmt: skip
def test_what_a_build_leaves_is_removed_but_for_the_results_of_what_publishes(
    plans: Mapping[str, Plan], name: str, ends: list[tuple[str, str, Any]]
) -> None:
    steps = (step for step in plans[name]["steps"] if step["section"] == "cleanup")
    assert [(step["step"], step["folder"], step["given"]) for step in steps] == ends


ANT = """args.toList().collate(2).each { folder, patterns -> new groovy.ant.AntBuilder()
    .fileScanner { fileset(dir: folder, includes: patterns) }.iterator().each { println it } }"""
TAKES = {"publishHTML": "includes", "archiveArtifacts": "artifacts", "junit": "testResults"}


def test_ant_takes_the_report_and_no_row_of_the_data(
    plans: Mapping[str, Plan], groovy: str, tmp_path: Path
) -> None:
    fill(tmp_path)
    plan = plans["the primary branch: Jenkinsfile"]
    steps = [step for step in plan["steps"] if step["step"] in TAKES]
    words = []
    for step in steps:
        given = step["given"]
        words += [str(tmp_path / given.get("reportDir", ".")), given[TAKES[step["step"]]]]

    lines = run_groovy(groovy, "-e", ANT, *words).splitlines()

    taken = {str(Path(line).relative_to(tmp_path)) for line in lines}
    assert taken & PRIVATE == set()
    assert taken >= SHOWN_BY_JENKINS | {"build/log/train.log", "build/test/junit.xml"}
