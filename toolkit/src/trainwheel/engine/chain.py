"""What describes a step, and the order of the steps.

The single source for the Nox sessions, ``status`` and ``why``, the documentation and the drawing.
"""

from __future__ import annotations

import graphlib
import itertools
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainwheel.engine.fingerprint import Reason
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record
from trainwheel.engine.workspace import Workspace
from trainwheel.settings.config import Config

__all__ = ["FORCE", "JOBS", "TO", "VERBOSE", "WAIT", "Chain", "Files", "Flag", "Step"]


@dataclass(frozen=True)
class Flag:
    """An option that sessions take after ``--``.

    Args:
        name: As it is typed, with its dashes.
        help: One line.
        metavar: What stands for its value; empty for a switch.
    """

    name: str
    help: str
    metavar: str = ""


TO = Flag("--to", "the index to publish to, by its name in pyproject.toml", "NAME")
VERBOSE = Flag("--verbose", "show what the tools print")
FORCE = Flag("--force", "run the steps named with -s even if nothing has changed")
JOBS = Flag("--jobs", "how many steps may run beside each other; 1 for one after the other", "N")
WAIT = Flag("--wait", "wait for another run in this repository, instead of stopping")


@dataclass(frozen=True)
class Files:
    """A group of files that make a step stale.

    Args:
        words: What they are, for the manual.
        read: Returns their absolute paths as they are now, as text where there may be many.
    """

    words: str
    read: Callable[[Workspace], Iterable[Path | str]]


def _no_facts(_: Workspace) -> dict[str, str]:
    return {}


def _no_paths(_: Layout) -> tuple[Path, ...]:
    return ()


@dataclass(frozen=True)
class Step:
    """One link of the chain, or a session that is not part of it.

    Args:
        name: The Nox session.
        help: One line.
        run: Runs the step where it is stale; its argument is a `trainwheel.engine.run.Run`.
        target: The make target; empty where there is none.
        needs: Steps that have to end before it begins.
        awaits: Steps that may run beside it, and have to succeed before its results count.
        follows: Steps that it comes after where they run too, although it does not need them.
        is_link: Whether it is a link of the chain.
        is_optional: Whether the links after it do without it, unless it is asked for by name.
        category: The Pipfile category for its environment; None for no environment.
        alone: Whether the environment has this category only, without ``[packages]``.
        prepare: Makes what environments it needs beside its own, while steps before it run.
        more_categories: Further categories, depending on the configuration.
        inputs: The files that make it stale when they change.
        assumed: Files that stand for what its processes read, until a run of it was observed; a
            step without them is not observed.
        settings: Names of files that its tool reads by itself, for which its facts stand.
        facts: What else makes it stale, such as its command and the keys of its configuration.
        learns: Names of facts that only a run finds out, such as what an index holds.
        outputs: The files and folders that it makes.
        beside: Files that later steps put into its output folders.
        reasons: Why its record no longer holds, for a step that depends on more than its inputs.
        is_absent: Whether this repository has nothing for it to do.
        is_settled: Whether it has nothing to do for now, whatever its record says.
        flags: Options that it takes.
        takes_names: What its positional arguments are called; empty where it takes none.
        check: Reports, before the first step of a run, what would make this one fail.
        follows_records: Steps whose records must match the files before this one begins.
        is_heavy: Whether it may take much memory: no two such steps run beside each other.
        is_portable: Whether its outputs are the same on every platform.
        watches_writes: Whether an input that was written during the run counts as changed even
            if its bytes are the same again: the step may have read other bytes in between.
        takes_lock: Whether it runs only while no other run is active in the repository.
        needs_lockfile: Whether Pipfile.lock must exist and match the Pipfile.
        keeps_results: Whether its outputs are stored in the cache of results.
    """

    name: str
    help: str
    run: Callable[[Any], None]
    target: str = ""
    needs: tuple[str, ...] = ()
    awaits: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    is_link: bool = False
    is_optional: bool = False
    category: str | None = None
    alone: bool = False
    prepare: Callable[[Any], object] = field(default=lambda _: None)
    more_categories: Callable[[Config], tuple[str, ...]] = field(default=lambda _: ())
    inputs: tuple[Files, ...] = ()
    assumed: tuple[Files, ...] = ()
    settings: frozenset[str] = frozenset()
    facts: Callable[[Workspace], dict[str, str]] = _no_facts
    learns: tuple[str, ...] = ()
    outputs: Callable[[Layout], tuple[Path, ...]] = _no_paths
    beside: Callable[[Layout], tuple[Path, ...]] = _no_paths
    reasons: Callable[[Workspace, Record], tuple[Reason, ...]] | None = None
    is_absent: Callable[[Workspace], bool] = field(default=lambda _: False)
    is_settled: Callable[[Workspace], bool] = field(default=lambda _: False)
    flags: tuple[Flag, ...] = (WAIT, VERBOSE)
    takes_names: str = ""
    check: Callable[[Any], object] | None = None
    follows_records: tuple[str, ...] = ()
    is_heavy: bool = False
    is_portable: bool = False
    watches_writes: bool = False
    takes_lock: bool = True
    needs_lockfile: bool = True
    keeps_results: bool = True

    def categories(self, config: Config) -> tuple[str, ...]:
        """Return the Pipfile categories that its environment takes."""
        if self.category is None:
            return ()
        own = (self.category,) if self.alone else ("packages", self.category)
        return (*own, *self.more_categories(config))

    @property
    def before(self) -> tuple[str, ...]:
        """The steps that come before it: those that it needs, awaits or follows."""
        return (*self.needs, *self.awaits, *self.follows)


