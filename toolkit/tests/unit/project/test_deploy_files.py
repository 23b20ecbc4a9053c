"""The files for Kubernetes fit each other; ``lint`` holds them to the schemas and the linters."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

DOCS = Path(__file__).parents[3] / "docs"
JOB, PATCH, CLUSTER = (
    list(YAML(typ="safe", pure=True).load_all(DOCS / "deploy" / name))[-1]
    for name in ("job.yaml", "job-on-dask.yaml", "dask-cluster.yaml")
)


def test_the_patch_fits_the_job_and_the_cluster() -> None:
    assert PATCH["metadata"] == JOB["metadata"]
    (changed,), (trained,) = (
        each["spec"]["template"]["spec"]["containers"] for each in (PATCH, JOB)
    )
    assert changed["name"] == trained["name"]
    variables = {each["name"]: each["value"] for each in changed["env"]}
    service = CLUSTER["spec"]["scheduler"]["service"]
    address = f"tls://{CLUSTER['metadata']['name']}-scheduler:{service['ports'][0]['port']}"
    assert variables["TRAINWHEEL_DASK_SCHEDULER"] == address
    (worker,) = CLUSTER["spec"]["worker"]["spec"]["containers"]
    assert {"name": "DASK_SCHEDULER_ADDRESS", "value": address} in worker["env"]
    assert service["selector"]["dask.org/cluster-name"] == CLUSTER["metadata"]["name"]


def test_the_job_is_over_later_than_the_training() -> None:
    assert JOB["spec"]["activeDeadlineSeconds"] > 24 * 3600


def test_the_guide_gives_every_file() -> None:
    guide = (DOCS / "how-to" / "kubernetes-slurm.md").read_text(encoding="utf-8")
    names = {path.name for path in (DOCS / "deploy").iterdir() if path.is_file()}

    assert {name for name in names if f"<../deploy/{name}>`" not in guide} == set()
