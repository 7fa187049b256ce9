"""One connection for all, over a broker that is killed, stopped and started again."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.errors import LocalBusDown
from edge_agent.tap.link import LocalLink, Message
from edge_agent.tap.local_bus import LocalBus
from edge_agent.tap.mqtt import INCOMING
from tests.tap.broker import CABIN, LAST, Mosquitto, mosquitto, until
from tests.uplink.fakes import Told

TICK = Message("tap/v1/tick", b'{"v":{}}')
CONSENT = "cabin/v1/consent"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path / "broker") as one:
        yield one


def bus_of(link: LocalLink | None, told: Told) -> LocalBus:
    return LocalBus(link, LAST, clock=SystemClock(), random=lambda: 0.0, log=told)


@asynccontextmanager
async def running(bus: LocalBus) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bus.run(), name="bus")
        yield
        task.cancel()


async def test_after_the_brokers_death_the_bus_comes_back_and_hears_again(broker: Mosquitto) -> None:
    told, heard = Told(), list[bytes]()
    bus = bus_of(broker.link(told), told)
    bus.subscribe(CONSENT, heard.append)
    async with running(bus):
        await until(lambda: bus.up)
        assert bus.offer([TICK])
        await bus.publish(TICK)  # so that what was offered has gone before
        await broker.kill()
        await until(lambda: not bus.up)
        assert not bus.offer([TICK])
        with pytest.raises(LocalBusDown, match="there is no connection"):
            await bus.publish(TICK)
        await broker.start()
        await until(lambda: bus.up)
        async with broker.client(CABIN) as cabin:
            await cabin.publish(CONSENT, b"again", qos=1)
            await until(lambda: heard == [b"again"])
        await bus.publish(TICK)

    assert (bus.connects, bus.offers_lost) == (2, 0)
    assert told.at("warning") == ["tap.bus_down"]
    assert len(told.fields("tap.bus_up")) == 2
    assert not bus.up


async def test_a_retained_message_is_heard_at_once(broker: Mosquitto) -> None:
    heard: list[bytes] = []
    async with broker.client(CABIN) as cabin:
        await cabin.publish(CONSENT, b"kept", qos=1, retain=True)
    bus = bus_of(broker.link(Told()), Told())
    bus.subscribe(CONSENT, heard.append)
    async with running(bus):
        await until(lambda: heard == [b"kept"])


async def test_a_flood_ends_the_connection_and_what_the_broker_kept_of_it_is_heard_with_the_next(
    broker: Mosquitto,
) -> None:
    # More would be dropped where nobody sees it: mosquitto queues 100 messages for a client.
    others, too_many = 90, 91 - INCOMING

    async def flood() -> None:
        async with broker.client(CABIN) as cabin:
            for number in range(others):
                await cabin.publish(CONSENT, str(number).encode(), qos=1)
            await cabin.publish(CONSENT, b"no", qos=1, retain=True)

    told, heard = Told(), list[bytes]()
    bus = bus_of(broker.link(told), told)
    bus.subscribe(CONSENT, heard.append)
    async with running(bus):
        await until(lambda: bus.up)
        flooding = threading.Thread(target=lambda: asyncio.run(flood()), name="flood")
        flooding.start()
        end_s = time.monotonic() + 30
        while bus.unheard["too_many"] < too_many and time.monotonic() < end_s:
            time.sleep(0.005)  # noqa: ASYNC251  the agent's loop has no time for anybody
        flooding.join()
        assert heard == []
        await until(lambda: heard[-1:] == [b"no"])

    assert len(heard) == INCOMING + 1
    assert bus.unheard == {"too_large": 0, "too_many": too_many}
    assert told.fields("tap.message_dropped") == [{"topic": CONSENT, "reason": "too_many"}]
    assert [down["reason"] for down in told.fields("tap.bus_down")] == [f"more than {INCOMING} messages came at once"]


async def test_a_mute_broker_is_left_and_found_again_when_it_speaks(broker: Mosquitto) -> None:
    told = Told()
    bus = bus_of(broker.link(told), told)
    async with running(bus):
        await until(lambda: bus.up)
        broker.stop()
        taken, dropped = 0, 0
        while dropped < 100:  # in a row: the socket is full, not only busy
            is_taken = bus.offer([Message(TICK.topic, bytes(10_000))])
            taken, dropped = taken + is_taken, 0 if is_taken else dropped + 1
            await asyncio.sleep(0.001)
        with pytest.raises(LocalBusDown, match="no acknowledgement"):
            await bus.publish(TICK)
        await until(lambda: not bus.up)
        broker.go_on()
        await until(lambda: bus.up)

    assert taken > 1
    assert told.fields("tap.bus_down")[0]["reason"] == "no acknowledgement within 0.5 s"


async def test_a_wrong_password_is_tried_again_slowly_and_told_once_as_a_warning(broker: Mosquitto) -> None:
    told = Told()
    bus = bus_of(broker.link(told, broker.broker(password="wrong")), told)  # noqa: S106  the tests'
    async with running(bus):
        await until(lambda: bool(told.fields("tap.bus_down")))

    [down] = told.fields("tap.bus_down")
    assert "does not admit the agent" in str(down["reason"])
    assert down["wait_s"] == 5.0
    assert told.at("warning") == ["tap.bus_down"]


async def test_without_a_broker_in_the_settings_nothing_runs() -> None:
    told = Told()
    bus = bus_of(None, told)
    async with asyncio.timeout(1):
        await bus.run()

    assert (bus.exists, bus.up, bus.offer([TICK]), told.lines) == (False, False, False, [])
    assert bus.unheard == {"too_large": 0, "too_many": 0}