class Chain:
    """Steps in the order in which they may run: links by their needs, then the others by name.

    Args:
        steps: In any order.

    Raises:
        ValueError: Two steps have the same name, a step needs one that does not exist, or the
            needs form a cycle.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        by_alphabet = sorted(steps, key=lambda step: step.name)
        by_name = {step.name: step for step in by_alphabet}
        for one, other in itertools.pairwise(by_alphabet):
            if one.name == other.name:
                message = f"two steps are called {one.name}"
                raise ValueError(message)
        needs = {step.name: sorted(step.before) for step in by_alphabet}
        if unknown := sorted({*itertools.chain(*needs.values())} - by_name.keys()):
            message = f"a step needs {unknown[0]}, which is not a step"
            raise ValueError(message)
        links = {name: needs[name] for name, step in by_name.items() if step.is_link}
        names = (*_in_order(links), *by_name)
        self.by_name: Mapping[str, Step] = {name: by_name[name] for name in names}

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps."""
        return tuple(self.by_name.values())

    @property
    def links(self) -> tuple[Step, ...]:
        """The links of the chain."""
        return tuple(step for step in self.steps if step.is_link)

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The options of all steps, each once."""
        return tuple(dict.fromkeys(flag for step in self.steps for flag in step.flags))

    def categories(self, name: str, config: Config) -> tuple[str, ...]:
        """Return the Pipfile categories of a step's environment."""
        return self[name].categories(config)

    def with_needs(self, names: Iterable[str], among: Container[str]) -> frozenset[str]:
        """Return steps with those that they need or await, directly or not.

        Args:
            names: The steps.
            among: The steps that there are; without another one a step runs all the same.
        """
        closure, stack = set[str](), [*names]
        while stack:
            step = self[name] if (name := stack.pop()) not in closure else None
            closure.add(name)
            stack += [each for each in (*step.needs, *step.awaits) if each in among] if step else []
        return frozenset(closure)

    def __getitem__(self, name: str) -> Step:
        """Return a step by its name."""
        return self.by_name[name]


def _in_order(needs: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield each name after those that it needs, otherwise in the order of the alphabet."""
    sorter = graphlib.TopologicalSorter(needs)
    sorter.prepare()
    ready = list(sorter.get_ready())
    while ready:
        yield (name := min(ready))
        ready.remove(name)
        sorter.done(name)
        ready += sorter.get_ready()
