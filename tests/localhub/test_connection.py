import asyncio
import base64
import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.errors import PacketRefused
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.faults import Faults
from edge_agent.localhub.hub import LocalHub
from edge_agent.localhub.identities import HUB_HOSTNAME
from edge_agent.localhub.packets import (
    Connack,
    Connect,
    Disconnect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    encode,
)
from edge_agent.localhub.sas import make_token
from tests.localhub.client import ALL_FILTERS, FAR_FUTURE_S, Client, Closed, credentials, key_of, telemetry_topic
from tests.localhub.conftest import Join, OpenClient

RESOURCE = f"{HUB_HOSTNAME}/devices/demo-vehicle/modules/telematics"


def bodies(hub: LocalHub) -> list[bytes]:
    return [arrival.body for arrival in read_arrivals(hub.arrivals_path)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  the hub tells nobody that a client has gone
            await asyncio.sleep(0.005)


async def test_telemetry_is_in_the_file_before_it_is_acknowledged(hub: LocalHub, join: Join) -> None:
    client = await join()
    for number in range(1, 50):
        answer = await client.ask(Publish(telemetry_topic(bag="k=v%201"), b"%d" % number, 1, number))
        assert answer == Puback(number)
        assert len(hub.arrivals_path.read_bytes().splitlines()) == number
    assert [(one.n, one.properties) for one in read_arrivals(hub.arrivals_path)] == [
        (number, {"k": "v 1"}) for number in range(1, 50)
    ]


async def test_a_message_of_qos_0_arrives_without_an_acknowledgement(hub: LocalHub, join: Join) -> None:
    client = await join()
    await client.send(Publish(telemetry_topic(), b"zero"))
    assert await client.is_silent()
    assert bodies(hub) == [b"zero"]


async def test_a_module_reads_and_reports_its_own_twin(join: Join) -> None:
    client = await join()
    assert await client.ask(Publish("$iothub/twin/GET/?$rid=a-1", b" ", 1, 1)) == Puback(1)
    answer = await client.message()
    assert (answer.topic, answer.payload) == (
        "$iothub/twin/res/200/?$rid=a-1",
        b'{"desired":{"$version":1},"reported":{"$version":1}}',
    )
    assert await client.ask(Publish("$iothub/twin/PATCH/properties/reported/?$rid=b", b'{"a":1}', 1, 2)) == Puback(2)
    assert (await client.message()).topic == "$iothub/twin/res/204/?$rid=b&$version=2"


async def test_a_reported_patch_over_32_kb_is_answered_400(hub: LocalHub, join: Join) -> None:
    client = await join()
    patch = b'{"a":["' + b"x" * 4000 + (b'","' + b"x" * 4000) * 8 + b'"]}'
    await client.ask(Publish("$iothub/twin/PATCH/properties/reported/?$rid=b", patch, 1, 2))
    answer = await client.message()
    assert (answer.topic, answer.payload) == ("$iothub/twin/res/400/?$rid=b", b"")
    assert "reported properties refused" in hub.refusals[-1]


async def test_without_a_subscription_the_twin_is_not_answered(open_client: OpenClient, hub: LocalHub) -> None:
    client = await open_client()
    await client.ask(credentials(hub))
    assert await client.ask(Publish("$iothub/twin/GET/?$rid=1", b" ", 1, 1)) == Puback(1)
    assert await client.is_silent()


async def test_a_second_connection_takes_over_from_the_first(hub: LocalHub, join: Join) -> None:
    first, second = await join(), await join()
    with pytest.raises(Closed):
        await first.receive()
    assert await second.is_silent()
    await until(lambda: hub.connected == {("demo-vehicle", "telematics")})
    assert "took over" in hub.refusals[-1]


async def test_subscriptions_are_remembered_for_a_client_that_asks_so(hub: LocalHub, join: Join) -> None:
    client = await join()
    assert await client.ask(Unsubscribe(3, (ALL_FILTERS[2],))) == Unsuback(3)
    again = await type(client).open(hub)
    assert await again.ask(credentials(hub)) == Connack(session_present=True, code=0)
    await again.ask(Publish("$iothub/twin/GET/?$rid=1", b" ", 1, 1))
    assert (await again.message()).topic.startswith("$iothub/twin/res/200")
    clean = await type(client).open(hub)
    assert await clean.ask(credentials(hub, clean_session=True)) == Connack(session_present=False, code=0)
    last = await type(client).open(hub)
    assert await last.ask(credentials(hub)) == Connack(session_present=False, code=0)
    for one in (again, clean, last):
        await one.close()


async def test_a_silent_client_is_closed_after_one_and_a_half_times_its_keep_alive(
    hub: LocalHub, open_client: OpenClient
) -> None:
    loop = asyncio.get_running_loop()
    client = await open_client()
    await client.ask(credentials(hub, keepalive_s=1))
    await asyncio.sleep(1.0)
    assert await client.is_silent()
    started = loop.time()
    with pytest.raises(Closed):
        await client.receive()
    assert 1.4 < loop.time() - started < 3.0
    assert "keep-alive" in hub.refusals[-1]


async def test_a_packet_of_256_kb_is_taken_and_one_byte_more_closes(hub: LocalHub, join: Join) -> None:
    client = await join()
    head = len(encode(Publish(telemetry_topic(), bytes(200_000), 1, 1))) - 200_000
    body = bytes(Faults.longest_packet_bytes - head)
    assert await client.ask(Publish(telemetry_topic(), body, 1, 1)) == Puback(1)
    await client.send(Publish(telemetry_topic(), body + b"1", 1, 2))
    with pytest.raises(Closed):
        await client.receive()
    assert bodies(hub) == [body]
    assert "the limit is 262144" in hub.refusals[-1]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"\x34\x05\x00\x01a\x00\x01", "QoS 2"),
        (
            encode(Publish("devices/demo-vehicle/modules/cabin/messages/events/", b"")),
            "in the name of demo-vehicle/cabin",
        ),
        (encode(Connack(session_present=False, code=0)), "a CONNACK is not for the server"),
        (encode(Connect("demo-vehicle/telematics")), "a CONNECT is not for the server"),
        (b"\xff\xff\xff\xff\xff\xff", "remaining length"),
    ],
)
async def test_what_a_hub_does_not_speak_closes_the_connection(
    hub: LocalHub, join: Join, wire: bytes, reason: str
) -> None:
    client = await join()
    client.writer.write(wire)
    with pytest.raises(Closed):
        await client.receive()
    assert reason in hub.refusals[-1]
    assert bodies(hub) == []


