import asyncio

import pytest

from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.faults import DropHow
from edge_agent.localhub.hub import LocalHub
from edge_agent.localhub.packets import Connack, Pingreq, Puback, Publish, Subscribe, encode
from tests.localhub.client import Closed, credentials, telemetry_topic
from tests.localhub.conftest import Join, OpenClient


async def test_refuse_code_answers_every_connect_with_it(hub: LocalHub, open_client: OpenClient) -> None:
    hub.refuse_code = 3
    client = await open_client()
    assert await client.ask(credentials(hub)) == Connack(session_present=False, code=3)
    with pytest.raises(Closed):
        await client.receive()
    hub.refuse_code = None
    client = await open_client()
    assert await client.ask(credentials(hub)) == Connack(session_present=False, code=0)


async def test_no_connack_leaves_a_client_without_an_answer(hub: LocalHub, open_client: OpenClient) -> None:
    hub.no_connack = True
    client = await open_client()
    await client.send(credentials(hub, keepalive_s=1))
    with pytest.raises(Closed):  # after 1.5 s, with nothing read
        await client.receive()
    assert not hub.connected


async def test_forget_sessions_makes_a_client_new_to_the_hub(
    hub: LocalHub, join: Join, open_client: OpenClient
) -> None:
    await join()
    hub.forget_sessions = True
    client = await open_client()
    assert await client.ask(credentials(hub)) == Connack(session_present=False, code=0)
    await client.ask(Publish("$iothub/twin/GET/?$rid=1", b" ", 1, 1))
    assert await client.is_silent()


async def test_no_suback_subscribes_without_an_answer(hub: LocalHub, open_client: OpenClient) -> None:
    hub.no_suback = True
    client = await open_client()
    await client.ask(credentials(hub))
    await client.send(Subscribe(1, (("$iothub/twin/res/#", 1),)))
    assert await client.is_silent()
    await client.ask(Publish("$iothub/twin/GET/?$rid=1", b" ", 1, 1))
    assert (await client.message()).topic.startswith("$iothub/twin/res/200")


async def test_no_twin_reply_acknowledges_but_answers_nothing(hub: LocalHub, join: Join) -> None:
    hub.no_twin_reply = True
    client = await join()
    for topic in ("$iothub/twin/GET/?$rid=1", "$iothub/twin/PATCH/properties/reported/?$rid=2"):
        assert await client.ask(Publish(topic, b"{}", 1, 1)) == Puback(1)
        assert await client.is_silent()


async def test_never_ack_takes_telemetry_without_an_acknowledgement(hub: LocalHub, join: Join) -> None:
    client = await join()
    hub.never_ack = True
    await client.telemetry(b"1")
    assert await client.is_silent()
    hub.never_ack = False
    assert await client.ask(Publish(telemetry_topic(), b"2", 1, 8)) == Puback(8)
    assert [one.body for one in read_arrivals(hub.arrivals_path)] == [b"1", b"2"]


async def test_ack_delay_holds_back_acknowledgements_and_nothing_else(hub: LocalHub, join: Join) -> None:
    loop = asyncio.get_running_loop()
    client = await join()
    hub.ack_delay_s = 0.2
    started = loop.time()
    await client.telemetry(b"1", packet_id=1)
    await client.telemetry(b"2", packet_id=2)
    assert await client.is_silent()
    assert [await client.receive(), await client.receive()] == [Puback(1), Puback(2)]
    assert loop.time() - started >= 0.2


@pytest.mark.parametrize(
    ("how", "taken", "seen"),
    [
        (DropHow.ABORT, [b"1"], b""),
        (DropHow.BEFORE_ACK, [b"1", b"2"], b""),
        (DropHow.HALF_ACK, [b"1", b"2"], encode(Puback(7))[:2]),
        (DropHow.AFTER_ACK, [b"1", b"2"], encode(Puback(7))),
    ],
)
async def test_drop_after_ends_the_connection_around_one_acknowledgement(
    hub: LocalHub, join: Join, how: DropHow, taken: list[bytes], seen: bytes
) -> None:
    client = await join()
    hub.drop_after, hub.drop_how = 2, how
    await client.telemetry(b"1", packet_id=6)
    assert await client.receive() == Puback(6)
    await client.telemetry(b"2", packet_id=7)
    assert await read_to_the_end(client.reader) == seen
    assert [one.body for one in read_arrivals(hub.arrivals_path)] == taken


async def read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_drop_connections_drops_everybody_once(hub: LocalHub, join: Join) -> None:
    client, cabin = await join(), await join("cabin")
    hub.drop_connections()
    for one in (client, cabin):
        with pytest.raises(Closed):
            await one.receive()
    again = await join()
    assert await again.is_silent()
    await again.send(Pingreq())
