"""Which cluster training works on: what does not fit is told before anything is started."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from trainwheel.engine.workspace import Workspace
from trainwheel.errors import TrainwheelError
from trainwheel.steps import load_chain
from trainwheel.steps.shared.cluster import Cluster, cluster_of, plan_for
from unit.repository import PYPROJECT, make_repository, open_here, write, write_lock

ENGINE = ("cryptography", "distributed")
ADDRESS = "TRAINWHEEL_DASK_SCHEDULER"


def open_with(
    root: Path,
    *lines: str,
    engine: tuple[str, ...] = ENGINE,
    variables: Mapping[str, str] | None = None,
) -> Workspace:
    make_repository(root)
    write(root, "pyproject.toml", PYPROJECT + "".join(f"{line}\n" for line in lines))
    write_lock(root, engine=engine)
    return open_here(root, variables).workspace


DASK = 'train.engine = "dask"'


def test_without_the_key_there_is_no_cluster(tmp_path: Path) -> None:
    assert cluster_of(open_with(tmp_path, engine=())) is None


def test_an_address_alone_changes_nothing_and_that_is_said(tmp_path: Path) -> None:
    make_repository(tmp_path)
    said = io.StringIO()
    run = open_here(tmp_path, {ADDRESS: "tcp://cluster:8786"}, stream=said)

    with plan_for(run, tmp_path, {}) as plan:
        assert plan is None
    assert f"{ADDRESS} is not used" in said.getvalue()


def test_without_an_address_it_is_one_of_this_machine(tmp_path: Path) -> None:
    assert cluster_of(open_with(tmp_path, DASK)) == Cluster()


def test_the_variable_wins_over_the_key(tmp_path: Path) -> None:
    lines = (DASK, 'train.dask.scheduler = "tcp://one:8786"')

    assert cluster_of(open_with(tmp_path, *lines)) == Cluster("tcp://one:8786")
    told = open_with(tmp_path, *lines, variables={ADDRESS: "tcp://two:8786"})
    assert cluster_of(told) == Cluster("tcp://two:8786")


def test_keys_are_files_from_the_root_and_variables_win(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem", "other.pem"):
        write(tmp_path, name, "")
    lines = [f'train.dask.{kind}-file = "{kind}.pem"' for kind in ("ca", "cert", "key")]
    lines += [DASK, 'train.dask.scheduler = "tls://one:8786"']
    other = str(tmp_path / "other.pem")
    variables = {"TRAINWHEEL_DASK_KEY_FILE": other}

    found = cluster_of(open_with(tmp_path, *lines, variables=variables))

    assert found == Cluster(
        "tls://one:8786",
        {
            "tls_ca_file": str(tmp_path / "ca.pem"),
            "tls_client_cert": str(tmp_path / "cert.pem"),
            "tls_client_key": other,
        },
    )


@pytest.mark.parametrize(
    ("lines", "engine", "variables", "told"),
    [
        ((), ENGINE, {ADDRESS: "cluster:8786"},
         f"configuration: {ADDRESS} = 'cluster:8786', but it takes an address such as tcp://"),
        ((), (), {}, 'configuration: tool.trainwheel.train.engine is "dask", but [engine] has'),
        ((), ("distributed",), {}, "configuration: a cluster of this machine needs keys, but"),
        (('train.dask.scheduler = "tls://one:8786"',), ENGINE, {},
         "configuration: tls://one:8786 needs keys, and neither tool.trainwheel.train.dask.ca"),
        (('train.dask.scheduler = "tls://one:8786"', 'train.dask.ca-file = "gone.pem"'), ENGINE, {},
         "configuration: tool.trainwheel.train.dask.ca-file = 'gone.pem', a file that cannot be"),
        (('train.dask.scheduler = "tls://one:8786"',), ENGINE,
         {"TRAINWHEEL_DASK_CA_FILE": "/gone.pem"},
         "configuration: TRAINWHEEL_DASK_CA_FILE = '/gone.pem', a file that cannot be read"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(
    tmp_path: Path,
    lines: tuple[str, ...],
    engine: tuple[str, ...],
    variables: dict[str, str],
    told: str,
) -> None:
    workspace = open_with(tmp_path, DASK, *lines, engine=engine, variables=variables)

    with pytest.raises(TrainwheelError) as caught:
        cluster_of(workspace)

    assert str(caught.value).startswith(told)


def test_a_command_that_is_no_python_cannot_work_there(tmp_path: Path) -> None:
    open_with(tmp_path, DASK)
    text = (tmp_path / "pyproject.toml").read_text()
    write(tmp_path, "pyproject.toml", text.replace("python -m small_training", "bash train.sh"))

    with pytest.raises(TrainwheelError, match=r'let .*train\.command begin with "python -m"'):
        cluster_of(open_here(tmp_path).workspace)


def test_only_training_needs_what_the_cluster_needs(tmp_path: Path) -> None:
    on_cluster, chain = open_with(tmp_path, DASK).config, load_chain()

    assert chain.categories("train", on_cluster) == ("packages", "train", "engine")
    assert chain.categories("evaluate", on_cluster) == ("packages", "train")
    assert chain.categories("train", open_with(tmp_path).config) == ("packages", "train")