async def test_a_disconnect_closes_without_a_complaint(hub: LocalHub, join: Join) -> None:
    client = await join()
    await client.send(Disconnect())
    with pytest.raises(Closed):
        await client.receive()
    await until(lambda: not hub.connected)
    assert hub.refusals == ()


async def test_the_first_packet_must_be_a_connect(hub: LocalHub, open_client: OpenClient) -> None:
    client = await open_client()
    await client.send(Pingreq())
    with pytest.raises(Closed):
        await client.receive()
    assert hub.refusals == ("a client before its CONNECT: the first packet is not a CONNECT",)


async def test_a_topic_no_iot_hub_knows_is_acknowledged_and_told(hub: LocalHub, join: Join) -> None:
    client = await join()
    assert await client.ask(Publish("hello", b"", 1, 9)) == Puback(9)
    assert "published to 'hello'" in hub.refusals[-1]


def of_mqtt_3_1(_hub: LocalHub, good: Connect) -> Connect:
    return replace(good, protocol="MQIsdp", level=3)


def with_another_key(_hub: LocalHub, good: Connect) -> Connect:
    return replace(good, password=make_token(RESOURCE, base64.b64encode(b"?").decode(), FAR_FUTURE_S).encode())


def expired(hub: LocalHub, good: Connect) -> Connect:
    return replace(good, password=make_token(RESOURCE, key_of(hub), 1_000_000).encode())


