import asyncio
import json
import re

import pytest

from edge_agent.errors import LocalHubRefused
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.faults import DropHow, Faults, faults_told
from edge_agent.localhub.hub import PORT, LocalHub
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


async def test_mute_accept_says_nothing_and_goes_on_where_it_left_off(hub: LocalHub, open_client: OpenClient) -> None:
    hub.mute_accept = True
    reader, writer = await asyncio.open_connection(hub.address, PORT)
    writer.write(b"\x16")  # TLS's first byte
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    opening = asyncio.ensure_future(open_client())
    await asyncio.sleep(0.1)
    assert not opening.done()
    hub.mute_accept = False
    assert await (await opening).ask(credentials(hub)) == Connack(session_present=False, code=0)
    writer.transport.abort()


async def test_bytes_per_s_lets_no_more_through(hub: LocalHub, join: Join) -> None:
    loop = asyncio.get_running_loop()
    client = await join()
    hub.bytes_per_s = 20_000
    started = loop.time()
    assert await client.ask(Publish(telemetry_topic(), bytes(10_000), 1, 8)) == Puback(8)
    assert 0.4 <= loop.time() - started < 2


async def test_longest_packet_bytes_closes_on_a_longer_one(hub: LocalHub, join: Join) -> None:
    hub.longest_packet_bytes = 1000
    client = await join()
    await client.telemetry(bytes(1000))
    with pytest.raises(Closed):
        await client.receive()
    assert "1000" in hub.refusals[-1]


async def test_the_admin_door_turns_faults_while_the_hub_runs(hub: LocalHub, join: Join) -> None:
    client, door = await join(), AdminClient(hub.folder)
    told = json.loads(await asyncio.to_thread(door.turn, '{"never_ack": true, "drop_how": "half_ack"}'))
    assert (hub.never_ack, hub.drop_how) == (True, DropHow.HALF_ACK)
    assert told == {**faults_told(Faults()), "never_ack": True, "drop_how": "half_ack"}
    await asyncio.to_thread(door.turn, '{"never_ack": null}')
    assert not hub.never_ack
    await asyncio.to_thread(door.drop)
    with pytest.raises(Closed):
        await client.receive()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"nerver_ack": true}', "'nerver_ack' is none of the faults: mute_accept, refuse_code"),
        ('{"never_ack": true, "drop_after": 0}', "drop_after: input should be greater than or equal to 1"),
        ('{"drop_how": "sideways"}', "drop_how: input should be 'abort', 'before_ack', 'half_ack' or 'after_ack'"),
        ("[]", "a patch is a JSON object"),
    ],
)
async def test_a_fault_that_is_none_is_refused_and_nothing_turned(hub: LocalHub, text: str, sentence: str) -> None:
    with pytest.raises(LocalHubRefused, match=re.escape(sentence)):
        await asyncio.to_thread(AdminClient(hub.folder).turn, text)
    assert faults_told(hub) == faults_told(Faults())


async def test_drop_connections_drops_everybody_once(hub: LocalHub, join: Join) -> None:
    client, cabin = await join(), await join("cabin")
    hub.drop_connections()
    for one in (client, cabin):
        with pytest.raises(Closed):
            await one.receive()
    again = await join()
    assert await again.is_silent()
    await again.send(Pingreq())
