"""Calls that are brought to another thread: all of them, in order, with few wakings."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from edge_agent.uplink.errands import Errands, Waking


def kept_in(woken: list[Callable[[], None]]) -> Waking:
    return lambda call: partial(woken.append, call)


def test_what_is_brought_before_the_thread_looks_costs_one_waking_and_keeps_its_order() -> None:
    woken, done = list[Callable[[], None]](), list[int]()
    errands = Errands(kept_in(woken))
    for number in range(5):
        errands.bring(partial(done.append, number))

    assert len(woken) == 1
    woken[0]()
    assert done == [0, 1, 2, 3, 4]


def test_what_is_brought_after_the_thread_looked_wakes_it_anew() -> None:
    woken, done = list[Callable[[], None]](), list[int]()
    errands = Errands(kept_in(woken))
    for number in range(3):
        errands.bring(partial(done.append, number))
        woken.pop()()

    assert done == [0, 1, 2]
    assert not woken


def test_an_errand_may_bring_another() -> None:
    woken, done = list[Callable[[], None]](), list[str]()
    errands = Errands(kept_in(woken))
    errands.bring(lambda: errands.bring(lambda: done.append("second")))
    while woken:
        woken.pop()()

    assert done == ["second"]


def test_nothing_that_several_threads_bring_stays_behind() -> None:
    done = list[int]()
    with ThreadPoolExecutor(1) as there:
        errands = Errands(lambda call: partial(there.submit, call))

        def bring() -> None:
            for _ in range(2_000):
                errands.bring(lambda: done.append(1))

        threads = [threading.Thread(target=bring) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(done) == 8_000
