"""Threads that take turns: one of them at a time, and another one while that waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from trainwheel.system.turns import OneByOne, aside, turn

LONG = 20.0


def together(*bodies: Callable[[], object]) -> None:
    """Run each body in a thread, to its end within a bounded time."""
    errors: list[BaseException] = []

    def guarded(body: Callable[[], object]) -> None:
        try:
            body()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(each,), daemon=True) for each in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert not any(thread.is_alive() for thread in threads)
    for error in errors:
        raise error


def test_one_thread_at_a_time_has_its_turn() -> None:
    busy, most = list[int](), list[int]()

    def work() -> None:
        with turn():
            for _ in range(50):
                busy.append(1)
                most.append(len(busy))
                threading.Event().wait(0)  # lets another thread run, if one may
                busy.pop()
                with aside():
                    pass

    together(*[work] * 16)

    assert max(most) == 1
    assert len(most) == 16 * 50


def test_while_one_waits_aside_another_has_its_turn() -> None:
    begun, over = threading.Event(), threading.Event()

    def wait() -> None:
        with turn(), aside():
            begun.set()
            with aside():  # within another one it gives nothing away
                assert over.wait(LONG)

    def work() -> None:
        assert begun.wait(LONG)
        with turn():
            over.set()

    together(wait, work)


@pytest.mark.parametrize("is_aside", [True, False])
def test_an_error_gives_the_turn_back_as_an_end_does(*, is_aside: bool) -> None:
    def work() -> None:
        with pytest.raises(ZeroDivisionError), turn(), aside() if is_aside else nullcontext():
            raise ZeroDivisionError
        with aside():  # has none to give away
            pass

    together(work)
    together(work, work)


def test_after_waiting_aside_a_thread_has_its_turn_again() -> None:
    inside, out = threading.Event(), threading.Event()

    def work() -> None:
        with turn():
            with aside():
                pass
            inside.set()
            assert out.wait(LONG)

    def look() -> None:
        assert inside.wait(LONG)
        other = threading.Event()

        def enter() -> None:
            with turn():
                other.set()

        thread = threading.Thread(target=enter, daemon=True)
        thread.start()
        assert not other.wait(0.02)
        out.set()
        assert other.wait(LONG)

    together(work, look)


def test_a_thread_without_a_turn_takes_none_from_others() -> None:
    def work() -> None:
        with aside():
            pass
        with turn():
            pass

    together(*[work] * 4)


def test_the_same_is_done_by_one_although_it_waits_aside_and_keeps_no_turn() -> None:
    one, busy, most = OneByOne(), list[int](), list[int]()

    def work() -> None:
        with turn(), one.at("index"), one.at("index"):
            busy.append(1)
            with aside():
                threading.Event().wait(0)
            most.append(len(busy))
            busy.pop()

    together(*[work] * 16)

    assert most == [1] * 16


def test_something_else_is_done_beside_it() -> None:
    one, gate = OneByOne(), threading.Barrier(2)

    def work(what: str) -> None:
        with turn(), one.at(what), aside():
            gate.wait(LONG)

    together(lambda: work("a"), lambda: work("b"))


def test_an_error_lets_the_next_one_in() -> None:
    one = OneByOne()

    def work() -> None:
        with pytest.raises(ZeroDivisionError), turn(), one.at("a"):
            raise ZeroDivisionError

    together(work)
    together(work)
