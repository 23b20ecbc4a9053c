"""The rules that the files for Kubernetes and SLURM keep, each of them seen to fire."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

TOOLKIT = Path(__file__).parents[3]
DEPLOY = TOOLKIT / "docs" / "deploy"
GUIDE = (TOOLKIT / "docs" / "how-to" / "kubernetes-slurm.md").read_text(encoding="utf-8")
TOOLS = TOOLKIT / "tests" / "integration"
FILES = {path.name: path.read_text(encoding="utf-8") for path in DEPLOY.iterdir() if path.is_file()}
WHOLE_MANIFESTS = ("job.yaml", "dask-cluster.yaml")

SECRET = re.compile(r"NEXUS_|PASSWORD|TOKEN|CREDENTIAL|SECRET", re.IGNORECASE)
FROM_SECRET = """\
valueFrom:
                secretKeyRef:
                  name: nexus
                  key: password
"""
CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def load(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe", pure=True).load_all(text))


def pods_of(node: Any) -> Iterator[dict[str, Any]]:
    """Yield everything in a manifest that lists containers."""
    if isinstance(node, dict):
        if "containers" in node:
            yield node
        for value in node.values():
            yield from pods_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from pods_of(value)


def problems_of_manifest(text: str) -> Iterator[str]:
    """Yield what breaks a rule in a manifest."""
    documents = load(text)
    for document in documents:
        if document["kind"] == "Secret":
            yield "a Secret stands in a file"
    for pod in (pod for document in documents for pod in pods_of(document)):
        user = pod.get("securityContext", {})
        if user.get("runAsNonRoot") is not True or not user.get("runAsUser"):
            yield "a pod may run as root"
        if user.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield "a pod has no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False:
            yield "a pod is given a token of the cluster"
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            yield from _problems_of_container(container)


def _problems_of_container(container: dict[str, Any]) -> Iterator[str]:
    name = container["name"]
    if container.get("securityContext") != CONTAINER:
        yield f"{name} is not restricted"
    if not container["image"].startswith("registry.example.com/"):
        yield f"{name} has an image of a real registry"
    if "memory" not in container.get("resources", {}).get("limits", {}):
        yield f"{name} may take all memory"
    for variable in container.get("env", ()):
        if SECRET.search(variable["name"]) and "secretKeyRef" not in variable.get("valueFrom", {}):
            yield f"{variable['name']} is given in the open"


def problems_of_containerfile(text: str) -> Iterator[str]:
    """Yield what breaks a rule in a Containerfile."""
    instructions = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    user: dict[str, str] = {}
    stage = ""
    for word, rest in re.findall(r"^(\w+) +(.*)$", instructions, re.MULTILINE):
        if word == "FROM":
            image, _, stage = rest.partition(" AS ")
            if image != "${BASE}" and image not in user:
                yield f"{image} is another base"
            user[stage] = user.get(image, "root")
        elif word == "USER":
            user[stage] = rest
        elif word in {"ARG", "ENV"} and SECRET.search(rest):
            yield f"{word} {rest} would stay in the image"
        elif word == "ADD":
            yield "ADD fetches and unpacks"
    for stage, name in user.items():
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", name):
            yield f"{stage} runs as {name}"


@pytest.mark.parametrize("name", WHOLE_MANIFESTS)
def test_the_manifests_keep_the_rules(name: str) -> None:
    assert list(problems_of_manifest(FILES[name])) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        (
            "job.yaml",
            FROM_SECRET,
            "value: hunter2\n",
            "NEXUS_PASSWORD is given in the open",
        ),
        ("job.yaml", "kind: PersistentVolumeClaim", "kind: Secret", "a Secret stands in a file"),
        ("job.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "a pod may run as root"),
        ("job.yaml", "runAsUser: 10001", "runAsUser: 0", "a pod may run as root"),
        ("job.yaml", "RuntimeDefault", "Unconfined", "a pod has no seccomp profile"),
        ("job.yaml", "drop: [ALL]", "drop: [NET_RAW]", "lay-out is not restricted"),
        ("job.yaml", "TRAINWHEEL_INDEX", "NEXUS_URL", "NEXUS_URL is given in the open"),
        ("job.yaml", "registry.example.com", "ghcr.io", "lay-out has an image of a real registry"),
        ("dask-cluster.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "a pod may run as root"),
        (
            "dask-cluster.yaml",
            "automountServiceAccountToken: false",
            "automountServiceAccountToken: true",
            "a pod is given a token of the cluster",
        ),
        (
            "dask-cluster.yaml",
            "readOnlyRootFilesystem: true",
            "readOnlyRootFilesystem: false",
            "worker is not restricted",
        ),
        (
            "dask-cluster.yaml",
            "            limits:\n              memory: 4Gi\n",
            "",
            "scheduler may take all memory",
        ),
    ],
)
def test_a_manifest_that_breaks_a_rule_is_told(name: str, old: str, new: str, problem: str) -> None:
    assert old in FILES[name]

    assert problem in list(problems_of_manifest(FILES[name].replace(old, new, 1)))


def test_the_containerfile_keeps_the_rules() -> None:
    assert list(problems_of_containerfile(FILES["Containerfile"])) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("USER 10001:10001\nCMD", "CMD", "workers runs as root"),
        ("USER 10001:10001\nCMD", "USER 0:0\nCMD", "workers runs as 0:0"),
        ("USER 10001:10001\n# pip", "# pip", "trainer runs as root"),
        ("FROM repository AS", "FROM python:latest AS", "python:latest is another base"),
        ("CMD [", "ENV NEXUS_PASSWORD=x\nCMD [", "ENV NEXUS_PASSWORD=x would stay in the image"),
        ("CMD [", "ADD https://example.com/x /x\nCMD [", "ADD fetches and unpacks"),
    ],
)
def test_a_containerfile_that_breaks_a_rule_is_told(old: str, new: str, problem: str) -> None:
    text = FILES["Containerfile"]
    assert old in text

    assert problem in list(problems_of_containerfile(text.replace(old, new, 1)))


def test_the_patch_fits_the_job_and_the_cluster() -> None:
    (patch,) = load(FILES["job-on-dask.yaml"])
    job = load(FILES["job.yaml"])[-1]
    (cluster,) = load(FILES["dask-cluster.yaml"])

    assert patch["metadata"] == job["metadata"]
    (changed,), (trained,) = (next(pods_of(each))["containers"] for each in (patch, job))
    assert changed["name"] == trained["name"]
    variables = {each["name"]: each["value"] for each in changed["env"]}
    (port, _) = cluster["spec"]["scheduler"]["service"]["ports"]
    address = f"tls://{cluster['metadata']['name']}-scheduler:{port['port']}"
    assert variables["TRAINWHEEL_DASK_SCHEDULER"] == address
    (worker,) = cluster["spec"]["worker"]["spec"]["containers"]
    assert {"name": "DASK_SCHEDULER_ADDRESS", "value": address} in worker["env"]
    selector = cluster["spec"]["scheduler"]["service"]["selector"]
    assert selector["dask.org/cluster-name"] == cluster["metadata"]["name"]


def test_the_job_is_over_by_itself_and_later_than_the_training() -> None:
    spec = load(FILES["job.yaml"])[-1]["spec"]

    assert spec["activeDeadlineSeconds"] > 24 * 3600
    assert spec["ttlSecondsAfterFinished"] > 0
    assert spec["backoffLimit"] < 6


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_guide_gives_every_file(name: str) -> None:
    assert f"<../deploy/{name}>`" in GUIDE


def test_tools_of_single_tests_are_given_a_reason_and_no_address() -> None:
    page = (TOOLKIT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    section = page.partition("## Installed by single tests")[2].partition("\n## ")[0]
    terms = re.findall(r"^([a-z0-9, -]+)\n: ", section, re.MULTILINE)
    described = {name for term in terms for name in term.split(", ")}
    asked = set(json.loads((TOOLS / "axe" / "package.json").read_text())["dependencies"])
    for path in (TOOLS / "deploy").glob("*.in"):
        wanted = re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE).split()
        locked = path.with_suffix(".txt").read_text()
        pinned = {
            canonicalize_name(Requirement(line.rstrip(" \\")).name)
            for line in re.findall(r"^[a-z].*$", locked, re.MULTILINE)
        }
        assert set(wanted) <= pinned
        assert locked.count("--hash=sha256:") >= len(pinned)
        assert "://" not in locked
        asked |= set(wanted)

    assert described == asked
