"""Steps beside each other: what waits for what, how many there are at once, and how all end."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

import pytest

from trainwheel.engine.chain import Chain, Step
from trainwheel.engine.graph import Graph, Limits, choose
from trainwheel.engine.run import TooEarlyError
from trainwheel.errors import StepFailedError
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.process import NICENESS, RunEndedError, close, is_closed, reopen
from trainwheel.system.turns import aside

LONG = 20.0
Work = Callable[["Bench", str], None]


@pytest.fixture(autouse=True)
def _open() -> Iterator[None]:
    """Leave processes to the next test, however one ended."""
    yield
    reopen()


def step(name: str, *needs: str, **more: object) -> Step:
    values = {"needs": needs, "is_link": True, **more}
    return replace(Step(name, "Do it", lambda _: None), **values)  # type: ignore[arg-type]


def await_event(event: threading.Event) -> None:
    """Wait as for a process, while others have their turns; ended by the run as that is."""
    with aside():
        for _ in range(int(LONG * 100)):
            if event.wait(0.01):
                return
            if is_closed():
                raise RunEndedError
    message = "nobody has set the event"
    raise AssertionError(message)


class Bench:
    """A graph of steps with work of a test's own, and what happened in its order."""

    def __init__(
        self, *steps: Step, limits: Limits | int = 2, without: Collection[str] = (),
        producers: Callable[[Step], Collection[str]] = lambda _: (),
        prepare: Callable[[Step], object] = lambda _: None, **works: Work,
    ) -> None:  # fmt: skip
        self.events, self.at_work = list[str](), list[tuple[str, ...]]()
        self.signals: dict[str, threading.Event] = {}
        self.niceness: dict[str, int] = {}
        self.most, self._busy, self._works = 0, set[str](), works
        self.stream = io.StringIO()
        self.console = Console(Environment(), self.stream)
        chain = Chain(steps)
        self.graph = Graph(
            chain,
            chain.by_name.keys() - set(without),
            Limits(limits) if isinstance(limits, int) else limits,
            self.console,
            work=self._work,
            producers=producers,
            prepare=prepare,
            at_work=self._note,
        )

    def _note(self, names: Iterable[str]) -> None:
        self.at_work.append(tuple(names))

    def _work(self, step: Step) -> None:
        name = step.name
        self.events.append(f"+{name}")
        self.niceness[name] = NICENESS.get()
        self._busy.add(name)
        self.most = max(self.most, len(self._busy))
        try:
            if work := self._works.get(name):
                work(self, name)
            self._busy.discard(name)
            self.graph.settle(name)
        except BaseException as error:
            self.events.append(f"!{name} {type(error).__name__}")
            raise
        finally:
            self._busy.discard(name)
        self.events.append(f"-{name}")
        self.signal(name).set()

    def signal(self, name: str) -> threading.Event:
        return self.signals.setdefault(name, threading.Event())

    def run(self, *goals: str) -> list[str]:
        """Run the graph, in a bounded time, and return what happened."""
        errors: list[BaseException] = []

        def body() -> None:
            try:
                self.graph.run(goals)
            except BaseException as error:  # noqa: BLE001 - raised below
                errors.append(error)

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        thread.join(LONG)
        assert not thread.is_alive(), self.events
        for error in errors:
            raise error
        return self.events


def meet(*names: str) -> Work:
    """Return a work that goes on once all of some steps have begun."""

    def work(bench: Bench, name: str) -> None:
        bench.signal(f"+{name}").set()
        for each in names:
            await_event(bench.signal(f"+{each}"))

    return work


def after(name: str) -> Work:
    """Return a work that ends after another step has done so."""
    return lambda bench, _: await_event(bench.signal(name))


def fail(_: Bench, name: str) -> None:
    raise StepFailedError(name)


HEAVY = {"is_heavy": True}


@pytest.mark.parametrize(
    ("limits", "busy", "chosen"),
    [
        (Limits(1), "", "a"), (Limits(1), "x", ""), (Limits(2), "x", "a"), (Limits(2), "xy", ""),
        (Limits(4), "xyz", "a"), (Limits(2), "h", "b"), (Limits(4), "hx", "b"),
        (Limits(4, "a"), "x", "a"), (Limits(4, "a", is_alone=True), "x", "b"),
        (Limits(4, "a", is_alone=True), "", "a"), (Limits(4, "h", is_alone=True), "h", ""),
        (Limits(4, "h"), "h", "b"), (Limits(4, "x", is_alone=True), "y", "a"),
    ],
)  # fmt: skip
def test_the_first_step_begins_that_may_run_beside_the_others(
    limits: Limits, busy: str, chosen: str
) -> None:
    steps = {name: step(name) for name in "bxyz"}
    steps |= {name: step(name, **HEAVY) for name in "ah"}

    choice = choose([steps["a"], steps["b"]], [steps[name] for name in busy], limits)

    assert (choice.name if choice else "") == chosen


