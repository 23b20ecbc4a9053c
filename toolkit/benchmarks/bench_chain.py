"""From a fresh clone to a published model, beside the classic chain; writes docs/benchmarks.md.

The last test writes the page, and then says whether the figures hold their bars. It needs the
others: ``nox -f toolkit/noxfile.py -s bench -- benchmarks/bench_chain.py``.
"""

from __future__ import annotations

import datetime as dt
import io
import shutil
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import pytest
from benchmarks import growth
from benchmarks.chains import Chain, Taken, classic, ours
from benchmarks.checkouts import git, remove_all, snapshot
from benchmarks.downloads import INTERFACES, forget, make_pipenv, received, size_of_pictures
from benchmarks.page import ChainFigures, Growth, JobsFigures, bars, bars_of_jobs, render
from benchmarks.timing import ROUNDS, Entrant, Times, check, machine, race

from integration.tiny import ROOT, serve_index
from trainwheel.engine.graph import Graph, Limits
from trainwheel.requirements.lockfile import parse_lockfile
from trainwheel.steps import load_chain
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(7200)]

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
CLASSIC = Path(__file__).parent / "peers" / "classic"
SESSIONS = ("data", "train", "report", "test", "package", "upload")
GROWTHS = ("steps", "tests", "data", "artefact")
IDLE_RUNS = 3
"""Of the short commands in each round, for one of them says little."""
EMPTY_RUNS = 50
"""Of steps that do nothing."""
FREE = 20 << 30


@dataclass
class Findings:
    """What the tests of this module leave for the page."""

    figures: ChainFigures | None = None
    jobs: JobsFigures | None = None
    growths: dict[str, Growth] = field(default_factory=dict)


