"""What every way to the vehicle's local broker keeps: both versions of MQTT, over mosquitto as it is shipped."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from edge_agent.errors import LocalBusDown, LocalBusRefused
from edge_agent.tap.link import UNHEARD, LocalLink, Message
from edge_agent.tap.mqtt import INCOMING_BYTES
from tests.tap.broker import AGENT, CABIN, LAST, PASSWORDS, Mosquitto, mosquitto, until
from tests.uplink.fakes import Told

TICK = Message("tap/v1/tick", b'{"v":{}}')
ONLINE = Message(LAST.topic, b'{"online":true}', retain=True)
CONSENT = "cabin/v1/consent"


@dataclass
class World:
    """A link, and the broker at its far end."""

    broker: Mosquitto
    version: Literal["5", "3.1.1"]

    def link(self, user: str = AGENT, password: str = PASSWORDS[AGENT]) -> LocalLink:
        return self.broker.link(Told(), replace(self.broker.broker(password, user), version=self.version))


@pytest.fixture(params=["5", "3.1.1"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with mosquitto(tmp_path / "broker") as broker:
        yield World(broker, request.param)


async def test_what_is_offered_arrives_and_what_is_retained_stays(world: World) -> None:
    session = await world.link().connect({}, LAST)
    async with world.broker.reader() as reader:
        assert session.offer([TICK, Message("tap/v1/signal/A/B", b"7", retain=True)])
        await session.publish(Message("tap/v1/signals", b'{"boot":1}', retain=True))
        await until(lambda: len(reader.messages) == 3)
        assert {topic: payload for topic, payload, _ in reader.messages} == {
            "tap/v1/tick": b'{"v":{}}',
            "tap/v1/signal/A/B": b"7",
            "tap/v1/signals": b'{"boot":1}',
        }
    async with world.broker.reader() as later:
        await until(lambda: len(later.messages) == 2)
        assert {topic for topic, _, retained in later.messages if retained} == {"tap/v1/signal/A/B", "tap/v1/signals"}
    await session.close()
    assert session.unwritten == 0


async def test_a_connection_that_is_closed_leaves_its_last_word(world: World) -> None:
    session = await world.link().connect({}, LAST)
    await session.publish(ONLINE)
    await session.close()

    async with world.broker.reader() as reader:
        assert await reader.heard(LAST.topic) == [{"online": False}]


async def test_of_a_connection_that_breaks_the_broker_says_it(world: World) -> None:
    link = world.link()
    session = await link.connect({}, LAST)
    await session.publish(ONLINE)
    async with world.broker.reader() as reader:
        second = await link.connect({}, LAST)  # one client has one connection: the first is broken by the broker
        assert await reader.heard(LAST.topic, 2) == [{"online": True}, {"online": False}]
    assert "connection was lost" in await asyncio.wait_for(session.lost(), 5)
    assert not session.offer([TICK])
    await session.close()
    await second.close()


async def test_what_comes_on_a_topic_is_heard_on_the_agents_loop(world: World) -> None:
    heard: list[bytes] = []
    loops: list[object] = []

    def hear(payload: bytes) -> None:
        heard.append(payload)
        loops.append(asyncio.get_running_loop())

    async with world.broker.client(CABIN) as cabin:
        await cabin.publish(CONSENT, b"kept", qos=1, retain=True)
        session = await world.link().connect({CONSENT: hear}, LAST)
        await until(lambda: len(heard) == 1)
        await cabin.publish("cabin/v1/other", b"of nobody", qos=1)
        await cabin.publish(CONSENT, b"new", qos=1)
        await until(lambda: len(heard) == 2)
    await session.close()

    assert heard == [b"kept", b"new"]
    assert set(loops) == {asyncio.get_running_loop()}
    assert session.unheard == dict.fromkeys(UNHEARD, 0)


async def test_what_is_too_large_is_dropped_and_counted_and_the_rest_is_heard(world: World) -> None:
    heard: list[bytes] = []
    session = await world.link().connect({CONSENT: heard.append}, LAST)
    async with world.broker.client(CABIN) as cabin:
        for _ in range(2):
            await cabin.publish(CONSENT, bytes(INCOMING_BYTES + 1), qos=1)
            await cabin.publish(CONSENT, b"small", qos=1)
        await until(lambda: len(heard) == 2)
    await session.close()

    assert heard == [b"small", b"small"]
    assert session.unheard == {"too_large": 2, "too_many": 0}


@pytest.mark.parametrize(("user", "password"), [(AGENT, "wrong"), ("nobody", PASSWORDS[AGENT]), ("", "")])
async def test_who_is_not_known_is_refused(world: World, user: str, password: str) -> None:
    with pytest.raises(LocalBusRefused, match="does not admit the agent"):
        await world.link(user, password).connect({}, LAST)


async def test_without_a_broker_there_is_no_connection(world: World) -> None:
    await world.broker.kill()
    with pytest.raises(LocalBusDown, match="refused"):
        await world.link().connect({}, LAST)


async def test_a_connection_whose_broker_died_takes_nothing_and_closes_without_a_word(world: World) -> None:
    session = await world.link().connect({}, LAST)
    await world.broker.kill()
    await asyncio.wait_for(session.lost(), 5)

    with pytest.raises(LocalBusDown):
        await session.publish(TICK)
    assert not session.offer([TICK])
    async with asyncio.timeout(2):
        await session.close()
    assert session.unwritten == 0
