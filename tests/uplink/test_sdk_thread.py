"""The loop beside the agent's: what blocks or fails there stays there."""

import asyncio
import logging
import threading

import pytest

from edge_agent.uplink.sdk_thread import SdkThread


async def end(thread: SdkThread) -> None:
    thread.retire(None)
    async with asyncio.timeout(5):
        await thread.ended()


async def test_work_and_what_it_gives_to_an_executor_run_on_a_thread_of_its_own_and_calls_on_another() -> None:
    async def names() -> tuple[str, str]:
        here = threading.current_thread().name
        return here, await asyncio.get_running_loop().run_in_executor(None, lambda: threading.current_thread().name)

    thread = SdkThread("beside")
    assert await thread.run(names()) == ("beside", "beside")
    assert await thread.call(lambda: threading.current_thread().name) == "beside-call_0"
    await end(thread)
    assert not [each for each in threading.enumerate() if each.name.startswith("beside")]


async def test_what_fails_there_is_raised_here() -> None:
    async def fail() -> None:
        raise KeyError("x")

    async def fail_in_the_executor() -> None:
        await asyncio.get_running_loop().run_in_executor(None, {"y": 1}.__getitem__, "x")

    thread = SdkThread("beside")
    for work in (fail(), fail_in_the_executor()):
        with pytest.raises(KeyError):
            await thread.run(work)
    with pytest.raises(ZeroDivisionError):
        await thread.call(lambda: 1 // 0)
    await end(thread)


async def test_giving_up_cancels_the_work_and_its_late_answer_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    cancelled, late = threading.Event(), list[asyncio.Future[None]]()

    async def wait() -> None:
        late.append(asyncio.get_running_loop().create_future())
        try:
            await late[0]
        except asyncio.CancelledError:
            cancelled.set()
            asyncio.get_running_loop().call_soon(late[0].set_result, None)  # InvalidStateError
            raise

    thread = SdkThread("beside")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await thread.run(wait())
    assert await asyncio.to_thread(cancelled.wait, 5)
    await end(thread)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_call_that_blocks_its_loop_does_not_block_ours() -> None:
    release = threading.Event()

    async def block() -> None:
        release.wait()  # as the SDK's shutdown does

    thread = SdkThread("beside")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await thread.run(block())
    thread.retire(None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await thread.ended()
    assert thread.alive
    release.set()
    async with asyncio.timeout(5):
        await thread.ended()
    assert not thread.alive


async def test_its_last_work_is_done_before_it_ends() -> None:
    done = threading.Event()

    async def last() -> None:
        await asyncio.sleep(0.05)
        done.set()

    thread = SdkThread("beside")
    thread.retire(last())
    await thread.ended()
    assert done.is_set()


async def test_what_many_ask_for_at_once_is_answered_to_each() -> None:
    async def doubled(number: int) -> int:
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        done = asyncio.get_running_loop().create_future()
        threading.Thread(target=asyncio.get_running_loop().call_soon_threadsafe, args=(done.set_result, None)).start()
        await done
        return 2 * number

    thread = SdkThread("beside")
    answers = await asyncio.gather(*(thread.run(doubled(number)) for number in range(200)))
    assert answers == [2 * number for number in range(200)]
    await end(thread)


async def test_work_after_the_end_is_refused_as_a_connection_that_has_ended() -> None:
    thread = SdkThread("beside")
    await end(thread)
    with pytest.raises(ConnectionAbortedError):
        await thread.run(asyncio.sleep(0))


async def test_who_waits_when_it_ends_is_told_so_and_not_cancelled() -> None:
    thread = SdkThread("beside")
    waiting = asyncio.create_task(thread.run(asyncio.sleep(60)), name="waiting")
    await asyncio.sleep(0)  # it has begun
    await end(thread)

    with pytest.raises(ConnectionAbortedError):
        await waiting


async def test_who_gives_up_when_it_has_ended_is_cancelled_as_anywhere() -> None:
    thread = SdkThread("beside")
    waiting = asyncio.create_task(thread.run(asyncio.sleep(60)), name="waiting")
    await asyncio.sleep(0)
    thread.retire(None)
    while thread.alive:
        threading.Event().wait(0.001)  # holding up this loop, which is to hear of it too late
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    await thread.ended()
