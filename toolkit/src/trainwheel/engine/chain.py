"""What a step says of itself, and the steps in their order.

The single source for the Nox sessions, ``status`` and ``why``, the documentation and the drawing.
"""

from __future__ import annotations

import graphlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainwheel.engine.closure import Closure
from trainwheel.engine.fingerprint import Reason
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record
from trainwheel.engine.workspace import Workspace
from trainwheel.settings.config import Config

__all__ = ["FORCE", "TO", "VERBOSE", "WAIT", "Chain", "Files", "Flag", "Step"]


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
WAIT = Flag("--wait", "wait for another run that is at work here, instead of stopping")


@dataclass(frozen=True)
class Files:
    """A group of files that make a step stale.

    Args:
        words: What they are, for the manual.
        read: Returns them as they are now.
    """

    words: str
    read: Callable[[Workspace], Closure]


def _no_facts(_: Workspace) -> dict[str, str]:
    return {}


def _no_paths(_: Layout) -> tuple[Path, ...]:
    return ()


@dataclass(frozen=True)
class Step:
    """One link of the chain, or a session beside it.

    Args:
        name: The Nox session.
        help: One line.
        run: Does it, or finds that there is nothing to do; given a `trainwheel.engine.run.Run`.
        target: The make target; empty where there is none.
        needs: Steps that run before it.
        follows: Steps that queue it at their end, instead of being needed by it.
        is_link: Whether it is a link of the chain, and not a session beside it.
        category: The Pipfile category that its environment takes; None for no environment.
        alone: Whether the category is taken without ``[packages]``.
        more_categories: Further categories, by the configuration.
        inputs: The files that make it stale.
        facts: What else does, such as its command and the keys of its configuration.
        learns: Names of facts that only a run finds out, such as what an index holds.
        outputs: What it makes.
        beside: What later steps put into its outputs; it is none of them.
        reasons: Why its record is not true any more, where that is no matter of its inputs.
        is_absent: Whether this repository has nothing for it.
        flags: Options that it takes.
        takes_names: What its positional arguments are called; empty where it takes none.
        check: Looks, before the first step of a run, for what would keep it from its end.
        follows_records: Steps whose records must match the files as they are, before it begins.
        is_portable: Whether it makes the same on another kind of machine.
        watches_writes: Whether an input that was written meanwhile counts as moved even if its
            bytes are the same again: other bytes may have been read.
        takes_lock: Whether it waits for, or keeps out, other runs in the repository.
        needs_lockfile: Whether Pipfile.lock must be there and fresh.
        keeps_results: Whether what it made is kept for when its inputs are the same again.
    """

    name: str
    help: str
    run: Callable[[Any], None]
    target: str = ""
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    is_link: bool = False
    category: str | None = None
    alone: bool = False
    more_categories: Callable[[Config], tuple[str, ...]] = field(default=lambda _: ())
    inputs: tuple[Files, ...] = ()
    facts: Callable[[Workspace], dict[str, str]] = _no_facts
    learns: tuple[str, ...] = ()
    outputs: Callable[[Layout], tuple[Path, ...]] = _no_paths
    beside: Callable[[Layout], tuple[Path, ...]] = _no_paths
    reasons: Callable[[Workspace, Record], tuple[Reason, ...]] | None = None
    is_absent: Callable[[Workspace], bool] = field(default=lambda _: False)
    flags: tuple[Flag, ...] = (WAIT, VERBOSE)
    takes_names: str = ""
    check: Callable[[Any], object] | None = None
    follows_records: tuple[str, ...] = ()
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
        """The steps that come before it, because it needs them or because they queue it."""
        return (*self.needs, *self.follows)


class Chain:
    """Steps in the order in which they may run: the links by their needs, then those beside.

    Args:
        steps: In any order.

    Raises:
        ValueError: Two have one name, or one needs a step that is not there, or two need
            each other.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        ordered = sorted(steps, key=lambda step: step.name)
        by_name = {step.name: step for step in ordered}
        for one, other in itertools.pairwise(ordered):
            if one.name == other.name:
                message = f"two steps are called {one.name}"
                raise ValueError(message)
        if unknown := sorted({name for step in ordered for name in step.before} - by_name.keys()):
            message = f"a step needs {unknown[0]}, which is not a step"
            raise ValueError(message)
        needed = {step.name: sorted(step.before) for step in ordered if step.is_link}
        names = (*_in_order(needed), *by_name)
        self.by_name: Mapping[str, Step] = {name: by_name[name] for name in names}

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them."""
        return tuple(self.by_name.values())

    @property
    def links(self) -> tuple[Step, ...]:
        """The links of the chain, from documentation and data to verification."""
        return tuple(step for step in self.steps if step.is_link)

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Every option, each once."""
        return tuple(dict.fromkeys(flag for step in self.steps for flag in step.flags))

    def categories(self, name: str, config: Config) -> tuple[str, ...]:
        """Return the Pipfile categories of a step's environment."""
        return self[name].categories(config)

    def __getitem__(self, name: str) -> Step:
        """Return a step by its name."""
        return self.by_name[name]


def _in_order(needed: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield names after what each needs; of those that could be next, the first by the alphabet."""
    sorter = graphlib.TopologicalSorter(needed)
    sorter.prepare()
    ready = list(sorter.get_ready())
    while ready:
        yield (name := min(ready))
        ready.remove(name)
        sorter.done(name)
        ready += sorter.get_ready()
