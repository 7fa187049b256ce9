"""Against Debian's mosquitto, with the configuration and the access list that are shipped.

What every link keeps is in tests/contract/test_local_link_contract.py.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.errors import LocalBusDown, LocalBusRefused
from edge_agent.localhub.authority import load_certificates
from edge_agent.tap.address import Address
from edge_agent.tap.link import Message
from edge_agent.tap.mqtt import INCOMING_BYTES, LocalBroker, MqttLink
from tests.tap.broker import CABIN, HOST, LAST, PASSWORDS, SHORT, Mosquitto, mosquitto, until
from tests.uplink.fakes import Told

TICK = Message("tap/v1/tick", b'{"v":{}}')
ONLINE = Message(LAST.topic, b'{"online":true}', retain=True)
CONSENT = "cabin/v1/consent"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path / "broker") as one:
        yield one


async def test_what_is_too_large_is_dropped_and_told_once(broker: Mosquitto) -> None:
    heard: list[bytes] = []
    told = Told()
    session = await broker.link(told).connect({CONSENT: heard.append}, LAST)
    async with broker.client(CABIN) as cabin:
        for _ in range(2):
            await cabin.publish(CONSENT, bytes(INCOMING_BYTES + 1), qos=1)
            await cabin.publish(CONSENT, b"small", qos=1)
        await until(lambda: len(heard) == 2)
    await session.close()

    assert heard == [b"small", b"small"]
    assert told.fields("tap.message_dropped") == [{"topic": CONSENT, "reason": "too_large"}]


async def test_the_access_list_refuses_the_agent_what_is_the_cabins(broker: Mosquitto) -> None:
    session = await broker.link(Told()).connect({}, LAST)
    with pytest.raises(LocalBusRefused, match="cabin/v1/trip with reason 0x87"):
        await session.publish(Message("cabin/v1/trip", b"{}"))
    await session.publish(ONLINE)
    await session.close()


async def test_the_access_list_refuses_the_cabin_what_is_the_agents(broker: Mosquitto) -> None:
    cabin = await broker.link(Told(), broker.broker(PASSWORDS[CABIN], CABIN)).connect({}, Message("cabin/v1/x", b""))
    async with broker.reader() as reader:
        cabin.offer([Message(TICK.topic, b'{"forged":1}')])
        with pytest.raises(LocalBusRefused, match="tap/v1/tick with reason 0x87"):
            await cabin.publish(Message(TICK.topic, b'{"forged":2}'))
        agent = await broker.link(Told()).connect({}, LAST)
        await agent.publish(TICK)
        assert await reader.heard(TICK.topic) == [{"v": {}}]
        await agent.close()
    await cabin.close()


async def test_a_topic_that_the_agent_may_not_hear_is_told_and_all_else_goes_on() -> None:
    """mosquitto's access lists let everybody subscribe, and pass nothing on; other brokers say so."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = {1: b"\x20\x03\x00\x00\x00", 8: b"\x90\x04\x00\x01\x00\x87", 14: b""}
        while True:  # CONNECT, SUBSCRIBE, and the disconnect at the end, each in one byte of length
            kind, length = await reader.readexactly(2)
            await reader.readexactly(length)
            writer.write(answers.get(kind >> 4, b""))
            if kind >> 4 == 14:
                writer.close()
                return

    told = Told()
    async with await asyncio.start_server(refuse, HOST, 0) as server:
        broker = LocalBroker(Address(HOST, server.sockets[0].getsockname()[1]), "test")
        session = await MqttLink(broker, told, SHORT).connect({CONSENT: lambda _: None}, LAST)
        assert session.offer([TICK])
        await session.close()

    assert told.fields("tap.subscription_refused") == [{"topic": CONSENT, "reason": "reason 0x87"}]


