"""A new model repository at work: by hand, in Jenkins' stages and in GitHub's workflows."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from integration.jobs import JenkinsJob
from integration.reader import READER, admit_reader
from integration.repositories import Repository, Service, make_repository
from integration.serving import Example
from integration.tiny import RealIndex, serve_index, versions
from trainwheel.wheel.metadata import read_member
from trainwheel.wheel.provenance import parse_provenance

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

FETCH = """\
\"\"\"Bring the rows from a warehouse, which is a file.\"\"\"

import os
import shutil
import sys
from pathlib import Path

rows = Path(os.environ.get("DATA_TOKEN") or os.environ["WAREHOUSE"])
if sys.argv[1] == "version":
    sys.stdout.write(f"{rows.stat().st_size}\\n")
else:
    shutil.copy(rows, Path(sys.argv[1], "rows.csv"))
"""
ROWS = """
import csv, sys
from a_new_model.datamodel import FEATURES
from a_new_training.data import TARGET, read_rows
table = csv.writer(sys.stdout)
table.writerow([*FEATURES, TARGET])
table.writerows([*row.values, row.target] for row in read_rows("builtin"))
"""
# What the task runner of a job sees, beside the secrets that it hands to no step.
PROBE = """
import json, os, pathlib
if "SEEN" in os.environ:
    pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(dict(os.environ)))
"""


def release_by_hand(repository: Repository) -> None:
    """Type what the README tells, where nothing is configured."""
    published = repository.run("make", "upload.model")
    assert published.code == 0, published.output
    assert "golden predictions" in published.line("verify ")
    checked = repository.run("make", "check")
    assert checked.code == 0, checked.output
    assert "clean" in checked.line("lint ")
    assert versions(repository.root / ".trainwheel" / "index") == ["0.1.0"]
    status = repository.run("git", "status", "--porcelain")
    assert status.output == ""


def serve(repository: Repository, example: Example, name: str) -> Path:
    """Let its model answer requests by the reference model's service, and return its wheel."""
    (wheel,) = (repository.root / ".trainwheel/index").rglob("*.whl")
    package = wheel.name.partition("-")[0]
    tested = example.test(repository.root.parent / "service", wheel, package, name)
    assert tested.code == 0, tested.output
    return wheel


def read_from_a_warehouse(repository: Repository, rows: Path) -> None:
    """Let the model be trained on rows from outside the repository."""
    told = repository.run(sys.executable, "-B", "-c", ROWS, PYTHONPATH="model")
    assert told.code == 0, told.output
    rows.write_text(told.output)
    (repository.root / "fetch.py").write_text(FETCH)
    fetch = '"python fetch.py {folder}"\ndata.version-command = "python fetch.py version"'
    told_how = f'{{report}}"\nsecrets.data = ["DATA_TOKEN"]\ndata.command = {fetch}\n'
    repository.edit("pyproject.toml", '{report}"\n', told_how)
    repository.edit("pyproject.toml", "-d builtin", "-d build/data/rows.csv")


def release_by_jenkins(
    repository: Repository, index: RealIndex, address: str, groovy: str
) -> JenkinsJob:
    """Run the steps of the Jenkinsfile in their order, each with the credentials around it."""
    repository.edit("Jenkinsfile", "readCredentials: ''", "readCredentials: 'models-read'")
    opening = "[string(credentialsId: 'warehouse', variable: 'WAREHOUSE')]"
    repository.edit("Jenkinsfile", "trainCredentials: []", f"trainCredentials: {opening}")
    build = {"BUILD_NUMBER": "3", "JENKINS_URL": "http://127.0.0.1/"}
    build |= {"BRANCH_NAME": "master", "BRANCH_IS_PRIMARY": "true"}
    credentials: dict[str, tuple[str, ...]] = {
        "models": (index.username, index.password),
        "models-read": READER,
    }
    agent = {**repository.variables, "MODELS_URL": address}
    # Nothing but the credential says where the data is.
    credentials["warehouse"] = (agent.pop("WAREHOUSE"),)
    job = JenkinsJob(
        groovy, repository.root, agent, credentials, repository.root.parent / "stashes", build
    )
    assert [done.code for _, done in job.run("install")] == [0, 0]
    mistaken = replace(
        job, credentials={**credentials, "models": (index.username, "An-Old-Secret")}
    )
    (checked,) = (done for _, done in mistaken.run("check"))
    assert "publish to models" in checked.error("failed")
    for _, done in job.run():
        assert done.code == 0, done.output
        assert not any(each in done.output for each in (index.password, READER[1]))
    logs = (repository.root / "build" / "log").iterdir()
    assert not [log for log in logs if index.password in log.read_text(encoding="utf-8")]
    assert index.published() == ["0.1.3"]
    return job


def clean_by_jenkins(repository: Repository, job: JenkinsJob) -> None:
    """Leave nothing in the workspace but what the next build can use."""
    cleaned = job.clean()
    assert cleaned is not None
    assert cleaned.code == 0
    left = repository.run("git", "status", "--porcelain", "--ignored").output
    assert left == "!! .trainwheel/\n"
    assert [path.name for path in (repository.root / ".trainwheel").iterdir()] == ["cache"]


