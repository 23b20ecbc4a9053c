"""What the jobs of this repository's workflows may see, and when they release anything.

Whether a workflow is well-formed, pinned by digest, limited in its rights and free of templates in
scripts is for check-jsonschema, zizmor and actionlint, which ``lint`` runs. That nothing which an
earlier job left is imported beside a password is tried out in ``integration/test_ci_planted.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

FOLDER = Path(__file__).parents[4] / ".github" / "workflows"
WORKFLOWS = {path.stem: YAML(typ="safe").load(path) for path in FOLDER.glob("*.yml")}
MODEL = WORKFLOWS["model"]["jobs"]
CALL = WORKFLOWS["model"]["on"]["workflow_call"]
EVENTS = (
    'contains( fromJSON(\'["push", "schedule", "workflow_dispatch", "release",'
    ' "repository_dispatch"]\'), github.event_name) }}'
)

READ, PUBLISH = ({f"NEXUS_{kind}USERNAME", f"NEXUS_{kind}PASSWORD"} for kind in ("READ_", ""))
DATA = {*(f"DATA_{name}" for name in ("USERNAME", "PASSWORD", "TOKEN")), "AWS_ACCESS_KEY_ID"}
DATA |= {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
DASK = {"DASK_CA", "DASK_CERT", "DASK_KEY"}
SEEN = {
    "ci: model": READ | DATA | DASK,
    "release: model": READ | PUBLISH | DATA | DASK,
    "model: check: Write the keys of the Dask cluster": DASK,
    "model: check: Look for what a later job would fail for": READ | PUBLISH,
    "model: build: Write the keys of the Dask cluster": DASK,
    "model: build: Document, train, test, version and package": READ | DATA,
    "model: publish: Publish": PUBLISH,
    "model: verify: Install from the index and repeat the predictions": READ,
}
"""Workflow, job and step → the secrets that it sees: no other one sees any."""


def secrets_of(node: object) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", str(node)))


def places(workflow: str, job: str, node: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Yield each step of a job, and the rest of the job, with the secrets in it."""
    yield f"{workflow}: {job}", secrets_of({**node, "steps": ()})
    for step in node.get("steps", ()):
        yield f"{workflow}: {job}: {step['name']}", secrets_of(step)


def test_a_step_sees_the_secrets_that_it_needs_and_no_other_does() -> None:
    seen = {
        place: secrets
        for workflow, document in WORKFLOWS.items()
        for job, node in document["jobs"].items()
        for place, secrets in places(workflow, job, node)
        if secrets
    }

    assert seen == SEEN
    assert all(secrets_of(document.get("env")) == set() for document in WORKFLOWS.values())
    assert set(CALL["secrets"]) == READ | PUBLISH | DATA | DASK


def test_what_publishes_takes_what_was_handed_over_and_no_code_of_the_model() -> None:
    publish = MODEL["publish"]

    assert publish["needs"] == ["build", "command"]
    assert MODEL["build"]["env"]["TRAINWHEEL_INDEX"] == "${{ inputs.index }}"
    assert MODEL["verify"]["needs"] == ["build", "command", "publish"]
    assert not re.search("checkout|cache", str(publish["steps"]))
    assert publish["permissions"] == {}
    assert publish["environment"] == "${{ inputs.environment }}"
    # Without them the upload would take both from a pyproject.toml that lies there.
    script = publish["steps"][-1]["run"]
    assert '--to "$INDEX"' in script
    assert '--name "$(cat command/name.txt)"' in script


def test_what_publishes_is_made_where_no_code_of_the_model_runs() -> None:
    command = MODEL["command"]
    scripts = [step["run"].splitlines()[0] for step in command["steps"] if "run" in step]

    assert scripts == ["make install", "digest=$(.venv/bin/trainwheel hand-over --command command)"]
    assert "needs" not in command
    assert "cache" not in str(command)
    assert command["runs-on"] == MODEL["publish"]["runs-on"]


def test_the_credentials_are_tried_before_and_where_no_code_of_the_model_runs() -> None:
    check = MODEL["check"]
    scripts = [step["run"] for step in check["steps"] if "run" in step]

    assert MODEL["build"]["needs"] == "check"
    assert scripts[0] == "make install"
    assert scripts[-1] == '.venv/bin/trainwheel doctor --ci --to "$INDEX"'
    assert not re.search("cache|artifact", str(check["steps"]))
    for key in ("runs-on", "environment"):
        assert check[key] == MODEL["publish"][key]


@pytest.mark.parametrize("job", [
    MODEL["check"], MODEL["command"], MODEL["publish"], WORKFLOWS["attest"]["jobs"]["attest"],
])  # fmt: skip
def test_no_pull_request_releases_anything(job: dict[str, Any]) -> None:
    condition = " ".join(job["if"].split())

    assert condition.endswith(EVENTS)
    assert " || " not in condition
    # What the others serve, the job that trains does not refuse.
    refusal = MODEL["build"]["steps"][0]
    assert " ".join(refusal["if"].split()).endswith(f"&& !{EVENTS}")


