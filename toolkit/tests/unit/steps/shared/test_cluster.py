"""Which cluster training works on, and what is refused before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from trainwheel.errors import TrainwheelError
from trainwheel.steps import load_chain
from trainwheel.steps.shared.cluster import Cluster, cluster_of, plan_for
from unit.repository import open_here, write, write_lock
from unit.steps.session import configure, open_with

ENGINE = ("cryptography", "distributed")
ADDRESS = "TRAINWHEEL_DASK_SCHEDULER"
DASK, ONE = 'train.engine = "dask"', 'train.dask.scheduler = "tcp://one:8786"'
TLS = 'train.dask.scheduler = "tls://one:8786"'


def cluster(
    root: Path,
    *lines: str,
    engine: tuple[str, ...] = ENGINE,
    variables: Mapping[str, str] | None = None,
) -> Cluster | None:
    configure(root, *lines)
    write_lock(root, engine=engine)
    return cluster_of(open_here(root, variables).workspace)


def test_the_engine_decides_and_a_variable_wins_over_the_key(root: Path) -> None:
    assert cluster(root, ONE, engine=()) is None
    assert cluster(root, DASK) == Cluster()
    assert cluster(root, DASK, ONE) == Cluster("tcp://one:8786")
    two = {ADDRESS: "tcp://two:8786"}
    assert cluster(root, DASK, ONE, variables=two) == Cluster("tcp://two:8786")


def test_an_address_without_the_engine_is_noticed(root: Path) -> None:
    session = open_with(root, variables={ADDRESS: "tcp://cluster:8786"})

    with plan_for(session.run, root, {}) as plan:
        assert plan is None
    assert f"{ADDRESS} is not used" in session.output


def test_keys_are_files_from_the_root_and_variables_win(root: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem", "other.pem"):
        write(root, name, "")
    lines = [f'train.dask.{kind}-file = "{kind}.pem"' for kind in ("ca", "cert", "key")]
    other = str(root / "other.pem")

    variables = {"TRAINWHEEL_DASK_KEY_FILE": other}
    result = cluster(root, DASK, TLS, *lines, variables=variables)

    keys = {
        "tls_ca_file": str(root / "ca.pem"),
        "tls_client_cert": str(root / "cert.pem"),
        "tls_client_key": other,
    }
    assert result == Cluster("tls://one:8786", keys)


@pytest.mark.parametrize(
    ("line", "engine", "variables"),
    [
        ("", ENGINE, {ADDRESS: "cluster:8786"}),
        ("", (), {}),
        ("", ("distributed",), {}),
        (TLS, ENGINE, {}),
        (f'{TLS}\ntrain.dask.ca-file = "missing.pem"', ENGINE, {}),
        (TLS, ENGINE, {"TRAINWHEEL_DASK_CA_FILE": "/missing.pem"}),
    ],
    ids=["no address", "no packages", "no cryptography", "no keys", "no file", "no file, variable"],
)
def test_a_cluster_that_cannot_be_used_is_refused_in_one_line(
    root: Path, line: str, engine: tuple[str, ...], variables: dict[str, str],
    sentence: Callable[[object], None],
) -> None:  # fmt: skip
    with pytest.raises(TrainwheelError) as caught:
        cluster(root, DASK, line, engine=engine, variables=variables)

    sentence(caught.value)


def test_a_command_that_is_not_python_cannot_run_there(root: Path) -> None:
    cluster(root, DASK)
    text = (root / "pyproject.toml").read_text()
    write(root, "pyproject.toml", text.replace("python -m small_training", "bash train.sh"))

    with pytest.raises(TrainwheelError, match=r'let .*train\.command begin with "python -m"'):
        cluster_of(open_here(root).workspace)


def test_only_training_needs_the_packages_of_the_cluster(root: Path) -> None:
    chain, local = load_chain(), open_here(root).workspace.config
    configure(root, DASK)
    on_cluster = open_here(root).workspace.config

    assert chain.categories("train", on_cluster) == ("packages", "train", "engine")
    assert chain.categories("evaluate", on_cluster) == ("packages", "train")
    assert chain.categories("train", local) == ("packages", "train")