@pytest.mark.parametrize(
    ("limits", "busy", "more", "is_room"),
    [
        (Limits(2), "", 1, True), (Limits(2), "a", 1, False), (Limits(2), "", 2, False),
        (Limits(4, "a", is_alone=True), "a", 0, False), (Limits(4, "a"), "a", 0, True),
        (Limits(4, "a", is_alone=True), "b", 0, True),
    ],
)  # fmt: skip
def test_there_is_room_for_as_many_as_jobs(
    limits: Limits, busy: str, more: int, *, is_room: bool
) -> None:
    assert limits.leave_room([step(name) for name in busy], more) is is_room


def test_a_step_begins_once_all_that_it_needs_has_ended() -> None:
    bench = Bench(step("a"), step("b", "a"), step("c", "b", "a"), limits=4)

    assert bench.run("c") == ["+a", "-a", "+b", "-b", "+c", "-c"]


def test_independent_steps_run_beside_each_other() -> None:
    bench = Bench(step("a"), step("b"), a=meet("b"), b=meet("a"))

    assert bench.run("a", "b")[:2] == ["+a", "+b"]


def test_one_at_a_time_is_in_the_order_of_the_chain() -> None:
    steps = (step("d", awaits=("c",)), step("c", "b"), step("b"), step("a", "c"))
    bench = Bench(*steps, limits=1)
    order = list(Chain(steps).by_name)

    bench.run(*"dcba")

    assert bench.events == [f"{sign}{name}" for name in order for sign in "+-"]


def test_no_more_steps_than_jobs_run_at_once() -> None:
    gate = threading.Barrier(2)

    def work(_: Bench, __: str) -> None:
        with aside():
            gate.wait(LONG)

    bench = Bench(*map(step, "abcd"), a=work, b=work, c=work, d=work)
    bench.run(*"abcd")

    assert bench.most == 2


def test_heavy_steps_never_run_beside_each_other() -> None:
    bench = Bench(step("a", **HEAVY), step("b", **HEAVY), step("c"), limits=4, a=after("c"))

    assert bench.run(*"abc") == ["+a", "+c", "-c", "-a", "+b", "-b"]


def test_a_step_that_waits_for_its_results_to_count_takes_no_place() -> None:
    # Both places are taken until b waits.
    steps = (step("a"), step("b", awaits=("a",)), step("c"))
    bench = Bench(*steps, a=after("c"))

    events = bench.run("b", "c")

    assert events.index("-c") < events.index("-a") < events.index("-b")
    assert events.index("+b") < events.index("+c")


def test_of_what_a_step_awaits_a_failure_keeps_its_results_from_counting() -> None:
    def work(bench: Bench, name: str) -> None:
        meet("b")(bench, name)
        fail(bench, name)

    bench = Bench(step("a"), step("b", awaits=("a",)), a=work, b=meet("a"))

    with pytest.raises(StepFailedError):
        bench.run("b")

    assert "!b RunEndedError" in bench.events
    assert bench.graph.done == set()


def test_the_first_failure_ends_the_others_and_is_the_one_that_is_raised() -> None:
    def late(bench: Bench, name: str) -> None:
        meet("a")(bench, name)
        try:
            await_event(bench.signal("never"))
        except RunEndedError:
            fail(bench, name)

    def early(bench: Bench, name: str) -> None:
        meet("b", "c")(bench, name)
        fail(bench, name)

    def ended(bench: Bench, name: str) -> None:
        meet("a")(bench, name)
        await_event(bench.signal("never"))

    steps = (step("a"), step("b"), step("c"), step("d"), step("e", "a"))
    bench = Bench(*steps, limits=3, a=early, b=late, c=ended)

    with pytest.raises(StepFailedError) as caught:
        bench.run("b", "c", "d", "e")

    assert caught.value.message == "a"
    assert bench.graph.failed is not None
    assert (bench.graph.failed.step, bench.graph.failed.error) == ("a", caught.value)
    assert bench.events[3:][0] == "!a StepFailedError"
    assert set(bench.events[4:]) == {"!b StepFailedError", "!c RunEndedError"}
    assert not is_closed()


def test_a_step_that_is_added_runs_after_what_it_needs() -> None:
    def add(bench: Bench, _: str) -> None:
        bench.graph.add(["c"])

    bench = Bench(step("a"), step("b", "a"), step("c", "b"), a=add)

    assert bench.run("a") == ["+a", "-a", "+b", "-b", "+c", "-c"]


def test_what_waits_to_be_printed_survives_that_a_step_is_added() -> None:
    def say(bench: Bench, name: str) -> None:
        bench.console.line(name)

    def add(bench: Bench, name: str) -> None:
        await_event(bench.signal("b"))
        bench.graph.add(["c"])
        say(bench, name)

    bench = Bench(step("a"), step("b"), step("c"), a=add, b=say, c=say)
    bench.run("a", "b")

    assert bench.stream.getvalue().split() == ["a", "b", "c"]


