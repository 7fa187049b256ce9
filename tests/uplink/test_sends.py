"""Sends on a thread that is not ours: each has its own answer, in time or not at all."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from edge_agent.uplink.sends import Answer, Sends
from tests.uplink.virtual_time import in_virtual_time

LIMIT_S = 6.0


def soon(call: Callable[[], None]) -> Callable[[], object]:
    return lambda: asyncio.get_running_loop().call_soon(call)


def at_once(answered: Answer) -> None:
    answered(None)


async def test_each_send_is_begun_on_the_librarys_thread_and_has_its_own_answer() -> None:
    names = set[str]()
    errors = [None if number % 3 else KeyError(number) for number in range(200)]

    def begin(number: int, answered: Answer) -> None:
        names.add(threading.current_thread().name)
        threading.Thread(target=answered, args=(errors[number],)).start()

    with ThreadPoolExecutor(1, thread_name_prefix="library") as library:
        sends = Sends(lambda call: partial(library.submit, call), limit_s=LIMIT_S)
        answers = await asyncio.gather(*(sends.send(partial(begin, number)) for number in range(200)))
        sends.end()
    assert answers == errors
    assert names == {"library_0"}


async def test_what_the_library_raises_at_once_is_an_answer_too() -> None:
    error = RuntimeError("not running")

    def fail(_: Answer) -> None:
        raise error

    sends = Sends(soon, limit_s=LIMIT_S)
    assert await sends.send(fail) is error
    sends.end()


def test_each_send_has_the_whole_of_its_own_time() -> None:
    async def main() -> list[float]:
        sends, begun_s = Sends(soon, limit_s=LIMIT_S), asyncio.get_running_loop().time()

        async def unanswered(after_s: float) -> float:
            await asyncio.sleep(after_s)
            with pytest.raises(TimeoutError):
                await sends.send(lambda _: None)
            return asyncio.get_running_loop().time() - begun_s

        given_up_s = await asyncio.gather(*map(unanswered, (0.0, 1.0, 5.0, 20.0)))
        sends.end()
        return given_up_s

    assert in_virtual_time(main()) == [6.0, 7.0, 11.0, 26.0]


def test_an_answer_in_time_is_not_given_up_because_another_is() -> None:
    async def main() -> None:
        sends = Sends(soon, limit_s=LIMIT_S)

        def answer_late(answered: Answer) -> None:
            asyncio.get_running_loop().call_later(5.9, answered, None)

        async def mute() -> None:
            with pytest.raises(TimeoutError):
                await sends.send(lambda _: None)

        async def in_time() -> None:
            await asyncio.sleep(1.0)
            assert await sends.send(answer_late) is None

        await asyncio.gather(mute(), in_time())
        sends.end()

    in_virtual_time(main())


def test_an_answer_that_comes_too_late_is_nobodys() -> None:
    async def main() -> None:
        late, failures = list[Answer](), list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
        sends = Sends(soon, limit_s=LIMIT_S)
        with pytest.raises(TimeoutError):
            await sends.send(late.append)
        sending = asyncio.create_task(sends.send(late.append), name="given up")
        await asyncio.sleep(1.0)
        sending.cancel()
        await asyncio.wait([sending])
        for answered in late:
            answered(None)
            answered(KeyError())
        assert await sends.send(at_once) is None
        sends.end()
        assert (len(late), failures) == (2, [])

    in_virtual_time(main())


def test_what_is_given_up_before_the_library_came_to_it_is_not_begun() -> None:
    async def main() -> None:
        held, begun = list[Callable[[], None]](), list[Answer]()
        sends = Sends(lambda call: partial(held.append, call), limit_s=LIMIT_S)
        with pytest.raises(TimeoutError):
            await sends.send(begun.append)
        held.pop()()
        sends.end()
        assert not begun

    in_virtual_time(main())


def test_at_the_end_who_waits_is_told_and_no_timer_is_left() -> None:
    async def main() -> None:
        sends = Sends(soon, limit_s=LIMIT_S)
        waiting = asyncio.create_task(sends.send(lambda _: None), name="waiting")
        await asyncio.sleep(1.0)
        sends.end()
        with pytest.raises(ConnectionAbortedError):
            await waiting
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)
        await asyncio.sleep(2 * LIMIT_S)

    in_virtual_time(main())