def of_a_stranger(_hub: LocalHub, good: Connect) -> Connect:
    return replace(good, client_id="demo-vehicle/x", username=f"{HUB_HOSTNAME}/demo-vehicle/x/?api-version=1")


@pytest.mark.parametrize(
    ("spoilt", "code", "reason"),
    [
        (of_mqtt_3_1, 1, "speaks MQIsdp 3"),
        (with_another_key, 5, "signed with another key"),
        (expired, 5, "the token expired at 1000000"),
        (of_a_stranger, 5, "module demo-vehicle/x is not known"),
    ],
)
async def test_a_client_with_wrong_credentials_gets_its_code_and_a_sentence(
    hub: LocalHub,
    open_client: OpenClient,
    spoilt: Callable[[LocalHub, Connect], Connect],
    code: int,
    reason: str,
) -> None:
    client = await open_client()
    assert await client.ask(spoilt(hub, credentials(hub))) == Connack(session_present=False, code=code)
    with pytest.raises(Closed):
        await client.receive()
    assert reason in hub.refusals[-1]
    assert not hub.connected


async def test_a_client_that_reads_nothing_is_dropped_and_blocks_nobody(hub: LocalHub, join: Join) -> None:
    deaf, lively = await join("cabin"), await join()
    deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]  # the transport of a client reads and writes
    big = b'{"a":["' + b"x" * 4000 + (b'","' + b"x" * 4000) * 7 + b'"]}'
    await deaf.send(Publish("$iothub/twin/PATCH/properties/reported/?$rid=b", big, 1, 1))
    asks = encode(Publish("$iothub/twin/GET/?$rid=1", b" "))
    deaf.writer.write(asks * 2000)
    await until(lambda: ("demo-vehicle", "cabin") not in hub.connected)
    assert await lively.is_silent()
    assert "unread" in hub.refusals[-1]


PIECES = [
    encode(Subscribe(1, (("$iothub/twin/res/#", 1), ("$iothub/methods/POST/#", 1)))),
    encode(Publish("$iothub/twin/GET/?$rid=1", b" ", 1, 2)),
    encode(Publish("$iothub/twin/PATCH/properties/reported/?$rid=2", b'{"a": {"b": [1, "x"]}}', 1, 3)),
    encode(Publish("$iothub/methods/res/200/?$rid=1", b"{}", 1, 4)),
    encode(Publish(telemetry_topic("cabin", "%24.on=o&a=b"), b"x" * 300, 1, 5)),
    encode(Puback(9)),
    encode(Unsubscribe(6, ("$iothub/twin/res/#",))),
    encode(Pingreq()),
]
"""All a module says, for a test to spoil."""


@given(data=st.data())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_spoilt_connections_leave_the_hub_well(hub: LocalHub, join: Join, data: st.DataObject) -> None:
    """Bits turned, bytes cut out, doubled or made up, at any place of a conversation, in any order of packets."""
    lively = await join()
    said = data.draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
    whole = data.draw(st.sampled_from([b"", encode(credentials(hub, "cabin"))])) + b"".join(said)
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 4))
    spoilt = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + cut :]
    patience_s = data.draw(st.sampled_from([0.0, 0.005]))
    tasks = len(asyncio.all_tasks())
    client = await Client.open(hub)
    client.writer.write(spoilt)
    with contextlib.suppress(Closed, TimeoutError, PacketRefused):
        async with asyncio.timeout(patience_s):
            while True:
                await client.receive()
    await client.close()
    assert await lively.ask(Pingreq()) == Pingresp()
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def test_a_module_gets_no_cloud_to_device_messages(hub: LocalHub, join: Join) -> None:
    client = await join()
    await client.subscribe("devices/demo-vehicle/messages/devicebound/#")
    assert "devicebound/#', where a module is never told anything" in hub.refusals[-1]


async def test_a_suback_grants_no_more_than_qos_1(join: Join) -> None:
    client = await join()
    assert await client.ask(Subscribe(5, (("a", 0), ("b", 1), ("c", 2)))) == Suback(5, (0, 1, 1))
