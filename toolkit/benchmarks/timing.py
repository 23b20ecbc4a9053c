"""Time commands beside each other: whole processes, in turn, and their medians."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROUNDS = int(os.environ.get("TRAINWHEEL_BENCH_ROUNDS", "7"))


@dataclass(frozen=True)
class Entrant:
    """A command that is timed.

    Args:
        name: What the table calls it.
        argv: The command.
        cwd: Where it runs.
        env: All its variables.
        version: Of the tool, for the table.
        product: A file of its project that it makes.
    """

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    version: str
    product: Path

    def run(self) -> tuple[float, float]:
        """Run it; return its seconds by the clock, and of the processor with all its children."""
        log = self.cwd.with_name(f"{self.cwd.name}.log")
        started = time.perf_counter()
        with log.open("wb") as stream, subprocess.Popen(
            self.argv, cwd=self.cwd, env=self.env, stdout=stream, stderr=subprocess.STDOUT
        ) as process:  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"{self.name}: {log.read_text(errors='replace')}"
        return seconds, usage.ru_utime + usage.ru_stime

    def made_at(self) -> int:
        """Return when its product was made; 0 where there is none."""
        return self.product.stat().st_mtime_ns if self.product.exists() else 0


@dataclass(frozen=True)
class Times:
    """How long the runs of a command took, in seconds: by the clock, and of the processor."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @classmethod
    def of(cls, runs: Iterable[tuple[float, float]]) -> Times:
        """Return the times of runs as `Entrant.run` returns them."""
        return cls(*map(tuple, zip(*runs, strict=True)))

    def spread(self, other: Times) -> float:
        """Return by how much two runs of one command in a round differ, as a share: the median."""
        pairs = zip(self.wall, other.wall, strict=True)
        return statistics.median(abs(one - two) / min(one, two) for one, two in pairs)

    @property
    def median(self) -> float:
        """By the clock."""
        return statistics.median(self.wall)

    @property
    def work(self) -> float:
        """The median of the processor's seconds, on all cores."""
        return statistics.median(self.cpu)

    def __truediv__(self, other: Times) -> float:
        return self.median / other.median

    def __add__(self, other: Times) -> Times:
        """Return the times of both together, run by run."""
        walls, cpus = zip(self.wall, other.wall, strict=True), zip(self.cpu, other.cpu, strict=True)
        return Times(tuple(map(sum, walls)), tuple(map(sum, cpus)))


@dataclass(frozen=True)
class Result(Times):
    """How long the runs of one entrant took."""

    entrant: Entrant


@dataclass(frozen=True)
class Bar:
    """What a figure must not exceed.

    Args:
        what: Its unit, or what it is the ratio to.
        found: The figure.
        at_most: Its bound.
    """

    what: str
    found: float
    at_most: float

    @property
    def holds(self) -> bool:
        """Whether the figure is within its bound."""
        return self.found <= self.at_most

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "MISSED"
        return f"{verdict}: {self.found:.2f} {self.what}, at most {self.at_most:.2f}"


def race(
    entrants: Sequence[Entrant],
    before: Callable[[Entrant, int], object] | None = None,
    rounds: int = ROUNDS,
) -> dict[str, Result]:
    """Run all entrants in turn, `rounds` times after a round that does not count.

    Args:
        entrants: What is timed.
        before: Called before each run, with the number of the round: an edit. Every run must then
            make its product anew; without it, none may.
        rounds: How often.
    """
    times: dict[str, list[tuple[float, float]]] = {entrant.name: [] for entrant in entrants}
    for number in range(rounds + 1):
        for entrant in entrants:
            if before is not None:
                before(entrant, number)
            made_at = entrant.made_at()
            taken = entrant.run()
            if number:
                times[entrant.name].append(taken)
                assert (entrant.made_at() != made_at) is (before is not None), entrant.name
    runs = {entrant.name: Times.of(times[entrant.name]) for entrant in entrants}
    return {e.name: Result(runs[e.name].wall, runs[e.name].cpu, e) for e in entrants}


def describe(title: str, results: Mapping[str, Result]) -> str:
    """Return a table; its last ratio is to the first entrant."""
    first = next(iter(results.values()))
    lines = [f"\n{title}: medians of {ROUNDS} runs in turn", machine()]
    lines.append(f"{'':24} {'clock':>9} {'best':>9} {'processor':>10} {'ratio':>7}  version")
    for name, result in results.items():
        lines.append(
            f"{name:24} {result.median:7.3f} s {min(result.wall):7.3f} s {result.work:8.3f} s"
            f" {result / first:7.2f}  {result.entrant.version}"
        )
    return "\n".join(lines)


def check(*bars: Bar) -> None:
    """Print how each bar was met, and fail if one was not."""
    print(*bars, sep="\n")
    missed = [str(bar) for bar in bars if not bar.holds]
    assert not missed, "; ".join(missed)


def machine() -> str:
    """Return what the figures were taken on, and how busy it was meanwhile."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(": ")[2] for line in info.splitlines() if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores,"
        f" {memory:.0f} GiB, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