@pytest.mark.parametrize("tls", [False, True])
async def test_a_port_that_accepts_and_says_nothing_is_left_in_time_and_blocks_nobody(tls: bool) -> None:
    with socket.create_server((HOST, 0)) as mute:
        broker = LocalBroker(Address(HOST, mute.getsockname()[1], tls=tls), "test")
        with pytest.raises(LocalBusDown, match=r"no connection within 0\.3 s"):
            async with asyncio.timeout(2):
                await MqttLink(broker, Told(), replace(SHORT, connect_s=0.3)).connect({}, LAST)


async def test_a_broker_that_goes_mute_is_found_out_by_what_it_does_not_acknowledge(broker: Mosquitto) -> None:
    session = await broker.link(Told()).connect({}, LAST)
    broker.stop()
    with pytest.raises(LocalBusDown, match=r"no acknowledgement within 0\.5 s"):
        await session.publish(ONLINE)
    assert await session.lost() == "no acknowledgement within 0.5 s"
    assert not session.offer([TICK])
    async with asyncio.timeout(2):
        await session.close()
    broker.go_on()


async def test_who_waits_when_the_connection_is_closed_is_told_and_not_cancelled(broker: Mosquitto) -> None:
    session = await broker.link(Told()).connect({}, LAST)
    broker.stop()
    waiting = asyncio.create_task(session.publish(ONLINE), name="waiting")
    await asyncio.sleep(0)  # it has begun
    await broker.kill()
    await session.close()

    with pytest.raises(LocalBusDown):
        await waiting


async def test_a_connection_that_would_not_end_is_told_as_the_taps(broker: Mosquitto) -> None:
    told = Told()
    session = await MqttLink(broker.broker(), told, replace(SHORT, shutdown_s=0.0)).connect({}, LAST)
    await session.close()

    assert told.fields("tap.connection_undisposed") == [{"count": 1}]


async def test_what_the_socket_does_not_take_is_not_queued(broker: Mosquitto) -> None:
    session = await broker.link(Told()).connect({}, LAST)
    broker.stop()
    taken = 0
    async with asyncio.timeout(10):
        for _ in range(2_000):
            taken += session.offer([Message(TICK.topic, bytes(10_000))])
            await asyncio.sleep(0.001)
    await broker.kill()
    await session.lost()
    await session.close()

    assert 3 <= taken < 1_000  # kernel buffers alone: 10 MB and more would have gone into a queue
    assert session.unwritten == 1


async def test_through_tls_the_broker_shows_who_it_is(tmp_path: Path) -> None:
    (tmp_path / "ca").mkdir()
    certificates = load_certificates(tmp_path / "ca", [HOST], datetime.now(UTC))
    async with mosquitto(tmp_path / "broker") as broker:
        conf = broker.folder / "mosquitto.conf"
        conf.write_text(
            f"{conf.read_text()}cafile {certificates.authority}\n"
            f"certfile {certificates.server}\nkeyfile {certificates.server_key}\n"
        )
        await broker.kill()
        await broker.start()
        behind_tls = replace(broker.broker(), address=Address(HOST, broker.port, tls=True))
        known = replace(behind_tls, authority=certificates.authority)
        session = await broker.link(Told(), known).connect({}, LAST)
        await session.publish(ONLINE)
        await session.close()
        with pytest.raises(LocalBusDown, match="certificate"):
            await broker.link(Told(), behind_tls).connect({}, LAST)


async def test_an_authority_that_is_not_there_is_no_crash(broker: Mosquitto, tmp_path: Path) -> None:
    nowhere = replace(broker.broker(), address=Address(HOST, broker.port, tls=True), authority=tmp_path / "no.pem")
    with pytest.raises(LocalBusDown, match="No such file"):
        await broker.link(Told(), nowhere).connect({}, LAST)


def test_a_broker_that_is_printed_tells_no_password() -> None:
    assert PASSWORDS[CABIN] not in repr(LocalBroker(Address(HOST, 1), "a", password=PASSWORDS[CABIN]))