@pytest.mark.parametrize(("job", "needed"), [
    ("build", ["check"]), ("publish", ["build", "command"]), ("verify", ["publish"]),
])  # fmt: skip
def test_a_job_after_one_that_may_be_skipped_says_what_it_needs(
    job: str, needed: list[str]
) -> None:
    # Without a function of the status, GitHub skips all jobs behind one that was skipped, green:
    # actions/runner#2205.
    condition = MODEL[job]["if"]

    assert condition.startswith("${{ !cancelled() && ")
    assert all(f"needs.{name}.result" in condition for name in needed)


def test_nothing_that_an_earlier_job_left_is_shown_as_of_this_one() -> None:
    # A step that runs after a failure may run before the checkout has emptied the workspace.
    after = [step["if"] for step in MODEL["build"]["steps"] if "cancelled" in step.get("if", "")]

    assert after == ["${{ !cancelled() && steps.checkout.outcome == 'success' }}"] * 2


def test_two_calls_in_one_run_share_no_artifact_and_no_results() -> None:
    steps = [step for job in MODEL.values() for step in job["steps"]]
    steps += WORKFLOWS["attest"]["jobs"]["attest"]["steps"]
    places = [step["with"] for step in steps if re.search("artifact|cache", step.get("uses", ""))]
    ends = "py${{ inputs.python-version }}${{ inputs.artifact-suffix }}"

    assert len(places) == 10
    for place in places:
        assert place.get("key", place.get("name")).partition("/")[0].endswith(ends)
        # With the slash, which no suffix has, none begins with the name of another.
        assert place.get("restore-keys", f"{ends}/").endswith(f"{ends}/")


def test_what_is_published_and_nothing_else_can_be_attested() -> None:
    release, attest = WORKFLOWS["release"]["jobs"]["attest"], WORKFLOWS["attest"]

    rights = [job.get("permissions") for name in ("ci", "model")
              for job in WORKFLOWS[name]["jobs"].values()]  # fmt: skip
    assert all(right in ({}, {"contents": "read"}) for right in rights)
    assert list(attest["on"]) == ["workflow_call"]
    assert "checkout" not in str(attest)
    assert release["uses"] == "./.github/workflows/attest.yml"
    assert release["needs"] == "model"
    # An outcome that is lost on its way fails there, aloud.
    for output in ("digest", "outcome"):
        assert f"&& needs.model.outputs.{output} != 'unchanged'" in " ".join(release["if"].split())
        assert output in WORKFLOWS["model"]["on"]["workflow_call"]["outputs"]
    assert release["with"]["digest"] == "${{ needs.model.outputs.digest }}"


def test_a_push_to_main_and_a_release_are_never_replaced_by_the_next() -> None:
    # A group holds one run that waits, and a newer one takes its place.
    assert WORKFLOWS["ci"]["concurrency"] == {
        "group": "ci-${{ github.event_name == 'pull_request' && github.ref || github.sha }}",
        "cancel-in-progress": "${{ github.event_name == 'pull_request' }}",
    }
    assert WORKFLOWS["release"]["concurrency"] == {
        "group": "release-${{ github.event_name }}-${{ inputs.version || github.ref }}",
        "cancel-in-progress": False,
    }


def test_one_workflow_releases_for_its_runs_are_counted_by_themselves() -> None:
    assert "publish" not in WORKFLOWS["ci"]["jobs"]["model"]["with"]
    assert set(WORKFLOWS["ci"]["on"]) == {"pull_request", "push"}
    assert set(WORKFLOWS["release"]["on"]) == {"push", "schedule", "workflow_dispatch"}
    assert MODEL["build"]["env"]["BUILD_NUMBER"] == (
        "${{ inputs.build-number || (inputs.publish && github.run_number) || '' }}"
    )


def test_results_are_kept_from_and_fetched_for_protected_refs() -> None:
    steps = {step["name"]: step for step in MODEL["build"]["steps"]}

    fetched = steps["Fetch the results of earlier runs"]["if"]
    assert fetched == "${{ !inputs.publish || github.ref_protected }}"
    assert steps["Keep the results"]["if"] == "${{ env.MAY_KEEP_RESULTS == 'true' }}"
    assert MODEL["build"]["env"]["MAY_KEEP_RESULTS"] == (
        "${{ github.ref_protected && github.event_name != 'pull_request' }}"
    )


@pytest.mark.parametrize("kind", ["inputs", "secrets"])
def test_the_manual_lists_what_a_caller_can_give(kind: str) -> None:
    page = (FOLDER.parents[1] / "toolkit" / "docs" / "how-to" / "ci.md").read_text("utf-8")
    # The first of them; the other is of GitLab.
    table, *_ = re.findall(rf"^\| {kind[:-1]} \|.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    firsts = (row.split("|")[1] for row in table.splitlines())

    assert {name for first in firsts for name in re.findall(r"`(.+?)`", first)} == set(CALL[kind])
