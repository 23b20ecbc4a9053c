"""The rules that this repository's workflows keep, each of them seen to fire."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[4]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
MODEL = (ROOT / ".github" / "workflows" / "model.yml").read_text(encoding="utf-8")
CI = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
ATTEST = (ROOT / ".github" / "workflows" / "attest.yml").read_text(encoding="utf-8")
RELEASE = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")

PINS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "actions/cache/restore": ("55cc8345863c7cc4c66a329aec7e433d2d1c52a9", "v6.1.0"),
    "actions/cache/save": ("55cc8345863c7cc4c66a329aec7e433d2d1c52a9", "v6.1.0"),
    "actions/attest-build-provenance": ("0f67c3f4856b2e3261c31976d6725780e5e4c373", "v4.1.1"),
}
EVENTS = 'contains(fromJSON(\'["push", "schedule", "workflow_dispatch"]\'), github.event_name) }}'
FRESH = "${{ steps.fresh.outputs.folder }}"
READ_SECRETS = ("NEXUS_READ_USERNAME", "NEXUS_READ_PASSWORD")
ADDRESS = "NEXUS_LOCAL_REPO_URL"


def problems_of_workflow(text: str) -> Iterator[str]:
    """Yield what breaks a rule in a workflow."""
    document = YAML(typ="safe").load(text)
    if document.get("permissions") != {}:
        yield "permissions are granted to the whole workflow"
    for action, digest, tag in re.findall(r"uses: *([^@\s]+)@(\S+)(?: # (\S+))?", text):
        if PINS.get(action) != (digest, tag):
            yield f"{action} is not pinned as in the table"
    if f"secrets.{ADDRESS}" in text:
        yield "the address is a secret, and the install line would be masked"
    for name, job in document["jobs"].items():
        if "uses" in job:
            continue
        if "timeout-minutes" not in job:
            yield f"{name} has no time limit"
        if "permissions" not in job:
            yield f"{name} says nothing of its rights"
        for step in job["steps"]:
            yield from _problems_of_step(step, in_publish=name == "publish")
        yield from (problem for rule in RULES.get(name, ()) for problem in rule(job))


def _problems_of_step(step: dict[str, Any], *, in_publish: bool) -> Iterator[str]:
    if "checkout" in step.get("uses", "") and step["with"]["persist-credentials"] is not False:
        yield "checkout leaves its credentials behind"
    if "${{" in step.get("run", ""):
        yield f"{step['name']} expands a template in a script"
    seen = set(re.findall(r"secrets\.(\w+)", str(step)))
    if not in_publish and seen - {*READ_SECRETS}:
        yield f"{step['name']} sees a publish secret"


def _problems_of_workspace(job: dict[str, Any]) -> Iterator[str]:
    """Yield what a job takes from, or leaves in, the workspace of a runner that keeps it."""
    first, *others = job["steps"]
    if "mktemp -d" not in first.get("run", "") or first.get("id") != "fresh":
        yield "it does not begin in a fresh folder"
    for step in others:
        where = str(step.get("with", {}).get("path", step.get("working-directory")))
        if ("run" in step or "download" in step["uses"]) and not where.startswith(FRESH):
            yield f"{step['name']} is in the workspace"
        pythons = re.findall(r"\bpython3?\b (\S+)", step.get("run", ""))
        if any(option != "-I" for option in pythons):
            yield f"{step['name']} imports what lies where it starts"


def _problems_of_runner(job: dict[str, Any]) -> Iterator[str]:
    if job["runs-on"] != "${{ inputs.publish-runner || inputs.runner }}":
        yield "it runs where others run"


def _problems_of_publish(job: dict[str, Any]) -> Iterator[str]:
    used = " ".join(step.get("uses", "") for step in job["steps"])
    if "checkout" in used or "cache" in used:
        yield "publish has a checkout or a cache"
    if "environment" not in job or job["permissions"] != {}:
        yield "publish has other rights than its environment's"
    if not job["if"].endswith(EVENTS):
        yield "publish runs for any event"
    outside = {key: value for key, value in job.items() if key != "steps"}
    seeing = [step for step in job["steps"] if "secrets." in str(step)]
    if "secrets." in str(outside) or seeing != job["steps"][-1:]:
        yield "another step than the last sees the secret"
    if '--to "$INDEX"' not in seeing[-1]["run"]:
        yield "the index is not named"
    if '--name "$(cat command/name.txt)"' not in seeing[-1]["run"]:
        yield "the model is not named"


def _problems_of_command(job: dict[str, Any]) -> Iterator[str]:
    run = [step["run"].splitlines()[0] for step in job["steps"] if "run" in step]
    if run != ["make install", "digest=$(.venv/bin/trainwheel hand-over --command command)"]:
        yield "what publishes is made where other code runs"
    if "secrets." in str(job) or "cache" in str(job):
        yield "what publishes is made with a secret or a cache"
    if not job["if"].endswith(EVENTS):
        yield "what publishes is made for any event"


def _problems_of_attest(job: dict[str, Any]) -> Iterator[str]:
    if not job["if"].endswith(EVENTS):
        yield "attest runs for any event"
    if "secrets." in str(job) or "checkout" in str(job):
        yield "attest has a secret or a checkout"


RULES: dict[str, tuple[Callable[[dict[str, Any]], Iterator[str]], ...]] = {
    "publish": (_problems_of_publish, _problems_of_workspace, _problems_of_runner),
    "verify": (_problems_of_workspace,),
    "command": (_problems_of_command, _problems_of_runner),
    "attest": (_problems_of_attest, _problems_of_workspace),
}


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
            "secrets.NEXUS_READ_PASSWORD }}\n        run: make",
            "secrets.NEXUS_PASSWORD }}\n        run: make",
            "sees a publish secret",
        ),
        ("    environment: ${{ inputs.environment }}\n", "", "other rights"),
        ("    permissions: {}\n", "    permissions: {contents: read}\n", "other rights"),
        ("github.event_name) }}", "'push') }}", "publish runs for any event"),
        (
            "    environment: ${{ inputs.environment }}\n",
            "    environment: release\n    env: {A: '${{ secrets.A }}'}\n",
            "another step than the last",
        ),
        (
            "BUILT: ${{ needs",
            "A: ${{ secrets.NEXUS_READ_PASSWORD }}\n          B: ${{ needs",
            "another step",
        ),
        ("vars.NEXUS_LOCAL", "secrets.NEXUS_LOCAL", "the address is a secret"),
        ("run: make install", "run: make train", "made where other code runs"),
        (
            "run: make install",
            "env: {A: '${{ secrets.NEXUS_READ_PASSWORD }}'}\n        run: make install",
            "made with a secret",
        ),
        ('"schedule", "workflow_dispatch"]', '"pull_request"]', "made for any event"),
        ('--name "$(cat command/name.txt)" ', "", "the model is not named"),
        ('index=(--to "$INDEX"', "index=(", "the index is not named"),
        ("mktemp -d", "mkdir -p", "it does not begin in a fresh folder"),
        ("path: ${{ steps.fresh.outputs.folder }}/", "path: ", "Take the command is in the work"),
        (
            "        working-directory: ${{ steps.fresh.outputs.folder }}\n",
            "",
            "Publish is in the work",
        ),
        ("-I -m trainwheel upload", "-m trainwheel upload", "Publish imports what lies"),
        ("-I -m trainwheel verify", "-P -m trainwheel verify", "Install from the index and repeat"),
        (
            "python -I -m venv",
            "python -m venv",
            "Install the command, everything",
        ),
        ("inputs.publish-runner || inputs.runner", "inputs.runner", "it runs where others run"),
    ],
)
def test_a_broken_rule_of_a_workflow_is_noticed(old: str, new: str, expected: str) -> None:
    assert old in MODEL
    found = list(problems_of_workflow(MODEL.replace(old, new)))
    assert any(expected in problem for problem in found), found


def test_publish_takes_only_what_build_hands_over() -> None:
    jobs = YAML(typ="safe").load(MODEL)["jobs"]
    assert jobs["publish"]["needs"] == ["build", "command"]
    assert jobs["verify"]["needs"] == ["build", "command", "publish"]
    assert "needs" not in jobs["command"]
    assert jobs["build"]["env"]["TRAINWHEEL_INDEX"] == "${{ inputs.index }}"
    assert "checkout" not in str(jobs["publish"]["steps"])


@pytest.mark.parametrize("name", ["ci", "release"])
def test_every_workflow_builds_by_the_one_that_is_for_all(name: str) -> None:
    path = ROOT / ".github" / "workflows" / f"{name}.yml"
    model = YAML(typ="safe").load(path.read_text(encoding="utf-8"))["jobs"]["model"]
    assert model["uses"] == "./.github/workflows/model.yml"
    assert model["with"].get("publish", False) is (name != "ci")
    assert ("NEXUS_PASSWORD" in model["secrets"]) is (name != "ci")


def test_only_what_is_released_can_be_attested() -> None:
    texts = (CI, MODEL, RELEASE, ATTEST)
    ci, model, release, attest = (YAML(typ="safe").load(text) for text in texts)
    assert "write" not in str(ci) + str(model)
    assert list(attest["on"]) == ["workflow_call"]
    job = release["jobs"]["attest"]
    assert job["uses"] == "./.github/workflows/attest.yml"
    assert job["needs"] == "model"
    # What is published is what is attested; an outcome that is lost fails there, aloud.
    for output in ("digest", "outcome"):
        assert f"needs.model.outputs.{output} != 'unchanged'" in job["if"]
        assert output in model["on"]["workflow_call"]["outputs"]
    assert job["with"]["digest"] == "${{ needs.model.outputs.digest }}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"schedule", "workflow_dispatch"]', '"pull_request"]', "attest runs for any event"),
        (
            "    timeout-minutes",
            "    env: {A: '${{ secrets.A }}'}\n    timeout-minutes",
            "a secret",
        ),
    ],
)
def test_a_broken_rule_of_the_attestation_is_noticed(old: str, new: str, expected: str) -> None:
    assert old in ATTEST
    found = list(problems_of_workflow(ATTEST.replace(old, new)))
    assert any(expected in problem for problem in found), found


def problems_of_callers(ci: str, release: str) -> Iterator[str]:
    """Yield what breaks a rule in the workflows that call model.yml."""
    document = YAML(typ="safe").load(ci)
    for name in ("check", "model"):
        pythons = document["jobs"][name]["strategy"]["matrix"]["python-version"]
        if pythons != ["3.11", "3.12", "3.13"]:
            yield f"ci.yml runs {name} under other Pythons than are supported"
    if set(document["on"]) != {"pull_request", "push"}:
        yield "ci.yml runs for other events"
    waiting = document["concurrency"]
    if (
        waiting["group"]
        != "ci-${{ github.event_name == 'pull_request' && github.ref || github.sha }}"
    ):
        yield "a push to main takes the place of one that waits"
    if waiting["cancel-in-progress"] != "${{ github.event_name == 'pull_request' }}":
        yield "a push to main is cancelled by the next"
    released = YAML(typ="safe").load(release)
    if set(released["on"]) != {"push", "schedule", "workflow_dispatch"}:
        yield "what releases is not one workflow, whose runs are counted by themselves"
    waiting = released["concurrency"]
    if waiting["cancel-in-progress"] is not False:
        yield "a release is cancelled by the next"
    if waiting["group"] != "release-${{ github.event_name }}-${{ inputs.version || github.ref }}":
        yield "the clock takes the place of a release that waits"


def test_the_callers_keep_every_rule() -> None:
    assert list(problems_of_callers(CI, RELEASE)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('["3.11", "3.12", "3.13"]', '["3.13"]', "other Pythons"),
        ("|| github.sha", "|| github.ref", "takes the place of one that waits"),
        (" == 'pull_request' }}", " != '' }}", "is cancelled by the next"),
        ("  pull_request:\n", "  pull_request:\n  schedule: [{cron: 1 1 * * *}]\n", "other events"),
        ('  schedule:\n    - cron: "23 4 * * 1-5"\n', "", "not one workflow"),
        ("cancel-in-progress: false", "cancel-in-progress: true", "a release is cancelled"),
        ("-${{ github.event_name }}-", "-", "the clock takes the place"),
    ],
)
def test_a_broken_rule_of_a_caller_is_noticed(old: str, new: str, expected: str) -> None:
    assert old in CI + RELEASE
    edited = (text.replace(old, new) for text in (CI, RELEASE))
    found = list(problems_of_callers(*edited))
    assert any(expected in problem for problem in found), found


def problems_of_results(text: str) -> Iterator[str]:
    """Yield who could put something into a release by the kept results, or get a low number."""
    build = YAML(typ="safe").load(text)["jobs"]["build"]
    steps = {step["name"]: step for step in build["steps"]}
    if steps["Fetch the results of earlier runs"]["if"] != (
        "${{ !inputs.publish || github.ref_protected }}"
    ):
        yield "a release takes results that anyone could have kept"
    if build["env"]["MAY_KEEP_RESULTS"] != (
        "${{ github.ref_protected && github.event_name != 'pull_request' }}"
    ):
        yield "results are kept for anyone"
    if steps["Keep the results"]["if"] != "${{ env.MAY_KEEP_RESULTS == 'true' }}":
        yield "results are kept whoever made them"
    if build["env"]["BUILD_NUMBER"] != (
        "${{ inputs.build-number || (inputs.publish && github.run_number) || '' }}"
    ):
        yield "a build that publishes nothing takes a number"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", ""),
        ("!inputs.publish || ", "true || ", "a release takes results"),
        ("github.ref_protected && ", "true && ", "kept for anyone"),
        ("env.MAY_KEEP_RESULTS == 'true'", "!cancelled()", "whoever made them"),
        ("(inputs.publish && github.run_number)", "github.run_number", "takes a number"),
    ],
)
def test_results_are_kept_from_and_fetched_for_protected_refs(
    old: str, new: str, expected: str
) -> None:
    assert old in MODEL
    found = list(problems_of_results(MODEL.replace(old, new)))
    assert [problem for problem in found if expected in problem] if expected else not found
