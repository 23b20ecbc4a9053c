"""The manual's page of figures, made from what the benchmark measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.timing import Bar, Times

__all__ = ["ChainFigures", "Growth", "JobsFigures", "bars", "bars_of_jobs", "render"]

FRESH, STALE, EDIT, IDLE = 0.70, 1.0, 0.80, 1.25
NOISE, OVERHEAD = 0.10, 20.0
MEGA = 1_000_000

_HEAD = """\
# Benchmarks

The chain beside the one that many teams write by hand: a Makefile that calls pipenv, Sphinx,
unittest, bumpversion, pipenv-setup and twine (`benchmarks/peers/classic`). It trains, tests,
builds and uploads; ours also proves the wheel, compares it with what is published, writes a report
and a bill of materials, and verifies the upload.

`nox -f toolkit/noxfile.py -s bench -- benchmarks/bench_chain.py` takes the figures and writes this
page.
"""

_HOW = """\
## How they were taken

Each round runs both chains in turn, on one machine: a fresh clone of each, then one edited line,
then everything stale, then ours again with nothing to do. A round before them does not count; it
begins with empty download caches and gives the bytes. Seconds are medians of all rounds by the
clock, those in brackets of the processor. Ratios are between medians of one run.

- *Fresh clone to published*: `make install` and `make upload.model` after `git clone`; in the
  classic chain also pipenv-setup's own environment, for it cannot run in the project's. uv, pip
  and pipenv find in their caches what they downloaded before; all other caches are empty, that
  of our compiled modules too. pipenv itself and Python are there.
- *One edited line*: a comment behind the first line of the shipped module `classifier.py`, so that
  its bytes change and it does what it did, then the next release: `make upload.model`. In the
  classic chain `setup.py` is as it was committed, and the version is given (`version=2`), for its
  Makefile counts from there. What is published before stays. Only ours verifies the release.
- *Everything stale*: `make clean`, the sources as they were committed, no result kept, nothing
  published; the environments stay.
- *Again right after a release*, *once more*: `make upload.model`, and nothing changed in between.
- *Steps beside each other*: our chain with everything stale by two jobs, by four, and by two again.
  Four are compared with the mean of both others, so that a machine that gets slower or faster
  meanwhile decides nothing. *Noise* is by how much both runs by two differ, the median of all
  rounds: what four may take more, for a difference below that is none. Where it is above its own
  bar the machine was not quiet, and the comparison says nothing.
- *The graph itself*: the nine steps of the chain without their work, by two jobs, in this process,
  against a loop over them; medians of 50.
- No tree, environment or cache is removed while a round is measured: those of the round before are
  moved aside, in both chains alike, and removed after the round, with a minute's rest. ext4 without
  a journal does not hand out inodes that were freed within the last minute, and looks past each of
  them, so whoever made files next would pay for it. `make clean` alone removes files, by itself.
- *Downloaded*: what came in on all network interfaces but loopback, from `/proc/net/dev`, so
  whatever else the machine received meanwhile is in it. The bar is what arrives for the packages
  that only the report's pictures need, installed alone. *Downloaded again* is what a tool did not
  keep or could not: pip keeps a package only if the index sends the headers of HTTP that allow it.
- Packages come over the network: folders of packages on the machine's disk, which pip may be set
  to use, are not used. Interpreters write bytecode (`PYTHONDONTWRITEBYTECODE` is not set); pipenv
  sets that variable for what it runs. The classic chain publishes to a pypiserver on loopback,
  ours to its embedded index, which is one too.
- The sample projects of the tables about tests, data and the artefact are copies of
  `tests/projects/tiny`.