@pytest.fixture(scope="module")
def findings() -> Findings:
    """Filled by one test after the other."""
    return Findings()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is removed at once, for what stands there is large."""
    if not INTERFACES.exists():
        pytest.skip("needs Linux's /proc to count what is downloaded")
    if (free := shutil.disk_usage(tmp_path).free) < FREE:
        pytest.skip(f"{free >> 30} GiB are free on the disk, this needs {FREE >> 30}")
    large = tmp_path / "large"
    large.mkdir()
    yield large
    remove_all([large])


def test_fresh_stale_and_idle_beside_the_classic_chain(folder: Path, findings: Findings) -> None:
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    pipenv = make_pipenv(folder / "pipenv", lock)
    theirs, own = (snapshot(tree, folder / name) for tree, name in ((CLASSIC, "c"), (ROOT, "o")))
    (folder / "nexus").mkdir()
    with serve_index(folder / "nexus") as index:
        peer = classic(theirs, folder / "classic", pipenv, index)
        chain = ours(own, folder / "ours")
        first = {each.name: run_fresh(each, downloads=True)[2] for each in (peer, chain)}
        again: dict[str, list[int]] = defaultdict(list)
        times: dict[str, list[Taken]] = defaultdict(list)
        for _ in range(ROUNDS):
            remove_all((peer.aside, chain.aside))
            for name, taken in measure_round(peer, chain, again):
                times[name].append(taken)
    measured = {name: Times.of(runs) for name, runs in times.items()}
    findings.figures = ChainFigures(
        **measured,
        bytes_first=(first[peer.name], first[chain.name]),
        bytes_again=tuple(round(statistics.median(again[each.name])) for each in (peer, chain)),
        picture_bytes=size_of_pictures(lock, folder / "report", chain.variables),
    )
    idle = race([nox(chain, "-l"), *(nox(chain, "-s", session) for session in SESSIONS)])
    findings.growths["steps"] = growth.with_steps(*idle.values(), sessions=SESSIONS)


def test_steps_beside_each_other(folder: Path, findings: Findings) -> None:
    chain = ours(snapshot(ROOT, folder / "o"), folder / "ours")
    run_fresh(chain, downloads=True)
    times: dict[str, list[Taken]] = defaultdict(list)
    for _ in range(ROUNDS):
        remove_all([chain.aside])
        for name, jobs in (("two", 2), ("four", 4), ("two_again", 2)):
            chain.make_stale()
            times[name].append(nox(chain, *by_jobs(jobs)).run())
        for _ in range(IDLE_RUNS):
            for name, jobs in (("idle_one", 1), ("idle_two", 2)):
                times[name].append(nox(chain, *by_jobs(jobs)).run())
    measured = {name: Times.of(runs) for name, runs in times.items()}
    findings.jobs = JobsFigures(**measured, graph=median_ms(run_graph), loop=median_ms(run_loop))


def test_growth_with_the_tests(folder: Path, findings: Findings) -> None:
    findings.growths["tests"] = growth.with_tests(folder)


def test_growth_with_the_data(folder: Path, findings: Findings) -> None:
    findings.growths["data"] = growth.with_data(folder)


def test_growth_with_the_artefact(folder: Path, findings: Findings) -> None:
    findings.growths["artefact"] = growth.with_artefact(folder)


def test_the_page_is_written_and_the_bars_hold(findings: Findings) -> None:
    figures = findings.figures
    missing = [name for name in GROWTHS if name not in findings.growths]
    jobs = findings.jobs
    assert figures is not None, "the chains were not measured"
    assert jobs is not None, "steps beside each other were not measured"
    assert not missing, f"not measured: {missing}"
    page = render(taken_on(), figures, jobs, [findings.growths[name] for name in GROWTHS])
    PAGE.write_text(page, encoding="utf-8")
    print(f"\n{page}")
    check(*bars(figures).values(), *bars_of_jobs(jobs).values())


def run_fresh(chain: Chain, *, downloads: bool = False) -> tuple[Taken, Taken, int]:
    """Install and publish from a fresh clone; return what both take, and how many bytes came in.

    Args:
        chain: The chain.
        downloads: Empty its caches of downloads too.
    """
    chain.clone()
    forget(chain.cache, chain.aside, downloads=downloads)
    before = received()
    return chain.run_install(), chain.upload(), received() - before


def measure_round(
    peer: Chain, chain: Chain, again: dict[str, list[int]]
) -> Iterator[tuple[str, Taken]]:
    """Yield what each command of one round takes, both chains in turn.

    Args:
        peer: The classic chain.
        chain: Ours.
        again: Takes the bytes that came in although the caches had them, by the chain's name.
    """
    for prefix, each in (("classic_", peer), ("", chain)):
        install, upload, size = run_fresh(each)
        again[each.name].append(size)
        yield f"{prefix}install", install
        yield f"{prefix}upload", upload
    yield "again", chain.upload()
    for prefix, each in (("classic_", peer), ("", chain)):
        yield f"{prefix}edited", each.upload_edited()
    for prefix, each in (("classic_", peer), ("", chain)):
        each.make_stale()
        yield f"{prefix}stale", each.upload()
    yield "again", chain.upload()
    for _ in range(IDLE_RUNS):
        yield "once_more", chain.upload()
        yield "listing", nox(chain, "-l").run()


def nox(chain: Chain, *words: str) -> Entrant:
    """Return a command of the Nox in our chain's clone; idle, it leaves the artefact alone."""
    python = chain.site / ".venv" / "bin" / "python"
    command = chain.command(str(python), "-P", "-m", "nox", *words)
    artefact = chain.site / "model" / "oncology_model" / "artefact" / "model.joblib"
    return replace(command, name=" ".join(("nox", *words)), product=artefact)


def by_jobs(jobs: int) -> tuple[str, ...]:
    """Return Nox's arguments for a release by so many jobs."""
    return "-s", "upload", "--", "--jobs", str(jobs)


def run_graph() -> None:
    """Run the chain by the engine's graph, all but its data; no step has any work."""
    chain, console = load_chain(), Console(Environment(), io.StringIO())
    names = [link.name for link in chain.links if link.name != "data"]
    Graph(chain, names, Limits(2, "train"), console, work=do_nothing).run(names)


def run_loop() -> None:
    """Go through the same steps one after the other."""
    for link in load_chain().links:
        if link.name != "data":
            do_nothing(link)


def do_nothing(_: object) -> None:
    """Stand for the work of a step."""


def median_ms(run: Callable[[], None]) -> float:
    """Return the milliseconds that a function takes."""
    seconds = []
    for _ in range(EMPTY_RUNS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1000


def taken_on() -> tuple[str, ...]:
    """Return when, where and with which versions the figures were taken."""
    today, commit = (
        dt.datetime.now(tz=dt.UTC),
        git(ROOT, "rev-parse", "--short", "HEAD"),
    )
    tools = ", ".join(f"{name} {version(name)}" for name in ("trainwheel", "nox", "uv", "pipenv"))
    rounds = f"{ROUNDS} round{'s' if ROUNDS != 1 else ''}"
    return f"{today:%d %B %Y}, commit {commit.strip()}, {rounds}", machine(), tools
