"""The host around a training command, what is shown of its progress, and the cluster's check."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest

from trainwheel.engine.tools import PROGRESS
from trainwheel.errors import LockfileError, StepFailedError
from trainwheel.guest import TRAIN
from trainwheel.steps import load_chain
from trainwheel.steps.train import host_command, show_progress
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from unit.repository import make_repository, write_lock
from unit.steps.opened import Opened, configure, open_with

PLAN = Path("plan.json")
HOST = ("-P", str(TRAIN), "plan.json")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("python", "-m", "t", "-o", "M"), ("python", *HOST, "-m", "t", "-o", "M")),
        (("python3.12", "-O", "t.py"), ("python3.12", "-O", *HOST, "t.py")),
        (("python", "-Im", "t"), ("python", "-I", *HOST, "-m", "t")),
        (("python", "-c", "print()"), ("python", "-c", "print()")),
        (("python",), ("python",)),
        (("bash", "train.sh"), ("bash", "train.sh")),
    ],
)
def test_only_what_python_runs_gets_the_host(
    argv: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert host_command(argv, PLAN) == expected


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def show(stream: io.StringIO, *lines: str, times: tuple[float, ...] = (0.0,), quiet: bool) -> str:
    clock = iter((*times, *times[-1:] * 9))
    console = Console(Environment({}), stream)
    echo = show_progress(console, lambda: next(clock), is_quiet=quiet)
    for line in lines:
        echo(line)
    return stream.getvalue()


def step(label: str, done: str, total: str) -> str:
    return f"{PROGRESS}{label}\t{done}\t{total}"


@pytest.mark.parametrize(("quiet", "said"), [(False, "  loss 1\n"), (True, "")])
def test_a_line_of_training_is_shown_unless_quiet(*, quiet: bool, said: str) -> None:
    assert show(io.StringIO(), "loss 1", quiet=quiet) == said


def test_without_a_terminal_progress_comes_every_ten_seconds() -> None:
    lines = [step("rows", str(done), "9") for done in (1, 2, 3, 4)]

    # The clock is asked at the start, for each line, and once more where one is shown.
    times = (0.0, 9.9, 10.0, 10.0, 19.9, 20.0)
    assert (
        show(io.StringIO(), *lines, times=times, quiet=True) == "  rows: 2 of 9\n  rows: 4 of 9\n"
    )


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (step("rows", "3", "6"), f"[{'=' * 12}{' ' * 12}] rows 3 of 6"),
        (step("rows", "0", "6"), f"[{' ' * 24}] rows 0 of 6"),
        (step("rows", "9", "6"), f"[{'=' * 24}] rows 9 of 6"),
        (step("rows", "3", "0"), "… rows 3"),
        (step("rows", "3", ""), "… rows 3"),
        (f"{PROGRESS}rows\t3", "… rows 3"),
        (step("rows", "some", "all"), "… rows some of all"),
    ],
)
def test_a_terminal_shows_how_far_it_is(line: str, shown: str) -> None:
    assert show(Terminal(), line, quiet=False).endswith(f"train    {shown}")


DASK = 'train.engine = "dask"'


def check(tmp_path: Path, *lines: str, engine: tuple[str, ...], stale: bool = True) -> Opened:
    root = make_repository(tmp_path / "small")
    configure(root, *lines)
    write_lock(root, engine=engine)
    opened = open_with(root, is_stale=lambda _: stale)
    look = load_chain()["train"].check
    assert look is not None
    look(opened.run)
    return opened


@pytest.fixture
def closed(socket_enabled: None) -> str:
    """The address of a port of this machine at which nobody listens."""
    del socket_enabled
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


def test_a_scheduler_that_is_not_there_ends_a_run_before_it_begins(
    tmp_path: Path, closed: str
) -> None:
    with pytest.raises(StepFailedError, match=closed):
        check(tmp_path, DASK, f'train.dask.scheduler = "{closed}"', engine=("distributed",))


def test_nobody_is_asked_where_there_is_nothing_to_train(tmp_path: Path, closed: str) -> None:
    line = f'train.dask.scheduler = "{closed}"'
    check(tmp_path, DASK, line, engine=("distributed",), stale=False)


def test_local_training_asks_for_no_cluster(tmp_path: Path, closed: str) -> None:
    check(tmp_path, f'train.dask.scheduler = "{closed}"', engine=())


def test_the_configuration_is_checked_also_where_there_is_nothing_to_train(tmp_path: Path) -> None:
    with pytest.raises(LockfileError, match="cryptography"):
        check(tmp_path, DASK, engine=("distributed",), stale=False)


def test_the_engine_counts_for_what_is_trained_and_the_address_does_not(tmp_path: Path) -> None:
    keys = []
    for number, lines in enumerate((
        (),
        (DASK, 'train.dask.scheduler = "tcp://one:1"'),
        (DASK, 'train.dask.scheduler = "tcp://two:2"'),
    )):  # fmt: skip
        root = make_repository(tmp_path / str(number))
        configure(root, *lines)
        write_lock(root, engine=("distributed",))
        keys.append(load_chain()["train"].facts(open_with(root).run.workspace))

    assert keys[0] != keys[1] == keys[2]