def service_of(repository: Repository, index: RealIndex, address: str, rows: Path) -> Service:
    """Return a service that knows the index, with a user for each of its secrets."""
    folder = rows.parent / "kept"
    secrets = {"MODELS_USERNAME": index.username, "MODELS_PASSWORD": index.password}
    secrets |= dict(zip(("MODELS_READ_USERNAME", "MODELS_READ_PASSWORD"), READER, strict=True))
    # The workflow hands the secret of the data on, and nothing else tells where the rows are.
    secrets |= {"DATA_TOKEN": str(rows)}
    kept = {name: value for name, value in repository.variables.items() if name != "WAREHOUSE"}
    repository, told = replace(repository, variables=kept), {"SEEN": str(rows.parent / "seen.json")}
    # act knows no protected branches.
    repository.edit(".github/workflows/model.yml", "github.ref_protected", "true")
    noxfile = repository.root / "noxfile.py"
    noxfile.write_text(noxfile.read_text() + PROBE)
    repository.commit()
    return Service(repository, folder, secrets, {"MODELS_URL": address}, told)


def release_by_github(service: Service, index: RealIndex) -> None:
    """Push a tag when the data has moved, and have what is published attested."""
    attesting = replace(service, variables={**service.variables, "ATTEST": "true"})
    released = attesting.run("push", "release.yml", 7)
    assert released.code == 0, released.output
    assert index.published() == ["0.1.3", "0.2.0"]
    assert re.search(r"verify .*repeats \d+ golden predictions", released.output)
    assert f"pip install '{service.variables['MODELS_URL']}" in released.output
    assert "Gate: **passed**" in released.output
    seen = Path(service.environment["SEEN"]).read_text()
    assert READER[1] in seen
    assert index.password not in seen
    kept = service.kept(7)
    (wheel,) = (kept / "handed-over-py3.13").glob("*.whl")
    assert wheel.read_bytes() == (index.folder / wheel.name).read_bytes()
    assert (kept / "attested").read_text().endswith(f"/handed-over/{wheel.name}\n")
    report = kept / "report-py3.13"
    for name in ("train/report.html", "train/metrics.md", "doc/index.html", "log/package.log"):
        assert (report / name).is_file(), name
    for name in ("junit.xml", "coverage.xml"):
        assert (report / "test" / name).is_file(), name


def ask_by_pull_request(service: Service, index: RealIndex) -> None:
    """Send a pull request that would like to publish, with all that it may name."""
    repository = service.repository
    listed = "".join(f"      {name}: ${{{{ secrets.{name} }}}}\n" for name in service.secrets)
    ci = repository.root / ".github" / "workflows" / "ci.yml"
    head, _, _ = ci.read_text(encoding="utf-8").partition("    secrets:\n")
    evil = "with:\n      publish: true\n      version: 9.9.9\n"
    head = head.replace("with:\n      python-version", f"{evil}      python-version")
    ci.write_text(f"{head}    secrets:\n{listed}", encoding="utf-8")
    repository.commit()

    asked = service.run("pull_request", "ci.yml", 8, "--job", "model", "--matrix",
                        "python-version:3.13")  # fmt: skip

    assert asked.code != 0, asked.output
    assert "publishes nothing for the event pull_request:" in asked.line("::error::")
    assert list(service.kept(8).iterdir()) == []
    assert index.published() == ["0.1.3", "0.2.0"]


def assert_nothing_secret_was_kept(service: Service) -> None:
    """Search the logs, which are not masked, and all that was handed over or kept."""
    secrets = [service.secrets[name] for name in ("MODELS_PASSWORD", "MODELS_READ_PASSWORD")]
    files = [path for path in service.folder.rglob("*") if path.is_file()]
    assert {"7.log", "8.log", "junit.xml", "name.txt"} <= {path.name for path in files}
    texts = ((path, path.read_bytes()) for path in files)
    held = [path for path, text in texts if any(secret.encode() in text for secret in secrets)]
    assert held == []


# The longest of all: a worker that begins with it is given few others as long.
@pytest.mark.timeout(2700)
@pytest.mark.slow
def test_a_new_classifier_is_released_by_hand_by_jenkins_and_by_github(
    tmp_path: Path, groovy: str, example: Example
) -> None:
    words = ("--index-url-env", "MODELS_URL", "--ci", "github,jenkins")
    repository = make_repository(tmp_path, "a new model", *words)
    rows = tmp_path / "rows.csv"
    read_from_a_warehouse(repository, rows)
    repository = replace(repository, variables={**repository.variables, "WAREHOUSE": str(rows)})
    with (
        serve_index(tmp_path / "models", protect_reads=True) as index,
        admit_reader(index) as address,
    ):
        job = release_by_jenkins(repository, index, address, groovy)
        release_by_hand(repository)
        serve(repository, example, "Classifier")
        clean_by_jenkins(repository, job)
        rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:-5]))
        service = service_of(repository, index, address, rows)
        release_by_github(service, index)
        ask_by_pull_request(service, index)
        assert_nothing_secret_was_kept(service)


@pytest.mark.bench
@pytest.mark.parametrize("services", ["github", "jenkins", "github,jenkins", "none"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_choice_is_released_by_hand(
    tmp_path: Path, example: Example, task: str, services: str
) -> None:
    words = ("--task", task, "--ci", services)
    repository = make_repository(tmp_path, "new", *words)

    release_by_hand(repository)

    wheel = serve(repository, example, {"regression": "Regressor"}.get(task, "Classifier"))
    own = parse_provenance(read_member(wheel, "trainwheel/provenance.json"))
    data = {"classification": "load_wine", "regression": "load_diabetes"}[task]
    assert list(own.training.data) == [f"sklearn.datasets.{data}"]
    assert own.intervals.keys() == own.metrics.keys() - {"train_rows", "holdout_rows"}
    page = (repository.root / "build/train/report.html").read_text(encoding="utf-8")
    loss = {"classification": "log loss", "regression": "squared error"}[task]
    assert f"By how much the {loss} rises" in page
