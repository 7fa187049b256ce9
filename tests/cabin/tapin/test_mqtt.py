"""The cabin's side of the broker, against mosquitto with the access list that is shipped."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cabin.tapin.mqtt import Broker, BrokerTap
from tests.cabin.silent_log import SilentLog
from tests.tap.broker import AGENT, CABIN, HOST, PASSWORDS, Mosquitto, mosquitto, until

CONNECTED = "tapin.broker_connected"
CONNECT, PUBLISH, SUBSCRIBE = 0x10, 0x30, 0x80
ANSWERS: Mapping[int, Callable[[bytes], bytes]] = {
    CONNECT: lambda _: b"\x20\x02\x00\x00",
    PUBLISH: lambda number: b"\x40\x02" + number,
    SUBSCRIBE: lambda number: b"\x90\x03" + number + b"\x01",
}
"""MQTT 3.1.1: the kind of a packet -> the one that accepts it, by its number"""


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path / "broker") as one:
        yield one


def tap_of(broker: Mosquitto, log: SilentLog) -> BrokerTap:
    return BrokerTap(Broker(HOST, broker.port, CABIN, lambda: PASSWORDS[CABIN]), log)


async def hear(tap: BrokerTap) -> None:
    async for _ in tap.messages():
        pass


async def publish_on(tap: BrokerTap) -> None:
    while True:
        if not await tap.publish("cabin/v1/consent", b"{}", retain=True):
            await asyncio.sleep(0.01)


@asynccontextmanager
async def held_answer(held: int) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event, BrokerTap]]:
    """Whether a packet of this kind came, its answer, and whose broker this is: one on the test's own event loop.

    Only so is it known in which turn the answer comes.
    """
    asked, answer = asyncio.Event(), asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(2):
            body, kind = await reader.readexactly(head[1]), head[0] & 0xF0
            if kind == held:
                asked.set()
                await answer.wait()
            number = body[2 + body[1] :][:2] if kind == PUBLISH else body[:2]
            if kind in ANSWERS:
                writer.write(ANSWERS[kind](number))
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield asked, answer, BrokerTap(Broker("127.0.0.1", port, CABIN, lambda: ""), SilentLog())


async def is_cancelled_after(turns: int, task: asyncio.Task[None]) -> bool:
    """Whether one cancellation ends it, after so many turns of the event loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=2)
    task.cancel()  # or it would outlive the test
    await asyncio.wait([task], timeout=2)
    return bool(done) and task.cancelled()


@asynccontextmanager
async def connected(broker: Mosquitto, log: SilentLog) -> AsyncIterator[BrokerTap]:
    tap = tap_of(broker, log)
    async with asyncio.TaskGroup() as group:
        hearing = group.create_task(hear(tap), name="hearing")
        await until(lambda: CONNECTED in log.names)
        yield tap
        hearing.cancel()


async def test_what_is_published_is_acknowledged_and_heard(broker: Mosquitto) -> None:
    assert not await tap_of(broker, SilentLog()).publish("cabin/v1/consent", b"{}", retain=False)
    async with broker.reader("cabin/#", user=AGENT) as reader, connected(broker, SilentLog()) as tap:
        assert await tap.publish("cabin/v1/consent", b'{"version": 1}', retain=False)
        assert await reader.heard("cabin/v1/consent") == [{"version": 1}]


async def test_a_broker_that_went_is_found_again(broker: Mosquitto) -> None:
    log = SilentLog()
    async with connected(broker, log) as tap:
        await broker.kill()
        await until(lambda: log.names[-1] == "tapin.broker_lost")
        assert not await tap.publish("cabin/v1/consent", b"{}", retain=True)
        await broker.start()
        await until(lambda: log.names.count(CONNECTED) == 2)


async def test_a_broker_that_says_nothing_holds_no_answer_up(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cabin.tapin.mqtt.ANSWER_S", 0.2)
    async with connected(broker, SilentLog()) as tap:
        broker.stop()
        assert not await tap.publish("cabin/v1/consent", b"{}", retain=True)
        broker.go_on()


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("held", [CONNECT, SUBSCRIBE])
async def test_a_cancellation_that_comes_with_the_answer_to_a_connect_is_not_lost(held: int, turns: int) -> None:
    async with held_answer(held) as (asked, answer, tap):
        hearing = asyncio.create_task(hear(tap), name="hearing")
        await asked.wait()
        answer.set()
        assert await is_cancelled_after(turns, hearing)


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancellation_that_comes_with_the_answer_to_a_message_is_not_lost(turns: int) -> None:
    async with held_answer(PUBLISH) as (asked, answer, tap):
        hearing = asyncio.create_task(hear(tap), name="hearing")
        publishing = asyncio.create_task(publish_on(tap), name="publishing")
        await asked.wait()
        answer.set()
        assert await is_cancelled_after(turns, publishing)
        hearing.cancel()
        await asyncio.wait([hearing], timeout=2)