def test_a_second_run_prints_in_order_like_the_first() -> None:
    def say(bench: Bench, name: str) -> None:
        if name == "b":
            await_event(bench.signal("c"))
        bench.console.line(name)

    bench = Bench(*map(step, "abc"), a=say, b=say, c=say)
    bench.run("a")
    for name in "abc":
        bench.console.end(name)
    bench.run("b", "c")

    assert bench.stream.getvalue().split() == ["a", "b", "c"]
    assert bench.events.count("+a") == 1


@pytest.mark.parametrize("sight", [{"c": ("a",)}, {"c": ("a",), "a": ("c",)}, {"c": "abc"}])
def test_a_step_runs_after_those_whose_results_it_was_seen_to_read(
    sight: dict[str, Collection[str]],
) -> None:
    def read(step: Step) -> Collection[str]:
        return sight.get(step.name, ())

    bench = Bench(step("a"), step("b"), step("c"), limits=4, producers=read)

    events = bench.run("a", "c")

    assert events == ["+a", "-a", "+c", "-c"]


def test_without_a_step_that_the_noxfile_has_not_one_runs_all_the_same() -> None:
    steps = (step("a"), step("b", "a", awaits=("x",), follows=("y",)), step("x"), step("y"))

    assert Bench(*steps, without="axy").run("b") == ["+b", "-b"]


def test_a_step_that_read_too_early_runs_again_once_after_what_it_read() -> None:
    def read(bench: Bench, name: str) -> None:
        if bench.events.count("+b") == 1:
            meet("a")(bench, name)
            assert [each.name for each in bench.graph.unfinished(name)] == ["a"]
            raise TooEarlyError(frozenset("a"))
        assert not bench.graph.unfinished(name)

    def write(bench: Bench, name: str) -> None:
        meet("b")(bench, name)

    bench = Bench(step("a"), step("b"), a=write, b=read)

    assert sorted(bench.run("a", "b")) == ["!b TooEarlyError", "+a", "+b", "+b", "-a", "-b"]
    assert bench.events.index("-a") < len(bench.events) - 2
    assert bench.stream.getvalue() == "notice: b reads what a makes, so it runs again after that\n"


def test_what_runs_beside_the_first_step_gives_way_and_not_what_it_needs() -> None:
    steps = (step("b"), step("train", "b"), step("x"), step("z", "train"))
    bench = Bench(*steps, limits=Limits(4, "train"), train=after("x"))
    bench.run("z", "x")

    assert bench.niceness == {"b": 0, "train": 0, "x": 10, "z": 0}


def test_who_is_at_work_is_said_at_each_change_in_the_order_of_the_chain() -> None:
    bench = Bench(step("a"), step("b", "a"))
    bench.run("b")

    assert bench.at_work == [("a",), (), ("b",), ()]


class Preparing:
    """Keeps for which steps environments are made."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.names, self._error = list[str](), error
        self.is_done = threading.Event()

    def __call__(self, step: Step) -> None:
        self.names.append(step.name)
        self.is_done.set()
        if self._error is not None:
            raise self._error

    def begin(self, bench: Bench, name: str) -> None:
        bench.graph.begins(name)
        await_event(self.is_done)


@pytest.mark.parametrize(
    "error", [None, StepFailedError("x"), OSError(28, "full"), RunEndedError()]
)
def test_environments_are_made_before_their_steps_and_errors_of_that_are_silent(
    error: BaseException | None,
) -> None:
    prepare = Preparing(error)
    steps = (step("a", category="a"), step("b", "a", category="b"), step("c", "b"))
    bench = Bench(*steps, prepare=prepare, a=prepare.begin)

    assert bench.run("c")[-1] == "-c"
    assert prepare.names == ["b"]


@pytest.mark.parametrize(
    ("limits", "stale"), [(Limits(2), ""), (Limits(1), "a"), (Limits(4, "a", is_alone=True), "a")]
)
def test_no_environment_is_made_where_nothing_is_to_do_or_there_is_no_room(
    limits: Limits, stale: str
) -> None:
    prepare = Preparing()

    def work(bench: Bench, name: str) -> None:
        if name in stale:
            bench.graph.begins(name)
        with aside():
            prepare.is_done.wait(0.05)

    bench = Bench(step("a"), step("b", "a", category="b"), limits=limits, prepare=prepare, a=work)
    bench.graph.run("a")
    bench.run("b")

    assert prepare.names == []


def test_where_a_run_before_goes_on_nothing_runs_and_nothing_waits_for_ever() -> None:
    bench = Bench(step("a"))
    close()

    with pytest.raises(StepFailedError):
        bench.run("a")

    assert bench.events == []


def test_what_is_no_error_of_a_step_is_raised_all_the_same() -> None:
    def broken(_: Step) -> Collection[str]:
        message = "cannot look"
        raise OSError(message)

    bench = Bench(step("a"), producers=broken)

    with pytest.raises(OSError, match="cannot look"):
        bench.run("a")
    assert bench.graph.failed is None
