"""The files for Kubernetes and SLURM pass the tools that are made for them; broken ones do not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from trainwheel.install.environments import Installer
from trainwheel.system.environ import read_environment

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
TOOLS = Path(__file__).with_name("deploy")
VERSIONS = ("1.31", "1.37")
"""Of Kubernetes: the oldest that the guide allows, and the newest whose schemas there are."""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the tools, from their own list with digests."""
    needed, alone = ((TOOLS / name).read_text() for name in ("requirements.txt", "alone.txt"))
    folder = tmp_path_factory.mktemp("tools") / "env"
    return Installer(read_environment()).ensure(folder, needed, alone=alone).parents[1]


def copy(name: str, folder: Path, old: str = "", new: str = "") -> Path:
    """Copy a file, with one text in it replaced."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    assert old in text
    path = folder / name
    path.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    return path


def ask(*argv: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout


def validate(tools: Path, *paths: Path) -> tuple[int, str]:
    versions = [word for version in VERSIONS for word in ("--kubernetes-version", version)]
    return ask(tools / "bin" / "kubernetes-validate", "--strict", *versions, *paths)


def test_the_manifests_pass_the_strict_schemas_of_an_old_and_a_new_kubernetes(tools: Path) -> None:
    code, told = validate(tools, DEPLOY / "job.yaml", DEPLOY / "job-on-dask.yaml")

    # A kind without a schema would only be warned of.
    expected = ["persistentvolumeclaim", "job", "job"]
    assert code == 0, told
    assert told.count(" passed ") == len(told.splitlines()) == len(expected) * len(VERSIONS)
    for kind in expected:
        assert f"{kind}/oncology-model against version" in told


@pytest.mark.parametrize(
    ("name", "edit", "reason"),
    [
        ("job.yaml", ("backoffLimit:", "backOffLimit:"), "'backOffLimit' was unexpected"),
        ("job.yaml", ("runAsNonRoot: true", 'runAsNonRoot: "true"'), "'true' is not of type"),
        ("job.yaml", ("          operator: In\n", ""), "'operator' is a required property"),
        ("job.yaml", ("                  key: password\n", ""), "'key' is a required property"),
        ("job.yaml", ("storage: 20Gi", "storage: [20]"), "is not valid under any"),
        ("job-on-dask.yaml", ("secretName:", "secretname:"), "'secretname' was unexpected"),
    ],
)
def test_a_manifest_with_a_mistake_is_refused(
    tools: Path, tmp_path: Path, name: str, edit: tuple[str, str], reason: str
) -> None:
    code, told = validate(tools, copy(name, tmp_path, *edit))

    assert code == 1
    assert reason in told


@pytest.fixture(scope="module")
def operator_schema(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The schema of a DaskCluster, as the operator's own definition has it, but strict."""
    pattern = "lib/*/site-packages/dask_kubernetes/operator/deployment/**/crds/daskcluster.yaml"
    (definition,) = tools.glob(pattern)
    spec = YAML(typ="safe", pure=True).load(definition)["spec"]
    (version,) = spec["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"] |= {
        "apiVersion": {"const": f"{spec['group']}/{version['name']}"},
        "kind": {"const": spec["names"]["kind"]},
        "metadata": {"type": "object", "required": ["name"]},
    }
    schema["required"] += ["apiVersion", "kind", "metadata"]
    path = tmp_path_factory.mktemp("schema") / "daskcluster.json"
    path.write_text(json.dumps(make_strict(schema)), encoding="utf-8")
    return path


def make_strict(node: Any) -> Any:
    """Forbid what a schema does not name: Kubernetes drops such fields without a word."""
    if isinstance(node, list):
        return [make_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: make_strict(value) for key, value in node.items()}
    if isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def validate_cluster(schema: Path, path: Path) -> tuple[int, str]:
    tool = Path(sys.executable).with_name("check-jsonschema")
    return ask(tool, "--schemafile", schema, path)


def test_the_cluster_passes_the_schema_of_its_operator(operator_schema: Path) -> None:
    code, told = validate_cluster(operator_schema, DEPLOY / "dask-cluster.yaml")

    assert code == 0, told


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("replicas: 4", "replica: 4", "'replica' was unexpected"),
        ("replicas: 4", "replicas: four", "'four' is not of type 'integer'"),
        ("    service:\n", "    services:\n", "'service' is a required property"),
        ("image: registry", "images: registry", "'images' was unexpected"),
        ("path: /health", "paths: /health", "'paths' was unexpected"),
        (
            "kubernetes.dask.org/v1",
            "kubernetes.dask.org/v2",
            "'kubernetes.dask.org/v1' was expected",
        ),
        ("kind: DaskCluster", "kind: DaskClusters", "'DaskCluster' was expected"),
    ],
)
def test_a_cluster_with_a_mistake_is_refused(
    operator_schema: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    code, told = validate_cluster(operator_schema, copy("dask-cluster.yaml", tmp_path, old, new))

    assert code == 1
    assert reason in " ".join(told.split())


def test_the_containerfile_passes_its_linter(tools: Path) -> None:
    assert ask(tools / "bin" / "hadolint", DEPLOY / "Containerfile") == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("USER 10001:10001\nCMD", "USER root\nCMD", "DL3002"),
        ("WORKDIR /work", "WORKDIR work", "DL3000"),
        ("install -y", "install", "DL3014"),
        ("pip install --no-cache-dir", "pip install", "DL3042"),
        ("# hadolint ignore=DL3008\n", "", "DL3008"),
        ("CMD [", "CMDS [", "missing whitespace"),
        ("> /tmp/engine.txt", "> $HOME/a b", "SC2086"),
    ],
)
def test_a_containerfile_with_a_mistake_is_refused(
    tools: Path, tmp_path: Path, old: str, new: str, rule: str
) -> None:
    code, told = ask(tools / "bin" / "hadolint", copy("Containerfile", tmp_path, old, new))

    assert code == 1
    assert rule in told


def test_the_batch_script_passes_its_linter(tools: Path) -> None:
    assert ask(tools / "bin" / "shellcheck", DEPLOY / "train.sbatch") == (0, "")


def test_a_batch_script_with_a_mistake_is_refused(tools: Path, tmp_path: Path) -> None:
    script = copy("train.sbatch", tmp_path, '"$SLURM_SUBMIT_DIR"', "$SLURM_SUBMIT_DIR")

    code, told = ask(tools / "bin" / "shellcheck", script)

    assert code == 1
    assert "SC2086" in told