"""


@dataclass(frozen=True)
class ChainFigures:
    """What both chains took, and what ours took with nothing to do.

    Args:
        classic_install: Of a fresh clone of the classic chain.
        classic_upload: Of the same.
        classic_edited: After one edited line, everything else there.
        classic_stale: With its environments there.
        install: Of a fresh clone of ours.
        upload: Of the same.
        edited: After one edited line, everything else there.
        stale: With its environments there.
        again: Right after a release.
        once_more: After that.
        listing: `nox -l`.
        bytes_first: Downloaded from empty caches: by the classic chain, and by ours.
        bytes_again: The same from caches that have had them.
        picture_bytes: The part of ours that only pictures need.
    """

    classic_install: Times
    classic_upload: Times
    classic_edited: Times
    classic_stale: Times
    install: Times
    upload: Times
    edited: Times
    stale: Times
    again: Times
    once_more: Times
    listing: Times
    bytes_first: tuple[int, ...]
    bytes_again: tuple[int, ...]
    picture_bytes: int


@dataclass(frozen=True)
class JobsFigures:
    """What it takes to run steps beside each other, in our chain.

    Args:
        two: Everything stale, by two jobs.
        four: The same by four.
        two_again: The same by two, after that.
        idle_one: `nox -s upload` with nothing to do, by one job.
        idle_two: The same by two.
        graph: Milliseconds of the graph, by two jobs, with steps that do nothing.
        loop: The same of a loop over these steps.
    """

    two: Times
    four: Times
    two_again: Times
    idle_one: Times
    idle_two: Times
    graph: float
    loop: float


@dataclass(frozen=True)
class Growth:
    """How seconds grow with one number.

    Args:
        title: The heading.
        about: A sentence below it.
        heads: Of the columns; the first is that of the numbers.
        rows: Number, as it is written → times, one a column.
    """

    title: str
    about: str
    heads: tuple[str, ...]
    rows: Mapping[str, tuple[Times, ...]]


def bars(figures: ChainFigures) -> dict[str, Bar]:
    """Return what must hold, by what it is about."""
    fresh = figures.install + figures.upload
    classic_fresh = figures.classic_install + figures.classic_upload
    classic_bytes, own_bytes = figures.bytes_first
    more = (own_bytes - classic_bytes) / MEGA
    return {
        "fresh": Bar("times the classic chain", fresh / classic_fresh, FRESH),
        "stale": Bar("times the classic chain", figures.stale / figures.classic_stale, STALE),
        "edited": Bar("times the classic chain", figures.edited / figures.classic_edited, EDIT),
        "again": Bar("times nox -l", figures.again / figures.listing, IDLE),
        "once more": Bar("times nox -l", figures.once_more / figures.listing, IDLE),
        "bytes": Bar("MB more", more, figures.picture_bytes / MEGA),
    }


def bars_of_jobs(figures: JobsFigures) -> dict[str, Bar]:
    """Return what must hold of steps beside each other, by what it is about."""
    noise = figures.two.spread(figures.two_again)
    ratio = 2 * figures.four.median / (figures.two + figures.two_again).median
    return {
        "four": Bar("times two jobs", ratio, 1.0 + noise),
        "noise": Bar("between two runs by two jobs", noise, NOISE),
        "graph": Bar("ms more", figures.graph - figures.loop, OVERHEAD),
    }


def render(
    taken: Sequence[str], figures: ChainFigures, jobs: JobsFigures, growths: Sequence[Growth]
) -> str:
    """Return the page.

    Args:
        taken: Sentences on when, where and with which versions.
        figures: Of the two chains.
        jobs: Of steps beside each other.
        growths: The other tables.
    """
    parts = [_HEAD, "\n".join(f"- {line}" for line in taken) + "\n", _chains(figures), _jobs(jobs)]
    return "\n".join([*parts, *map(_growth, growths), _HOW])


def _chains(figures: ChainFigures) -> str:
    limits = bars(figures)
    classic, own = (
        f"{first.median:.1f} + {second.median:.1f} = {_seconds(first + second)}"
        for first, second in (
            (figures.classic_install, figures.classic_upload),
            (figures.install, figures.upload),
        )
    )
    first, again = (
        [f"{size / MEGA:.1f} MB" for size in sizes]
        for sizes in (figures.bytes_first, figures.bytes_again)
    )
    stale = (_seconds(figures.classic_stale), _seconds(figures.stale))
    edited = (_seconds(figures.classic_edited), _seconds(figures.edited))
    rows = [
        ("fresh clone to published: install + upload", classic, own, *_verdict(limits["fresh"])),
        ("one edited line of the classifier to a release", *edited, *_verdict(limits["edited"])),
        ("everything stale, environments there", *stale, *_verdict(limits["stale"])),
        ("again right after a release", "", _seconds(figures.again), *_verdict(limits["again"])),
        ("once more", "", _seconds(figures.once_more), *_verdict(limits["once more"])),
        ("`nox -l`", "", _seconds(figures.listing), "", ""),
        ("downloaded, from empty caches", *first, *_verdict(limits["bytes"])),
        ("downloaded again, in a fresh clone with warm caches", *again, "", ""),
    ]
    return _table(("", "classic chain", "ours", "difference", "bar"), rows)


def _jobs(figures: JobsFigures) -> str:
    table = _table(("", "takes", "difference", "bar"), [*_rows_of_jobs(figures)])
    about = "Our chain alone; with `--jobs 1` steps come one after the other."
    return f"## Steps beside each other\n\n{about}\n\n{table}"


def _rows_of_jobs(figures: JobsFigures) -> Iterator[tuple[str, ...]]:
    limits = bars_of_jobs(figures)
    yield "everything stale, `--jobs 2`", _seconds(figures.two), "", ""
    yield "the same, `--jobs 4`", _seconds(figures.four), *_verdict(limits["four"])
    yield "the same, `--jobs 2` again", _seconds(figures.two_again), *_verdict(limits["noise"])
    yield "idle: `nox -s upload`, `--jobs 1`", _seconds(figures.idle_one), "", ""
    more = (figures.idle_two.median - figures.idle_one.median) * 1000
    yield "the same, `--jobs 2`", _seconds(figures.idle_two), f"{more:.0f} ms more", ""
    yield "nine steps that do nothing, in a loop", f"{figures.loop:.2f} ms", "", ""
    yield "the same, by the graph", f"{figures.graph:.2f} ms", *_verdict(limits["graph"])


def _verdict(bar: Bar) -> tuple[str, str]:
    """Return the figure of a bar, and whether it holds."""
    verdict = "holds" if bar.holds else f"**missed by {bar.found - bar.at_most:.2f}**"
    return f"{bar.found:.2f} {bar.what}", f"≤ {bar.at_most:.2f}: {verdict}"


def _growth(growth: Growth) -> str:
    rows = [(name, *map(_seconds, times)) for name, times in growth.rows.items()]
    return f"## {growth.title}\n\n{growth.about}\n\n{_table(growth.heads, rows)}"


def _seconds(times: Times) -> str:
    return f"{times.median:.2f} s ({times.work:.2f})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
